"""The article's exercise: measure the difference between threads and processes, against using neither.

Fresh threads and fresh processes are started and joined in every run, as in the article, so what that costs is part of
the answer. bench/article.py runs this; it passes its programs in, so that the processes import them and nothing else.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from multiprocessing import resource_tracker
from pathlib import Path

import click
from crossing import WAYS, Row, crossing, estimate, finding, two_figures
from pairs import (
    Rounds,
    as_json,
    check_files,
    console,
    fill,
    interrupt_held,
    span,
    surroundings,
    write_json,
)
from rich.console import Console
from rich.progress import Progress, TextColumn
from rich.table import Table

from gilscope.cli.time_left import TimeLeft
from gilscope.pairing.intervals import fewest_pairs
from gilscope.words import count, counted, duration, ratio
from gilscope.words import seconds as in_seconds

#: A run of neither is made this long at most; from there down by halves, for processes begin to pay somewhere there.
FILL_SECONDS, N_HALVES = 0.5, 5

RunExercise = Callable[[str, int], None]
Programs = tuple[Callable[[], dict[str, int | None]], RunExercise]


def sample(run: RunExercise, way: str, n_numbers: int) -> float:
    """Return how many ns one run takes, from before anything is started to after everything is joined."""
    if way != "processes":
        run(way, 1)  # takes the after-effects of the way before; a new process brings nothing along that it could warm
    begin_ns = time.perf_counter_ns()
    run(way, n_numbers)
    return time.perf_counter_ns() - begin_ns


def numbers_to_fill(run: RunExercise, seconds: float) -> int:
    """Find how many numbers plain sequence does in that time."""
    n_numbers = 1
    while (ns := sample(run, "sequence", n_numbers)) < seconds * 1e9 / 8:
        n_numbers *= 2
    return max(1, round(n_numbers * seconds * 1e9 / min(ns, sample(run, "sequence", n_numbers))))


def sizes(most: int) -> list[int]:
    """Return the N to measure: 1, 10, 100, ..., and by halves near the most."""
    halves = [two_figures(most / 2**k) for k in range(N_HALVES)]
    tens = [10**k for k in range(len(str(most))) if 10**k < halves[-1] / 2]
    return sorted({1, *tens, *halves})


def measure(rounds: dict[int, Rounds], seconds: float) -> bool:
    """Take rounds of every N in turns until the time is up; return whether Ctrl-C ended it."""
    rounds[min(rounds)].take(keep=False)
    with progress() as between:
        return fill(list(rounds.values()), seconds, between)


@contextmanager
def progress() -> Iterator[Callable[[float, int], None]]:
    """Show on a terminal how long it still takes, between rounds alone: while one runs nothing may disturb it."""
    screen = Console(stderr=True, highlight=False)
    left = TimeLeft()
    column = TextColumn("{task.description}")
    with Progress(column, console=screen, transient=True, auto_refresh=False, disable=not screen.is_terminal) as bar:
        task = bar.add_task("measuring")

        def between(left_s: float, n_rounds: int) -> None:
            left.guess(left_s)
            text = f"{counted(n_rounds, 'round')} of each N, {left}".removesuffix(", ")
            bar.update(task, description=text, refresh=True)

        yield between


def table(rows: Sequence[Row]) -> Table:
    """Lay the rows out: for every N plain sequence, and below each other the two ways."""
    found = Table(title="The exercise: threads and processes against plain sequence", title_justify="left")
    for header in ("numbers", "sequence", "way", "median", "difference", "sequence / way", "verdict"):
        found.add_column(header, justify="left" if header in ("way", "verdict") else "right")
    for row in rows:
        for i, (name, way) in enumerate(row.ways.items()):
            first = ("", "") if i else (count(row.n_numbers), duration(row.sequence.value))
            figures = (duration(way.time.value), span(way.difference, sign=True), ratio(way.ratio, borders=[1]))
            found.add_row(*first, name, *figures, way.told, end_section=name == WAYS[-1])
    return found


def document(rows: Sequence[Row], rounds: dict[int, Rounds], seed: int, *, interrupted: bool) -> dict[str, object]:
    """Return the exercise as plain data, with every round."""
    exercise = [
        {
            "n_numbers": row.n_numbers,
            "sequence_ns": as_json(row.sequence),
            "ways": {
                name: {
                    "median_ns": as_json(way.time),
                    "difference_ns": as_json(way.difference),
                    "ratio": as_json(way.ratio),
                    "verdict": way.verdict,
                }
                for name, way in row.ways.items()
            },
            "rounds_ns": rounds[row.n_numbers].times,
        }
        for row in rows
    ]
    crossings = {way: at and asdict(at) for way in WAYS if rows for at in [crossing(rows, way)]}
    return {**surroundings(seed), "interrupted": interrupted, "exercise": exercise, "begins_to_pay": crossings}


def report(out: Console, rows: Sequence[Row], rounds: dict[int, Rounds], seconds: float) -> list[str]:
    """Print the table and what it says; `seconds` were given to measure it."""
    n_fewest = min(len(rounds[row.n_numbers].times["sequence"]) for row in rows)
    out.print(table(rows))
    out.print(
        f"{counted(n_fewest, 'round')} or more for each N, in Williams order. In brackets 95 % intervals, ? where too\n"
        "few independent rounds leave them open; those of differences and ratios hold together. Above 1 a way is\n"
        "faster than plain sequence. Processes use two CPUs where sequence uses one, so their ratio holds here and now."
    )
    if told := too_few(rows, n_fewest, seconds):
        out.print(told)
    out.print()
    findings = [finding(rows, way) for way in WAYS]
    for sentence in findings:
        out.print(sentence, soft_wrap=True)
    return findings


def too_few(rows: Sequence[Row], n_fewest: int, seconds: float) -> str:
    """Say how many rounds it takes where there are too few for intervals that hold together, or nothing."""
    need = fewest_pairs(len(WAYS) * len(rows))
    if n_fewest >= need:
        return ""
    longer = f"--max-time {seconds * need / n_fewest * 1.1:.0f}" if seconds else "a longer --max-time"
    return f"? Too few rounds for an interval: it takes {need}; {longer} may tell."


@click.command()
@click.option("--max-time", default=60.0, show_default=True, type=click.FloatRange(min=0), help="Seconds to measure.")
@click.option(
    "--fill",
    "fill_seconds",
    default=FILL_SECONDS,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds of plain sequence at the largest N.",
)
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="Draw it: .png or .svg.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write all figures here.")
@click.option("--seed", type=int, help="Seed of the orders; drawn and printed where not given.")
@click.pass_context
def main(
    context: click.Context,
    max_time: float,
    fill_seconds: float,
    picture: Path | None,
    json_file: Path | None,
    seed: int | None,
) -> None:
    """Run the article's two programs, then its exercise: threads and processes against using neither."""
    if picture is not None and picture.suffix not in (".png", ".svg"):
        raise click.UsageError(f"the picture's kind is that of its ending, .png or .svg; got {picture}")
    check_files(json_file, picture)
    programs: Programs = context.obj
    run_programs, run = programs
    out = console()
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    resource_tracker.ensure_running()  # a helper that serves every spawn and would lengthen the first one only
    with interrupt_held():
        results = run_programs()
    rng = random.Random(seed)
    rounds: dict[int, Rounds] = {}
    try:
        for n in sizes(numbers_to_fill(run, fill_seconds)):
            rounds[n] = Rounds({way: partial(sample, run, way, n) for way in ("sequence", *WAYS)}, rng)
        out.print(f"Measuring for {in_seconds(max_time)}, from 1 to {counted(max(rounds), 'number')}, seed {seed}.\n")
        interrupted = measure(rounds, max_time)
    except KeyboardInterrupt:
        interrupted = True
    rows = estimate(rounds)
    findings = report(out, rows, rounds, max_time) if rows else []
    if json_file is not None:
        data = {"programs": results, **document(rows, rounds, seed, interrupted=interrupted), "findings": findings}
        write_json(json_file, data)
    if picture is not None and rows:
        _draw(out, rows, picture)
    if interrupted:
        out.print(
            "Interrupted: this is what was measured until then." if rows else "Interrupted before the first round."
        )
        context.exit(130)


def _draw(out: Console, rows: Sequence[Row], file: Path) -> None:
    try:
        from crossing_picture import draw
    except ImportError as error:
        out.print(f"No picture: {error.name} is missing; get it with  pip install 'gilscope[report]'", markup=False)
        return
    draw(rows, {way: crossing(rows, way) for way in WAYS}, file)
    out.print(f"Picture: {file}", soft_wrap=True)
