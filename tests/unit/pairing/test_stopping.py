"""When to look and when to stop: warm-up ends at rest, a group after two narrow looks in a row, and not by luck."""

import random

import pytest

from gilscope.pairing.intervals import ratio_interval
from gilscope.pairing.stopping import LOOKS_IN_A_ROW, Looks, projected_rounds, settled


def test_rounds_are_projected_by_the_root_law() -> None:
    """Half the width costs four times the rounds; a target already met costs no more than was run."""
    interval = ratio_interval([[random.Random(place).gauss(0, 0.03) for place in range(60)]])
    assert projected_rounds(interval, interval.half_width) == 60
    assert projected_rounds(interval, interval.half_width / 2) == pytest.approx(240)
    with pytest.raises(ValueError, match="above 0"):
        projected_rounds(interval, 0.0)


@pytest.mark.parametrize(
    ("log_ratios", "over"),
    [
        ([0.0] * 3, False),
        ([0.0] * 4, True),
        ([0.3, 0.2, 0.1, 0.0], False),
        ([0.5, 0.0, 0.0, 0.0, 0.0], False),
        ([0.5, 0.0, 0.0, 0.0, 0.0, 0.0], True),
        ([9.0] * 50 + [0.001, 0.002] * 4, True),
        ([0.0] * 4 + [0.01] * 4, False),
        ([0.0] * 4 + [0.0099] * 4, True),
    ],
)
def test_warm_up_ends_when_the_last_rounds_rest(log_ratios: list[float], over: bool) -> None:
    """The medians of the two halves of the last eight values decide; older values and one outlier do not."""
    assert settled(log_ratios, 0.01) is over


def test_one_narrow_look_is_not_enough() -> None:
    """A look that happens to be narrow decides nothing: the next one must still find it so."""
    looks = Looks(first=1, every=1)
    assert LOOKS_IN_A_ROW == 2
    assert [looks.saw(narrow=narrow) for narrow in (True, False, True, True)] == [False, False, False, True]
    assert looks.stopped


def test_looks_become_rarer_as_rounds_add_up() -> None:
    """A look sorts all rounds, so that the next one comes after a share of them."""
    looks = Looks(first=3, every=2, share=0.5)
    assert [n for n in range(1, 30) if looks.is_due(n, n)] == [3, 5, 8, 12, 18, 27]
