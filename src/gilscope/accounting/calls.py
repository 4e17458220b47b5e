"""What one call does with the GIL, told from many repetitions so that the scheduler does not decide.

On a loaded machine a thread is taken off its CPU for milliseconds, with the GIL or without, wherever it happens to be.
So each repetition gives a figure of its own, and the median counts: most repetitions are hit in the longer part of the
call, or not at all. A count of releases is right in every one of them.
"""

import gc
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import repeat
from statistics import median

from gilscope.accounting._leaving import Leaving
from gilscope.accounting.fine_releases import FINE_NS
from gilscope.accounting.ledger import Ledger
from gilscope.accounting.log import Log, SiteAccount, ThreadAccount, add_sites
from gilscope.originals import get_native_id, time
from gilscope.system.threads import native_ids

#: A repetition lasts at least so long, so that its loop and two looks at the clock, some 0.3 us, are nothing of it.
MIN_REPETITION_NS = 200_000
FEWEST_REPETITIONS, MOST_REPETITIONS, SECONDS = 9, 100, 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What a call did with the GIL.

    Parameters
    ----------
    calls, repetitions : int
    released_share : float
        Time without the GIL as a share of time with it and without it, waiting left out; the median. While a thread
        that the call started holds the GIL, the call holds it.
    gaining_share : float
        As `released_share`, of releases that are long enough for another thread to gain by them; see
        `gilscope.accounting.fine_releases`.
    releases : float
        Per call, the median; drops that another thread had asked for are not the call's own.
    release_ns : float
        How long one lasts: in each repetition the mean, and of these the median; 0 where there is none.
    own_releases : int
        In all repetitions together.
    wall_ns, longest_hold_ns : float
        Per call; medians.
    sites : tuple of SiteAccount
        Of all calls, by the calling thread and by threads that were started meanwhile; the longest first.
    """

    calls: int
    repetitions: int
    released_share: float
    gaining_share: float
    releases: float
    release_ns: float
    own_releases: int
    wall_ns: float
    longest_hold_ns: float
    sites: tuple[SiteAccount, ...]


class WithoutCollections(Leaving):
    """Keeps the garbage collector from running finalizers meanwhile, whose releases are not the call's."""

    def __init__(self) -> None:
        self._was_on = False

    def __enter__(self) -> None:
        try:
            self._was_on = gc.isenabled()
            gc.disable()
        except BaseException:
            self._leave()
            raise

    def _leave(self) -> None:
        if self._was_on:
            gc.enable()
        self._was_on = False  # only then: what is left may be left again


def started_since(before: Collection[int], log: Log) -> list[ThreadAccount]:
    """Return the accounts of threads that were not there before: those that the call has started.

    A pool that was there already cannot be told from threads that have nothing to do with the call.
    """
    return [thread for thread in log.threads if thread.native_id not in before]


def family_of(native_id: int, before: Collection[int], log: Log) -> set[int]:
    """Return the calling thread and those that the call has started, by their ids: what they do, the call does."""
    return {native_id, *(thread.native_id for thread in started_since(before, log))}


def calls_in(call: Callable[[], object], at_least_ns: int) -> int:
    """Call once to warm up and once to time it; return how many calls last so long."""
    __tracebackhide__ = True
    call()
    begin_ns = time.perf_counter_ns()
    call()
    return max(1, -(-at_least_ns // max(1, time.perf_counter_ns() - begin_ns)))


def examine_calls(call: Callable[[], object]) -> Calls:
    """Call again and again under the ledger, and say what one call does.

    Raises
    ------
    CannotRunError
        Where there is no ledger.
    """
    __tracebackhide__ = True
    native_id, before = get_native_id(), {get_native_id(), *native_ids()}
    logs: list[tuple[Log, int]] = []
    with Ledger(cpu_clock=False), WithoutCollections():
        n_calls = calls_in(call, MIN_REPETITION_NS)
        deadline = time.monotonic() + SECONDS
        while len(logs) < FEWEST_REPETITIONS or (len(logs) < MOST_REPETITIONS and time.monotonic() < deadline):
            with Ledger(cpu_clock=False) as one:
                begin_ns = time.perf_counter_ns()
                for _ in repeat(None, n_calls):
                    call()
                wall_ns = time.perf_counter_ns() - begin_ns
            logs.append((one.log, wall_ns))
    mine = [(log.thread(native_id), wall_ns) for log, wall_ns in logs]
    own = [_own_releases(thread) for thread, _ in mine]
    helpers_held_ns = [sum(one.held_ns for one in started_since(before, log)) for log, _ in logs]
    return Calls(
        calls=n_calls * len(logs),
        repetitions=len(logs),
        released_share=median(
            _released_share(thread, wall_ns, theirs)
            for (thread, wall_ns), theirs in zip(mine, helpers_held_ns, strict=True)
        ),
        gaining_share=median(
            _released_share(thread, wall_ns, theirs, _fine_ns(log, thread))
            for (log, _), (thread, wall_ns), theirs in zip(logs, mine, helpers_held_ns, strict=True)
        ),
        releases=median(own) / n_calls,
        release_ns=median(
            thread.released_ns / n if thread and n else 0.0 for (thread, _), n in zip(mine, own, strict=True)
        ),
        own_releases=sum(own),
        wall_ns=median(wall_ns for _, wall_ns in logs) / n_calls,
        longest_hold_ns=median(_longest_hold_ns(thread, wall_ns, n_calls) for thread, wall_ns in mine),
        sites=add_sites(site for log, _ in logs for site in log.sites_of(family_of(native_id, before, log))),
    )


def _own_releases(thread: ThreadAccount | None) -> int:
    return max(0, thread.drops - thread.asked) if thread is not None else 0


def _released_share(
    thread: ThreadAccount | None, wall_ns: int, helpers_held_ns: int, left_out_ns: float = 0.0
) -> float:
    """Return the share between the two looks at the clock: what the ledger counts around them was held, all of it."""
    if thread is None:
        return 0.0
    own_ns = wall_ns - max(0, thread.waited_ns - helpers_held_ns)
    released_ns = thread.released_ns - left_out_ns - max(0, helpers_held_ns - thread.waited_ns)
    return max(0.0, min(1.0, released_ns / own_ns)) if own_ns > 0 else 0.0


def _fine_ns(log: Log, thread: ThreadAccount | None) -> float:
    """Return the time in releases too short for another thread to gain by them, told apart by their places.

    What no place is known for counts as one more place.
    """
    if thread is None:
        return 0.0
    places = [(site.released_ns, site.count) for site in log.sites_of({thread.native_id})]
    rest_ns = max(0, thread.released_ns - sum(ns for ns, _ in places))
    places.append((rest_ns, max(0, _own_releases(thread) - sum(count for _, count in places))))
    return sum(ns for ns, count in places if ns < FINE_NS * count)


def _longest_hold_ns(thread: ThreadAccount | None, wall_ns: int, n_calls: int) -> float:
    """Return the longest hold in a call: calls that never drop the GIL hold it from the first to the last."""
    whole_ns = wall_ns / n_calls
    return min(thread.longest_hold_ns, whole_ns) if thread is not None and thread.drops else whole_ns
