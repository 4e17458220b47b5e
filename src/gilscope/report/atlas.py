"""The rows of an atlas on a terminal and as Markdown, from plain data alone."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gilscope.report.terminal import open_console, print_whole
from gilscope.words import count, counted, decimal, duration, percent, workers

Row = Mapping[str, Any]

_WAYS = ("threads", "processes")
_HEADINGS = ("call", "class", "released", "longest hold", "releases", "each")
_STYLES = {
    "releases": "green",
    "waits": "green",
    "native, GIL held": "red",
    "Python bytecode": "red",
    "mixed": "yellow",
}
#: The class of a call whose modules are missing; and how many such calls are named before they are counted.
_ABSENT, _MOST_NAMES = "not installed", 5
LEGEND = (
    "released: share of the time without the GIL. longest hold: the longest time that a call keeps it; bytecode drops "
    "it on request. releases: per call, and how long each is. threads, processes: speed-up here and now (predicted)."
)


def columns(rows: Sequence[Row]) -> list[str]:
    """Return the headings of the table, with the number of workers that its rows were measured with."""
    return [*_HEADINGS, *(_width(rows, way) for way in _WAYS), "pays"]


def _width(rows: Sequence[Row], way: str) -> str:
    widths = {row[way]["n_workers"] for row in rows if row[way]}
    return workers(widths.pop(), way) if len(widths) == 1 else f"n {way}"


def cells(row: Row) -> list[str]:
    """Return a row's cells; of a call without figures, a reason and no figures."""
    if row["failure"]:
        return [row["name"], failure(row), *[""] * 7]
    each = duration(row["mean_release_ns"]) if row["releases"] else "-"
    ways = [speed_up(row, way) for way in _WAYS]
    longest_hold = duration(row["longest_hold_ns"])
    return [row["name"], row["class"], released(row), longest_hold, count(row["releases"]), each, *ways, row["pays"]]


def failure(row: Row) -> str:
    """Return why there are no figures, in one line."""
    text = " ".join(row["failure"].split())
    return text if text.startswith(row["class"]) else f"{row['class']}: {text}"


def released(row: Row) -> str:
    """Return the released share in per cent, with its interval where that is wide."""
    share = row["released"]
    wide = share["high"] - share["low"] > 0.1
    return percent(share["estimate"], 0) + (f" [{100 * share['low']:.0f}, {100 * share['high']:.0f}]" if wide else "")


def speed_up(row: Row, way: str) -> str:
    """Return what a way gives, measured and predicted: ``"1.83 (1.60-2.00)"``; "?" where nothing could be measured."""
    one = row[way]
    low, high = decimal(one["predicted"]["low"]), decimal(one["predicted"]["high"])
    measured = "?" if _unmeasured(row, way) else decimal(one["speed_up"]["estimate"])
    return f"{measured} ({low})" if low == high else f"{measured} ({low}-{high})"


def footer(rows: Sequence[Row]) -> list[str]:
    """Return what stands below a table: how many of each class, and what its figures cannot say."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["class"]] = counts.get(row["class"], 0) + 1
    below = (
        [f"{counted(len(rows), 'call')}: " + "; ".join(f"{count(n)} {kind}" for kind, n in counts.items())]
        if rows
        else ["no calls"]
    )
    return below + _questions(rows) + _absences(rows) + mechanisms(rows)


def _unmeasured(row: Row, way: str) -> str:
    """Return why no speed-up is shown of a way, or ""."""
    if row[way]["speed_up"] is None or row[way]["speed_up"]["estimate"] is None:
        return f"not measured: {row[way]['absent'] or 'too few rounds'}"
    if row["second_cpu"] is None:
        return "it could not be told whether this machine gave a second CPU"
    return "" if row["second_cpu"] else "this machine gave no second CPU"


def _questions(rows: Sequence[Row]) -> list[str]:
    """Return what the question marks of the table mean, a line for each reason."""
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        for way in _WAYS if not row["failure"] else ():
            if why := _unmeasured(row, way):
                found.setdefault(why, {})[row["name"]] = None
    return [f"?: {why} ({_named(list(names))}), so that only predictions are left" for why, names in found.items()]


def _present(rows: Sequence[Row]) -> list[Row]:
    """Return the rows without those of calls that are not here: the footer names them, a line for each reason."""
    return [row for row in rows if row["class"] != _ABSENT]


def _absences(rows: Sequence[Row]) -> list[str]:
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["class"] == _ABSENT:
            found.setdefault(failure(row), []).append(row["name"])
    return [f"{why} ({_named(names)})" for why, names in found.items()]


def _named(names: Sequence[str]) -> str:
    """Name a few calls, and count many; a name may have a comma in it."""
    return "; ".join(names) if len(names) <= _MOST_NAMES else counted(len(names), "call")


def mechanisms(rows: Sequence[Row]) -> list[str]:
    """Return for each mechanism that figures rest on what it cannot see and costs, and how many rows are its own."""
    found: dict[tuple[str, str, str], int] = {}
    for row in rows:
        if row["mechanism"]:
            of_it = row["mechanism"], ", ".join(row["blind_to"]) or "nothing known", row["cost"]
            found[of_it] = found.get(of_it, 0) + 1
    return [
        f"{count(n)} measured by {name}; it does not see {blind}; it costs {cost}"
        for (name, blind, cost), n in found.items()
    ]


def heading(data: Mapping[str, Any]) -> str:
    """Return the first line: what was measured, where."""
    return f"{data['title']} - {origin(data)}"


def origin(data: Mapping[str, Any]) -> str:
    """Return what it was measured with, and on how many CPUs."""
    pythons = dict.fromkeys(row["python"] for row in data["rows"])
    return " - ".join([data["tool"], *pythons, counted(data["machine"]["usable_cpus"], "CPU")])


def text(data: Mapping[str, Any]) -> str:
    """Return all of a document's rows as text."""
    stream = io.StringIO()
    render(data, data["rows"], Console(file=stream, width=160, highlight=False, color_system=None))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def markdown(data: Mapping[str, Any], rows: Sequence[Row] | None = None) -> str:
    """Return rows as a Markdown table, ending in a newline.

    Parameters
    ----------
    data : mapping
        As in the file.
    rows : sequence of mapping, optional
        Those of its rows that are to be shown, in this order; all by default.
    """
    rows = data["rows"] if rows is None else rows
    headings = columns(rows)
    lines = [f"**{_escaped(heading(data))}**", "", _line(headings), _line(["---"] * len(headings))]
    lines += [_line([_escaped(cell) for cell in cells(row)]) for row in _present(rows)]
    return "\n".join([*lines, "", *(f"{_escaped(text)}  " for text in footer(rows)), LEGEND]) + "\n"


def render(data: Mapping[str, Any], rows: Sequence[Row], console: Console | None = None) -> None:
    """Draw rows as a table on a console; without one, on standard output."""
    console = console or open_console()
    console.print(heading(data), style="bold", markup=False, soft_wrap=True)
    drawn = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in columns(rows):
        drawn.add_column(name, no_wrap=name not in {"call", "class"}, overflow="fold")
    group = None
    for row in _present(rows):
        if row["group"] != group:
            group = row["group"]
            drawn.add_row()
            drawn.add_row(Text(group, style="dim"))
        name, kind, *rest = cells(row)
        drawn.add_row(Text(name), Text(kind, style=_STYLES.get(row["class"], "dim")), *map(Text, rest))
    print_whole(console, drawn)
    console.print()
    for text in (*footer(rows), LEGEND):
        console.print(text, style="dim", markup=False)


def _line(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in "\\|*_`<>[]" else c for c in text)
