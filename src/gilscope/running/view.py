"""A result as blocks: the table, how it was measured, and what was found."""

import math

from gilscope import words
from gilscope.pairing.control import SAME, SCALES_FROM, SECOND_CPU, holds
from gilscope.pairing.intervals import Interval
from gilscope.report.blocks import (
    BAD,
    GOOD,
    PARTLY,
    QUIET,
    Answer,
    Block,
    Column,
    Heading,
    Line,
    Sentences,
    Table,
    Tone,
)
from gilscope.running import absences, cautions, verdicts
from gilscope.running.names import SERIAL
from gilscope.running.result import Control, Result, Row

#: On a narrow terminal the widest goes first, of which no verdict is made; the ratio that a verdict rests on goes last.
#: Never left out: what was measured, and what came of it.
COLUMNS = (
    Column("GIL"),
    Column("strategy"),
    Column("verdict", wraps=True),
    Column("of ceiling", drop=5),
    Column("here and now", drop=3),
    Column("median", align="right", drop=4),
    Column("CPU", align="right", drop=2),
    Column("vs plain Python", drop=1),
)
_VERDICT = 2
_TONES: dict[str, Tone] = {
    verdicts.SCALES: GOOD,
    verdicts.GIL_BOUND: BAD,
    verdicts.PARTLY: PARTLY,
    verdicts.CEILING: QUIET,
    verdicts.REFERENCE: QUIET,
}

ONE_CPU_NOTE = "* one CPU wide: compared with serial"


def blocks(result: Result) -> tuple[Block, ...]:
    """Return a result as blocks; the answer stands last, where a terminal's reader looks first."""
    return (
        Heading(heading(result)),
        Table(COLUMNS, lines(result), toned=_VERDICT),
        Sentences(footer(result), QUIET),
        *cautions.of_run(result),
        Answer(" ".join(result.findings)),
    )


def lines(result: Result) -> tuple[Line, ...]:
    """Return the table, line by line."""
    drawn = []
    before = None
    for row in result.rows:
        if row.unavailable is not None:
            continue  # the footer says it once for all of them
        key = (row.arm.kernel, row.arm.implementation, row.arm.n_workers)
        group = f"{row.arm.kernel} {row.arm.implementation}" if key != before else None
        drawn.append(Line(_cells(row, result.plan.target), _TONES.get(row.verdict, ""), group))
        before = key
    return tuple(drawn)


def footer(result: Result) -> tuple[str, ...]:
    """Return the lines below the table: how it was measured."""
    plan, interference, control = result.plan, result.interference, result.control
    n_launches = len({round_.launch for round_ in result.rounds})
    below = [ONE_CPU_NOTE] if any(row.beside_serial for row in result.rows) else []
    absent = {row.arm.id: row.unavailable for row in result.rows if row.unavailable is not None}
    below += absences.lines([row.arm for row in result.rows], absent)
    if control is not None and control.same is not None:
        below.append(control_line(control))
    below.append(
        f"{words.counted(n_launches, 'launch', 'launches')}, {words.counted(result.n_rounds, 'round')} in "
        f"{words.took(result.duration_s)} ({result.stop_reason}); steal "
        f"{words.percent(interference.steal)}, run delay {words.percent(interference.run_delay)}"
        + (f", throttled {words.counted(interference.throttled, 'time')}" if interference.throttled else "")
        + f"; seed {plan.seed}"
    )
    return tuple(below)


def control_line(control: Control) -> str:
    """Say what the control read of ratios that are known, and whether each reading holds the truth."""
    known = [(control.same, 1.0), (control.heavier, control.heavier_truth)]
    read = [
        (words.ratio(one, borders=() if one and holds(one, true) else (true,)), true, _reading(one, true))
        for one, true in known
    ]
    if len({word for _, _, word in read}) == 1:
        told = f"{' and '.join(f'{figures} for {true:g}' for figures, true, _ in read)} {read[0][2]}"
    else:
        told = ", ".join(f"{figures} for {true:g} {word}" for figures, true, word in read)
    if control.second_cpu is None:
        return f"control {told}"
    gain = words.ratio(control.second_cpu, borders=(SECOND_CPU,))
    return f"control {told}; without memory, processes are {gain} times as fast as one here and now"


