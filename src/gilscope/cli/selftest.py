"""`gilscope selftest`: what the intervals are worth, shown."""

import random
import time
from math import isnan

import click
from rich.table import Table

from gilscope import words
from gilscope.cli.at_work import Steps
from gilscope.cli.types import Share
from gilscope.errors import INTERRUPTED
from gilscope.report.terminal import open_console
from gilscope.running.selftest import ControlReading, Summary, controls, summarise


@click.command()
@click.option(
    "-n", "n_controls", type=click.IntRange(min=10), default=200, show_default=True, help="Controls, each way."
)
@click.option("--ci-width", "target", type=Share(), default=0.02, show_default="2%", help="Stop each at this width.")
@click.option("--quiet-only", is_flag=True, help="Leave out the half beside a busy process.")
@click.option("--seed", type=int, help="Of every random choice.")
def command(n_controls: int, target: float, quiet_only: bool, seed: int | None) -> int:
    """Measure ratios whose truth is known, many times, and show how often the intervals hold it.

    Each control is stopped on width and reported exactly as a run does it, first with nothing of ours beside it, then
    beside a process that computes all the while. Coverage of 93 to 97 % is what "95 %" should mean.
    """
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("beside it", "truth", "controls", "coverage", "bias", "worst error", "unresolved", "time to width"):
        table.add_column(name, no_wrap=True)
    is_interrupted, readings, label = False, list[ControlReading](), ""
    for busy in (False,) if quiet_only else (False, True):
        readings.clear()
        label = "a busy process" if busy else "nothing of ours"
        begin = time.monotonic()
        try:
            with Steps(n_controls, "control", f"beside {label}") as steps:
                for pair in controls(n_controls, target, seed, busy=busy):
                    readings.extend(pair)
                    steps.done(time.monotonic() - begin)
        except KeyboardInterrupt:
            is_interrupted = True
        for truth in sorted({reading.truth for reading in readings}):
            table.add_row(label, *cells(summarise(readings, truth)))
        if is_interrupted:
            break
    if is_interrupted and not table.rows:
        click.echo("gilscope: interrupted; no control has ended yet", err=True)
        return INTERRUPTED
    console = open_console()
    console.print(table)
    console.print(
        f"\nA control is resolved at {words.half_width(target)}; seed {seed}. Coverage is that of intervals with two "
        "ends, followed by what so many can tell of it (Wilson 95 %).",
        style="dim",
        soft_wrap=True,
    )
    if is_interrupted:
        ended = words.counted(len(readings) // 2, "control")
        click.echo(f"gilscope: interrupted; {ended} beside {label} had ended by then", err=True)
        return INTERRUPTED
    return 0


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
