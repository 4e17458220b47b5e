"""How one call divides its time: with the GIL, without it and computing, without it and blocked.

A call is more than the thread that makes it: while that waits for a thread or a process of the call's own, what these
do counts, or a pool would look like sleep. `gilscope.accounting.belonging` tells whose they are.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from statistics import median
from typing import Any

from gilscope.accounting.belonging import Family, Rest, assigned_ns, at_rest, helpers_in, others_cpu_ns
from gilscope.accounting.ledger import Ledger
from gilscope.accounting.log import Log, ThreadAccount
from gilscope.originals import get_native_id, time
from gilscope.pairing.intervals import COMPUTED_ERROR, sign_test_rank
from gilscope.system.threads import children_cpu_ns, native_ids

#: A batch of calls lasts at least so long, so that opening and closing the ledger, some 20 us, is little of it.
MIN_BATCH_NS = 3_000_000
#: Batches for any answer; for an interval that one disturbed batch does not decide, which are waited for up to
#: `PATIENCE` times as long as asked; and as many as make it narrow.
FEWEST_BATCHES, GOOD_BATCHES, MOST_BATCHES = 3, 9, 60
PATIENCE = 2
#: Others that hold the GIL or compute for a call for so much of its time matter to what it is.
HELPED = 0.05


@dataclass(frozen=True, slots=True)
class Share:
    """A share of time, 0 to 1, with its interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How a call divides its time, alone on one thread.

    Parameters
    ----------
    mechanism : str
    blind_to : list of str
    calls, batches : int
    wall_ns : float
        Of a call: the median over batches of calls.
    held, computing, blocked : Share
        They are medians, each for itself, and so need not add up to 1 exactly.
    releases : float or None
        Per call; None where the mechanism cannot count them.
    longest_hold_ns : int or None
        In which a call did not drop the GIL by itself; bytecode would drop it when asked, native code would not.
    sites : list of dict
        As `gilscope.accounting.log.SiteAccount`, of all calls together; where the calling thread released, and those of
        the call's own.
    attached : bool
        Whether "held" stands for attached, where no GIL is in force and threads share no lock for that.
    helpers_held : float
        The part of "held", as a share of all time, in which threads of the call's own had the GIL and not the calling
        one; 0 where nobody can tell them apart.
    held_waiting : Share
        The part of "held", as a share of all time, in which neither the calling thread nor any other of the process was
        on a CPU: the call waits with the GIL in its hand.
    native : float
        The part of "computing", as a share of all time, that others did for the call: native threads, and processes.
    """

    mechanism: str
    blind_to: list[str]
    calls: int
    batches: int
    wall_ns: float
    held: Share
    computing: Share
    blocked: Share
    releases: float | None
    longest_hold_ns: int | None
    sites: list[dict[str, object]]
    attached: bool = False
    helpers_held: float = 0.0
    held_waiting: Share = Share(0.0, 0.0, 0.0)
    native: float = 0.0


@dataclass(frozen=True, slots=True)
class _Batch:
    """Calls in a row: their log, and CPU times that it does not have, in ns."""

    log: Log
    own_cpu_ns: int
    others_cpu_ns: int


def measure_shares(call: Callable[[], object], call_ns: int, seconds: float, mark: str = "") -> Shares:
    """Call again and again with the ledger on, for about so many seconds.

    Parameters
    ----------
    call : callable
    call_ns : int
        About how long one call takes; a first call may be wrong about it, for it may fill a cache.
    seconds : float
    mark : str
        As of `gilscope.children.descendants.found_by`: finds the processes that the call has started.

    Raises
    ------
    CannotRunError
        Where there is no ledger; there `gilscope.probing.sampled.measure_sampled` serves.
    """
    native_id, before, family = get_native_id(), native_ids(), Family(mark)
    n_calls, batches = max(1, round(MIN_BATCH_NS / max(call_ns, 1))), list[_Batch]()
    with Ledger():  # the hooks stay in place from batch to batch
        rest, begin = at_rest(family), time.monotonic()
        while _more(len(batches), (time.monotonic() - begin) / seconds):
            batch = _batch(call, n_calls, family)
            if 2 * batch.log.wall_ns < MIN_BATCH_NS:
                n_calls = max(2 * n_calls, round(n_calls * MIN_BATCH_NS / max(batch.log.wall_ns, 1)))
                batches.clear()
            else:
                batches.append(batch)
    logs = [batch.log for batch in batches]
    mine, helpers = [log.thread(native_id) for log in logs], helpers_in(logs, native_id, before, rest)
    least, most = zip(
        *(_parts_of(batch, thread, theirs, rest) for batch, thread, theirs in zip(batches, mine, helpers, strict=True)),
        strict=True,
    )
    held, computing, blocked = (
        between(interval_of(one), interval_of(other))
        for one, other in zip(zip(*least, strict=True), zip(*most, strict=True), strict=True)
    )
    working = {thread.native_id for theirs in helpers for thread in theirs} | {native_id}
    drops = [
        sum(max(0, thread.drops - thread.asked) for thread in log.threads if thread.native_id in working)
        for log in logs
    ]
    return Shares(
        mechanism=logs[0].mechanism,
        blind_to=list(logs[0].blind_to),
        calls=n_calls * len(logs),
        batches=len(logs),
        wall_ns=median(log.wall_ns for log in logs) / n_calls,
        held=held,
        computing=computing,
        blocked=blocked,
        releases=median(drops) / n_calls,
        longest_hold_ns=_longest_hold_ns(logs, mine, helpers, n_calls),
        sites=_sites(logs, working),
        helpers_held=median(
            min(1.0, sum(thread.held_ns for thread in theirs) / max(log.wall_ns, 1))
            for log, theirs in zip(logs, helpers, strict=True)
        ),
        held_waiting=interval_of([_held_waiting(batch, thread) for batch, thread in zip(batches, mine, strict=True)]),
        native=median(_native(batch, theirs, rest) for batch, theirs in zip(batches, helpers, strict=True)),
    )


def _batch(call: Callable[[], object], n_calls: int, family: Family) -> _Batch:
    children_ns = children_cpu_ns() + family.cpu_ns()
    with Ledger() as one:
        others_ns, own_ns = others_cpu_ns(), time.thread_time_ns()
        for _ in repeat(None, n_calls):
            call()
        own_ns, others_ns = time.thread_time_ns() - own_ns, others_cpu_ns() - others_ns
    children_ns = max(0, children_cpu_ns() + family.cpu_ns() - children_ns)
    return _Batch(one.log, own_ns, max(0, others_ns) + children_ns)


def _more(n_batches: int, used: float) -> bool:
    """Tell whether another batch is due, when this much of the time is used."""
    allowed = 1 if n_batches >= GOOD_BATCHES else PATIENCE
    return n_batches < FEWEST_BATCHES or (n_batches < MOST_BATCHES and used < allowed)


def _sites(logs: Iterable[Log], working: Collection[int]) -> list[dict[str, object]]:
    """Add up where these threads released in all batches, the longest first."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for site in chain.from_iterable(log.sites_of(working) for log in logs):
        new = {"module": site.module, "symbol": site.symbol, "offset": site.offset}
        total = found.setdefault((site.module, site.offset), new | {"count": 0, "computing_ns": 0, "blocked_ns": 0})
        for name in ("count", "computing_ns", "blocked_ns"):
            total[name] += getattr(site, name)
    return sorted(found.values(), key=lambda site: -site["computing_ns"] - site["blocked_ns"])


