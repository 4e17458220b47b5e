"""An atlas as blocks: a line for each call, what its question marks mean, and how many there are of each class."""

from collections.abc import Callable, Sequence
from math import isnan

from gilscope.atlas.result import FAILED, NOT_INSTALLED, AtlasResult, Row, Way
from gilscope.probing import classes
from gilscope.probing.shares import Share
from gilscope.report.blocks import (
    BAD,
    GOOD,
    PARTLY,
    QUIET,
    Answer,
    Block,
    Column,
    Fact,
    Facts,
    Heading,
    Line,
    Sentences,
    Table,
    Tone,
)
from gilscope.words import count, counted, decimal, duration, percent, workers

_TONES: dict[str, Tone] = {
    classes.RELEASES: GOOD,
    classes.WAITS: GOOD,
    classes.ATTACHED: GOOD,
    classes.PARALLEL: GOOD,
    classes.MIXED: PARTLY,
    classes.NATIVE: BAD,
    classes.BYTECODE: BAD,
    FAILED: BAD,
}
_CLASS = 1
#: So many calls are named before they are counted.
_MOST_NAMES = 5
LEGEND = (
    "released: share of the time without the GIL. longest hold: the longest time that a call keeps it; bytecode drops "
    "it on request. releases: per call, and how long each is. threads, processes: speed-up here and now (predicted)."
)


def blocks(result: AtlasResult) -> tuple[Block, ...]:
    """Return an atlas as blocks; the sum of it stands last, where a terminal's reader looks first."""
    return (
        Heading(heading(result)),
        Table(columns(result.rows), lines(result.rows), toned=_CLASS),
        Sentences((*footer(result.rows), LEGEND), QUIET),
        Answer(sum_of(result.rows)),
    )


def heading(result: AtlasResult) -> str:
    """Return the first line: what was measured, with what, and on how many CPUs."""
    pythons = dict.fromkeys(row.python for row in result.rows)
    return " - ".join([result.title, result.tool, *pythons, counted(result.machine.usable_cpus, "CPU")])


def columns(rows: Sequence[Row]) -> tuple[Column, ...]:
    """Return the columns of the table; two have the number of workers that their rows were measured with.

    On a narrow terminal the figures go first that the class and what pays are drawn from, the finest of them before the
    others. Never left out: the call, its class, and what pays.
    """
    return (
        Column("call", wraps=True),
        Column("class", wraps=True),
        Column("released", drop=6),
        Column("longest hold", drop=3),
        Column("releases", drop=2),
        Column("each", drop=1),
        Column(_width([row.threads for row in rows], "threads"), drop=5),
        Column(_width([row.processes for row in rows], "processes"), drop=4),
        Column("pays"),
    )


def lines(rows: Sequence[Row]) -> tuple[Line, ...]:
    """Return a line for each call but for those that are not here, which the footer names."""
    drawn, before = [], None
    for row in rows:
        if row.class_ != NOT_INSTALLED:
            group = row.group if row.group != before else None
            drawn.append(Line(cells(row), _TONES.get(row.class_, QUIET), group, about(row)))
            before = row.group
    return tuple(drawn)


def cells(row: Row) -> tuple[str, ...]:
    """Return a row's cells; of a call without figures, its class alone."""
    if row.failure or row.released is None or row.threads is None or row.processes is None:
        return row.name, row.class_, *[""] * 7
    return (
        row.name,
        row.class_,
        released(row.released),
        duration(row.longest_hold_ns),
        count(row.releases),
        duration(row.mean_release_ns if row.releases else None),
        speed_up(row.threads, second_cpu=row.second_cpu),
        speed_up(row.processes, second_cpu=row.second_cpu),
        row.pays,
    )


def about(row: Row) -> Facts:
    """Return what a page unfolds of a call: its advice, what else was noticed, and its code."""
    said = [("failure", row.failure), ("advice", row.advice), *(("note", note) for note in row.notes)]
    code = [("setup", row.setup), ("statement", row.statement)]
    return Facts(
        (
            *(Fact(label, text) for label, text in said if text),
            *(Fact(label, "", tuple(text.strip().splitlines())) for label, text in code if text.strip()),
        )
    )


