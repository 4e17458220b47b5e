"""How many CPUs may be used, and which limit is named, on machines built from files."""

from collections.abc import Callable

import pytest

from gilscope.system import cpus
from gilscope.system.cpus import UsableCpus, _given_to_python, cpu_quota, logical_cpus, usable_cpus

Tree = Callable[[dict[str, str]], str]

EIGHT = {"sys/devices/system/cpu/online": "0-7\n"}
V2 = {
    "proc/self/cgroup": "0::/slice/job\n",
    "proc/self/mountinfo": "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
}
V1 = {
    "proc/self/cgroup": "4:cpu,cpuacct:/docker/job\n",
    "proc/self/mountinfo": "36 24 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n",
}


@pytest.fixture(autouse=True)
def _no_limits_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave only the limits that a test sets."""
    monkeypatch.setattr(cpus, "affinity", lambda: tuple(range(8)))
    monkeypatch.setattr(cpus, "_given_to_python", lambda: None)


def v1_quota(folder: str, quota_us: int) -> dict[str, str]:
    """Return the two files that hold a quota of version 1."""
    return {f"{folder}/cpu.cfs_quota_us": f"{quota_us}\n", f"{folder}/cpu.cfs_period_us": "100000\n"}


def test_without_limits_all_online_cpus_are_usable(tree: Tree) -> None:
    """No cgroup and full affinity leave the CPUs that are online; no narrower limit is named."""
    assert usable_cpus(tree(EIGHT)) == UsableCpus(count=8, source="logical CPUs")


def test_a_quota_in_a_parent_group_decides(tree: Tree) -> None:
    """The process's own group says max, but the one above it pays for three CPUs."""
    root = tree(
        EIGHT
        | V2
        | {"sys/fs/cgroup/slice/job/cpu.max": "max 100000\n", "sys/fs/cgroup/slice/cpu.max": "300000 100000\n"}
    )
    assert usable_cpus(root) == UsableCpus(count=3, source="cgroup v2 quota 3 CPUs")


def test_the_least_of_several_quotas_decides(tree: Tree) -> None:
    """A group cannot have more than the groups above it, whatever is written into it."""
    root = tree(
        EIGHT
        | V2
        | {"sys/fs/cgroup/slice/job/cpu.max": "600000 100000\n", "sys/fs/cgroup/slice/cpu.max": "125000 50000\n"}
    )
    assert cpu_quota(root) == (2.5, "cgroup v2")
    assert usable_cpus(root) == UsableCpus(count=2, source="cgroup v2 quota 2.5 CPUs")


def test_a_quota_of_version_1_decides(tree: Tree) -> None:
    """Quota and period stand in two files, and -1 in the group above is no quota."""
    top = "sys/fs/cgroup/cpu"
    root = tree(EIGHT | V1 | v1_quota(f"{top}/docker/job", 150000) | v1_quota(f"{top}/docker", -1))
    assert usable_cpus(root) == UsableCpus(count=1, source="cgroup v1 quota 1.5 CPUs")


def test_a_quota_below_one_cpu_still_leaves_one(tree: Tree) -> None:
    """Half a CPU runs one worker, slowly."""
    root = tree(EIGHT | V2 | {"sys/fs/cgroup/slice/job/cpu.max": "50000 100000\n"})
    assert usable_cpus(root) == UsableCpus(count=1, source="cgroup v2 quota 0.5 CPUs")


def test_affinity_below_the_quota_decides(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two CPUs to run on are two, however much the quota pays for."""
    monkeypatch.setattr(cpus, "affinity", lambda: (3, 5))
    root = tree(EIGHT | V2 | {"sys/fs/cgroup/slice/job/cpu.max": "400000 100000\n"})
    assert usable_cpus(root) == UsableCpus(count=2, source="affinity")


def test_a_count_given_to_python_decides_where_it_is_least(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who tells Python of fewer CPUs means it; one who tells of more does not create them."""
    root = tree(EIGHT)
    monkeypatch.setattr(cpus, "_given_to_python", lambda: (2, "PYTHON_CPU_COUNT"))
    assert usable_cpus(root) == UsableCpus(count=2, source="PYTHON_CPU_COUNT")
    monkeypatch.setattr(cpus, "_given_to_python", lambda: (64, "-X cpu_count"))
    assert usable_cpus(root) == UsableCpus(count=8, source="logical CPUs")


@pytest.mark.parametrize(
    "text", ["", "max", "max 100000", "100000", "100000 0", "0 100000", "a b", "-1 100000", "1 2 3", "100000 x"]
)
def test_a_file_that_sets_no_quota_is_none(tree: Tree, text: str) -> None:
    """The word max, a malformed file and an impossible period all mean that no quota is known."""
    root = tree(EIGHT | V2 | {"sys/fs/cgroup/slice/job/cpu.max": text})
    assert cpu_quota(root) == (None, None)
    assert usable_cpus(root).source == "logical CPUs"


def test_half_of_a_version_1_quota_is_none(tree: Tree) -> None:
    """A quota without its period says nothing."""
    assert cpu_quota(tree(V1 | {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n"})) == (None, None)


def test_without_files_there_is_still_a_count(tree: Tree) -> None:
    """With no /proc and no /sys the system itself is asked, and at least one CPU runs this."""
    root = tree({})
    assert logical_cpus(root) >= 1
    assert cpu_quota(root) == (None, None)
    assert usable_cpus(root).count >= 1


def test_unknown_affinity_is_no_limit(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where affinity cannot be asked for, as on macOS, the CPUs that are online count."""
    monkeypatch.setattr(cpus, "affinity", lambda: None)
    assert usable_cpus(tree(EIGHT)) == UsableCpus(count=8, source="logical CPUs")


@pytest.mark.parametrize(
    ("options", "variable", "expected"),
    [
        ({}, None, None),
        ({}, "2", (2, "PYTHON_CPU_COUNT")),
        ({}, "default", None),
        ({}, "0", None),
        ({"cpu_count": "3"}, "2", (3, "-X cpu_count")),
        ({"cpu_count": "default"}, "2", None),
    ],
)
def test_the_option_overrules_the_variable(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, str | bool], variable: str | None, expected: object
) -> None:
    """CPython 3.13 and later take -X cpu_count first, then PYTHON_CPU_COUNT, and "default" for neither."""
    monkeypatch.delenv("PYTHON_CPU_COUNT", raising=False)
    if variable is not None:
        monkeypatch.setenv("PYTHON_CPU_COUNT", variable)
    assert _given_to_python(options, (3, 13)) == expected
    assert _given_to_python(options, (3, 12)) is None
