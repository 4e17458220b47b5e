"""Strategies at work for their contract suites: started over a memory of their own, and given work."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from leftovers import nothing_left

from gilscope.running.strategies import SharedMemory, Strategy, Work, find

WIDTH, ITEMS = 2, 96


def available(strategy: str) -> type[Strategy]:
    """Return a strategy, or skip the test with the reason why it cannot run here."""
    kind = find(strategy)
    absent = kind.unavailable()
    if absent is not None:
        pytest.skip(str(absent))
    return kind


@contextmanager
def at_work(strategy: str, dtype: str = "float64", n_items: int = ITEMS) -> Iterator[tuple[Strategy, SharedMemory]]:
    """Start a strategy over its own memory, and leave nothing when done."""
    kind = available(strategy)
    with nothing_left(), ExitStack() as stack:
        memory = SharedMemory(dtype, WIDTH, n_items)
        stack.callback(memory.close)
        memory.fill_input(WIDTH * n_items)
        yield stack.enter_context(kind(memory, WIDTH)), memory


def work(strategy: Strategy, **changes: Any) -> Work:
    """Return work for a strategy: quad in the first compiled kernel that it takes, with the GIL released."""
    implementation = next(name for name in ("c", "cython", "python") if strategy.takes(name, "released"))
    plain = {"kernel": "quad", "implementation": implementation, "gil": "released", "form": "array", "n_items": ITEMS}
    return Work(**{**plain, **changes})


def interrupt(*_: object) -> None:
    """Do what Python does on Ctrl-C."""
    raise KeyboardInterrupt


@contextmanager
def alarm(seconds: float, handler: Any) -> Iterator[None]:
    """Have a handler called in this thread after so long, without another thread."""
    before = signal.signal(signal.SIGALRM, handler)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, before)
