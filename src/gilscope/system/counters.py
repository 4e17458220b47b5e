"""Counters of what else took CPU time while something was timed.

They are read in every round, so the files stay open and are read again from their start: some microseconds each. This
module runs inside every worker, also in a subinterpreter with a GIL of its own, and imports next to nothing.
"""

import os
from types import TracebackType
from typing import Self

from gilscope.originals import time
from gilscope.system.procfs import as_int, cpu_cgroups

try:
    import resource
except ImportError:  # Windows
    _RUSAGE_THREAD = None
else:
    # Linux and some BSDs; elsewhere the kernel does not count switches by thread.
    _RUSAGE_THREAD = getattr(resource, "RUSAGE_THREAD", None)

_STEAL_FIELD = 8  # "cpu  user nice system idle iowait irq softirq steal ...", proc(5)
_FIRST_LINE_BYTES = 512  # ten counters of at most 20 digits


class _Counter:
    """A pseudo-file that stays open and is read again from its start."""

    def __init__(self, path: str, root: str) -> None:
        try:
            self._descriptor = os.open(os.path.join(root, path.lstrip("/")), os.O_RDONLY)
        except OSError:
            self._descriptor = -1

    def read(self, n_bytes: int) -> bytes:
        """Return the first bytes of the file as it is now, empty where it cannot be read (any more)."""
        if self._descriptor < 0:
            return b""
        try:
            return os.pread(self._descriptor, n_bytes, 0)
        except OSError:  # the cgroup was removed
            return b""

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class HostMeter:
    """Counters of the whole machine and of the process's cgroup, both ever growing: take differences.

    Parameters
    ----------
    root : str
        The folder that stands for ``/``.

    Notes
    -----
    Threads: safe from any, until `close`. It keeps files open; use it as a context manager, or close it.
    """

    def __init__(self, root: str = "/") -> None:
        self._stat = _Counter("proc/stat", root)
        self._cgroups = tuple(_Counter(f"{folder}/cpu.stat", root) for _, folder in cpu_cgroups(root))

    def steal_ticks(self) -> int | None:
        """Return for how long the host ran something else while a CPU of this machine was ready to run.

        Returns
        -------
        int or None
            Clock ticks (see `ticks_per_second`), summed over all CPUs; always 0 on bare metal and under a hypervisor
            that does not report it. None where there is no /proc/stat.
        """
        fields = self._stat.read(_FIRST_LINE_BYTES).partition(b"\n")[0].split()
        if len(fields) <= _STEAL_FIELD or fields[0] != b"cpu":
            return None
        return as_int(fields[_STEAL_FIELD])

    def throttled_periods(self) -> int | None:
        """Return in how many periods a CPU quota was used up and the process (or its siblings) had to wait.

        Returns
        -------
        int or None
            Periods, summed over the process's cgroup and its ancestors, of version 1 and 2. None where no visible
            group counts them, which on a machine without cgroups means that there is no quota.
        """
        total = None
        for group in self._cgroups:
            for line in group.read(4096).splitlines():
                name, _, value = line.partition(b" ")
                count = as_int(value) if name == b"nr_throttled" else None
                if count is not None:
                    total = count if total is None else total + count
        return total

    def close(self) -> None:
        """Close the files; every counter reads None from then on."""
        for counter in (self._stat, *self._cgroups):
            counter.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class ThreadMeter:
    """What one thread has used and what it had to wait for, ever growing: take differences.

    Create it in the thread that reads it: the delay is that of the creating thread, the rest that of the calling one.

    Parameters
    ----------
    root : str
        The folder that stands for ``/``.

    Notes
    -----
    Threads: one meter per thread. It keeps a file open; use it as a context manager, or close it. A process that
    forks must create new ones in the child.
    """

    def __init__(self, root: str = "/") -> None:
        # The kernel follows this link when the file is opened, so that the open file goes on counting this thread.
        self._schedstat = _Counter("proc/thread-self/schedstat", root)

    def read(self) -> tuple[int, int | None, int | None]:
        """Return (CPU time in ns, run delay in ns, involuntary switches) of the calling thread.

        Returns
        -------
        cpu_ns : int
            CPU time used, in ns, user and system.
        run_delay_ns : int or None
            Time spent ready to run but not running, in ns. None where the kernel does not count it (not Linux, or a
            kernel without CONFIG_SCHED_INFO). Time that a hypervisor stole shows in `HostMeter.steal_ticks` only.
        involuntary_switches : int or None
            How often the thread was taken off its CPU while it could have gone on. None where the system counts them
            by process only (macOS, Windows).
        """
        return time.thread_time_ns(), self._run_delay_ns(), self._involuntary_switches()

    def _run_delay_ns(self) -> int | None:
        fields = self._schedstat.read(128).split()
        # "CPU ns, delay ns, times run": a kernel that does not count says "0 0 0", but a thread that reads this runs.
        if len(fields) != 3 or fields[2] == b"0":
            return None
        return as_int(fields[1])

    def _involuntary_switches(self) -> int | None:
        return None if _RUSAGE_THREAD is None else resource.getrusage(_RUSAGE_THREAD).ru_nivcsw

    def close(self) -> None:
        """Close the file; the run delay reads None from then on."""
        self._schedstat.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def ticks_per_second() -> int | None:
    """Return how many clock ticks, the unit of `HostMeter.steal_ticks`, make a second (100 on most systems)."""
    try:
        return os.sysconf("SC_CLK_TCK")
    except (AttributeError, ValueError, OSError):
        return None
