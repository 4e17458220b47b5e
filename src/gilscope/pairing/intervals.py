"""From paired log ratios to a ratio with an honest interval.

A round times every arm once, so each round gives one pair, and its log ratio ln(reference) - ln(arm) is free of
whatever slowed both. The estimate is the median of the pairs; the interval is that of the sign test, interpolated
between neighbouring order statistics to the level wanted, which a few pairs alone overshoot by a third of the error.
It assumes next to nothing about the shape of the noise, only that pairs are independent. Where they visibly are not,
because they are autocorrelated or because launches disagree, the interval is widened.

References
----------
W. J. Conover (1999). Practical Nonparametric Statistics, 3rd ed., section 3.2: the interval for a quantile.
T. P. Hettmansperger, S. J. Sheather (1986). Confidence intervals based on interpolated order statistics. Statistics
& Probability Letters 4, 75-79: exact for Laplace noise, and within 0.2 % of the level for others.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, count
from operator import mul
from statistics import median, stdev
from typing import Annotated

from gilscope.fields import Natural, NotNegative, OneOf, Part, Range, in_file

REPORTED_LEVEL = 0.95
#: Error the interval is computed at: less than the 0.05 reported, for looking repeatedly and stopping once narrow.
#: By simulation of that rule, for four shapes of noise at six sizes, 93.5 to 96.5 % of the intervals hold the truth.
COMPUTED_ERROR = 0.04
#: Lag-1 autocorrelation above which pairs no longer count as independent, and how many of its standard errors
#: 1/sqrt(n) it must exceed: of independent pairs, 0.2 is exceeded by one set of twenty in four, this by one in twenty.
AUTOCORRELATION_LIMIT, AUTOCORRELATION_ERRORS = 0.2, 1.64
#: Student's 97.5 % quantile by degrees of freedom, for the mean of launches that disagree (any table; beyond it, 2.23).
#: The normal 1.96 would cover 80 % with three launches and 70 % with two, by simulation; this covers 91-95 %.
LAUNCH_QUANTILES = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26}
BEYOND_TABLE = 2.23
_NORMAL_QUANTILE = 1.959964


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A ratio reference / arm with its confidence interval; above 1 the arm is the faster one.

    Parameters
    ----------
    estimate : float
        The ratio; not a number where there are no pairs, which a file has as null.
    low : float
        Lower end of its interval; 0 where too few pairs could tell.
    high : float
        Upper end; infinite where too few pairs could tell, which a file has as null.
    level : float
        Level the interval is reported at, for all verdict ratios of its table together.
    n : int
        Pairs.
    n_effective : float
        Independent pairs that the interval was computed for; `n` unless widened for autocorrelation.
    lag1 : float
        Lag-1 autocorrelation within launches: that of the log ratios or that of their signs about the launch's
        median, whichever is larger; 0 where there is nothing to correlate.
    n_launches : int
        Launches that gave at least one pair.
    widened : str
        Why the interval is wider than the plain one: ``""``, ``"autocorrelation"``, ``"launches"``, or both, joined
        by a comma.
    """

    estimate: float = field(metadata=in_file(null=math.nan))
    low: float
    high: float = field(metadata=in_file(null=math.inf))
    level: Part
    n: Natural
    n_effective: NotNegative
    lag1: Annotated[float, Range(least=-1, most=1)]
    n_launches: Natural
    widened: Annotated[str, OneOf("", "autocorrelation", "launches", "autocorrelation,launches")]

    def flaw(self) -> str:
        """Say what of it no measurement can give, or return ""."""
        if not 0 <= self.low <= self.high:
            return f"must have 0 <= low <= high; got {self.low:g} and {self.high:g}"
        return "" if math.isnan(self.estimate) or self.estimate > 0 else f"must be above 0; got {self.estimate:g}"

    @property
    def half_width(self) -> float:
        """Relative half-width, of the wider side: 0.02 is "+-2 %"; infinite if an end is 0 or infinite."""
        if self.low == 0 or math.isinf(self.high):
            return math.inf
        return max(self.high / self.estimate, self.estimate / self.low) - 1


