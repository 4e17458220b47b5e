# ruff: noqa: E501 - patterns are as long as their sentences
"""`bench/article.py`: the headline, the rows and the picture's title say one thing, and what the rounds allow."""

import io
import random
from math import exp, log

import exercise
import pytest
from claims import Drawn, Vocabulary, ends, examples, number, reads, reads_time
from crossing import CANNOT_TELL, COSTS, PAYS, WAYS, Row, Way, crossing, estimate, finding
from fakes import interval
from hypothesis import given
from hypothesis import strategies as st
from pairs import Estimate, Rounds
from rich.console import Console

from gilscope.pairing.intervals import fewest_pairs
from gilscope.words import ratio

RATIOS = (7e-6, 0.02, 0.5, 0.9, 0.99, 0.9996, 1.0, 1.0004, 1.02, 1.12, 1.9, 15.0)


def rounds_of(ratios: dict[str, list[float]], n_rounds: int, noise: float, seed: int) -> dict[int, Rounds]:
    """Return rounds of 1, 10, 100, ... numbers, at 60 ns each, where each way has these true ratios."""
    rng, found = random.Random(seed), {}
    for i, one in enumerate(zip(*ratios.values(), strict=True)):
        some = found[10**i] = Rounds({way: lambda: 0.0 for way in ("sequence", *ratios)}, rng)
        for _ in range(n_rounds):
            some.times["sequence"].append(60.0 * 10**i * exp(rng.gauss(0, noise)))
            for way, true in zip(ratios, one, strict=True):
                some.times[way].append(60.0 * 10**i / true * exp(rng.gauss(0, noise)))
    return found


@st.composite
def curves(draw: st.DrawFn) -> Drawn:
    """Draw an exercise: ratios that rise, fall or jump with N, from 1 round to 40."""
    n_sizes = draw(st.integers(1, 8))
    ratios = {way: draw(st.lists(st.sampled_from(RATIOS), min_size=n_sizes, max_size=n_sizes)) for way in WAYS}
    if draw(st.booleans()):
        ratios = {way: sorted(some) for way, some in ratios.items()}
    n_rounds = draw(st.sampled_from([1, 2, 3, 8, 11, 12, 40]))
    rounds = rounds_of(ratios, n_rounds, draw(st.sampled_from([0.0, 0.003, 0.05, 0.5])), draw(st.integers(0, 999)))
    out = io.StringIO()
    rows = estimate(rounds)
    exercise.report(Console(file=out, width=140), rows, rounds, 60.0)
    return Drawn((rows, rounds), out.getvalue())


Facts = tuple[list[Row], dict[int, Rounds]]
HEADLINE = Vocabulary()
WAY = r"(?P<way>Threads|Processes) begin to pay: "
NUMBERS = r"(?P<{}>\d[\d ]*?(?:(?:, | and )\d[\d ]*?)*) numbers"


def verdicts(facts: Facts, way: str) -> dict[int, str]:
    return {row.n_numbers: row.ways[way.lower()].verdict for row in facts[0]}


def listed(text: str) -> list[int]:
    return [int(number(one)) for one in text.replace(" and ", ", ").split(", ")] if text else []


def where(found: dict[int, str], verdict: str, below: float = float("inf")) -> list[int]:
    return [n for n, its in found.items() if its == verdict and n < below]


@HEADLINE.claim(
    WAY
    + r"from about <about:count> numbers on \(they cost at <below:count>, pay at <first:count>, which is <work:time> in plain sequence\)(?:; they pay at "
    + NUMBERS.format("also")
    + " too)?, here and now"
)
def _(facts: Facts, way: str, about: str, below: str, first: str, work: str, also: str = "") -> bool:
    found, low, high = verdicts(facts, way), number(below), number(first)
    sequence = {row.n_numbers: row.sequence.value for row in facts[0]}
    from_there = all(its == PAYS for n, its in found.items() if n >= high)
    told = where(found, PAYS, low) == listed(also) and reads_time(work, sequence[int(high)])
    return from_there and found[int(low)] == COSTS and low <= number(about) <= high and told


