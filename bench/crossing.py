"""Where a way begins to pay: from rounds of several N to rows, to the N from which one beats plain sequence.

The headline rests on every row of the table, so the intervals of all rows hold together at 95 % (Bonferroni, as in
`gilscope run`): with 22 intervals at 95 % each, one row in two tables would say that threads pay for plain Python.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, isfinite, isinf, log
from statistics import median

from pairs import Estimate, Rounds

from gilscope.pairing.intervals import Interval
from gilscope.system.gil import gil_enabled
from gilscope.words import count, counted, duration, ratio

WAYS = ("threads", "processes")
PAYS, COSTS, CANNOT_TELL = "pays", "costs", "cannot tell"
#: Before there are enough rounds for an interval, a way is plainly faster or slower if the median round says so by this
#: many times, and every round by the second: what disturbs a sample makes it some times longer, but not every round's.
#: A judgement, as is how many rounds that takes.
PLAIN, IN_EVERY_ROUND, PLAIN_ROUNDS = 10.0, 2.0, 3


@dataclass(frozen=True, slots=True)
class Way:
    """How one way compares with plain sequence at one N: difference is way - sequence, ratio sequence / way.

    `plain` is 1 where the rounds say without an interval that the way is faster, -1 where slower, else 0.
    """

    time: Estimate
    difference: Estimate
    ratio: Interval
    plain: int = 0

    @property
    def verdict(self) -> str:
        """Whether it is faster than plain sequence, as far as the interval tells."""
        # Both intervals are of the same rounds; rounds too alike for one of them may leave the other its ends.
        is_open = isinf(self.ratio.half_width)
        if self.ratio.low > 1 or (is_open and self.difference.high < 0):
            return PAYS
        if self.ratio.high < 1 or (is_open and self.difference.low > 0):
            return COSTS
        return (CANNOT_TELL, PAYS, COSTS)[self.plain] if is_open else CANNOT_TELL

    @property
    def told(self) -> str:
        """The verdict, with what it rests on where that is no interval."""
        told = isfinite(self.ratio.half_width) or self.difference.low > 0 or self.difference.high < 0
        plainly = "" if told or self.verdict == CANNOT_TELL else f", {IN_EVERY_ROUND:g} times or more in every round"
        return f"{self.verdict}{plainly}"


@dataclass(frozen=True, slots=True)
class Row:
    """What was found for one N."""

    n_numbers: int
    sequence: Estimate
    ways: dict[str, Way]


@dataclass(frozen=True, slots=True)
class Crossing:
    """From where on a way pays: at `first` and every N beyond it, and costs at `below` (None: it costs at none below).

    `estimate` is where the median ratio passes 1, on a line between two measured N; it lies between these two.
    """

    below: int | None
    first: int
    estimate: float


def estimate(rounds: dict[int, Rounds]) -> list[Row]:
    """Turn the rounds into times, differences and ratios, for every N that has any."""
    measured = {n_numbers: some for n_numbers, some in rounds.items() if some.times["sequence"]}
    n_ratios = max(1, len(WAYS) * len(measured))

    def way(some: Rounds, name: str) -> Way:
        # Threads under a GIL use one CPU, as plain sequence does; two processes use two, if the machine gives them.
        equal_width = name == "threads" and gil_enabled()
        ratio = some.ratio("sequence", name, n_ratios, equal_width=equal_width)
        plain = _plain(some.log_ratios("sequence", name))
        return Way(some.median(name), some.difference("sequence", name, n_ratios), ratio, plain)

    return [
        Row(n_numbers, some.median("sequence"), {name: way(some, name) for name in WAYS})
        for n_numbers, some in measured.items()
    ]


def _plain(log_ratios: Sequence[float]) -> int:
    if len(log_ratios) < PLAIN_ROUNDS or abs(median(log_ratios)) < log(PLAIN):
        return 0
    return 1 if min(log_ratios) > log(IN_EVERY_ROUND) else -1 if max(log_ratios) < -log(IN_EVERY_ROUND) else 0


def crossing(rows: Sequence[Row], way: str) -> Crossing | None:
    """Find the N from which a way pays, at that N and at all beyond; None where it does not pay at the largest."""
    verdicts = [row.ways[way].verdict for row in rows]
    n_paying = next((i for i, verdict in enumerate(reversed(verdicts)) if verdict != PAYS), len(rows))
    if n_paying == 0:
        return None
    first = len(rows) - n_paying
    costing = [i for i in range(first) if verdicts[i] == COSTS]
    below = rows[costing[-1]].n_numbers if costing else None
    passes = min(max(_passes_one(rows, way, first), below or rows[0].n_numbers), rows[first].n_numbers)
    return Crossing(below, rows[first].n_numbers, passes)


def _passes_one(rows: Sequence[Row], way: str, first: int) -> float:
    """Return where the line through the logs of the median ratios last comes up through 1, at or before `first`."""
    points = [(log(row.n_numbers), log(row.ways[way].ratio.estimate)) for row in rows[: first + 1]]
    for (x0, y0), (x1, y1) in reversed(list(pairwise(points))):
        if y0 <= 0 < y1:
            return exp(x0 - y0 * (x1 - x0) / (y1 - y0))
    return rows[first].n_numbers


def finding(rows: Sequence[Row], way: str) -> str:
    """Say in a sentence from which N a way begins to pay; whatever a row says against it is said with it."""
    at = crossing(rows, way)
    begin = f"{way.capitalize()} begin to pay:"
    if at is None:
        return f"{begin} {_not_shown(rows, way)}."
    if at.below is not None:
        about = min(max(two_figures(at.estimate), at.below), at.first)
        work = next(row.sequence.value for row in rows if row.n_numbers == at.first)
        bracket = f"from about {count(about)} numbers on (they cost at {count(at.below)}, pay at {count(at.first)}"
        bracket += f", which is {duration(work)} in plain sequence)"
    elif at.first == rows[0].n_numbers:
        bracket = f"at {counted(at.first, 'number')} already"
    else:
        bracket = f"at {counted(at.first, 'number')} at the latest, below which it cannot be told"
    earlier = [row.n_numbers for row in rows if row.n_numbers < (at.below or 0) and row.ways[way].verdict == PAYS]
    also = f"; they pay at {_numbers(earlier)} too" if earlier else ""
    return f"{begin} {bracket}{also}, here and now."


def _not_shown(rows: Sequence[Row], way: str) -> str:
    """Say of a way that does not pay at the largest N what is known instead."""
    most, its = rows[-1], rows[-1].ways[way]
    numbers, work = counted(most.n_numbers, "number"), duration(most.sequence.value)
    reach = f"within {work} of plain sequence, {numbers}"
    paying, untold = ([row.n_numbers for row in rows if row.ways[way].verdict == word] for word in (PAYS, CANNOT_TELL))
    at_last = f"at {numbers}, {work} of plain sequence, they are {ratio(its.ratio, borders=[1])} times as fast"
    if paying:
        return (
            f"not shown, they pay at {_numbers(paying)} but {f'cost at {numbers}' if its.verdict == COSTS else at_last}"
        )
    if its.verdict == CANNOT_TELL:
        return f"cannot tell, {at_last}"
    if untold:
        return f"not shown {reach}, where they cost; it cannot be told at {_numbers(untold)}"
    return f"{'never, as far as measured' if way == 'threads' else 'not here and now'}: not {reach}"


def _numbers(found: Sequence[int]) -> str:
    told = [count(n) for n in found]
    return f"{' and '.join([', '.join(told[:-1]), told[-1]]) if len(told) > 1 else told[0]} numbers"


def two_figures(value: float) -> int:
    """Return a count rounded to two figures, and at least 1."""
    return max(1, int(float(f"{value:.1e}")))