def ratio_interval(launches: Sequence[Sequence[float]], n_ratios: int = 1) -> Interval:
    """Estimate an equal-width ratio, fit for a verdict.

    Parameters
    ----------
    launches : sequence of sequences of float
        For each launch, the log ratios ln(reference) - ln(arm) of its rounds after warm-up, in the order of time.
    n_ratios : int, default 1
        Verdict ratios in the table; their intervals hold together (Bonferroni).

    Returns
    -------
    Interval
        Exp of the median and of the sign-test interval, with an error of 4 % divided among the ratios and reported
        as 5 %: the rest is the price of looking after every few rounds and stopping when the width is reached.

    Raises
    ------
    ValueError
        If a log ratio is not finite or `n_ratios` is below 1.

    Notes
    -----
    With lag-1 autocorrelation r above 0.2, and beyond what chance does, the interval is that of n (1 - r) / (1 + r)
    pairs. If the medians of the launches are further apart than the interval is wide, it reaches at least Student's
    quantile times the standard error of their mean to either side. A launch of a few rounds has a noisy median that
    looks like disagreement; ask once every launch begun has its fewest rounds.

    Examples
    --------
    >>> round(ratio_interval([[0.04, 0.05, 0.06] * 10]).estimate, 3)
    1.051
    """
    return _interval(launches, _error(n_ratios), AUTOCORRELATION_LIMIT, _around_their_mean)


def cross_width_interval(launches: Sequence[Sequence[float]], n_ratios: int = 1) -> Interval:
    """Estimate a ratio between arms of different width, to be printed as "here and now".

    Parameters
    ----------
    launches : sequence of sequences of float
        As for `ratio_interval`.
    n_ratios : int, default 1
        Ratios that one sentence rests on; their intervals hold together (Bonferroni).

    Returns
    -------
    Interval
        As from `ratio_interval`, with two differences, for whether there was a second CPU changes slowly. The
        effective sample size is applied to any autocorrelation beyond chance, not only above 0.2. And where launches
        disagree, it reaches from the lowest median of one to the highest: there is no value behind them to estimate,
        it tells what this machine gave meanwhile.

    Raises
    ------
    ValueError
        If a log ratio is not finite or `n_ratios` is below 1.
    """
    return _interval(launches, _error(n_ratios), 0.0, _from_lowest_to_highest)


def fewest_pairs(n_ratios: int) -> int:
    """Return how many pairs it takes until intervals of so many ratios, that hold together, have ends at all."""
    return next(n for n in count(1) if sign_test_rank(n, _error(n_ratios) / 2))


def _error(n_ratios: int) -> float:
    if n_ratios < 1:
        raise ValueError(f"n_ratios must be at least 1, got {n_ratios}")
    return COMPUTED_ERROR / n_ratios


def _around_their_mean(centre: float, medians: Sequence[float]) -> tuple[float, float]:
    quantile = LAUNCH_QUANTILES.get(len(medians) - 1, BEYOND_TABLE)
    margin = quantile * stdev(medians) / math.sqrt(len(medians))
    return centre - margin, centre + margin


def _from_lowest_to_highest(_: float, medians: Sequence[float]) -> tuple[float, float]:
    return min(medians), max(medians)


def _interval(
    launches: Sequence[Sequence[float]],
    error: float,
    autocorrelation_limit: float,
    of_launches: Callable[[float, Sequence[float]], tuple[float, float]],
) -> Interval:
    launches = [launch for launch in launches if launch]
    values = sorted(chain.from_iterable(launches))
    if not all(map(math.isfinite, values)):
        raise ValueError("log ratios must be finite: a time was zero, negative or not a number")
    n, n_effective, widened = len(values), float(len(values)), []
    centre, low, high = (median(values) if values else math.nan), -math.inf, math.inf
    medians = [median(launch) for launch in launches]
    lag1 = _lag1(launches, medians)
    if lag1 > autocorrelation_limit and lag1 * math.sqrt(n) > AUTOCORRELATION_ERRORS:
        n_effective = max(1.0, n * (1 - lag1) / (1 + lag1))
        widened.append("autocorrelation")
    rank = sign_test_rank(n_effective, error / 2)
    if rank:
        rank *= (n + 1) / (int(n_effective) + 1)  # the same quantile of the n values; itself if all count
        low, high = _at_rank(values, rank), -_at_rank([-value for value in reversed(values)], rank)
        if len(medians) > 1 and max(medians) - min(medians) > high - low:
            lowest, highest = of_launches(centre, medians)
            if lowest < low or highest > high:
                low, high = min(low, lowest), max(high, highest)
                widened.append("launches")
    return Interval(
        estimate=math.exp(centre),
        low=math.exp(low),
        high=math.exp(high),
        level=REPORTED_LEVEL,
        n=n,
        n_effective=n_effective,
        lag1=lag1,
        n_launches=len(launches),
        widened=",".join(widened),
    )


