"""Counting in cells: every form counts right on one thread, and refuses what is no cell."""

from array import array
from collections.abc import Callable
from typing import Any

import pytest

from gilscope.experiments import _cells

FORMS = (_cells.add_held, _cells.add_released, _cells.add_atomically)


@pytest.mark.parametrize("add", FORMS)
def test_a_count_is_right_on_one_thread(add: Callable[..., None]) -> None:
    """Its own cell and no other, and none where it is to count to 0."""
    cells = array("q", [5, 7, 9])
    add(cells, 1, 1000)
    add(cells, 0, 0)
    assert list(cells) == [5, 1007, 9]


@pytest.mark.parametrize("add", FORMS)
@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ((array("d", [0.0]), 0, 1), TypeError, "64-bit integers"),
        ((array("i", [0]), 0, 1), TypeError, "64-bit integers"),
        ((array("q", [0]), 1, 1), IndexError, "from 0 to 0; got 1"),
        ((array("q", [0]), -1, 1), IndexError, "got -1"),
        ((b"12345678", 0, 1), BufferError, "not writable"),
        ((array("q", [0]), 0, -1), OverflowError, "negative"),
        ((array("q", [0]), 0), TypeError, "3 positional arguments; got 2"),
    ],
)
def test_what_is_no_cell_is_refused(
    add: Callable[..., None], arguments: tuple[Any, ...], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        add(*arguments)
