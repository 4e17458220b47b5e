"""The switch interval, set for a while by several at once."""

import sys

import pytest

from gilscope.accounting.switching import SwitchInterval


@pytest.mark.parametrize("first_leaves_first", [True, False])
def test_several_overlap(*, first_leaves_first: bool) -> None:
    """The latest that is still there counts, and the last to leave puts back what there was before the first."""
    before_s = sys.getswitchinterval()
    first, second = SwitchInterval(0.002), SwitchInterval(0.003)
    first.__enter__()
    assert sys.getswitchinterval() == pytest.approx(0.002)
    second.__enter__()
    assert sys.getswitchinterval() == pytest.approx(0.003)
    leaving, staying = (first, second) if first_leaves_first else (second, first)
    leaving.__exit__(None, None, None)
    leaving.__exit__(None, None, None)
    assert sys.getswitchinterval() == pytest.approx(0.003 if first_leaves_first else 0.002)
    staying.__exit__(None, None, None)
    assert sys.getswitchinterval() == before_s


def test_one_that_nobody_has_any_more() -> None:
    """It is left."""
    before_s = sys.getswitchinterval()
    SwitchInterval(0.002).__enter__()
    assert sys.getswitchinterval() == before_s


def test_what_cannot_be_set_leaves_nothing() -> None:
    """An interval that the interpreter refuses is no interval to leave."""
    before_s = sys.getswitchinterval()
    with pytest.raises(ValueError, match="strictly positive"), SwitchInterval(-1):
        pass
    assert sys.getswitchinterval() == before_s