def _lag1(launches: Sequence[Sequence[float]], medians: Sequence[float]) -> float:
    """Pool the lag-1 autocorrelation over launches; signs see what one wild value hides from the values."""
    values = [[value - middle for value in launch] for launch, middle in zip(launches, medians, strict=True)]
    signs = [[math.copysign(1.0, value) if value else 0.0 for value in launch] for launch in values]
    return max(_autocorrelation(values), _autocorrelation(signs))


def _autocorrelation(series: Sequence[Sequence[float]]) -> float:
    power = sum(sum(map(mul, one, one)) for one in series)
    return sum(sum(map(mul, one, one[1:])) for one in series) / power if power else 0.0


def _at_rank(values: Sequence[float], rank: float) -> float:
    """Return the value at a rank, counted from 1 and below the last, of sorted values; between two in proportion."""
    whole = int(rank)
    return values[whole - 1] + (rank - whole) * (values[whole] - values[whole - 1])


def sign_test_rank(n: float, tail: float) -> float:
    """Find the rank that makes a sign-test interval of the median.

    Parameters
    ----------
    n : float
        Sample size; an effective one is rounded down.
    tail : float
        Error wanted on each side, above 0 and below 0.5.

    Returns
    -------
    float
        A rank k + w with 0 <= w < 1: the k-th smallest and the k-th largest value enclose the median with an error of
        at most `tail` on either side, the next ones inwards no longer do, and w of the way to these makes it `tail`.
        0 if not even the smallest and the largest value do.

    Raises
    ------
    ValueError
        If `n` is negative or `tail` out of range.

    Examples
    --------
    >>> round(sign_test_rank(20, 0.025), 2)
    6.24
    """
    if not (n >= 0 and 0 < tail < 0.5):
        raise ValueError(f"need n >= 0 and 0 < tail < 0.5, got n={n}, tail={tail}")
    return _rank(int(n), tail)


@lru_cache(maxsize=1 << 14)  # a run asks for the same few levels at every n up to some thousands, once per ratio
def _rank(n: int, tail: float) -> float:
    within = tail * (1 + 1e-9)  # lgamma is good to 1e-11 here: an exact tie counts as within
    k = bisect_right(range(n // 2 + 1), within, key=lambda count: _binomial_cdf(count, n))
    if not k:
        return 0.0
    outer, inner = _binomial_cdf(k - 1, n), _binomial_cdf(k, n)
    share = max(0.0, tail - outer) / (inner - outer)
    return k + (n - k) * share / (k + (n - 2 * k) * share)


def _binomial_cdf(count: int, n: int) -> float:
    """P(Binomial(n, 1/2) <= count) for count <= n/2, summed downwards from its largest term."""
    term = math.exp(math.lgamma(n + 1) - math.lgamma(count + 1) - math.lgamma(n - count + 1) - n * math.log(2))
    total = 0.0
    while term > total * 1e-17:
        total += term
        term *= count / (n - count + 1)
        count -= 1
    return total


def wilson(share: float, n: float) -> tuple[float, float]:
    """Return the 95 % score interval of a share that `n` looks gave: it stays inside 0..1 and fits small misses.

    References
    ----------
    E. B. Wilson (1927). Probable inference, the law of succession, and statistical inference. Journal of the American
    Statistical Association 22, 209-212.
    """
    z = _NORMAL_QUANTILE
    centre, spread = share + z * z / (2 * n), z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)
