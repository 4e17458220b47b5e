"""An account of the GIL as tables: one line for each thread and for each place that released, longest first."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from gilscope.accounting.demangling import shown
from gilscope.words import count, counted, duration, percent

# As many lines as a screen has; the rest is in the JSON, and the table says how many those are.
_MOST_LINES = 40
# A pipe has no width; this one holds both tables without wrapping.
_PIPE_WIDTH = 180

_THREAD_COLUMNS = (
    "thread",
    "held",
    "waited",
    "computing",
    "blocked",
    "takes",
    "forced",
    "longest hold",
    "run delay",
)
_SITE_COLUMNS = ("released by", "place", "count", "computing", "blocked", "mean", "longest")


def open_console() -> Console:
    """Return a console on standard error, for standard output is the program's."""
    console = Console(stderr=True, highlight=False)
    return console if console.is_terminal else Console(stderr=True, highlight=False, width=_PIPE_WIDTH)


def render(log: Mapping[str, Any], console: Console) -> None:
    """Draw a log, as its JSON has it, on a console."""
    kind = _KINDS.get(log["mechanism"].partition(" ")[0], _render_ledger)
    kind(log, console)
    blind = ", ".join(log["blind_to"])
    console.print(
        f"Mechanism: {log['mechanism']}. It cannot see: {blind}. It costs {log['cost']}.", style="dim", markup=False
    )


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
    console.print(
        "Shares are of the thread's own time. Computing and blocked: without the GIL; blocked includes being queued "
        "for a CPU, as waited does, and run delay says how much of both that can be.",
        style="dim",
    )


def _render_samples(log: Mapping[str, Any], console: Console) -> None:
    """Say what samples saw: with a GIL who held it, and without one who was attached."""
    is_gil, wall_ns = log["free"] is not None, log["wall_ns"]
    if is_gil:
        told = f"GIL: free for {percent(log['free'], 0)} of {duration(wall_ns)} of wall time"
    else:
        parallel = sum(log["at_once"][2:])
        told = f"No GIL: two threads or more attached for {percent(parallel, 0)} of {duration(wall_ns)}"
    console.print(told, style="bold")
    columns = ("thread", "held" if is_gil else "attached", "blocked on locks", "times", "CPU time", "run delay")
    _print(console, columns, 1, [sampled_cells(thread, wall_ns) for thread in log["threads"]])
    console.print()
    console.print(
        f"Shares are of the wall time, from {counted(log['n_looks'], 'look')}. Locks are Python's own"
        f"{'' if is_gil else ', those inside of its objects too'}; waiting for work in a queue is waiting for one.",
        style="dim",
    )


def _render_witness(log: Mapping[str, Any], console: Console) -> None:
    low, high = (100 * log[name] for name in ("free_low", "free_high"))
    console.print(
        f"GIL: free for {percent(log['free'], 0)} [{low:.0f}, {high:.0f}] of {duration(log['wall_ns'])} of wall time",
        style="bold",
    )


#: By the first word of a log's mechanism; all others are the ledger's.
_KINDS = {"sampler": _render_samples, "witness": _render_witness}


def sampled_cells(thread: Mapping[str, Any], wall_ns: int) -> tuple[str, ...]:
    """Return one sampled thread's line; a dash for what nobody knows."""
    shared_ns = thread["attached_ns"] if thread["held_ns"] is None else thread["held_ns"]
    times = (
        "-" if ns is None else f"{duration(ns)} {_share(ns, wall_ns)}" for ns in (shared_ns, thread["lock_waited_ns"])
    )
    return (
        thread["name"],
        *times,
        count(thread["lock_waits"]),
        duration(thread["cpu_ns"]),
        duration(thread["run_delay_ns"]),
    )


def thread_cells(thread: Mapping[str, Any]) -> tuple[str, ...]:
    """Return one thread's line: times with their shares, counts, and the two extremes."""
    parts = ("held_ns", "waited_ns", "computing_ns", "blocked_ns")
    span_ns = sum(thread[part] for part in parts)
    times = (f"{duration(thread[part])} {_share(thread[part], span_ns)}" for part in parts)
    counts = (count(thread["takes"]), count(thread["forced_switches"]))
    return thread["name"], *times, *counts, duration(thread["longest_hold_ns"]), duration(thread["run_delay_ns"])


def site_cells(site: Mapping[str, Any]) -> tuple[str, ...]:
    """Return one place's line: its file, its function where that has a name, how often and how long it released."""
    released_ns = site["computing_ns"] + site["blocked_ns"]
    times = (f"{duration(site[part])} {_share(site[part], released_ns)}" for part in ("computing_ns", "blocked_ns"))
    mean_ns = released_ns / site["count"] if site["count"] else None
    place = f"{shown(site['symbol'])} {site['offset']:#x}".lstrip()
    file = site["module"].rpartition("/")[2] or "?"
    return file, place, count(site["count"]), *times, duration(mean_ns), duration(site["longest_release_ns"])


def _share(part: float, whole: float) -> str:
    return f"{percent(part / whole, 0) if whole else '- %':>5}"


def _print(console: Console, columns: Iterable[str], n_texts: int, lines: Sequence[tuple[str, ...]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i < n_texts else "right", overflow="fold")
    for line in lines[:_MOST_LINES]:
        table.add_row(*line)
    console.print(table, markup=False)
    if len(lines) > _MOST_LINES:
        console.print(f"and {count(len(lines) - _MOST_LINES)} more", style="dim")
