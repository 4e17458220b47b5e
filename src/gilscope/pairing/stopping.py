"""When to look and when to stop: warm-up is over, an interval is narrow, twice in a row, for good.

Looking after every round and stopping at the first narrow interval finds the lucky ones. So intervals are looked at now
and then, must be narrow at two looks in a row, and are computed at a smaller error than they report (see `intervals`).
"""

import math
from collections.abc import Sequence
from statistics import median

from gilscope.pairing.intervals import Interval

#: Rounds of warm-up that every group has, whatever they read.
WARM_UP_ROUNDS = 4
#: How many of the latest rounds the warm-up rule looks at, and how few it needs.
WARM_UP_WINDOW, WARM_UP_FEWEST = 8, 4
#: A ratio counts as resolved when it was narrow enough at this many looks in a row.
LOOKS_IN_A_ROW = 2


class Looks:
    """When a group is looked at, and whether it was narrow often enough to stop.

    Parameters
    ----------
    first : int
        Rounds before the first look.
    every : int
        Rounds from one look to the next, at least.
    share : float, default 0
        Rounds from one look to the next, as a share of all rounds so far: a look sorts them all.
    """

    def __init__(self, first: int, every: int, share: float = 0.0) -> None:
        self._next: float = first
        self._every, self._share = every, share
        self._in_a_row = 0

    @property
    def stopped(self) -> bool:
        """Whether the latest looks, enough of them in a row, found it narrow."""
        return self._in_a_row >= LOOKS_IN_A_ROW

    def is_due(self, n_rounds: int, n_all: int = 0) -> bool:
        """Tell whether to look after so many rounds; if so, the next look is set.

        Parameters
        ----------
        n_rounds : int
            Of this launch.
        n_all : int
            Of all launches, which is what a look has to sort.
        """
        if n_rounds < self._next:
            return False
        self._next = n_rounds + max(self._every, self._share * n_all)
        return True

    def saw(self, *, narrow: bool) -> bool:
        """Take note of a look; return whether that was the last one needed."""
        self._in_a_row = self._in_a_row + 1 if narrow else 0
        return self.stopped


def projected_rounds(interval: Interval, target: float) -> float:
    """Project how many rounds, in total, bring the half-width to the target.

    Parameters
    ----------
    interval : Interval
        What the rounds so far gave.
    target : float
        Relative half-width wanted, above 0.

    Returns
    -------
    float
        n (half-width / target)^2, as widths shrink with the root of n; infinite while the interval is.

    Raises
    ------
    ValueError
        If `target` is not above 0.
    """
    if not target > 0:
        raise ValueError(f"target must be above 0, got {target}")
    half_width = interval.half_width
    return interval.n * (half_width / target) ** 2 if math.isfinite(half_width) else math.inf


def settled(log_ratios: Sequence[float], tolerance: float) -> bool:
    """Tell whether warm-up is over: the latest rounds no longer drift.

    Parameters
    ----------
    log_ratios : sequence of float
        The launch's log ratios so far, in the order of time.
    tolerance : float
        Drift that is still rest, in log units; half the target width is a good one.

    Returns
    -------
    bool
        Whether the medians of the first and the second half of the last 8 values (or of all, if there are 4 to 7)
        differ by less than `tolerance`; never with fewer than 4.
    """
    latest = log_ratios[-WARM_UP_WINDOW:]
    if len(latest) < WARM_UP_FEWEST:
        return False
    half = len(latest) // 2
    return abs(median(latest[:half]) - median(latest[half:])) < tolerance
