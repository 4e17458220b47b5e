"""How one call divides its time: with the GIL, without it and computing, without it and blocked.

A call is more than the thread that makes it: while that waits for a thread or a process of the call's own, what these
do counts, or a pool of Python threads would look like sleep.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from statistics import median
from typing import Any

from gilscope.accounting.kernel import children_cpu_ns
from gilscope.accounting.ledger import Ledger
from gilscope.accounting.log import Log, ThreadAccount
from gilscope.inference import COMPUTED_ERROR, sign_test_rank

#: A batch of calls lasts at least so long, so that opening and closing the ledger, some 20 us, is little of it.
MIN_BATCH_NS = 3_000_000
#: Batches for any answer; for an interval that one disturbed batch does not decide, which are waited for up to
#: `PATIENCE` times as long as asked; and as many as make it narrow.
FEWEST_BATCHES, GOOD_BATCHES, MOST_BATCHES = 3, 9, 60
PATIENCE = 2


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
        As `gilscope.accounting.log.SiteAccount`, of all calls together.
    attached : bool
        Whether "held" stands for attached, where no GIL is in force and threads share no lock for that.
    helpers_held : float
        The part of "held", as a share of all time, in which threads of the call's own had the GIL and not the calling
        one; 0 where nobody can tell them apart.
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


def measure_shares(call: Callable[[], object], call_ns: int, seconds: float) -> Shares:
    """Call again and again with the ledger on, for about so many seconds.

    Parameters
    ----------
    call : callable
    call_ns : int
        About how long one call takes; a first call may be wrong about it, for it may fill a cache.
    seconds : float

    Raises
    ------
    CannotRunError
        Where there is no ledger; there `gilscope.probing.sampled.measure_sampled` serves.
    """
    n_calls = max(1, round(MIN_BATCH_NS / max(call_ns, 1)))
    logs: list[Log] = []
    children_ns: list[int] = []
    native_id, begin = threading.get_native_id(), time.monotonic()
    with Ledger():  # the hooks stay in place from batch to batch
        while _more(len(logs), (time.monotonic() - begin) / seconds):
            before_ns = children_cpu_ns()
            with Ledger() as one:
                for _ in repeat(None, n_calls):
                    call()
            if 2 * one.log.wall_ns < MIN_BATCH_NS:
                n_calls = max(2 * n_calls, round(n_calls * MIN_BATCH_NS / max(one.log.wall_ns, 1)))
                logs.clear()
                children_ns.clear()
            else:
                logs.append(one.log)
                children_ns.append(children_cpu_ns() - before_ns)
    mine = [log.thread(native_id) for log in logs]
    helpers = [[thread for thread in log.threads if thread.native_id != native_id] for log in logs]
    held, computing, blocked = zip(*map(parts_of, mine, helpers, children_ns), strict=True)
    drops = [sum(thread.drops for thread in log.threads) for log in logs]
    return Shares(
        mechanism=logs[0].mechanism,
        blind_to=list(logs[0].blind_to),
        calls=n_calls * len(logs),
        batches=len(logs),
        wall_ns=median(log.wall_ns for log in logs) / n_calls,
        held=interval_of(held),
        computing=interval_of(computing),
        blocked=interval_of(blocked),
        releases=median(drops) / n_calls,
        longest_hold_ns=_longest_hold_ns(logs, native_id, n_calls),
        sites=_sites(logs),
        helpers_held=median(
            min(1.0, sum(thread.held_ns for thread in threads) / max(log.wall_ns, 1))
            for log, threads in zip(logs, helpers, strict=True)
        ),
    )


def _more(n_batches: int, used: float) -> bool:
    """Tell whether another batch is due, when this much of the time is used."""
    allowed = 1 if n_batches >= GOOD_BATCHES else PATIENCE
    return n_batches < FEWEST_BATCHES or (n_batches < MOST_BATCHES and used < allowed)


def _sites(logs: Iterable[Log]) -> list[dict[str, object]]:
    """Add up the sites of all batches, the longest first."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for site in chain.from_iterable(log.sites for log in logs):
        new = {"module": site.module, "symbol": site.symbol, "offset": site.offset}
        total = found.setdefault((site.module, site.offset), new | {"count": 0, "computing_ns": 0, "blocked_ns": 0})
        for name in ("count", "computing_ns", "blocked_ns"):
            total[name] += getattr(site, name)
    return sorted(found.values(), key=lambda site: -site["computing_ns"] - site["blocked_ns"])


def _longest_hold_ns(logs: Sequence[Log], native_id: int, n_calls: int) -> int:
    """Return the longest hold within a call: calls that never drop the GIL hold it from the first to the last."""
    longest = 0
    for log in logs:
        thread = log.thread(native_id)
        whole_ns = log.wall_ns // n_calls
        dropped = thread is not None and thread.drops >= n_calls
        longest = max(longest, thread.longest_hold_ns if thread is not None and dropped else whole_ns)
        longest = max(longest, *(one.longest_hold_ns for one in log.threads if one.native_id != native_id), 0)
    return longest


def parts_of(
    thread: ThreadAccount | None, helpers: Sequence[ThreadAccount] = (), children_ns: float = 0.0
) -> tuple[float, float, float]:
    """Return which shares of its time a call held the GIL, computed without it, and was blocked without it.

    Parameters
    ----------
    thread : ThreadAccount or None
        The calling one; None if it never met the GIL, and so held it all the while.
    helpers : sequence of ThreadAccount
        The others that met the GIL meanwhile. What they do while the calling thread is without the GIL is the call's.
    children_ns : float
        CPU time of processes that the call has started and waited for.

    Notes
    -----
    Time in which a thread was only queued for a CPU is left out, for it says how busy the machine was: the share of it
    among all time off the CPU is taken to be the same with the GIL and without.
    """
    if thread is None:
        return 1.0, 0.0, 0.0
    held_ns, computing_ns, blocked_ns = _own_ns(thread)
    if helpers or children_ns:
        theirs = [_own_ns(helper) for helper in helpers]
        theirs_held_ns, theirs_computing_ns = (sum(times[i] for times in theirs) for i in (0, 1))
        free_ns = computing_ns + blocked_ns + min(thread.waited_ns, theirs_held_ns)
        theirs_held_ns = min(theirs_held_ns, free_ns)
        computing_ns = min(computing_ns + theirs_computing_ns + children_ns, free_ns - theirs_held_ns)
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
