"""Bytecode or native code? Ask for the GIL at random moments, and see how long the holder takes to answer.

Bytecode looks for such requests all the time and drops the GIL within microseconds; native code that holds it answers
at the end of its call. So the share of requests answered at once is the share of held time spent in bytecode, or in
native calls so short that nobody can tell.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from gilscope.accounting.asking import Asking
from gilscope.accounting.ledger import Ledger
from gilscope.fields import Natural, Part
from gilscope.originals import time

#: Mean time between two knocks. Each takes some 30 us of the call's time, so that is 3 %.
MEAN_GAP_S = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Knocks:
    """How requests for the GIL were answered.

    Parameters
    ----------
    asked : int
        Requests that found the call holding the GIL.
    at_once : int
        Those answered within 50 us.
    unanswered : float
        Share of the time with the GIL in which a request stood unanswered, 0 to 1.
    """

    asked: Natural
    at_once: Natural
    unanswered: Part


def knock(call: Callable[[], object], seconds: float, *, seed: int = 0) -> Knocks:
    """Call again and again while another thread asks for the GIL at random moments.

    Parameters
    ----------
    call : callable
    seconds : float
        At least one call is made.
    seed : int

    Notes
    -----
    Sets the switch interval meanwhile. GIL: dropped by force at each knock. Without a ledger there is
    `gilscope.probing.sampled.knock_sampled`, where the answers are timed by who asks.
    """
    rng = Random(seed)

    def pause() -> None:
        time.sleep(rng.expovariate(1 / MEAN_GAP_S))

    with Ledger(cpu_clock=False) as ledger, Asking(pause, "knocks") as asker:
        deadline = time.monotonic() + seconds
        call()
        while time.monotonic() < deadline:
            call()
    asking = ledger.log.thread(asker.native_id or 0)
    # The calling thread, and those of the call's own.
    holders = [thread for thread in ledger.log.threads if thread.native_id != asker.native_id]
    if asking is None or not holders:
        return Knocks(asked=0, at_once=0, unanswered=0.0)
    return Knocks(
        asked=sum(thread.asked for thread in holders),
        at_once=sum(thread.answered_at_once for thread in holders),
        unanswered=min(1.0, asking.waited_ns / max(1, sum(thread.held_ns for thread in holders))),
    )
