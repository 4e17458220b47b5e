"""Figures as people write them, over the whole range: no exponent, no figure without a unit, one of one thing."""

import ast
import math
import re
from collections.abc import Callable
from pathlib import Path

import fakes
import pytest
from claims import adds_up, reads_share
from fakes import interval
from hypothesis import given
from hypothesis import strategies as st

from gilscope import words

#: Every function that takes one figure.
SHOWN: dict[str, Callable[[float], str]] = {
    "number": words.number,
    "count": words.count,
    "counted": lambda n: words.counted(n, "thread"),
    "duration": words.duration,
    "seconds": words.seconds,
    "percent": words.percent,
    "whole percent": lambda share: words.percent(share, 0),
    "half_width": words.half_width,
    "ratio": lambda value: words.ratio(interval(value, max(0.0, value * 0.9), abs(value) * 1.1)),
    "open ratio": lambda value: words.ratio(interval(value, 0.0, math.inf)),
    "decimal": words.decimal,
    "workers": lambda n: words.workers(round(n) if math.isfinite(n) else 3, "processes"),
    "size": lambda n: words.size(n) if math.isfinite(n) else "1 byte",
}
SPECIAL = (0.0, -0.0, 1.0, 999.0, *(10.0**i for i in range(-9, 16)), -1.0, -1e9, math.nan, math.inf, -math.inf)
_FIGURES = st.one_of(
    st.sampled_from(SPECIAL),
    st.floats(min_value=-1e15, max_value=1e15),
    st.floats(min_value=0, max_value=1000),
    st.integers(min_value=0, max_value=10**15).map(float),
)
#: Five digits in a row that nobody grouped, an exponent, or a zero with a sign.
_UNREADABLE = re.compile(r"(?<![.\d])\d{5}|\d[eE][+-]?\d|\bnan\b|\binf\b|(?<!\d)-0(?![.\d])")


@pytest.mark.parametrize("shown", SHOWN.values(), ids=SHOWN)
@given(value=_FIGURES)
def test_no_figure_is_unreadable(shown: Callable[[float], str], value: float) -> None:
    """None has an exponent, five digits without a gap, or more digits than anybody reads behind its point."""
    text = shown(value)
    assert text
    assert text == text.strip()
    assert not _UNREADABLE.search(text), text
    assert not re.search(r"\.\d{6}", text), text


@given(value=_FIGURES)
def test_one_thing_is_one_thing(value: float) -> None:
    """The noun follows the figure that is shown, so that 0.9999 of a call is one call too."""
    figure, _, noun = words.counted(value, "thread").rpartition(" ")
    assert noun == ("thread" if figure == "1" else "threads")
    assert words.counted(value, "launch", "launches").endswith(" launch") == (figure == "1")


@given(st.floats(min_value=0, max_value=1e15), st.floats(min_value=0, max_value=1e15))
def test_a_longer_time_never_reads_shorter(one_ns: float, other_ns: float) -> None:
    """Rounding and changes of unit keep the order."""
    short, long = sorted((one_ns, other_ns))
    assert _nanoseconds(words.duration(short)) <= _nanoseconds(words.duration(long))


def _nanoseconds(text: str) -> float:
    scales = {"ns": 1, "µs": 1e3, "ms": 1e6, "s": 1e9, "min": 6e10, "h": 3.6e12, "days": 8.64e13}
    pairs = re.findall(r"([\d. ]+) (\S+)", text)
    return sum(float(figure.replace(" ", "")) * scales[unit] for figure, unit in pairs)


@given(st.floats(min_value=0, max_value=1e15))
def test_a_time_is_what_it_was(value_ns: float) -> None:
    """What is shown is off by no more than its third digit, or half an hour in two days."""
    assert _nanoseconds(words.duration(value_ns)) == pytest.approx(value_ns, rel=0.011, abs=0.005)


@pytest.mark.parametrize(
    ("value_ns", "text"),
    [
        (None, "-"),
        (math.nan, "-"),
        (0, "0 ns"),
        (0.4, "0.4 ns"),
        (999.0, "999 ns"),
        (999.7, "1 µs"),
        (1000.0, "1 µs"),
        (-30.0, "-30 ns"),
        (92_400.0, "92.4 µs"),
        (8_120_000.0, "8.12 ms"),
        (92_000_000.0, "92 ms"),
        (1e9, "1 s"),
        (2.5e9, "2.5 s"),
        (90e9, "90 s"),
        (120e9, "2 min"),
        (150e9, "2 min 30 s"),
        (7200e9, "2 h"),
        (2.5e5 * 1e9, "2 days 21 h"),
        (math.inf, "unbounded"),
    ],
)
def test_times_have_three_digits_and_a_unit(value_ns: float | None, text: str) -> None:
    """A time is rounded to what a reader can use, never without its unit."""
    assert words.duration(value_ns) == text
    assert words.seconds(None if value_ns is None else value_ns / 1e9) == text


