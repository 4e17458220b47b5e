"""Does a call give the GIL up at all? Told without a ledger, by whether another thread gets through a gate meanwhile.

The other thread waits at a lock, and the switch interval is so long that nobody takes the GIL from a call by force. If
that thread has come through when the call ends, the call let it; that holds whatever the clock says. The reverse
does not: a thread takes some 50 us to wake, and more on a loaded machine, so a release may be over before.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from gilscope import shortages
from gilscope.accounting.switching import SwitchInterval
from gilscope.originals import Lock, Thread, time

#: Tries, of which one is enough to show a release.
TRIES = 20
#: Nobody may take the GIL by force while a call runs, so it must last longer than that; and no longer than other
#: threads of the program can bear, which may take it while the call is without it.
SWITCH_INTERVAL_S, CALLS_IN_INTERVAL = 0.5, 20
#: A call below this may release for a time in which no other thread wakes.
SHORTEST_CALL_NS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """How often another thread came through.

    Parameters
    ----------
    passed, tries : int
    wall_ns : int
        Of the shortest call.
    """

    passed: int
    tries: int
    wall_ns: int


def try_gate(call: Callable[[], object]) -> Gate:
    """Make a call some times, each time with another thread waiting at the gate.

    Parameters
    ----------
    call : callable

    Notes
    -----
    Sets the switch interval meanwhile, so that no other thread gets the GIL but when the call gives it up.
    """
    __tracebackhide__ = True
    begin_ns = time.perf_counter_ns()
    call()
    call_s = (time.perf_counter_ns() - begin_ns) * 1e-9
    passed, shortest_ns = 0, sys.maxsize
    with SwitchInterval(max(SWITCH_INTERVAL_S, CALLS_IN_INTERVAL * call_s)):
        for _ in range(TRIES):
            came_through, wall_ns = _try_once(call)
            passed += came_through
            shortest_ns = min(shortest_ns, wall_ns)
    return Gate(passed=passed, tries=TRIES, wall_ns=shortest_ns)


def _try_once(call: Callable[[], object]) -> tuple[bool, int]:
    __tracebackhide__ = True
    gate, through = Lock(), []
    gate.acquire()

    def pass_gate() -> None:
        with gate:
            through.append(True)

    helper = Thread(pass_gate, "gilscope at the gate")
    shortages.start(helper)
    time.sleep(0.001)  # until it waits; if it does not yet, it comes through later, and this try shows nothing
    try:
        begin_ns = time.perf_counter_ns()
        gate.release()
        call()
        came_through = bool(through)
        return came_through, time.perf_counter_ns() - begin_ns
    finally:
        helper.join()
