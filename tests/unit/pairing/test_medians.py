"""Medians of any quantity: their intervals hold a known truth, zeros, signs and break-evens that are never reached."""

import math
import random

import pytest

from gilscope.pairing.medians import Estimate, median_interval


@pytest.mark.parametrize(("truth", "spread"), [(0.0, 1.0), (-5.0, 2.0), (3e6, 2e5), (1e-9, 1e-10)])
def test_intervals_hold_the_truth_as_often_as_they_say(truth: float, spread: float) -> None:
    """95 times in 100 or more: of 200 sets of 25 rounds."""
    rng = random.Random(1)
    held = 0
    for _ in range(200):
        found = median_interval([rng.gauss(truth, spread) for _ in range(25)])
        held += found.low <= truth <= found.high
    assert held >= 182  # 95 % of 200 is 190, and fewer than 182 come by chance once in 1000 times


def test_a_value_that_never_changes_has_no_width() -> None:
    """Neither has one that is always 0."""
    for value in (0.0, 7.0, -2.5):
        found = median_interval([value] * 12)
        assert found.low == found.high == pytest.approx(value) and found.half_width == pytest.approx(0.0, abs=1e-9)


def test_too_few_values_leave_it_open() -> None:
    found = median_interval([1.0, 2.0, 3.0])
    assert found.is_open and math.isinf(found.half_width) and found.value == 2.0


def test_more_figures_make_it_wider() -> None:
    """All of them hold together."""
    rng = random.Random(2)
    values = [rng.gauss(10, 1) for _ in range(60)]
    one, ten = median_interval(values), median_interval(values, 10)
    assert ten.low < one.low < one.high < ten.high


def test_what_is_never_reached_in_some_rounds_has_no_upper_end() -> None:
    """Nor a value where it is so in most; the lower end is told all the same."""
    some = [10.0 + i / 10 for i in range(20)]

    def found_of(*values: float) -> Estimate:
        shuffled = list(values)
        random.Random(7).shuffle(shuffled)  # a median of values that drift is worth less
        return median_interval(shuffled)

    found = found_of(*some, math.inf, math.inf)
    assert 10.0 < found.low < found.value < found.high < math.inf
    half = found_of(*some[:10], *[math.inf] * 9)
    assert half.value < math.inf and half.high == math.inf and not half.is_open
    most = found_of(*some[:4], *[math.inf] * 16)
    assert most.value == most.high == math.inf and math.isinf(most.half_width)
    never = median_interval([math.inf] * 20)
    assert never.low == never.value == math.inf and not never.is_open


def test_nothing_and_what_is_no_number_are_refused() -> None:
    for values in ([], [1.0, math.nan]):
        with pytest.raises(ValueError, match="a median needs values"):
            median_interval(values)


def test_an_estimate_out_of_order_has_a_flaw() -> None:
    """As a file may have one."""
    assert Estimate(1.0, 2.0, 3.0, 5).flaw() and not Estimate(2.0, 1.0, 3.0, 5).flaw()
