"""How one call divides its time: with the GIL, without it and computing, without it and blocked.

A call is more than the thread that makes it: while that waits for a thread or a process of the call's own, what these
do counts, or a pool would look like sleep. `gilscope.accounting.belonging` tells whose they are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from statistics import median

from gilscope.accounting.belonging import Rest
from gilscope.accounting.calls import Batch, call_in_batches, parts_of
from gilscope.accounting.log import SiteAccount, ThreadAccount
from gilscope.fields import Natural, Part
from gilscope.pairing.intervals import COMPUTED_ERROR, sign_test_rank

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
    """A share of time, 0 to 1, with its interval.

    Parameters
    ----------
    estimate : float
        The median of batches of calls.
    low, high : float
        An end of its interval.
    """

    estimate: Part
    low: Part
    high: Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A place in compiled code that drops the GIL.

    Parameters
    ----------
    module : str
        The shared object: in a file, its path from site-packages, <prefix>, <home> or <cwd> on.
    symbol : str
        The function as its author wrote it, or "" where its name is not known.
    offset : int
        Where in the object it drops the GIL, in bytes.
    count : int
        How often, in all calls together.
    computing_ns, blocked_ns : int
        Time without the GIL, on a CPU or without one, in all calls together.
    """

    module: str
    symbol: str
    offset: Natural
    count: Natural
    computing_ns: Natural
    blocked_ns: Natural


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
    sites : list of Site
        Of all calls together; where the calling thread released, and those of the call's own.
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
    sites: list[Site]
    attached: bool = False
    helpers_held: float = 0.0
    held_waiting: Share = Share(0.0, 0.0, 0.0)
    native: float = 0.0


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
    made = call_in_batches(
        call,
        at_least_ns=MIN_BATCH_NS,
        is_enough=lambda n_batches, spent_s: _is_enough(n_batches, spent_s / seconds),
        call_ns=call_ns,
        mark=mark,
    )
    log = made.all[0].log
    parts = [
        _parts_of(batch, thread, theirs, made.rest)
        for batch, thread, theirs in zip(made.all, made.mine, made.helpers, strict=True)
    ]
    least, most = zip(*parts, strict=True)
    held, computing, blocked = (
        between(interval_of(one), interval_of(other))
        for one, other in zip(zip(*least, strict=True), zip(*most, strict=True), strict=True)
    )
    return Shares(
        mechanism=log.mechanism,
        blind_to=list(log.blind_to),
        calls=made.n_calls * len(made.all),
        batches=len(made.all),
        wall_ns=made.wall_ns,
        held=held,
        computing=computing,
        blocked=blocked,
        releases=median(made.releases()) / made.n_calls,
        longest_hold_ns=max(made.longest_holds_ns()),
        sites=[_site(one) for one in made.sites()],
        helpers_held=median(
            held_share * _part_of_helpers(thread, theirs)
            for (held_share, _, _), thread, theirs in zip(least, made.mine, made.helpers, strict=True)
        ),
        held_waiting=interval_of(
            [_held_waiting(batch, thread) for batch, thread in zip(made.all, made.mine, strict=True)]
        ),
        native=median(_native(batch, theirs, made.rest) for batch, theirs in zip(made.all, made.helpers, strict=True)),
    )


def _site(account: SiteAccount) -> Site:
    return Site(**{one.name: getattr(account, one.name) for one in fields(Site)})


def _is_enough(n_batches: int, used: float) -> bool:
    """Tell whether no other batch is due, when this much of the time is used."""
    allowed = 1 if n_batches >= GOOD_BATCHES else PATIENCE
    return n_batches >= FEWEST_BATCHES and (n_batches >= MOST_BATCHES or used >= allowed)


def _parts_of(
    batch: Batch, thread: ThreadAccount | None, helpers: Sequence[ThreadAccount], rest: Rest
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return a batch's shares with as little of others' CPU time as may be the call's, and with as much."""
    least_ns, most_ns = batch.assigned_ns(helpers, rest)
    return parts_of(thread, helpers, least_ns), parts_of(thread, helpers, most_ns)


def _part_of_helpers(thread: ThreadAccount | None, helpers: Sequence[ThreadAccount]) -> float:
    """Return which part of a call's time with the GIL was that of its helpers."""
    theirs_ns = sum(helper.held_ns for helper in helpers)
    return theirs_ns / (theirs_ns + thread.held_ns) if thread is not None and theirs_ns else 0.0


def _native(batch: Batch, helpers: Sequence[ThreadAccount], rest: Rest) -> float:
    """Return the share of a batch's time that others computed for the call: at least, for strangers compute too."""
    return min(1.0, batch.assigned_ns(helpers, rest)[0] / max(1, batch.wall_ns))


def _held_waiting(batch: Batch, thread: ThreadAccount | None) -> float:
    """Return the share of a batch's time in which the GIL was held and no thread of the process was on a CPU."""
    wall_ns = max(1, batch.wall_ns)
    held_ns, computing_ns = (thread.held_ns, thread.computing_ns) if thread is not None else (wall_ns, 0)
    idle_ns = max(0, held_ns + computing_ns - batch.own_cpu_ns - batch.others_cpu_ns)
    if thread is not None and thread.run_delay_ns is not None:
        idle_ns -= min(idle_ns, thread.run_delay_ns)
    return min(idle_ns, held_ns) / wall_ns


def between(one: Share, other: Share) -> Share:
    """Return the share that reaches over both."""
    return Share((one.estimate + other.estimate) / 2, min(one.low, other.low), max(one.high, other.high))


def interval_of(values: Sequence[float]) -> Share:
    """Return the median with its sign-test interval, or with all there is where the values are too few for one."""
    ordered = sorted(values)
    rank = int(sign_test_rank(len(ordered), COMPUTED_ERROR / 2)) or 1
    return Share(median(ordered), ordered[rank - 1], ordered[-rank])
