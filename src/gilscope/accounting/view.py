"""An account of the GIL as blocks: a line for each thread and for each place that released it, longest first."""

from collections.abc import Mapping, Sequence
from typing import Any

from gilscope.accounting.sites import file_of, place_of
from gilscope.documents.typed import plain
from gilscope.errors import Unavailable
from gilscope.report.blocks import QUIET, Block, Column, Heading, Line, Sentences, Table
from gilscope.words import NONE, count, counted, duration, percent, percentages

#: As many lines as a screen has; a file has the rest, and the table says how many those are.
MOST_LINES = 40


#: On a narrow terminal, what a thread did with the GIL stays longest.
_THREADS = (
    Column("thread", wraps=True),
    Column("held", "right", drop=8),
    Column("waited", "right", drop=7),
    Column("computing", "right", drop=5),
    Column("blocked or queued", "right", drop=4),
    Column("takes", "right", drop=2),
    Column("forced", "right", drop=3),
    Column("longest hold", "right", drop=6),
    Column("run delay", "right", drop=1),
)
_SITES = (
    Column("released by", wraps=True),
    Column("place", wraps=True),
    Column("count", "right", drop=5),
    Column("computing", "right", drop=4),
    Column("blocked or queued", "right", drop=3),
    Column("mean", "right", drop=1),
    Column("longest", "right", drop=2),
)
_SAMPLED = (
    Column("blocked on locks", "right", drop=4),
    Column("times", "right", drop=2),
    Column("CPU time", "right", drop=3),
    Column("run delay", "right", drop=1),
)


def of_account(account: Any) -> tuple[Block, ...]:
    """Return what `gilscope ledger` shows of a log, or of what keeps one.

    Parameters
    ----------
    account : Ledger, Sampler, Witness, Log, SampledLog or WitnessLog
    """
    try:
        log = getattr(account, "log", account)
    except RuntimeError as error:  # it has not begun
        return (Sentences((str(error),)),)
    if isinstance(log, Unavailable):
        return (Sentences((f"no account: {log.reason}",)),)
    return blocks(plain(log))


def blocks(log: Mapping[str, Any]) -> tuple[Block, ...]:
    """Return a log, as its file has it, as blocks; what it rests on stands last."""
    blind = ", ".join(log["blind_to"]) or "nothing known"
    how = f"Mechanism: {log['mechanism']}. It cannot see: {blind}. It costs {log['cost']}."
    return *_KINDS.get(kind_of(log), _of_ledger)(log), Sentences((how,), QUIET)


def kind_of(log: Mapping[str, Any]) -> str:
    """Return what kept a log: ``"ledger"``, ``"sampler"`` or ``"witness"``, the first word of its mechanism."""
    return str(log["mechanism"]).partition(" ")[0]


def _of_ledger(log: Mapping[str, Any]) -> list[Block]:
    threads, sites = log["threads"], log["sites"]
    made: list[Block] = [
        Heading(f"GIL: {duration(log['wall_ns'])} of wall time, {counted(len(threads), 'thread')}"),
        _table(_THREADS, [thread_cells(thread) for thread in threads]),
    ]
    if sites:
        made.append(_table(_SITES, [site_cells(site) for site in sites]))
    below = []
    if log["events"] or log["n_lost_events"]:
        below.append(f"Timeline: {counted(len(log['events']), 'event')}, {count(log['n_lost_events'])} lost.")
    says = "Shares are of the thread's own time. Computing, and blocked or queued for a CPU: without the GIL; waited "
    says += "includes being queued too"
    if any(thread["run_delay_ns"] is not None for thread in threads):
        says += ", and run delay says how much of both that can be"
    return [*made, Sentences((*below, f"{says}."), QUIET)]