def _reading(interval: Interval | None, truth: float) -> str:
    if interval is None or math.isinf(interval.half_width) or math.isnan(interval.half_width):
        return "not read: too few rounds"
    return "read right" if holds(interval, truth) else "read WRONG"


def heading(result: Result) -> str:
    """Return the first line: what was measured, on what."""
    plan, version = result.plan, _fact(result, "python", "version")
    names = ", ".join(dict.fromkeys(row.arm.kernel for row in result.rows))
    gil = "GIL on" if result.gil_enabled else "GIL off"
    return f"{result.tool} - CPython {version}, {gil} - {_widths(result)} - {names} - {plan.dtype}, {_sizes(result)}"


def _widths(result: Result) -> str:
    """Return how many CPUs were used of how many; with more workers than CPUs, how many workers there were."""
    widths = list(dict.fromkeys(row.arm.n_workers for row in result.rows))
    count = _fact(result, "cpu", "usable", "count")
    cpus = f"{count} {'CPU' if count == 1 else 'CPUs'}"
    told = ", ".join(map(str, widths))
    return (
        f"{told} workers on {cpus}"
        if isinstance(count, int) and max(widths, default=0) > count
        else f"{told} of {cpus}"
    )


def _sizes(result: Result) -> str:
    """Return what a call works on: chunks that stay in cache, or arrays."""
    sizes: dict[tuple[str, int], list[str]] = {}
    for group in result.plan.groups:
        arm = group.arms[0]
        n_items = result.work[group.id].n_items if group.id in result.work else group.n_items
        sizes.setdefault((arm.form, n_items), []).append(arm.implementation)
    many = len(sizes) > 1
    return "; ".join(
        ("rounds over " if form == "compute" else "arrays of ")
        + words.counted(n_items, "item")
        + (f" ({', '.join(dict.fromkeys(names))})" if many else "")
        for (form, n_items), names in sizes.items()
    )


def _fact(result: Result, *path: str) -> object:
    """Return one of the machine's facts, or "?" where the result does not have it."""
    value: object = result.machine
    for name in path:
        value = value.get(name, "?") if isinstance(value, dict) else "?"
    return value


def compared(row: Row, target: float) -> str:
    """Return a row's ratio of equal width in words: ``"of ceiling 0.99 [0.98, 1.00]"``, or "" where it has none."""
    if row.equal_width is None:
        return ""
    partner = "serial" if row.beside_serial else "ceiling"
    return f"of {partner} {words.ratio(row.equal_width, borders=_borders(row, target))}"


def _borders(row: Row, target: float) -> tuple[float, ...]:
    """Return where an arm's verdict changes."""
    if row.arm.n_workers == 1:
        margin = max(SAME, target)
        return 1 - margin, 1 + margin
    if row.beside_serial:
        return 1 + SAME, verdicts.ONE_CPU_WIDE
    return (SCALES_FROM,)


def _cells(row: Row, target: float) -> tuple[str, ...]:
    mark = "*" if row.beside_serial else ""
    return (
        row.arm.gil,
        words.strategy(row.arm.strategy, row.arm.n_workers),
        row.verdict,
        words.ratio(row.equal_width, mark, _borders(row, target)) if row.verdict != verdicts.CEILING else "1",
        _here_and_now(row),
        words.duration(row.wall_ns),
        words.duration(row.cpu_ns),
        words.ratio(row.versus_python),
    )


def _here_and_now(row: Row) -> str:
    if row.here_and_now:
        return words.ratio(row.here_and_now, borders=(SECOND_CPU,))
    return "1" if row.arm.strategy == SERIAL else words.NONE