def released(share: Share) -> str:
    """Return the released share in per cent, with its interval where that is wide."""
    is_wide = share.high - share.low > 0.1
    ends = f" [{100 * share.low:.0f}, {100 * share.high:.0f}]" if is_wide else ""
    return percent(share.estimate, 0) + ends


def speed_up(way: Way, *, second_cpu: bool | None) -> str:
    """Return what a way gives, measured and predicted: ``"1.83 (1.60-2.00)"``; "?" where nothing could be measured."""
    low, high = decimal(way.predicted.low), decimal(way.predicted.high)
    measured = "?" if way.speed_up is None or unmeasured(way, second_cpu=second_cpu) else decimal(way.speed_up.estimate)
    return f"{measured} ({low})" if low == high else f"{measured} ({low}-{high})"


def unmeasured(way: Way, *, second_cpu: bool | None) -> str:
    """Return why no speed-up is shown of a way, or ""."""
    if way.speed_up is None or isnan(way.speed_up.estimate):
        return f"not measured: {way.absent or 'too few rounds'}"
    if second_cpu is None:
        return "it could not be told whether this machine gave a second CPU"
    return "" if second_cpu else "this machine gave no second CPU"


def failure(row: Row) -> str:
    """Return why there are no figures, in one line."""
    text = " ".join(row.failure.split())
    return text if text.startswith(row.class_) else f"{row.class_}: {text}"


def sum_of(rows: Sequence[Row]) -> str:
    """Return how many calls there are of each class."""
    if not rows:
        return "no calls"
    n_of: dict[str, int] = {}
    for row in rows:
        n_of[row.class_] = n_of.get(row.class_, 0) + 1
    return f"{counted(len(rows), 'call')}: " + "; ".join(f"{count(n)} {kind}" for kind, n in n_of.items())


def footer(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return what stands below a table: what is missing in it and why, and what its figures cannot say."""
    questions = _by_reason(rows, _questions)
    failures = _by_reason(rows, lambda row: [failure(row)] if row.failure else [])
    return (
        *(f"?: {why} ({_named(names)}), so that only predictions are left" for why, names in questions.items()),
        *(f"{why} ({_named(names)})" for why, names in failures.items()),
        *_mechanisms(rows),
    )


def _questions(row: Row) -> list[str]:
    """Return what each question mark of a row means."""
    ways = () if row.failure else (row.threads, row.processes)
    return [why for way in ways if way is not None and (why := unmeasured(way, second_cpu=row.second_cpu))]


def _by_reason(rows: Sequence[Row], reasons: Callable[[Row], list[str]]) -> dict[str, list[str]]:
    """Return the names of the calls that each reason is true of."""
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        for why in reasons(row):
            found.setdefault(why, {})[row.name] = None
    return {why: list(names) for why, names in found.items()}


def _named(names: Sequence[str]) -> str:
    """Name a few calls, and count many; a name may have a comma in it."""
    return "; ".join(names) if len(names) <= _MOST_NAMES else counted(len(names), "call")


def _mechanisms(rows: Sequence[Row]) -> list[str]:
    """Return for each mechanism that figures rest on what it cannot see and costs, and how many rows are its own."""
    found: dict[tuple[str, str, str], int] = {}
    for row in rows:
        if row.mechanism:
            of_it = row.mechanism, ", ".join(row.blind_to) or "nothing known", row.cost
            found[of_it] = found.get(of_it, 0) + 1
    return [
        f"{count(n)} measured by {name}; it does not see {blind}; it costs {cost}"
        for (name, blind, cost), n in found.items()
    ]


def _width(ways: Sequence[Way | None], name: str) -> str:
    widths = {way.n_workers for way in ways if way is not None}
    return workers(widths.pop(), name) if len(widths) == 1 else f"n {name}"