def _longest_hold_ns(
    logs: Sequence[Log], mine: Sequence[ThreadAccount | None], helpers: Sequence[Sequence[ThreadAccount]], n_calls: int
) -> int:
    """Return the longest hold within a call: calls that never drop the GIL hold it from the first to the last."""
    longest = 0
    for log, thread, theirs in zip(logs, mine, helpers, strict=True):
        whole_ns = log.wall_ns // n_calls
        dropped = thread is not None and thread.drops >= n_calls
        longest = max(longest, thread.longest_hold_ns if thread is not None and dropped else whole_ns)
        longest = max(longest, *(one.longest_hold_ns for one in theirs), 0)
    return longest


def _parts_of(
    batch: _Batch, thread: ThreadAccount | None, helpers: Sequence[ThreadAccount], rest: Rest
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return a batch's shares with as little of others' CPU time as may be the call's, and with as much."""
    least_ns, most_ns = _assigned_ns(batch, helpers, rest)
    return parts_of(thread, helpers, least_ns), parts_of(thread, helpers, most_ns)


def _cpu_ns(thread: ThreadAccount) -> int:
    """Return what an account explains of a thread's CPU time."""
    return thread.held_ns + thread.computing_ns


def _assigned_ns(batch: _Batch, helpers: Sequence[ThreadAccount], rest: Rest) -> tuple[float, float]:
    known_ns = sum(_cpu_ns(helper) for helper in helpers)
    return assigned_ns(batch.others_cpu_ns, known_ns, rest, batch.log.wall_ns)


def _native(batch: _Batch, helpers: Sequence[ThreadAccount], rest: Rest) -> float:
    """Return the share of a batch's time that others computed for the call: at least, for strangers compute too."""
    return min(1.0, _assigned_ns(batch, helpers, rest)[0] / max(1, batch.log.wall_ns))


def _held_waiting(batch: _Batch, thread: ThreadAccount | None) -> float:
    """Return the share of a batch's time in which the GIL was held and no thread of the process was on a CPU."""
    wall_ns = max(1, batch.log.wall_ns)
    held_ns, computing_ns = (thread.held_ns, thread.computing_ns) if thread is not None else (wall_ns, 0)
    idle_ns = max(0, held_ns + computing_ns - batch.own_cpu_ns - batch.others_cpu_ns)
    if thread is not None and thread.run_delay_ns is not None:
        idle_ns -= min(idle_ns, thread.run_delay_ns)
    return min(idle_ns, held_ns) / wall_ns


def between(one: Share, other: Share) -> Share:
    """Return the share that reaches over both."""
    return Share((one.estimate + other.estimate) / 2, min(one.low, other.low), max(one.high, other.high))


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
        theirs_held_ns, theirs_computing_ns = (sum(times[i] for times in theirs) for i in (0, 1))
        free_ns = computing_ns + blocked_ns + min(thread.waited_ns, theirs_held_ns)
        theirs_held_ns = min(theirs_held_ns, free_ns)
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


def interval_of(values: Sequence[float]) -> Share:
    """Return the median with its sign-test interval, or with all there is where the values are too few for one."""
    ordered = sorted(values)
    rank = int(sign_test_rank(len(ordered), COMPUTED_ERROR / 2)) or 1
    return Share(median(ordered), ordered[rank - 1], ordered[-rank])
