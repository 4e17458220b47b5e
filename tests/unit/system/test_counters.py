"""The counters that are read in every round, over the files of other machines and over those of this one."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from gilscope.system import counters
from gilscope.system.counters import HostMeter, ThreadMeter, ticks_per_second

Tree = Callable[[dict[str, str]], str]

STAT = "cpu  10 1 20 3000 4 0 5 {} 0 0\ncpu0 5 0 10 1500 2 0 2 1 0 0\nintr 1 2 3\n"
CGROUP_V2 = {
    "proc/self/cgroup": "0::/slice/job\n",
    "proc/self/mountinfo": "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
}


def test_steal_is_read_anew_each_time(tree: Tree) -> None:
    """The file stays open, and a later reading shows what it holds then."""
    root = tree({"proc/stat": STAT.format(17)})
    with HostMeter(root) as meter:
        assert meter.steal_ticks() == 17
        tree({"proc/stat": STAT.format(18)})
        assert meter.steal_ticks() == 18


@pytest.mark.parametrize(
    "stat", ["", "cpu  1 2 3\n", "intr 1 2 3 4 5 6 7 8 9 10\n", "cpu a b c d e f g h i j\n", "\xff" * 9]
)
def test_a_stat_file_without_steal_gives_none(tree: Tree, stat: str) -> None:
    """A kernel that is too old, or a file that is malformed, tells nothing of steal."""
    with HostMeter(tree({"proc/stat": stat})) as meter:
        assert meter.steal_ticks() is None


def test_throttling_of_every_group_above_counts(tree: Tree) -> None:
    """The process waits whichever of its groups has used up its quota; the top group of version 2 has no such line."""
    root = tree(
        CGROUP_V2
        | {
            "sys/fs/cgroup/slice/job/cpu.stat": "usage_usec 9\nnr_periods 50\nnr_throttled 3\nthrottled_usec 7\n",
            "sys/fs/cgroup/slice/cpu.stat": "usage_usec 9\nnr_periods 50\nnr_throttled 40\nthrottled_usec 7\n",
            "sys/fs/cgroup/cpu.stat": "usage_usec 9\n",
        }
    )
    with HostMeter(root) as meter:
        assert meter.throttled_periods() == 43


def test_throttling_under_version_1_counts(tree: Tree) -> None:
    """Version 1 writes the same counter into the folder of its cpu controller."""
    root = tree(
        {
            "proc/self/cgroup": "4:cpu,cpuacct:/\n",
            "proc/self/mountinfo": "36 24 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n",
            "sys/fs/cgroup/cpu/cpu.stat": "nr_periods 9\nnr_throttled 5\nthrottled_time 100\n",
        }
    )
    with HostMeter(root) as meter:
        assert meter.throttled_periods() == 5


@pytest.mark.parametrize("text", ["", "nr_throttled\n", "nr_throttled many\n", "usage_usec 4\n"])
def test_a_group_that_does_not_count_gives_none(tree: Tree, text: str) -> None:
    """No count is not a count of zero."""
    with HostMeter(tree(CGROUP_V2 | {"sys/fs/cgroup/slice/job/cpu.stat": text})) as meter:
        assert meter.throttled_periods() is None


def test_without_proc_there_are_no_counters(tree: Tree) -> None:
    """On a system without these files every counter of theirs is None, and nothing is raised."""
    root = tree({})
    with HostMeter(root) as host, ThreadMeter(root) as thread:
        assert (host.steal_ticks(), host.throttled_periods()) == (None, None)
        cpu_ns, run_delay_ns, _ = thread.read()
        assert cpu_ns >= 0
        assert run_delay_ns is None


def test_the_run_delay_is_the_second_number(tree: Tree) -> None:
    """The first number of schedstat is CPU time, the third counts how often the thread ran."""
    with ThreadMeter(tree({"proc/thread-self/schedstat": "1242098 82945 7\n"})) as meter:
        assert meter.read()[1] == 82945


@pytest.mark.parametrize("text", ["0 0 0\n", "", "5 6\n", "5 x 7\n"])
def test_a_kernel_that_does_not_count_delays_gives_none(tree: Tree, text: str) -> None:
    """A kernel without scheduler statistics writes three zeros, which is no delay of zero."""
    with ThreadMeter(tree({"proc/thread-self/schedstat": text})) as meter:
        assert meter.read()[1] is None


def test_involuntary_switches_are_none_where_threads_are_not_counted(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system counts switches by process only, a number would be that of other threads too."""
    monkeypatch.setattr(counters, "_RUSAGE_THREAD", None)
    with ThreadMeter(tree({})) as meter:
        assert meter.read()[2] is None


def test_a_closed_meter_reads_none_and_may_be_closed_again(tree: Tree) -> None:
    """Closing gives the files back once, and never those that got their number afterwards."""
    root = tree({"proc/stat": STAT.format(1), "proc/thread-self/schedstat": "1 2 3\n"})
    host, thread = HostMeter(root), ThreadMeter(root)
    for meter in (host, thread, host, thread):
        meter.close()
    assert host.steal_ticks() is None
    assert thread.read()[1] is None


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc/self/fd to count open files")
def test_no_file_stays_open() -> None:
    """A meter that was closed leaves as many open files as there were before."""
    before = len(os.listdir("/proc/self/fd"))
    with HostMeter() as host, ThreadMeter() as thread:
        host.steal_ticks(), host.throttled_periods(), thread.read()
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_counters_of_this_machine_never_fall() -> None:
    """Differences of two readings are never negative."""
    with HostMeter() as host, ThreadMeter() as thread:
        first = (host.steal_ticks(), host.throttled_periods(), *thread.read())
        second = (host.steal_ticks(), host.throttled_periods(), *thread.read())
    for before, after in zip(first, second, strict=True):
        assert (before is None) == (after is None)
        assert before is None or after is None or 0 <= before <= after


def test_the_length_of_a_tick_is_known_or_none() -> None:
    """Ticks per second is a positive number where the system has such a thing."""
    ticks = ticks_per_second()
    assert ticks is None or ticks > 0


def test_importing_the_counters_loads_next_to_nothing() -> None:
    """A worker that reads counters pays for no more than files, clocks and resource usage."""
    code = (
        "import sys; before = set(sys.modules); import gilscope.system.counters\n"
        "loaded = {name for name in set(sys.modules) - before if not name.startswith('_')}\n"
        "print(*sorted(name for name in loaded if name.partition('.')[0] in {'numpy', 'psutil', 'dataclasses',"
        " 'subprocess', 'multiprocessing', 'json'} or name.startswith('gilscope._')))"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert child.stdout.strip() == ""
