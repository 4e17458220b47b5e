"""A thread that asks for the GIL again and again, as a thread of the program does that has work to do."""

from collections.abc import Callable

from gilscope import shortages
from gilscope.accounting._leaving import Leaving
from gilscope.accounting.switching import SwitchInterval
from gilscope.originals import Flag, Thread

#: The wait after which it asks; the kernel adds some 60 us. With the usual 5 ms, a call that releases more often by
#: itself would never be asked.
ASKS_AFTER_S = 50e-6


class Asking(Leaving):
    """Has another thread ask for the GIL from ``__enter__``, which gives that thread, to ``__exit__``.

    Parameters
    ----------
    pause : callable
        What the thread does between two requests, without the GIL: coming back from it is the asking.
    name : str
        Of the thread.
    interval_s : float, default 50 us
        The switch interval meanwhile: it asks when it has waited for so long.
    """

    def __init__(self, pause: Callable[[], object], name: str, interval_s: float = ASKS_AFTER_S) -> None:
        over = Flag()

        def ask() -> None:  # refers to nothing that would keep this object
            while not over.is_set():
                pause()

        self._over, self._thread, self._interval = over, Thread(ask, name), SwitchInterval(interval_s)

    def __enter__(self) -> Thread:
        try:
            self._interval.__enter__()
            shortages.start(self._thread)
        except BaseException:
            self._leave()
            raise
        return self._thread

    def _leave(self) -> None:
        self._over.set()
        self._interval._leave()  # noqa: SLF001 - this is leaving it
        self._thread.join()

    def __del__(self) -> None:
        """Have the thread end where nobody has left: an interrupt came upon another."""
        self._over.set()
