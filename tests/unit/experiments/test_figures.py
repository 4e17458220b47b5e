"""Figures: the median over cycles with its interval, and the worst of all where a count is exact."""

from gilscope.experiments.figures import Figure, difference, level, ratio


def cycles(values: list[float]) -> list[dict[str, dict[str, float]]]:
    return [{"arm": {"lost": value, "wall_ns": 2.0}, "other": {"lost": 1.0, "wall_ns": 6.0}} for value in values]


def worst() -> Figure:
    return Figure("lost", lambda cycle: cycle["arm"]["lost"], "count", "", ("arm",), is_worst=True)


def test_one_loss_in_many_cycles_is_a_loss() -> None:
    """The median of the same cycles is 0, and would say that nothing was lost."""
    some = cycles([0.0] * 39 + [3.0])
    found, typical = worst().estimate(some, 1), level("lost", "arm", "lost", "count").estimate(some, 1)
    assert found is not None and typical is not None
    assert (found.low, found.value, found.high) == (3.0, 3.0, 3.0) and typical.value == 0.0


def test_no_loss_needs_as_many_cycles_as_an_interval() -> None:
    """Two cycles without one are no proof of none."""
    few, many = worst().estimate(cycles([0.0] * 2), 1), worst().estimate(cycles([0.0] * 20), 1)
    assert few is not None and many is not None
    assert few.is_open and not many.is_open and many.high == 0.0


def test_ratios_and_differences_are_of_one_cycle() -> None:
    some = cycles([0.0] * 20)
    quotient, rest = ratio("r", "arm", over="other"), difference("d", "other", minus="arm")
    for figure, value in ((quotient, 3.0), (rest, 4.0)):
        found = figure.estimate(some, 1)
        assert found is not None and abs(found.value - value) < 1e-9
    assert level("w", "arm").estimate([], 1) is None
