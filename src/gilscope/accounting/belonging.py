"""Whose doing is it? What threads and processes of a call's own do is the call's; what others do meanwhile is not.

A call may hand its work to threads that Python did not start, to a pool that an earlier call has left, or to processes
that live on. And a process may have threads of somebody else: a kernel's heartbeat, a profiler's agent. What goes on
while nobody calls tells the two apart.
"""

import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from gilscope.accounting.ledger import Ledger
from gilscope.accounting.log import Log, ThreadAccount
from gilscope.children.descendants import descendants_of, found_by
from gilscope.originals import get_native_id, time
from gilscope.system.threads import native_ids

#: How often and for how long nobody calls. What a pool's threads still do right after a call, as OpenMP's do for some
#: 10 ms, is over by the second: the quietest counts, and a thread that meets the GIL during the first look alone only
#: ends what it was told to do.
REST_LOOKS, REST_SECONDS = 3, 0.02
#: While the call runs, others may use so many times as much CPU time as at rest, or as little: a judgement.
UNSTEADY = 1.5
_CPU_CLOCK_OF_PROCESS = 2  # the kernel's CPUCLOCK_SCHED, in the three low bits of a clock's number


class Family:
    """The processes that came of this one and that live on.

    Parameters
    ----------
    mark : str
        As of `gilscope.children.descendants.found_by`; without one, those whose own parent has ended are not found.
    """

    def __init__(self, mark: str = "") -> None:
        found = descendants_of(os.getpid()) | (found_by(mark) if mark else set())
        self._cpu_ns = dict.fromkeys(found - {os.getpid()}, 0)

    def __bool__(self) -> bool:
        """Tell whether there is one."""
        return bool(self._cpu_ns)

    def cpu_ns(self) -> int:
        """Return their CPU time in all, in ns; of one that has ended what was seen last."""
        for pid in self._cpu_ns:
            with suppress(OSError):  # it has ended, or this system has no such clock
                self._cpu_ns[pid] = time.clock_gettime_ns((~pid << 3) | _CPU_CLOCK_OF_PROCESS)
        return sum(self._cpu_ns.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What the process does while nobody calls.

    Parameters
    ----------
    cpu_share : float, default 0.0
        CPU time of all threads but the resting one, as a share of wall time; above 1 if they keep several CPUs busy.
    busy : frozenset of int
        Native ids of the threads that met the GIL meanwhile.
    """

    cpu_share: float = 0.0
    busy: frozenset[int] = frozenset()


def at_rest(family: Family, *, is_counted: bool = True) -> Rest:
    """Do nothing for a moment, and see what the process does by itself.

    Parameters
    ----------
    family : Family
        Its processes count as threads do.
    is_counted : bool, default True
        Whether there is a ledger to see which threads meet the GIL.

    Notes
    -----
    GIL: released for 60 ms in all; not at all where there is no other thread and no process.
    """
    if native_ids() == [get_native_id()] and not family:
        return Rest()
    mine, cpu_shares, busy = get_native_id(), list[float](), set[int]()
    for look in range(REST_LOOKS):
        if is_counted:
            with Ledger(cpu_clock=False) as one:
                cpu_shares.append(_others_cpu_share(family))
            if look:
                busy |= {thread.native_id for thread in one.log.threads if thread.takes and thread.native_id != mine}
        else:
            cpu_shares.append(_others_cpu_share(family))
    return Rest(cpu_share=min(cpu_shares), busy=frozenset(busy))


def _others_cpu_share(family: Family) -> float:
    wall_ns, cpu_ns = time.perf_counter_ns(), others_cpu_ns() + family.cpu_ns()
    time.sleep(REST_SECONDS)
    cpu_ns = others_cpu_ns() + family.cpu_ns() - cpu_ns
    return max(0, cpu_ns) / max(1, time.perf_counter_ns() - wall_ns)


def others_cpu_ns() -> int:
    """Return the CPU time of every thread of this process but the calling one, those that have ended too, in ns."""
    return time.process_time_ns() - time.thread_time_ns()


def helpers_in(logs: Sequence[Log], native_id: int, before: Collection[int], rest: Rest) -> list[list[ThreadAccount]]:
    """Return for each log the accounts of the threads that work for the calling one.

    Parameters
    ----------
    logs : sequence of Log
        Each of as many calls.
    native_id : int
        The calling thread.
    before : collection of int
        The threads that there were before the first of these calls.
    rest : Rest

    Returns
    -------
    list of list of ThreadAccount
        Of threads that were started since; and of those that do nothing while nobody calls, and something in more than
        half of the logs: a pool that an earlier call has left.
    """
    met: dict[int, int] = {}
    for thread in (thread for log in logs for thread in log.threads if thread.takes):
        met[thread.native_id] = met.get(thread.native_id, 0) + 1
    strangers = {
        one for one, count in met.items() if one in rest.busy or (one in before and 2 * count <= len(logs))
    } | {native_id}
    working = met.keys() - strangers
    return [[thread for thread in log.threads if thread.native_id in working] for log in logs]


def assigned_ns(others_ns: float, known_ns: float, rest: Rest, wall_ns: float) -> tuple[float, float]:
    """Return how much CPU time of others is the call's, at least and at most, beside what is known of its threads.

    Parameters
    ----------
    others_ns : float
        Of all threads of the process but the calling one, and of the processes that the call has started.
    known_ns : float
        The part of it that accounts of threads already explain.
    rest : Rest
    wall_ns : float
    """
    most_ns, theirs_ns = max(0.0, others_ns - known_ns), rest.cpu_share * wall_ns
    return max(0.0, most_ns - UNSTEADY * theirs_ns), max(0.0, most_ns - theirs_ns / UNSTEADY)