@pytest.mark.parametrize(
    ("n", "text"),
    [
        (0, "0 times"),
        (1, "1 time"),
        (0.99999, "1 time"),
        (0.5, "0.5 times"),
        (1 / 3, "0.33 times"),
        (0.0001, "less than 0.01 times"),
        (12.34, "12.3 times"),
        (999, "999 times"),
        (7034, "7034 times"),
        (10_000, "10 000 times"),
        (1_000_000, "1 000 000 times"),
        (999_999.7, "1 000 000 times"),
        (None, "- times"),
    ],
)
def test_counts_are_grouped_and_have_their_noun(n: float | None, text: str) -> None:
    """Four digits are read as they stand; from five on they are grouped."""
    assert words.counted(n, "time") == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (None, "unknown"),
        (math.nan, "unknown"),
        (0.0, "0 %"),
        (0.0001, "under 0.1 %"),
        (0.032, "3.2 %"),
        (0.5, "50 %"),
        (0.99991, "over 99.9 %"),
        (1.0, "100 %"),
        (251.978, "25 198 %"),
    ],
)
def test_shares_are_not_rounded_to_all_or_nothing(share: float | None, text: str) -> None:
    """What happened once did not happen 0.0 % of the time."""
    assert words.percent(share) == text


@pytest.mark.parametrize(
    ("width", "text"),
    [(0.02, "±2 %"), (0.0234, "±2.3 %"), (251.978, "more than ±100 %"), (math.inf, "more than ±100 %")],
)
def test_a_width_that_says_nothing_is_not_a_figure(width: float, text: str) -> None:
    """Nobody can use ±25197.8 %."""
    assert words.half_width(width) == text


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (None, "-"),
        (interval(math.nan, 0.0, math.inf), "-"),
        (interval(1.5, 0.0, math.inf), "1.50 [?]"),
        (interval(0.974, 0.962, 0.981), "0.97 [0.96, 0.98]"),
        (interval(12.34, 11.1, 13.9), "12.3 [11.1, 13.9]"),
        (interval(162.4, 158.2, 171.9), "162 [158, 172]"),
        (interval(20_000.0, 15_000.0, 31_000.0), "20 000 [15 000, 31 000]"),
    ],
)
def test_ratios_have_as_many_digits_as_they_deserve(read: fakes.Interval | None, text: str) -> None:
    """Two decimals near 1, fewer for large ratios; too few rounds are a question mark, no pairs a dash."""
    assert words.ratio(read) == text


EXTREMES = (10**400, -(10**400), 1.7e308, -1.7e308, 5e-324, 0.0, -0.0, math.inf, -math.inf, math.nan, True, None)


@pytest.mark.parametrize("value", EXTREMES, ids=lambda value: repr(value)[:10])
def test_every_figure_can_be_written(value: float | None) -> None:
    """A file from elsewhere may hold any number that JSON can: none of them ends in an error."""
    for write in (words.number, words.count, words.duration, words.percent):
        assert write(value)
    if value is not None:
        assert words.decimal(value)
        for border in (0.9, 1.15):
            assert words.beside(value, [border])


@pytest.mark.parametrize("high", [5e-324, 1.0, 1.7e308])
@pytest.mark.parametrize("low", [5e-324, 1e-300, 1.0])
def test_every_interval_can_be_written(low: float, high: float) -> None:
    """However far its ends are apart."""
    assert words.ratio(interval(high, low, high), borders=(0.9, 1.15))


def test_workers_are_one_or_several() -> None:
    """The name of a way is a plural, and one of it is not."""
    assert [words.workers(1, way) for way in ("threads", "processes", "interpreters")] == [
        "1 thread",
        "1 process",
        "1 interpreter",
    ]
    assert words.workers(2, "processes") == "2 processes"


@pytest.mark.parametrize(
    ("n_bytes", "text"), [(1, "1 byte"), (512, "512 bytes"), (1536, "1.5 KiB"), (3 * 2**29, "1.5 GiB")]
)
def test_memory_has_the_unit_that_fits(n_bytes: int, text: str) -> None:
    """As for times."""
    assert words.size(n_bytes) == text


