"""From which length of call releasing is faster: where the ratio last comes up through 1."""

from math import inf, sqrt

import pytest

from gilscope.experiments.release_threshold import break_even


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ((0.5, 0.5, 2.0, 2.0), 10 * sqrt(10)),  # halfway between 10 and 100, in logarithms
        ((0.5, 2.0, 0.5, 2.0), 100 * sqrt(10)),  # the last time that it comes up
        ((1.5, 1.2, 1.3, 1.9), 1.0),  # from the shortest call on
        ((0.5, 0.6, 0.7, 1.0), inf),  # not at the longest
        ((2.0, 2.0, 2.0, 0.9), inf),
    ],
)
def test_break_even_is_where_releasing_stays_faster(ratios: tuple[float, ...], expected: float) -> None:
    points = list(zip((1.0, 10.0, 100.0, 1000.0), ratios, strict=True))
    assert break_even(points) == pytest.approx(expected)
