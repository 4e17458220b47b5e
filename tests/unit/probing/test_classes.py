"""The class of a call: one word where the intervals decide, and "undecided" at every border."""

import dataclasses

import pytest
from probes import BYTECODE, NATIVE, share

from gilscope.probing import classes
from gilscope.probing.classes import classify, held_kind
from gilscope.probing.requests import Knocks
from gilscope.probing.shares import Share, Shares


def divided(held: float, computing: float, blocked: float, half_width: float = 0.01) -> Shares:
    """Return shares of which nothing but the three is asked."""
    parts = [Share(**share(part, half_width)) for part in (held, computing, blocked)]
    return Shares(
        mechanism="none",
        blind_to=[],
        calls=1,
        batches=1,
        wall_ns=1e6,
        held=parts[0],
        computing=parts[1],
        blocked=parts[2],
        releases=1.0,
        longest_hold_ns=None,
        sites=[],
    )


@pytest.mark.parametrize(
    ("held", "computing", "blocked", "expected"),
    [
        (0.05, 0.95, 0.0, classes.RELEASES),
        (0.05, 0.60, 0.35, classes.RELEASES),
        (0.05, 0.0, 0.95, classes.WAITS),
        (0.15, 0.30, 0.55, classes.WAITS),
        (0.5, 0.5, 0.0, classes.MIXED),
        (0.25, 0.75, 0.0, classes.MIXED),
        (0.75, 0.0, 0.25, classes.MIXED),
        (0.2, 0.8, 0.0, classes.UNDECIDED),
        (0.8, 0.2, 0.0, classes.UNDECIDED),
        (0.05, 0.475, 0.475, classes.UNDECIDED),
    ],
)
def test_shares_decide_or_leave_it_open(held: float, computing: float, blocked: float, expected: str) -> None:
    """Within four fifths and the interval's width of a border nothing is said."""
    assert classify(divided(held, computing, blocked), None, already_parallel=False) == expected


def test_a_wide_interval_decides_nothing() -> None:
    """The same middle, with an interval that reaches over a border."""
    assert classify(divided(0.5, 0.5, 0, 0.35), None, already_parallel=False) == classes.UNDECIDED
    assert classify(divided(0.1, 0.9, 0, 0.2), None, already_parallel=False) == classes.UNDECIDED


def test_what_holds_the_gil_is_told_apart_by_knocks() -> None:
    """Bytecode answers at once, native code at its end; without knocks nobody knows."""
    held = divided(0.97, 0.03, 0)
    assert classify(held, Knocks(**BYTECODE), already_parallel=False) == classes.BYTECODE
    assert classify(held, Knocks(**NATIVE), already_parallel=False) == classes.NATIVE
    assert classify(held, None, already_parallel=False) == classes.UNDECIDED


def test_where_no_gil_is_in_force_nobody_can_knock() -> None:
    """A call that is attached all the time is no riddle: nobody waits for it, and more time would tell no more."""
    attached = dataclasses.replace(divided(0.97, 0.03, 0), attached=True)
    assert classify(attached, Knocks(asked=0, at_once=0, unanswered=0.0), already_parallel=False) == classes.ATTACHED
    sleeping = dataclasses.replace(divided(0.03, 0, 0.97), attached=True)
    assert classify(sleeping, None, already_parallel=False) == classes.WAITS


def test_a_call_that_is_parallel_already_is_nothing_else() -> None:
    """Its shares are those of one of its threads."""
    assert classify(divided(0.5, 0.5, 0), None, already_parallel=True) == classes.PARALLEL


@pytest.mark.parametrize(
    ("asked", "at_once", "unanswered", "expected"),
    [
        (5, 5, 0.1, classes.BYTECODE),
        (5, 0, 0.5, classes.NATIVE),
        (7, 5, 0.1, classes.UNDECIDED),
        (100, 60, 0.1, classes.BYTECODE),
        (100, 40, 0.4, classes.NATIVE),
        (100, 55, 0.4, classes.UNDECIDED),
        (100, 50, 0.4, classes.UNDECIDED),
        (2, 0, 0.99, classes.NATIVE),
        (2, 0, 0.5, classes.UNDECIDED),
        (2, 1, 0.99, classes.UNDECIDED),
        (4, 4, 0.0, classes.UNDECIDED),
        (0, 0, 0.0, classes.UNDECIDED),
    ],
)
def test_answers_decide_beyond_chance(asked: int, at_once: int, unanswered: float, expected: str) -> None:
    """More than half at once, or fewer, by more than chance; a few requests decide if one call keeps all waiting."""
    assert held_kind(Knocks(asked=asked, at_once=at_once, unanswered=unanswered)) == expected


def test_every_class_is_listed_once() -> None:
    """The list has each of them."""
    named = {value for name, value in vars(classes).items() if name.isupper() and isinstance(value, str)}
    assert set(classes.CLASSES) == named
    assert len(classes.CLASSES) == len(named)
