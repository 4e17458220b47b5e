"""How long something will still take, from guesses that jump: what is shown moves smoothly, and comes true."""

import time
from collections.abc import Callable

from gilscope import words

#: The end moves by at most so many seconds a second, so that what is left rises by half a second a second at worst, and
#: falls by 2.5: whoever looks twice sees a figure that goes somewhere, and a guess that was wrong is caught up with.
FASTEST = 1.5
#: How long a guess has to stand to count in full: this, or this share of what is left, for early guesses are the worst.
SETTLING_SECONDS, SETTLING_SHARE = 4.0, 0.2
#: What is shown changes when it is off by more than this share of the step between two figures, so that none flickers.
STICKY = 0.75


class TimeLeft:
    """Tells how long something will still take.

    Parameters
    ----------
    clock : callable
        Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = self._end = -1.0
        self._shown = -1.0

    def guess(self, seconds: float) -> None:
        """Take what the work itself thinks that it needs from now on."""
        now = self._clock()
        end = now + max(0.0, seconds)
        if self._last < 0:
            self._end = end
        else:
            passed = now - self._last
            settling = max(SETTLING_SECONDS, SETTLING_SHARE * abs(self._end - now))
            step = (end - self._end) * min(1.0, passed / settling)
            self._end += max(-FASTEST * passed, min(FASTEST * passed, step))
        self._last = now

    @property
    def seconds(self) -> float | None:
        """What is left now; None before there was a guess. It counts down between two of them."""
        return None if self._last < 0 else max(0.0, self._end - self._clock())

    def __str__(self) -> str:
        """Say it as coarsely as it deserves: ``"25 s left"``; nothing while nobody can tell."""
        seconds = self.seconds
        if seconds is None:
            return ""
        step = _step(seconds)
        if self._shown < 0 or abs(seconds - self._shown) > STICKY * step:
            self._shown = step * round(seconds / step)
        return f"{words.seconds(self._shown)} left" if self._shown >= 1 else "nearly done"


def _step(seconds: float) -> float:
    """Return the distance of two figures that are worth telling apart."""
    return next((step for most, step in ((10, 1.0), (120, 5.0), (1200, 60.0)) if seconds < most), 600.0)
