"""Reading /proc and /sys: lists of CPUs, and the way from a process to its cgroups."""

from collections.abc import Callable

import pytest

from gilscope.system.procfs import cpu_cgroups, read_cpu_list, read_int, read_text

Tree = Callable[[dict[str, str]], str]

MOUNT_V2 = "35 24 0:30 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
MOUNT_V1 = "36 24 0:31 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n"


def test_a_file_is_read_without_the_blanks_around_it(tree: Tree) -> None:
    """The line end that the kernel writes is no part of the fact."""
    assert read_text("proc/version", tree({"proc/version": " Linux \n"})) == "Linux"


@pytest.mark.parametrize("path", ["proc/missing", "proc", "proc/\0", "/proc/missing"])
def test_what_cannot_be_read_is_none(tree: Tree, path: str) -> None:
    """A missing file, a folder and an impossible name raise nothing."""
    assert read_text(path, tree({"proc/stat": ""})) is None


def test_bytes_that_are_no_text_do_not_raise(tree: Tree) -> None:
    """A file that is not UTF-8 is read all the same, and is no number."""
    root = tree({"sys/value": ""})
    with open(f"{root}/sys/value", "wb") as file:
        file.write(b"\xff\xfe\x00")
    assert read_text("sys/value", root) is not None
    assert read_int("sys/value", root) is None


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("0", (0,)), ("0-3\n", (0, 1, 2, 3)), ("8,0-1", (0, 1, 8)), ("0-1,4-5", (0, 1, 4, 5))],
)
def test_a_cpu_list_is_spelled_out(tree: Tree, text: str, cpus: tuple[int, ...]) -> None:
    """Ranges and single numbers come back as numbers in order."""
    assert read_cpu_list("sys/online", tree({"sys/online": text})) == cpus


@pytest.mark.parametrize("text", ["", "\n", "x", "0-", "-3", "3-1", "0,,1", "0-99999999999", "0-1-2"])
def test_a_malformed_cpu_list_is_none(tree: Tree, text: str) -> None:
    """A list that makes no sense is unknown, not empty and not endless."""
    assert read_cpu_list("sys/online", tree({"sys/online": text})) is None


def test_cgroups_are_listed_from_the_process_upwards(tree: Tree) -> None:
    """In version 2 every group above may hold a quota, the top of the mount included."""
    root = tree({"proc/self/cgroup": "0::/user.slice/job\n", "proc/self/mountinfo": MOUNT_V2})
    assert cpu_cgroups(root) == (
        (2, "sys/fs/cgroup/user.slice/job"),
        (2, "sys/fs/cgroup/user.slice"),
        (2, "sys/fs/cgroup"),
    )


def test_only_the_cpu_controller_of_version_1_counts(tree: Tree) -> None:
    """Groups of other controllers limit other things; cpuset and cpuacct merely have alike names."""
    groups = "3:cpuset:/a\n4:cpuacct,cpu:/docker/b\n5:memory:/c\n"
    assert cpu_cgroups(tree({"proc/self/cgroup": groups, "proc/self/mountinfo": MOUNT_V1})) == (
        (1, "sys/fs/cgroup/cpu,cpuacct/docker/b"),
        (1, "sys/fs/cgroup/cpu,cpuacct/docker"),
        (1, "sys/fs/cgroup/cpu,cpuacct"),
    )


def test_both_versions_can_stand_side_by_side(tree: Tree) -> None:
    """In the hybrid layout the process has a group of each version."""
    root = tree({"proc/self/cgroup": "4:cpu,cpuacct:/\n0::/\n", "proc/self/mountinfo": MOUNT_V1 + MOUNT_V2})
    assert cpu_cgroups(root) == ((1, "sys/fs/cgroup/cpu,cpuacct"), (2, "sys/fs/cgroup"))


def test_a_mount_that_shows_only_a_part_of_the_tree_is_understood(tree: Tree) -> None:
    """Inside a container the mount begins at the container's own group, whose name is then no part of the folder."""
    mount = MOUNT_V1.replace(" / /sys", " /docker/b /sys")
    root = tree({"proc/self/cgroup": "4:cpu,cpuacct:/docker/b/inner\n", "proc/self/mountinfo": mount})
    assert cpu_cgroups(root) == ((1, "sys/fs/cgroup/cpu,cpuacct/inner"), (1, "sys/fs/cgroup/cpu,cpuacct"))


@pytest.mark.parametrize("group", ["/docker/b", "/../outside", "/docker/bc"])
def test_a_group_outside_of_the_mount_leaves_the_top_of_the_mount(tree: Tree, group: str) -> None:
    """The nearest group that can be seen stands for one that cannot; names that merely begin alike are not the same."""
    mount = MOUNT_V2.replace(" / /sys", " /docker/b/c /sys" if group == "/docker/b" else " /docker/b /sys")
    root = tree({"proc/self/cgroup": f"0::{group}\n", "proc/self/mountinfo": mount})
    assert cpu_cgroups(root) == ((2, "sys/fs/cgroup"),)


def test_blanks_and_colons_in_names_are_kept(tree: Tree) -> None:
    """The kernel writes a blank of a mount point as an octal escape, and a group's name may hold a colon."""
    mount = MOUNT_V2.replace("/sys/fs/cgroup", "/my\\040groups")
    root = tree({"proc/self/cgroup": "0::/a:b\n", "proc/self/mountinfo": mount})
    assert cpu_cgroups(root) == ((2, "my groups/a:b"), (2, "my groups"))


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"proc/self/cgroup": "0::/a\n"},
        {"proc/self/mountinfo": MOUNT_V2},
        {"proc/self/cgroup": "nonsense\n\n7\n", "proc/self/mountinfo": MOUNT_V2},
        {"proc/self/cgroup": "0::/a\n", "proc/self/mountinfo": "a - b\n - \n1 2 3 4 5 -\n"},
    ],
)
def test_without_readable_cgroups_there_are_none(tree: Tree, files: dict[str, str]) -> None:
    """A missing or malformed file means that no group is known, and raises nothing."""
    assert cpu_cgroups(tree(files)) == ()
