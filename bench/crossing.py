"""Where a way begins to pay: from rounds of several N to rows, to the N from which one beats plain sequence."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log

from pairs import Estimate, Rounds, duration, gil_enabled

from gilscope.results import Interval

WAYS = ("threads", "processes")


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
        bracket = f"from about {two_figures(at.estimate):,} numbers on (they cost at {at.below:,}, pay at {at.first:,}"
        bracket += f", which is {duration(work)} in plain sequence)"
    return f"{way.capitalize()} begin to pay {bracket}, here and now."


def two_figures(value: float) -> int:
    """Return a count rounded to two figures, and at least 1."""
    return max(1, int(float(f"{value:.1e}")))
