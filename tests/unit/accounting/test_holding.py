"""What many looks at the GIL of a hung process showed, in words: who holds it, and whether that is a deadlock."""

import pytest

from gilscope.accounting.holding import LOOKS, Holding, look_from_outside, told

MAIN, OTHER = 100, 101


def seen(*, held: int = LOOKS, holder: int | None = MAIN, waiting: int = 0, busy: bool = False) -> Holding:
    return Holding(looks=LOOKS, held=held, holder=holder, main=MAIN, waiting=waiting, busy=busy)


@pytest.mark.parametrize(
    ("holding", "sentence"),
    [
        (seen(waiting=1), "was always held by it, which waits, and 1 other thread waits for it: a deadlock, if it"),
        (seen(waiting=2), "and 2 other threads wait for it: a deadlock, if it waits for one of them."),
        (seen(), "was always held by it, which waits: no other thread can run Python."),
        (seen(busy=True), "was always held by it, which was computing."),
        (seen(busy=True, waiting=1), "by it, which was computing; 1 other thread waits for it."),
        (seen(holder=OTHER, waiting=1), "was always held by another thread than it, which waits"),
        (seen(held=0, holder=None), "no thread held the GIL: it waits without it."),
        (seen(held=0, holder=None, busy=True), "no thread held the GIL: it computes without it."),
        (seen(held=3, holder=None), "the GIL was held in 3: no thread keeps it."),
        (seen(holder=None), "the GIL was held in all, by one thread after another: no thread keeps it."),
    ],
)
def test_what_is_said(holding: Holding, sentence: str) -> None:
    """A deadlock needs a holder that waits and a thread that waits for it; what computes, or lets go, is none."""
    assert sentence in told(holding, "it")
    assert ("deadlock" in told(holding)) == (holding.holder is not None and holding.waiting > 0 and not holding.busy)


def test_nothing_is_said_where_nobody_could_look() -> None:
    """A process that has ended, or whose memory this one may not read."""
    where = {"address": 8, "holder": 8, "locked": 16, "waiting_begin": 32, "waiting_end": 80, "native_id": 8}
    assert look_from_outside(0, where) is None
    assert told(None) == ""