def _of_samples(log: Mapping[str, Any]) -> list[Block]:
    """Say what samples saw: with a GIL who held it, and without one who was attached."""
    is_gil, wall_ns = log["free"] is not None, log["wall_ns"]
    held = [thread["held"] or 0.0 for thread in log["threads"]] if is_gil else []
    # Each look saw one holder or none: parts of one whole, or nearly so where threads ended that had no name yet.
    free, *shares = percentages([log["free"], *held]) if is_gil and abs(sum(held, log["free"]) - 1) < 0.01 else [""]
    if is_gil:
        told = f"GIL: free for {free or percent(log['free'], 0)} of {duration(wall_ns)} of wall time"
    else:
        parallel = sum(log["at_once"][2:])
        told = f"No GIL: two threads or more attached for {percent(parallel, 0)} of {duration(wall_ns)}"
    shares = shares or [""] * len(log["threads"])
    lines = [sampled_cells(thread, wall_ns, share) for thread, share in zip(log["threads"], shares, strict=True)]
    columns = (Column("thread", wraps=True), Column("held" if is_gil else "attached", "right"), *_SAMPLED)
    says = (
        f"Shares are of the wall time, from {counted(log['n_looks'], 'look')}. Locks are Python's own"
        f"{'' if is_gil else ', those inside of its objects too'}; waiting for work in a queue is waiting for one."
    )
    return [Heading(told), _table(columns, lines), Sentences((says,), QUIET)]


def _of_witness(log: Mapping[str, Any]) -> list[Block]:
    free, low, high = (percent(log[name]) for name in ("free", "free_low", "free_high"))
    return [Heading(f"GIL: free for {free} [{low}, {high}] of {duration(log['wall_ns'])} of wall time")]


_KINDS = {"ledger": _of_ledger, "sampler": _of_samples, "witness": _of_witness}


def sampled_cells(thread: Mapping[str, Any], wall_ns: int, share: str = "") -> tuple[str, ...]:
    """Return one sampled thread's line, a dash where nothing is known; `share` is the first share where it is known."""
    shared_ns = thread["attached_ns"] if thread["held_ns"] is None else thread["held_ns"]
    blocked_ns = thread["lock_waited_ns"]
    return (
        thread["name"],
        NONE if shared_ns is None else f"{duration(shared_ns)} {share or _share(shared_ns, wall_ns):>5}",
        NONE if blocked_ns is None else f"{duration(blocked_ns)} {_share(blocked_ns, wall_ns):>5}",
        count(thread["lock_waits"]),
        duration(thread["cpu_ns"]),
        duration(thread["run_delay_ns"]),
    )


def thread_cells(thread: Mapping[str, Any]) -> tuple[str, ...]:
    """Return one thread's line: times with their shares, counts, and the two extremes."""
    times_ns = [thread[part] for part in ("held_ns", "waited_ns", "computing_ns", "blocked_ns")]
    counts = (count(thread["takes"]), count(thread["forced_switches"]))
    longest_ns = min(thread["longest_hold_ns"], thread["held_ns"])  # of one that began before the log, what is in it
    return thread["name"], *_parts(times_ns), *counts, duration(longest_ns), duration(thread["run_delay_ns"])


def site_cells(site: Mapping[str, Any]) -> tuple[str, ...]:
    """Return one place's line: its file, its function where that has a name, how often and how long it released."""
    times_ns = [site["computing_ns"], site["blocked_ns"]]
    released_ns, longest_ns = sum(times_ns), min(site["longest_release_ns"], sum(times_ns))
    mean_ns = released_ns / site["count"] if site["count"] else None
    if mean_ns is not None and mean_ns > longest_ns:
        mean_ns = None  # the sum has one in it that has not ended, and the count has not
    place = (
        f"{place_of(site['symbol'], site['offset'])} {site['offset']:#x}" if site["symbol"] else f"{site['offset']:#x}"
    )
    return (
        file_of(site["module"]),
        place,
        count(site["count"]),
        *_parts(times_ns),
        duration(mean_ns),
        duration(longest_ns),
    )


def _parts(times_ns: Sequence[int]) -> tuple[str, ...]:
    """Return the times that a whole consists of, each with its share."""
    shares = percentages(times_ns) if sum(times_ns) else ["- %"] * len(times_ns)
    return tuple(f"{duration(ns)} {share:>5}" for ns, share in zip(times_ns, shares, strict=True))


def _share(part: float, whole: float) -> str:
    return percent(part / whole, 0) if whole else "- %"


def _table(columns: tuple[Column, ...], lines: Sequence[tuple[str, ...]]) -> Table:
    return Table(columns, tuple(map(Line, lines)), most_lines=MOST_LINES)
