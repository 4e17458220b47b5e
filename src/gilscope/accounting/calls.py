"""One call under the GIL's books: made again and again, in batches with a log each. Probes and assertions read these.

On a loaded machine a thread is taken off its CPU for milliseconds, with the GIL or without, wherever it happens to be.
So each batch gives a figure of its own, and the median counts: most batches are hit in the longer part of the call, or
not at all. A count of releases is right in every one of them.
"""

import gc
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, repeat
from statistics import median

from gilscope.accounting._leaving import Leaving
from gilscope.accounting.belonging import Family, Rest, assigned_ns, at_rest, helpers_in, others_cpu_ns
from gilscope.accounting.fine_releases import FINE_NS
from gilscope.accounting.ledger import Ledger
from gilscope.accounting.log import Log, SiteAccount, ThreadAccount, add_sites
from gilscope.originals import get_native_id, time
from gilscope.system.threads import children_cpu_ns, native_ids

#: Of an assertion: a batch lasts at least so long, so that its loop and two looks at the clock, some 0.3 us, are
#: nothing of it; how many batches there are, and for how long.
MIN_BATCH_NS = 200_000
FEWEST_BATCHES, MOST_BATCHES, SECONDS = 9, 100, 0.03


@dataclass(frozen=True, slots=True)
class Batch:
    """Calls in a row under the ledger.

    Parameters
    ----------
    log : Log
    wall_ns : int
        From the first call to the end of the last. What the log has beyond that was held: opening and closing it.
    own_cpu_ns, others_cpu_ns : int
        CPU time of the calling thread, and of all others and the processes that the call has started.
    """

    log: Log
    wall_ns: int
    own_cpu_ns: int
    others_cpu_ns: int

    def account_of(self, native_id: int) -> ThreadAccount | None:
        """Return the calling thread's account of its calls alone, or None if it never met the GIL."""
        thread, around_ns = self.log.thread(native_id), max(0, self.log.wall_ns - self.wall_ns)
        if thread is None:
            return None
        cpu_ns = None if thread.cpu_ns is None else max(0, thread.cpu_ns - around_ns)
        return replace(thread, held_ns=max(0, thread.held_ns - around_ns), cpu_ns=cpu_ns)

    def assigned_ns(self, helpers: Sequence[ThreadAccount], rest: Rest) -> tuple[float, float]:
        """Return how much of the others' CPU time is the call's, at least and at most, beside what its threads tell."""
        known_ns = sum(helper.held_ns + helper.computing_ns for helper in helpers)
        return assigned_ns(self.others_cpu_ns, known_ns, rest, self.wall_ns)


