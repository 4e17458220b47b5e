"""The article's exercise: measure the difference between threads and processes, against using neither.

Fresh threads and fresh processes are started and joined in every run, as in the article, so what that costs is part of
the answer. bench/article.py runs this; it passes its programs in, so that the processes import them and nothing else.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from math import exp, log
from multiprocessing import resource_tracker
from pathlib import Path

import click
from pairs import (
    Estimate,
    Rounds,
    as_json,
    between,
    check_files,
    console,
    duration,
    fill,
    gil_enabled,
    interrupt_held,
    ratio_text,
    surroundings,
    write_json,
)
from rich.console import Console
from rich.table import Table

from gilscope.results import Interval

WAYS = ("threads", "processes")

#: A run of neither is made this long at most; from there down by halves, for processes begin to pay somewhere there.
FILL_SECONDS, N_HALVES = 0.5, 5
MS = 1e6

RunExercise = Callable[[str, int], None]
Programs = tuple[Callable[[], dict[str, int | None]], RunExercise]


@dataclass(frozen=True, slots=True)
class Way:
    """How one way compares with plain sequence at one N: difference is way - sequence, ratio sequence / way."""

    time: Estimate
    difference: Estimate
    ratio: Interval

    @property
    def verdict(self) -> str:
        """Whether it is faster than plain sequence, as far as the interval tells."""
        if self.ratio.low > 1:
            return "pays"
        return "costs" if self.ratio.high < 1 else "cannot tell"


@dataclass(frozen=True, slots=True)
class Row:
    """What was found for one N."""

    n_numbers: int
    sequence: Estimate
    ways: dict[str, Way]


@dataclass(frozen=True, slots=True)
class Crossing:
    """From where on a way pays: at `first` and every N beyond it, and not yet at `below` (None: at the smallest N).

    `estimate` is where the median ratio passes 1, on a line between two measured N.
    """

    below: int | None
    first: int
    estimate: float


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
    halves = [_two_figures(most / 2**k) for k in range(N_HALVES)]
    tens = [10**k for k in range(len(str(most))) if 10**k < halves[-1] / 2]
    return sorted({1, *tens, *halves})


def _two_figures(value: float) -> int:
    return max(1, int(float(f"{value:.1e}")))


def measure(rounds: dict[int, Rounds], seconds: float) -> bool:
    """Take rounds of every N in turns until the time is up; return whether Ctrl-C ended it."""
    rounds[min(rounds)].take(keep=False)
    return fill(list(rounds.values()), seconds)


def estimate(rounds: dict[int, Rounds]) -> list[Row]:
    """Turn the rounds into times, differences and ratios, for every N that has any."""

    def way(some: Rounds, name: str) -> Way:
        # Threads under a GIL use one CPU, as plain sequence does; two processes use two, if the machine gives them.
        equal_width = name == "threads" and gil_enabled()
        ratio = some.ratio("sequence", name, equal_width=equal_width)
        return Way(some.median(name), some.difference("sequence", name), ratio)

    return [
        Row(n_numbers, some.median("sequence"), {name: way(some, name) for name in WAYS})
        for n_numbers, some in rounds.items()
        if some.ns["sequence"]
    ]


def crossing(rows: Sequence[Row], way: str) -> Crossing | None:
    """Find the N from which a way pays, at that N and at all beyond; None where it does not pay at the largest."""
    verdicts = [row.ways[way].verdict for row in rows]
    n_paying = next((i for i, verdict in enumerate(reversed(verdicts)) if verdict != "pays"), len(rows))
    if n_paying == 0:
        return None
    first = len(rows) - n_paying
    costing = [i for i in range(first) if verdicts[i] == "costs"]
    below = rows[costing[-1]].n_numbers if costing else None
    return Crossing(below, rows[first].n_numbers, _passes_one(rows, way, first))


def _passes_one(rows: Sequence[Row], way: str, first: int) -> float:
    """Return where the line through the logs of the median ratios last comes up through 1, at or before `first`."""
    points = [(log(row.n_numbers), log(row.ways[way].ratio.estimate)) for row in rows[: first + 1]]
    for (x0, y0), (x1, y1) in reversed(list(pairwise(points))):
        if y0 <= 0 < y1:
            return exp(x0 - y0 * (x1 - x0) / (y1 - y0))
    return rows[first].n_numbers


def finding(rows: Sequence[Row], way: str) -> str:
    """Say in a sentence from which N a way begins to pay."""
    at = crossing(rows, way)
    most = rows[-1]
    if at is None:
        reach = f"within {duration(most.sequence.value)} of plain sequence, {most.n_numbers:,} numbers"
        if most.ways[way].verdict == "cannot tell":
            return f"{way.capitalize()} begin to pay: cannot tell, not shown {reach}."
        how = "never, as far as measured:" if way == "threads" else "not here and now:"
        return f"{way.capitalize()} begin to pay: {how} not {reach}."
    work = next(row.sequence.value for row in rows if row.n_numbers == at.first)
    if at.below is None:
        bracket = f"at {at.first:,} numbers already"
    else:
        bracket = f"from about {_two_figures(at.estimate):,} numbers on (they cost at {at.below:,}, pay at {at.first:,}"
        bracket += f", which is {duration(work)} in plain sequence)"
    return f"{way.capitalize()} begin to pay {bracket}, here and now."


def table(rows: Sequence[Row]) -> Table:
    """Lay the rows out: for every N plain sequence, and below each other the two ways."""
    found = Table(title="The exercise: threads and processes against plain sequence", title_justify="left")
    for header in ("numbers", "sequence", "way", "median", "difference, ms", "sequence / way", "verdict"):
        found.add_column(header, justify="left" if header in ("way", "verdict") else "right")
    for row in rows:
        for i, (name, way) in enumerate(row.ways.items()):
            first = ("", "") if i else (f"{row.n_numbers:,}", duration(row.sequence.value))
            figures = (duration(way.time.value), between(way.difference, MS, sign=True), ratio_text(way.ratio))
            found.add_row(*first, name, *figures, way.verdict, end_section=name == WAYS[-1])
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
            "rounds_ns": rounds[row.n_numbers].ns,
        }
        for row in rows
    ]
    crossings = {way: at and asdict(at) for way in WAYS if rows for at in [crossing(rows, way)]}
    return {**surroundings(seed), "interrupted": interrupted, "exercise": exercise, "begins_to_pay": crossings}


def report(out: Console, rows: Sequence[Row], rounds: dict[int, Rounds]) -> list[str]:
    """Print the table and what it says."""
    n_rounds = [len(some.ns["sequence"]) for some in rounds.values()]
    out.print(table(rows))
    out.print(
        f"{min(n_rounds)} or more rounds for each N, in Williams order. In brackets 95 % intervals, ? where too few\n"
        "rounds leave them open. Above 1 a way is faster than plain sequence. Processes use two CPUs where\n"
        "sequence uses one, so their ratio holds here and now.\n"
    )
    findings = [finding(rows, way) for way in WAYS]
    for sentence in findings:
        out.print(sentence, soft_wrap=True)
    return findings


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
        out.print(f"Measuring for {max_time:g} s, from 1 to {max(rounds):,} numbers, seed {seed}.\n")
        interrupted = measure(rounds, max_time)
    except KeyboardInterrupt:
        interrupted = True
    rows = estimate(rounds)
    findings = report(out, rows, rounds) if rows else []
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
