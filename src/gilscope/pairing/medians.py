"""The median of any quantity with an honest interval: a time, a difference, a count, an amount of memory.

The interval of `gilscope.pairing.intervals` lies between two order statistics, and those of a quantity are the logs of
those of its exponential. What serves ratios serves every quantity, then, negative ones and zeros included.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from gilscope.fields import Natural, in_file
from gilscope.pairing.intervals import Interval, cross_width_interval

_Method = Callable[[Sequence[Sequence[float]], int], Interval]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A median with its interval, in the unit of the values.

    Parameters
    ----------
    value : float
        The median; infinite, which a file has as null, for a break-even that is never reached.
    low, high : float
        Ends of the interval. Both are infinite where there are too few values; one is where some values are.
    n : int
        Values that it rests on.
    """

    value: float = field(metadata=in_file(null=math.inf))
    low: float = field(metadata=in_file(null=-math.inf))
    high: float = field(metadata=in_file(null=math.inf))
    n: Natural

    @property
    def is_open(self) -> bool:
        """Whether there were too few values to tell."""
        return self.low == -math.inf and self.high == math.inf

    @property
    def half_width(self) -> float:
        """Half-width as a share of the value: infinite for one that is open, 0 for one that has no width."""
        if not all(map(math.isfinite, (self.low, self.value, self.high))):
            return math.inf
        widest = max(self.high - self.value, self.value - self.low)
        return widest / abs(self.value) if self.value else (math.inf if widest else 0.0)

    def flaw(self) -> str:
        """Say what of it no measurement can give, or return ""."""
        return "" if self.low <= self.value <= self.high else "must have low <= value <= high"


def median_interval(values: Sequence[float], n_figures: int = 1, of: _Method = cross_width_interval) -> Estimate:
    """Estimate a median from the values of rounds, in the order of time.

    Parameters
    ----------
    values : sequence of float
        One of each round, in any unit; at least one. A break-even may be infinite: never.
    n_figures : int, default 1
        Figures that one sentence rests on; their intervals hold together at 95 % (Bonferroni).
    of : callable, optional
        What makes the interval: `cross_width_interval`, or `ratio_interval` where all values are of one width.

    Raises
    ------
    ValueError
        If there is no value, or one is not a number.
    """
    if not values or any(map(math.isnan, values)):
        raise ValueError(f"a median needs values, and numbers; got {list(values)}")
    if any(map(math.isinf, values)):
        finite = [abs(value) for value in values if math.isfinite(value)]
        scale = (median(finite) if finite else 0.0) or 1.0
        squeezed = _of_finite([_squeezed(value, scale) for value in values], n_figures, of)
        value, low, high = (_stretched(one, scale) for one in (squeezed.value, squeezed.low, squeezed.high))
        return Estimate(value, low, high, squeezed.n)
    return _of_finite(values, n_figures, of)


def _of_finite(values: Sequence[float], n_figures: int, of: _Method) -> Estimate:
    scale = max(map(abs, values)) or 1.0
    found = of([[value / scale for value in values]], n_figures)
    low, high = (
        scale * math.log(end) if 0 < end < math.inf else math.copysign(math.inf, end - 1)
        for end in (found.low, found.high)
    )
    value = scale * math.log(found.estimate)
    # Logs of exponentials err in the last digits, where low, value and high are one.
    return Estimate(value, min(low, value), max(high, value), found.n)


def _squeezed(value: float, scale: float) -> float:
    """Return a value between -1 and 1 that keeps its rank: a median asks for no more, and has its place at infinity."""
    return math.copysign(1.0, value) if math.isinf(value) else value / (scale + abs(value))


def _stretched(value: float, scale: float) -> float:
    """Return the value that was squeezed."""
    rest = 1 - abs(value)
    return math.copysign(math.inf, value) if rest <= 1e-12 else scale * value / rest
