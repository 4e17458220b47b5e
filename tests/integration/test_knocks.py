"""Knocking at a call: bytecode answers at once, native code at its end, and nothing of it stays."""

import sys

import pytest
from leftovers import nothing_left

from gilscope.accounting.ledger import availability
from gilscope.probing.classes import BYTECODE, NATIVE, UNDECIDED, held_kind
from gilscope.probing.requests import knock

pytestmark = pytest.mark.skipif(availability() is not None, reason=str(availability()))
# A busy machine may stop the thread that is asked just then; three times in a row is something else.
ATTEMPTS = 3


def loop() -> int:
    n = 0
    for i in range(100_000):
        n += i
    return n


def compute() -> int:
    return sum(range(2_000_000))


def test_bytecode_answers_at_once() -> None:
    """Most of the time; and it is never taken for native code."""
    found = [knock(loop, 0.1, seed=seed) for seed in range(ATTEMPTS)]
    assert BYTECODE in {held_kind(one) for one in found}
    assert all(one.asked for one in found)


def test_native_code_answers_at_its_end() -> None:
    """Even if few requests fit into the time."""
    found = [knock(compute, 0.1, seed=seed) for seed in range(ATTEMPTS)]
    assert NATIVE in {held_kind(one) for one in found} <= {NATIVE, UNDECIDED}
    assert all(0 <= one.unanswered <= 1 for one in found)


def test_a_call_is_made_even_without_time() -> None:
    """One call is the least."""
    calls: list[int] = []
    knock(lambda: calls.append(1), 0.0)
    assert calls


def test_nothing_stays() -> None:
    """Neither the thread that asked nor the switch interval, also where the call raises."""
    before = sys.getswitchinterval()
    with nothing_left():
        knock(loop, 0.01)
        with pytest.raises(ZeroDivisionError):
            knock(lambda: 1 // 0, 0.01)
    assert sys.getswitchinterval() == before
