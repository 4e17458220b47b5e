"""The switch interval, set for a while: after it a thread that wants the GIL asks for it."""

import os
import sys
from typing import Self

from gilscope.accounting._leaving import Leaving
from gilscope.originals import RLock

#: What is wanted by those who are at it, by their `id`, the latest last; and what it was before any of them.
_wanted: dict[int, float] = {}
_before_s: list[float] = []
#: Guards both. Reentrant, for a signal handler may come in between.
_lock = RLock()


def _renew_lock() -> None:
    """Forget a lock that another thread of the parent process held when it forked."""
    global _lock  # noqa: PLW0603 - the one thing in here that a child cannot use any more
    _lock = RLock()


if hasattr(os, "register_at_fork"):  # nowhere on Windows
    os.register_at_fork(after_in_child=_renew_lock)


class SwitchInterval(Leaving):
    """Sets the switch interval from ``__enter__`` to ``__exit__``, of the whole interpreter.

    Parameters
    ----------
    seconds : float

    Notes
    -----
    Threads: several may overlap; the latest counts, and the last to leave puts back what there was before the first.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> Self:
        try:
            with _lock:
                if not _wanted:
                    _before_s[:] = [sys.getswitchinterval()]
                _wanted[id(self)] = self._seconds
                sys.setswitchinterval(self._seconds)
        except BaseException:
            self._leave()
            raise
        return self

    def _leave(self) -> None:
        with _lock:
            if id(self) in _wanted:
                rest = [seconds for one, seconds in _wanted.items() if one != id(self)]
                sys.setswitchinterval((rest or _before_s)[-1])
                del _wanted[id(self)]

    def __del__(self) -> None:
        """Leave it where nobody has: an interrupt came upon another."""
        self._leave()