@HEADLINE.claim(
    WAY + r"at <first:count> numbers? (?P<how>already|at the latest, below which it cannot be told), here and now"
)
def _(facts: Facts, way: str, first: str, how: str) -> bool:
    found, least = verdicts(facts, way), number(first)
    smallest = how != "already" or min(found) == least
    return smallest and COSTS not in found.values() and all(its == PAYS for n, its in found.items() if n >= least)


REACH = r"(?:not shown |not )within <work:time> of plain sequence, <most:count> numbers?"


def within(facts: Facts, work: str, most: str) -> bool:
    last = facts[0][-1]
    return last.n_numbers == number(most) and reads_time(work, last.sequence.value)


@HEADLINE.claim(WAY + r"(?P<how>never, as far as measured|not here and now): " + REACH)
def _(facts: Facts, way: str, how: str, work: str, most: str) -> bool:
    return within(facts, work, most) and set(verdicts(facts, way).values()) == {COSTS}


@HEADLINE.claim(WAY + REACH + r", where they cost; it cannot be told at " + NUMBERS.format("untold"))
def _(facts: Facts, way: str, work: str, most: str, untold: str) -> bool:
    found = verdicts(facts, way)
    return (
        within(facts, work, most)
        and found[int(number(most))] == COSTS
        and where(found, CANNOT_TELL) == listed(untold)
        and PAYS not in found.values()
    )


OPEN = r"at <last:count> numbers?, <work:time> of plain sequence, they are (?P<read>.+?) times as fast"


def last_is_open(facts: Facts, way: str, last: str, work: str, read: str) -> bool:
    most = facts[0][-1]
    its = most.ways[way.lower()]
    stands = read == ratio(its.ratio, borders=[1]) and reads_time(work, most.sequence.value)
    return stands and most.n_numbers == number(last) and its.verdict == CANNOT_TELL


@HEADLINE.claim(WAY + "cannot tell, " + OPEN)
def _(facts: Facts, way: str, **said: str) -> bool:
    return last_is_open(facts, way, **said) and PAYS not in verdicts(facts, way).values()


@HEADLINE.claim(
    WAY + "not shown, they pay at " + NUMBERS.format("paying") + rf" but (?:cost at <most:count> numbers?|{OPEN})"
)
def _(facts: Facts, way: str, paying: str, most: str = "", **said: str) -> bool:
    found = verdicts(facts, way)
    at_last = found[int(number(most))] == COSTS if most else last_is_open(facts, way, **said)
    return where(found, PAYS) == listed(paying) and at_last


@HEADLINE.claim(
    r"<n:count> rounds? or more for each N, in Williams order. In brackets 95 % intervals, \? where too few independent rounds leave them open; those of differences and ratios hold together. Above 1 a way is faster than plain sequence. Processes use two CPUs where sequence uses one, so their ratio holds here and now"
)
def _(facts: Facts, n: str) -> bool:
    return number(n) == min(len(some.times["sequence"]) for some in facts[1].values())


@HEADLINE.claim(r"\? Too few rounds for an interval: it takes <need:count>; --max-time <seconds:count> may tell")
def _(facts: Facts, need: str, seconds: str) -> bool:
    n_fewest = min(len(some.times["sequence"]) for some in facts[1].values())
    enough = n_fewest * number(seconds) / 60 >= number(need)
    return number(need) == fewest_pairs(2 * len(facts[0])) > n_fewest and enough


CELLS = Vocabulary()
Cell = tuple[Row, str, Rounds]


@CELLS.claim("pays|costs")
def _(facts: Cell) -> bool:
    row, name, _ = facts
    way = row.ways[name]
    _, low, high = ends(ratio(way.ratio, borders=[1]))
    faster = way.verdict == PAYS
    later, sooner = way.difference.low, way.difference.high
    is_open = low == 0
    by_ratio = low >= 1 if faster else high <= 1
    by_difference = sooner < 0 if faster else later > 0
    return by_difference if is_open else by_ratio and (later < 0 if faster else sooner > 0)


@CELLS.claim(r"(?P<word>pays|costs), 2 times or more in every round")
def _(facts: Cell, word: str) -> bool:
    _, name, some = facts
    logs = [log(base / ns) for base, ns in zip(some.times["sequence"], some.times[name], strict=True)]
    return len(logs) >= 3 and (min(logs) >= log(2) if word == "pays" else max(logs) <= -log(2))