@dataclass(frozen=True)
class Batches:
    """A call in batches of equally many, and who works for it.

    Parameters
    ----------
    native_id : int
        The calling thread.
    n_calls : int
        In each batch.
    all : list of Batch
    mine : list of (ThreadAccount or None)
        The calling thread's account in each of them.
    helpers : list of list of ThreadAccount
        The accounts of threads that work for it; see `gilscope.accounting.belonging.helpers_in`.
    rest : Rest
    """

    native_id: int
    n_calls: int
    all: list[Batch]
    mine: list[ThreadAccount | None]
    helpers: list[list[ThreadAccount]]
    rest: Rest

    @cached_property
    def working(self) -> set[int]:
        """The calling thread and those that work for it, by their ids: what they do, the call does."""
        return {self.native_id, *(helper.native_id for helper in chain.from_iterable(self.helpers))}

    @property
    def wall_ns(self) -> float:
        """How long a call takes: the median."""
        return median(batch.wall_ns for batch in self.all) / self.n_calls

    def releases(self) -> list[int]:
        """Return how often the call released the GIL in each batch; drops that were asked for are not its own."""
        return [
            sum(releases_of(thread) for thread in batch.log.threads if thread.native_id in self.working)
            for batch in self.all
        ]

    def longest_holds_ns(self) -> list[int]:
        """Return the longest hold in each batch: calls that never drop the GIL hold it from the first to the last."""
        longest = []
        for batch, thread, theirs in zip(self.all, self.mine, self.helpers, strict=True):
            dropped = thread is not None and thread.drops >= self.n_calls
            own_ns = thread.longest_hold_ns if thread is not None and dropped else batch.wall_ns // self.n_calls
            longest.append(max(own_ns, *(one.longest_hold_ns for one in theirs), 0))
        return longest

    def sites(self) -> tuple[SiteAccount, ...]:
        """Return the places where the call released the GIL, of all batches together, the longest first."""
        return add_sites(site for batch in self.all for site in batch.log.sites_of(self.working))


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What a call did with the GIL.

    Parameters
    ----------
    calls, repetitions : int
        How many, and in how many batches.
    released_share : float
        Time without the GIL as a share of time with it and without it, waiting left out; the median. While a thread
        that works for the call holds the GIL, the call holds it.
    gaining_share : float
        As `released_share`, of releases that are long enough for another thread to gain by them; see
        `gilscope.accounting.fine_releases`.
    releases : float
        Per call, the median; drops that another thread had asked for are not the call's own.
    release_ns : float
        How long one lasts: in each batch the mean, and of these the median; 0 where there is none.
    own_releases : int
        Of the calling thread, in all batches together.
    wall_ns, longest_hold_ns : float
        Per call; medians.
    sites : tuple of SiteAccount
        Of all calls, by the calling thread and by those that work for it; the longest first.
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
    with WithoutCollections():
        made = call_in_batches(
            call,
            at_least_ns=MIN_BATCH_NS,
            is_enough=lambda n, seconds: n >= FEWEST_BATCHES and (n >= MOST_BATCHES or seconds >= SECONDS),
        )
    released = [1 - parts_of(thread, theirs)[0] for thread, theirs in zip(made.mine, made.helpers, strict=True)]
    releases = made.releases()
    return Calls(
        calls=made.n_calls * len(made.all),
        repetitions=len(made.all),
        released_share=median(released),
        gaining_share=median(
            share * (1 - _fine_share(batch.log, thread))
            for share, batch, thread in zip(released, made.all, made.mine, strict=True)
        ),
        releases=median(releases) / made.n_calls,
        release_ns=median(
            sum(one.released_ns for one in batch.log.threads if one.native_id in made.working) / n if n else 0.0
            for batch, n in zip(made.all, releases, strict=True)
        ),
        own_releases=sum(releases_of(thread) for thread in made.mine if thread is not None),
        wall_ns=made.wall_ns,
        # No call has a longer hold than itself: beyond that is what opened the log, before the first one.
        longest_hold_ns=min(median(made.longest_holds_ns()), made.wall_ns),
        sites=made.sites(),
    )


def call_in_batches(
    call: Callable[[], object],
    *,
    at_least_ns: int,
    is_enough: Callable[[int, float], bool],
    call_ns: int | None = None,
    mark: str = "",
) -> Batches:
    """Call again and again with the ledger on, in batches with a log each.

    Parameters
    ----------
    call : callable
    at_least_ns : int
        How long a batch lasts, about; half as long will do.
    is_enough : callable
        Told how many batches there are and how many seconds they took; the answer ends it.
    call_ns : int or None
        About how long one call takes; a first call may be wrong about it, for it may fill a cache. None: see first.
    mark : str
        As of `gilscope.children.descendants.found_by`: finds the processes that the call has started.

    Raises
    ------
    CannotRunError
        Where there is no ledger.
    """
    __tracebackhide__ = True
    native_id, before, batches = get_native_id(), native_ids(), list[Batch]()
    with Ledger():  # the hooks stay in place from batch to batch
        n_calls = calls_in(call, at_least_ns) if call_ns is None else max(1, round(at_least_ns / max(call_ns, 1)))
        family = Family(mark)
        rest, begin = at_rest(family), time.monotonic()
        while not batches or not is_enough(len(batches), time.monotonic() - begin):
            batch = _batch(call, n_calls, family)
            if 2 * batch.wall_ns < at_least_ns:
                n_calls = max(2 * n_calls, round(n_calls * at_least_ns / max(batch.wall_ns, 1)))
                batches.clear()
            else:
                batches.append(batch)
    return Batches(
        native_id=native_id,
        n_calls=n_calls,
        all=batches,
        mine=[batch.account_of(native_id) for batch in batches],
        helpers=helpers_in([batch.log for batch in batches], native_id, before, rest),
        rest=rest,
    )


