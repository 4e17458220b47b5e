"""An account of the GIL as tables: one line for each thread and for each place that released, longest first."""

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from gilscope.accounting.demangling import shown
from gilscope.words import NONE, count, counted, duration, percent, percentages

# As many lines as a screen has; the rest is in the JSON, and the table says how many those are.
_MOST_LINES = 40
# A pipe has no width; this one holds both tables without wrapping.
_PIPE_WIDTH = 180

_THREAD_COLUMNS = (
    "thread",
    "held",
    "waited",
    "computing",
    "blocked or queued",
    "takes",
    "forced",
    "longest hold",
    "run delay",
)
_SITE_COLUMNS = ("released by", "place", "count", "computing", "blocked or queued", "mean", "longest")


def open_console() -> Console:
    """Return a console on standard error, for standard output is the program's."""
    console = Console(stderr=True, highlight=False)
    return console if console.is_terminal else Console(stderr=True, highlight=False, width=_PIPE_WIDTH)


def render(log: Mapping[str, Any], console: Console) -> None:
    """Draw a log, as its JSON has it, on a console."""
    kind = _KINDS.get(log["mechanism"].partition(" ")[0], _render_ledger)
    kind(log, console)
    blind = ", ".join(log["blind_to"]) or "nothing known"
    console.print(
        f"Mechanism: {log['mechanism']}. It cannot see: {blind}. It costs {log['cost']}.", style="dim", markup=False
    )


def text(log: Mapping[str, Any]) -> str:
    """Return a log as text."""
    stream = io.StringIO()
    render(log, Console(file=stream, width=_PIPE_WIDTH, highlight=False, color_system=None))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def dumps(log: Mapping[str, Any]) -> str:
    """Return a log as JSON text, ending in a newline."""
    return json.dumps(log) + "\n"


def _render_ledger(log: Mapping[str, Any], console: Console) -> None:
    console.print(
        f"GIL: {duration(log['wall_ns'])} of wall time, {counted(len(log['threads']), 'thread')}", style="bold"
    )
    _print(console, _THREAD_COLUMNS, 1, [thread_cells(thread) for thread in log["threads"]])
    if log["sites"]:
        console.print()
        _print(console, _SITE_COLUMNS, 2, [site_cells(site) for site in log["sites"]])
    console.print()
    if log["events"] or log["n_lost_events"]:
        console.print(
            f"Timeline: {counted(len(log['events']), 'event')}, {count(log['n_lost_events'])} lost.", style="dim"
        )
    says = "Shares are of the thread's own time. Computing, and blocked or queued for a CPU: without the GIL; waited "
    says += "includes being queued too"
    if any(thread["run_delay_ns"] is not None for thread in log["threads"]):
        says += ", and run delay says how much of both that can be"
    console.print(f"{says}.", style="dim")


def _render_samples(log: Mapping[str, Any], console: Console) -> None:
    """Say what samples saw: with a GIL who held it, and without one who was attached."""
    is_gil, wall_ns = log["free"] is not None, log["wall_ns"]
    held = [thread["held"] or 0.0 for thread in log["threads"]] if is_gil else []
    # Each look saw one holder or none: parts of one whole, or nearly so where threads ended that nobody could name.
    free, *shares = percentages([log["free"], *held]) if is_gil and abs(sum(held, log["free"]) - 1) < 0.01 else [""]
    if is_gil:
        told = f"GIL: free for {free or percent(log['free'], 0)} of {duration(wall_ns)} of wall time"
    else:
        parallel = sum(log["at_once"][2:])
        told = f"No GIL: two threads or more attached for {percent(parallel, 0)} of {duration(wall_ns)}"
    console.print(told, style="bold")
    columns = ("thread", "held" if is_gil else "attached", "blocked on locks", "times", "CPU time", "run delay")
    shares = shares or [""] * len(log["threads"])
    lines = [sampled_cells(thread, wall_ns, share) for thread, share in zip(log["threads"], shares, strict=True)]
    _print(console, columns, 1, lines)
    console.print()
    console.print(
        f"Shares are of the wall time, from {counted(log['n_looks'], 'look')}. Locks are Python's own"
        f"{'' if is_gil else ', those inside of its objects too'}; waiting for work in a queue is waiting for one.",
        style="dim",
    )


def _render_witness(log: Mapping[str, Any], console: Console) -> None:
    free, low, high = (percent(log[name]) for name in ("free", "free_low", "free_high"))
    console.print(
        f"GIL: free for {free} [{low}, {high}] of {duration(log['wall_ns'])} of wall time",
        style="bold",
        markup=False,
    )


#: By the first word of a log's mechanism; all others are the ledger's.
_KINDS = {"sampler": _render_samples, "witness": _render_witness}


def sampled_cells(thread: Mapping[str, Any], wall_ns: int, share: str = "") -> tuple[str, ...]:
    """Return one sampled thread's line, a dash for what nobody knows; `share` is the first share where it is known."""
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
    place = f"{shown(site['symbol'])} {site['offset']:#x}".lstrip()
    file = site["module"].rpartition("/")[2] or "?"
    return file, place, count(site["count"]), *_parts(times_ns), duration(mean_ns), duration(longest_ns)


def _parts(times_ns: Sequence[int]) -> tuple[str, ...]:
    """Return the times that a whole consists of, each with its share."""
    shares = percentages(times_ns) if sum(times_ns) else ["- %"] * len(times_ns)
    return tuple(f"{duration(ns)} {share:>5}" for ns, share in zip(times_ns, shares, strict=True))


def _share(part: float, whole: float) -> str:
    return percent(part / whole, 0) if whole else "- %"


def _print(console: Console, columns: Iterable[str], n_texts: int, lines: Sequence[tuple[str, ...]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i < n_texts else "right", overflow="fold")
    for line in lines[:_MOST_LINES]:
        table.add_row(*line)
    console.print(table, markup=False)
    if len(lines) > _MOST_LINES:
        console.print(f"and {count(len(lines) - _MOST_LINES)} more", style="dim")