@CELLS.claim("cannot tell")
def _(facts: Cell) -> bool:
    row, name, some = facts
    way = row.ways[name]
    logs = [log(base / ns) for base, ns in zip(some.times["sequence"], some.times[name], strict=True)]
    plain = len(logs) >= 3 and (min(logs) >= log(10) or max(logs) <= -log(10))
    is_open = way.ratio.low == 0
    left = not is_open or way.difference.low <= 0 <= way.difference.high
    return way.ratio.low <= 1 <= way.ratio.high and left and not (plain and is_open)


def contradictions(drawn: Drawn) -> list[str]:
    rows, rounds = drawn.facts
    text = drawn.output[drawn.output.rindex("┘") + 1 :]
    found = HEADLINE.contradictions(text, drawn.facts)
    for row in rows:
        for name in WAYS:
            found += CELLS.contradictions(row.ways[name].told, (row, name, rounds[row.n_numbers]))
    return found


@examples(300)
@given(curves())
def test_no_sentence_of_the_article_says_what_its_rows_exclude(drawn: Drawn) -> None:
    """Whether the ratios rise, fall or jump, and from one round to forty."""
    assert contradictions(drawn) == []


@examples(100)
@given(curves())
def test_no_title_of_the_picture_says_what_its_rows_exclude(drawn: Drawn) -> None:
    """A way of which a row pays is not said to have been seen nowhere."""
    picture = pytest.importorskip("crossing_picture", reason="drawing needs the extra report")
    rows, _ = drawn.facts
    title = picture.title(rows, {way: crossing(rows, way) for way in WAYS}).lower()
    for way in WAYS:
        paying = [row.n_numbers for row in rows if row.ways[way].verdict == PAYS]
        seen = f"{way} pay" in title
        assert seen == bool(paying), title
        assert (f"{way} pay from" in title) == (rows[-1].n_numbers in paying)


def test_the_intervals_of_a_table_hold_together() -> None:
    """Of plain Python's threads, which are no faster, hardly one table in twenty says of any row that they pay."""
    n_tables, false = 200, 0
    for seed in range(n_tables):
        rows = estimate(rounds_of({way: [1.0] * 11 for way in WAYS}, 14, 0.05, seed))
        false += any(row.ways[way].verdict == PAYS for row in rows for way in WAYS)
    assert false <= 0.05 * n_tables + 4 * (0.05 * 0.95 * n_tables) ** 0.5


def test_what_is_plain_is_told_from_few_rounds() -> None:
    """1.23 us against 170 ms is no case of "cannot tell", however few rounds there were; 20 % is, and so is one round."""
    rows = estimate(rounds_of({"threads": [0.8] * 11, "processes": [1.23e-6 / 0.17] * 11}, 4, 0.1, 1))
    assert {row.ways["processes"].told for row in rows} == {"costs, 2 times or more in every round"}
    assert {row.ways["threads"].told for row in rows} == {CANNOT_TELL}
    assert finding(rows, "processes").startswith("Processes begin to pay: not here and now")
    (once,) = estimate(rounds_of({"threads": [1.0], "processes": [1e-5]}, 1, 0.0, 1))
    assert once.ways["processes"].verdict == CANNOT_TELL


def test_a_figure_beside_a_verdict_is_on_its_side() -> None:
    """1.0004 is not printed as 1.00 where everything above 1 pays."""
    (row,) = estimate(rounds_of({"threads": [1.0004], "processes": [1.0]}, 40, 0.0, 1))
    assert row.ways["threads"].verdict == PAYS
    assert ratio(row.ways["threads"].ratio, borders=[1]) == "1.0004 [1.0004, 1.0004]"
    assert reads("1.0004", row.ways["threads"].ratio.low)


def test_a_difference_that_is_plain_decides_where_the_ratio_is_open() -> None:
    """+72.8 [+31.3, +96.1] ms beside 0.30 [?] is no case of "cannot tell"."""
    way = Way(
        time=Estimate(1.01e8, 0.9e8, 1.1e8, 14),
        difference=Estimate(7.28e7, 3.13e7, 9.61e7, 14),
        ratio=interval(0.3, 0.0, float("inf")),
    )
    assert way.told == COSTS