def _batch(call: Callable[[], object], n_calls: int, family: Family) -> Batch:
    __tracebackhide__ = True
    children_ns = children_cpu_ns() + family.cpu_ns()
    with Ledger() as one:
        others_ns, own_ns = others_cpu_ns(), time.thread_time_ns()
        begin_ns = time.perf_counter_ns()
        for _ in repeat(None, n_calls):
            call()
        wall_ns = time.perf_counter_ns() - begin_ns
        own_ns, others_ns = time.thread_time_ns() - own_ns, others_cpu_ns() - others_ns
    children_ns = max(0, children_cpu_ns() + family.cpu_ns() - children_ns)
    return Batch(one.log, wall_ns, own_ns, max(0, others_ns) + children_ns)


def releases_of(thread: ThreadAccount) -> int:
    """Return how often a thread released the GIL by itself, and not because another had asked for it."""
    return max(0, thread.drops - thread.asked)


def _fine_share(log: Log, thread: ThreadAccount | None) -> float:
    """Return the share of a thread's released time in releases too short for another thread to gain by them.

    They are told apart by their places. What no place is known for counts as one more place.
    """
    if thread is None or not thread.released_ns:
        return 0.0
    places = [(site.released_ns, site.count) for site in log.sites_of({thread.native_id})]
    rest_ns = max(0, thread.released_ns - sum(ns for ns, _ in places))
    places.append((rest_ns, max(0, releases_of(thread) - sum(count for _, count in places))))
    return min(1.0, sum(ns for ns, count in places if ns < FINE_NS * count) / thread.released_ns)


def parts_of(
    thread: ThreadAccount | None, helpers: Sequence[ThreadAccount] = (), others_ns: float = 0.0
) -> tuple[float, float, float]:
    """Return which shares of its time a call held the GIL, computed without it, and was blocked without it.

    Parameters
    ----------
    thread : ThreadAccount or None
        The calling one; None if it never met the GIL, and so held it all the while.
    helpers : sequence of ThreadAccount
        The call's own. What they do while the calling thread is without the GIL is the call's.
    others_ns : float
        CPU time of others that work for the call: native threads, and processes.

    Notes
    -----
    Time in which a thread was only queued for a CPU is left out, for it says how busy the machine was: the share of it
    among all time off the CPU is taken to be the same with the GIL and without.
    """
    if thread is None:
        return 1.0, 0.0, 0.0
    held_ns, computing_ns, blocked_ns = _own_ns(thread)
    if helpers or others_ns:
        theirs = [_own_ns(helper) for helper in helpers]
        wanted_ns, theirs_computing_ns = (sum(times[i] for times in theirs) for i in (0, 1))
        had_ns = float(sum(helper.held_ns for helper in helpers))
        free_ns = computing_ns + blocked_ns + min(thread.waited_ns, had_ns)
        theirs_held_ns = min(had_ns, free_ns)
        # While one of them stands in the queue with the GIL in its hand, the calling thread waits for no other reason.
        queued_ns = theirs_held_ns * (1 - wanted_ns / had_ns) if had_ns else 0.0
        theirs_held_ns, free_ns = theirs_held_ns - queued_ns, free_ns - queued_ns
        computing_ns = min(computing_ns + theirs_computing_ns + others_ns, free_ns - theirs_held_ns)
        held_ns, blocked_ns = held_ns + theirs_held_ns, free_ns - theirs_held_ns - computing_ns
    all_ns = held_ns + computing_ns + blocked_ns
    return (held_ns / all_ns, computing_ns / all_ns, blocked_ns / all_ns) if all_ns else (1.0, 0.0, 0.0)


def _own_ns(thread: ThreadAccount) -> tuple[float, float, float]:
    """Return a thread's time with the GIL, computing without it, and blocked without it, less what it was queued."""
    held_ns, blocked_ns = float(thread.held_ns), float(thread.blocked_ns)
    if thread.cpu_ns is not None and thread.run_delay_ns is not None:
        off_held_ns = max(0.0, held_ns + thread.computing_ns - thread.cpu_ns)
        off_ns = off_held_ns + blocked_ns + thread.waited_ns
        queued = min(1.0, thread.run_delay_ns / off_ns) if off_ns else 0.0
        held_ns -= queued * min(off_held_ns, held_ns)
        blocked_ns -= queued * blocked_ns
    return held_ns, float(thread.computing_ns), blocked_ns