@given(st.floats(1e-4, 90), st.floats(1e-3, 90))
def test_a_ratio_lies_on_its_side_of_a_border(value: float, border: float) -> None:
    """As printed: above stays above and below stays below, unless five decimals do not tell the two apart."""
    printed = float(words.beside(value, [border]))
    assert (printed - border) * (value - border) >= 0 or abs(value - border) < 1e-5


@pytest.mark.parametrize(
    ("value", "text"), [(0.8996, "0.8996"), (0.9004, "0.9004"), (0.9, "0.90"), (0.87, "0.87"), (0.90000000001, "0.90")]
)
def test_a_border_costs_only_as_many_digits_as_it_takes(value: float, text: str) -> None:
    """Far from it there are two; and an interval has equally many everywhere."""
    assert words.beside(value, [0.9]) == text
    assert words.ratio(interval(0.93, value, 0.95), borders=[0.9]) in (
        f"0.93 [{text}, 0.95]",
        f"0.9300 [{text}, 0.9500]",
    )


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=6), st.integers(0, 1))
def test_shares_add_up_to_no_more_than_100(parts: list[int], digits: int) -> None:
    """As printed; each is less than a step from what it is, and none is 0 or 100 that is not."""
    printed, whole = words.percentages(parts, digits), sum(parts)
    assert adds_up(printed)
    for text, part in zip(printed, parts, strict=True):
        assert reads_share(text, part / whole if whole else 0.0, digits)
    if not any("under" in text for text in printed) and whole:
        assert sum(float(text.split()[0]) for text in printed) == pytest.approx(100)


def test_a_ratio_that_is_not_0_is_not_printed_as_0() -> None:
    """A thousandth is 0.0010, and large ratios have no decimals."""
    assert [words.decimal(value) for value in (0.001, 0.1, 1.0, 12.34, 250.0)] == [
        "0.0010",
        "0.10",
        "1.00",
        "12.3",
        "250",
    ]


#: What is to be typed again, or is quoted as it was given.
_QUOTED = {
    "fields.py",
    "documents/typed.py",
    "pairing/intervals.py",
    "running/view.py",
    "testing/__init__.py",
}
_SOURCE = Path(words.__file__).parent


@pytest.mark.parametrize(
    "path", sorted(set(_SOURCE.rglob("*.py")) - {Path(words.__file__)}), ids=lambda path: str(path.relative_to(_SOURCE))
)
def test_nobody_rounds_by_himself(path: Path) -> None:
    """The formats g and e give exponents, and a comma groups digits as no other figure here has them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FormattedValue) and isinstance(node.format_spec, ast.JoinedStr):
            spec = "".join(part.value for part in node.format_spec.values if isinstance(part, ast.Constant))
            allowed = spec == "g" and path.relative_to(_SOURCE).as_posix() in _QUOTED
            assert allowed or not (spec.endswith(("g", "e")) or "," in spec), (node.lineno, spec)


@pytest.mark.parametrize(
    ("name", "label", "way", "members"),
    [
        ("serial", "serial", "serial", None),
        ("threads", "2 threads", "threads", "threads"),
        ("processes:fork", "2 processes (fork)", "processes (fork)", "processes (fork)"),
        ("openmp", "OpenMP, 2 threads", "OpenMP", "OpenMP threads"),
        # Of another version of gilscope, in whose file they stand.
        ("greenlets", "2 greenlets", "greenlets", "greenlets"),
        ("dask", "dask, 2 workers", "dask", "dask workers"),
        ("dask:tcp", "dask (tcp), 2 workers", "dask (tcp)", "dask (tcp) workers"),
    ],
)
def test_a_strategy_says_how_its_workers_are_counted(name: str, label: str, way: str, members: str | None) -> None:
    """A plural counts them, and what is no plural has workers; known to this version or not."""
    assert words.strategy(name, 2) == label
    assert words.way(name) == way
    if members is not None:
        assert words.members(name) == members


@pytest.mark.parametrize(
    ("names", "text"), [([], ""), (["c"], "c"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")]
)
def test_names_are_joined_as_a_sentence_has_them(names: list[str], text: str) -> None:
    """Commas, and a word before the last."""
    assert words.joined(names, "or") == text
    assert words.joined(names) == text.replace(" or ", " and ")
