"""`gilscope selftest`: what the intervals are worth, shown."""

import json
import random
import time
from dataclasses import asdict, dataclass
from math import isnan

import click

from gilscope import words
from gilscope.cli import options, voice
from gilscope.cli.at_work import Steps
from gilscope.cli.command import Command
from gilscope.cli.outputs import Outputs
from gilscope.cli.types import Share
from gilscope.documents.typed import plain
from gilscope.errors import DONE, INTERRUPTED
from gilscope.report.blocks import QUIET, Block, Column, Line, Sentences, Table
from gilscope.running.selftest import ControlReading, Summary, controls, summarise

_EXAMPLES = (
    ("selftest", "Read 200 controls each way; this takes many minutes."),
    ("selftest -n 20 --quiet-only", "Read a few, with nothing of gilscope's beside them."),
)

_COLUMNS = (
    Column("truth"),
    Column("controls", drop=4),
    Column("coverage"),
    Column("bias", drop=3),
    Column("worst error", drop=2),
    Column("unresolved", drop=5),
    Column("time to width", drop=1),
)


@dataclass(frozen=True, slots=True)
class Found:
    """What the controls read.

    Parameters
    ----------
    target : float
        Where each was stopped.
    seed : int
    rows : list of (str, Summary)
        What was beside them, and what those of one truth read.
    """

    target: float
    seed: int
    rows: list[tuple[str, Summary]]


@click.command(cls=Command, examples=_EXAMPLES)
@click.option(
    "-n", "n_controls", type=click.IntRange(min=10), default=200, show_default=True, help="How many controls, each way."
)
@click.option("--ci-width", "target", type=Share(), default=0.02, show_default="2%", help="Stop each at this width.")
@click.option("--quiet-only", is_flag=True, help="Leave out the half beside a busy process.")
@options.seed()
@options.outputs("selftest")
@options.voices
def command(n_controls: int, target: float, quiet_only: bool, seed: int | None, outputs: Outputs) -> int:
    """Measure ratios whose truth is known, many times, and show how often the intervals hold it.

    Each control is stopped on width and reported exactly as a run does it. The first half has nothing of gilscope's
    beside it, the second half a process that computes all the time. Coverage of 93 to 97 % is what "95 %" should mean.
    """
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    found = Found(target, seed, [])
    is_interrupted, readings, label = False, list[ControlReading](), ""
    for busy in (False,) if quiet_only else (False, True):
        readings.clear()
        label = "a busy process" if busy else "nothing of ours"
        begin = time.monotonic()
        try:
            with Steps(n_controls, "control", f"beside {label}") as steps:
                for pair in controls(n_controls, target, seed, busy=busy):
                    readings.extend(pair)
                    for reading in pair:
                        voice.detail(f"{words.number(reading.truth)}: {words.ratio(reading.interval)}")
                    steps.done(time.monotonic() - begin)
        except KeyboardInterrupt:
            is_interrupted = True
        for truth in sorted({reading.truth for reading in readings}):
            found.rows.append((label, summarise(readings, truth)))
        if is_interrupted:
            break
    if is_interrupted and not found.rows:
        click.echo("gilscope: interrupted; no control has ended yet", err=True)
        return INTERRUPTED
    outputs.show(found)
    outputs.save(found)
    if is_interrupted:
        ended = words.counted(len(readings) // 2, "control")
        click.echo(f"gilscope: interrupted; {ended} beside {label} had ended by then", err=True)
    return outputs.conclude(INTERRUPTED if is_interrupted else DONE)


def dumps(found: Found) -> str:
    """Return what was found as JSON text, ending in a newline."""
    rows = [{"beside": label, **asdict(summary)} for label, summary in found.rows]
    data = {"target": found.target, "seed": found.seed, "rows": rows}
    return json.dumps(plain(data), indent=2, allow_nan=False) + "\n"


def blocks(found: Found) -> tuple[Block, ...]:
    """Return what was found as blocks."""
    told = (
        f"A control is resolved at {words.half_width(found.target)}; seed {found.seed}. Coverage is that of "
        "intervals with two ends, followed by what so many can tell of it (Wilson 95 %)."
    )
    before = ["", *(label for label, _ in found.rows)]
    lines = tuple(
        Line(cells(summary), group=f"beside {label}" if label != last else None)
        for last, (label, summary) in zip(before, found.rows, strict=False)
    )
    return Table(_COLUMNS, lines), Sentences((told,), QUIET)


def cells(summary: Summary) -> tuple[str, ...]:
    """Return one line of the table."""
    coverage, low, high = map(words.percent, (summary.coverage, summary.coverage_low, summary.coverage_high))
    bias = f"{100 * summary.bias:+.2f} %"
    return (
        words.number(summary.truth),
        words.count(summary.n),
        coverage if isnan(summary.coverage) else f"{coverage} [{low}, {high}]",
        "0.00 %" if bias in ("+0.00 %", "-0.00 %") else bias,
        words.percent(summary.worst),
        words.percent(summary.unresolved, 0),
        words.seconds(summary.median_s),
    )
