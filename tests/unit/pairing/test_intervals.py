"""The interval of a ratio: exact ranks, honest coverage on data whose truth is known, and warm-up."""

import math
import random
import statistics
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from gilscope.pairing.intervals import (
    Interval,
    cross_width_interval,
    ratio_interval,
    sign_test_rank,
    wilson,
)
from gilscope.pairing.stopping import projected_rounds

TAILS = [0.025, 0.0125, 0.0125 / 3, 0.0125 / 10, 0.2, 2.0**-6]


def split(values: Sequence[float], n_launches: int) -> list[Sequence[float]]:
    """Cut one series into launches of nearly equal length."""
    n = len(values)
    return [values[n * part // n_launches : n * (part + 1) // n_launches] for part in range(n_launches)]


def covers(interval: Interval, ratio: float = 1.0) -> bool:
    """Tell whether the interval holds the true ratio."""
    return interval.low <= ratio <= interval.high


def normal(rng: random.Random) -> float:
    """Noise of a quiet machine."""
    return rng.gauss(0, 0.03)


def contaminated(rng: random.Random) -> float:
    """One pair in five is Cauchy: without a mean, with outliers of any size."""
    return rng.gauss(0, 0.03) if rng.random() < 0.8 else 0.03 * math.tan(math.pi * (rng.random() - 0.5))


def skewed(rng: random.Random) -> float:
    """Exponential about its median."""
    return 0.03 * (rng.expovariate(1) - math.log(2))


def autoregressive(rng: random.Random, n: int, rho: float) -> list[float]:
    """Draw a stationary AR(1) series."""
    series = [rng.gauss(0, 0.03)]
    while len(series) < n:
        series.append(rho * series[-1] + math.sqrt(1 - rho**2) * rng.gauss(0, 0.03))
    return series


def plain_covers(launches: Sequence[Sequence[float]]) -> bool:
    """Tell whether the sign-test interval that nothing widens holds the true ratio 1."""
    values = sorted(value for launch in launches for value in launch)
    rank = int(sign_test_rank(len(values), 0.0125))
    return values[rank - 1] <= 0 <= values[-rank]


def at_rank(values: Sequence[float], rank: float) -> tuple[float, float]:
    """Return the values at a rank from below and from above."""
    ordered, places = sorted(values), range(1, len(values) + 1)
    low, high = (np.interp(place, places, ordered) for place in (rank, len(values) + 1 - rank))
    return float(low), float(high)


@pytest.mark.parametrize("tail", TAILS)
def test_ranks_are_exact(tail: float) -> None:
    """Its whole part is the largest k with P(Binomial(n, 1/2) < k) <= tail, by exact integer arithmetic."""
    numerator, denominator = tail.as_integer_ratio()
    for n in [*range(201), 999, 1077, 2000]:
        bound, rank, below = (numerator << n) // denominator, 0, 1
        while below <= bound:
            rank += 1
            below += math.comb(n, rank)
        assert int(sign_test_rank(n, tail)) == rank, n


@pytest.mark.parametrize(("n", "rank"), [(5, 0), (6, 1), (8, 1), (9, 2), (20, 6), (25, 8), (50, 18), (100, 40)])
def test_ranks_are_those_of_the_tables(n: int, rank: int) -> None:
    """At 95 % the ranks are those printed for the sign test, such as the 6th of 20 and the 40th of 100 values."""
    assert int(sign_test_rank(n, 0.025)) == rank
    assert sign_test_rank(n + 0.9, 0.025) == sign_test_rank(n, 0.025)


@pytest.mark.parametrize("n", [7, 20, 21, 60])
def test_laplace_noise_is_covered_exactly(n: int) -> None:
    """Between ranks the weight is the one that gives Laplace noise the level asked for, neither more nor less."""
    rank = sign_test_rank(n, 0.025)
    whole, share = int(rank), rank - int(rank)
    values = np.sort(np.random.default_rng(n).laplace(size=(20_000, n))).T
    low = values[whole - 1] + share * (values[whole] - values[whole - 1])
    high = values[-whole] + share * (values[-whole - 1] - values[-whole])
    assert np.mean((low <= 0) & (high >= 0)) == pytest.approx(0.95, abs=0.006)


@pytest.mark.parametrize(("n", "tail"), [(-1, 0.1), (math.nan, 0.1), (9, 0.0), (9, 0.5), (9, math.nan)])
def test_impossible_ranks_are_refused(n: float, tail: float) -> None:
    """A negative size, or a tail that is no error probability, is an error."""
    with pytest.raises(ValueError, match=r"0 < tail < 0\.5"):
        sign_test_rank(n, tail)


@pytest.mark.parametrize("noise", [normal, contaminated, skewed])
@pytest.mark.parametrize("n", [20, 60, 200])
@pytest.mark.parametrize("n_launches", [1, 3])
def test_independent_pairs_are_covered(noise: Callable[[random.Random], float], n: int, n_launches: int) -> None:
    """Whatever the shape of the noise, the 96 % interval holds the true median in 94.7 to 98.5 % of data sets."""
    rng, repeats = random.Random(n + n_launches), 1500 if n == 200 else 3000
    hits = sum(covers(ratio_interval(split([noise(rng) for _ in range(n)], n_launches))) for _ in range(repeats))
    assert 0.947 <= hits / repeats <= 0.985


@pytest.mark.parametrize("n", [60, 200])
@pytest.mark.parametrize("n_launches", [1, 3])
def test_autocorrelated_pairs_are_covered(n: int, n_launches: int) -> None:
    """With AR(1) noise of 0.4 the effective sample size keeps coverage where the plain interval loses it."""
    rng, repeats = random.Random(n + n_launches), 1000
    sets = [[autoregressive(rng, n // n_launches, 0.4) for _ in range(n_launches)] for _ in range(repeats)]
    assert sum(covers(ratio_interval(one)) for one in sets) / repeats >= 0.93
    assert sum(covers(cross_width_interval(one)) for one in sets) / repeats >= 0.93
    assert sum(map(plain_covers, sets)) / repeats < 0.94


def test_launch_effects_widen_the_interval() -> None:
    """When launches differ by more than their rounds do, coverage is far above that of the plain interval."""
    rng, repeats = random.Random(4), 1000
    effects = [[rng.gauss(0, 0.06) for _ in range(3)] for _ in range(repeats)]
    sets = [[[effect + normal(rng) for _ in range(30)] for effect in three] for three in effects]
    intervals = [ratio_interval(one) for one in sets]
    assert sum(map(covers, intervals)) / repeats > 0.9
    assert sum(map(plain_covers, sets)) / repeats < 0.5
    assert sum("launches" in interval.widened for interval in intervals) / repeats > 0.9


@pytest.mark.parametrize("noise", [normal, contaminated, skewed])
def test_stopping_at_the_width_keeps_coverage(noise: Callable[[random.Random], float]) -> None:
    """Looking every two rounds from 20 and stopping at +-2 % twice in a row, 92.5 to 97 % hold the true ratio 1.05."""
    rng, repeats, hits = random.Random(105), 1000, 0
    for _ in range(repeats):
        pairs = [math.log(1.05) + 2 * noise(rng) for _ in range(20)]
        interval, narrow = ratio_interval([pairs]), 0
        while (narrow := narrow + 1 if interval.half_width <= 0.02 else 0) < 2:
            pairs += [math.log(1.05) + 2 * noise(rng) for _ in range(2)]
            interval = ratio_interval([pairs])
        hits += covers(interval, 1.05)
    assert 0.925 <= hits / repeats <= 0.97


def test_an_interval_tells_how_it_was_made() -> None:
    """Estimate and ends are ratios at the expected ranks, and the counts describe the input."""
    rng = random.Random(11)
    launches = split([normal(rng) for _ in range(20)], 2)
    interval = ratio_interval([*launches, []])
    values = [*launches[0], *launches[1]]
    low, high = at_rank(values, sign_test_rank(20, 0.02))
    assert interval.estimate == math.exp(statistics.median(values))
    assert (interval.low, interval.high) == pytest.approx((math.exp(low), math.exp(high)), rel=1e-12)
    assert (interval.level, interval.n, interval.n_launches, interval.widened) == (0.95, 20, 2, "")
    assert interval.n_effective == 20
    assert interval.half_width == pytest.approx(
        max(interval.high / interval.estimate, interval.estimate / interval.low) - 1
    )


def test_more_verdicts_widen_every_interval() -> None:
    """With ten ratios in the table, each interval is wider than with one, about the same estimate."""
    rng = random.Random(2)
    launches = [[normal(rng) for _ in range(100)]]
    one, ten = ratio_interval(launches), ratio_interval(launches, n_ratios=10)
    assert ten.low < one.low < one.estimate == ten.estimate < one.high < ten.high
    assert one.level == ten.level == 0.95


def test_a_wild_outlier_moves_nothing() -> None:
    """However large the largest value is, estimate and interval stay."""
    rng = random.Random(3)
    pairs = [normal(rng) for _ in range(60)]
    wild = [50.0 if value == max(pairs) else value for value in pairs]
    before, after = ratio_interval([pairs]), ratio_interval([wild])
    assert (before.estimate, before.low, before.high) == (after.estimate, after.low, after.high)


@pytest.mark.parametrize("n", [20, 61])
def test_swapping_the_arms_gives_the_reciprocal(n: int) -> None:
    """Reference and arm change places: the ratio and its ends turn over, the width stays."""
    rng = random.Random(n)
    launches = [[0.05 + offset + value for value in autoregressive(rng, n, 0.5)] for offset in (0, 0.2, 0.1)]
    interval, swapped = ratio_interval(launches), ratio_interval([[-value for value in one] for one in launches])
    assert interval.widened == swapped.widened == "autocorrelation,launches"
    assert swapped.estimate == pytest.approx(1 / interval.estimate, rel=1e-12)
    assert (swapped.low, swapped.high) == pytest.approx((1 / interval.high, 1 / interval.low), rel=1e-12)
    assert swapped.half_width == pytest.approx(interval.half_width, rel=1e-9)


def test_an_autocorrelated_interval_takes_the_ranks_of_a_smaller_sample() -> None:
    """Its ends lie at the quantiles that an independent sample of the effective size would use."""
    rng = random.Random(6)
    pairs = autoregressive(rng, 400, 0.6)
    interval = ratio_interval([pairs])
    assert interval.widened == "autocorrelation"
    assert interval.n_effective == pytest.approx(400 * (1 - interval.lag1) / (1 + interval.lag1))
    size = int(interval.n_effective)
    low, high = at_rank(pairs, sign_test_rank(size, 0.02) * 401 / (size + 1))
    assert (interval.low, interval.high) == pytest.approx((math.exp(low), math.exp(high)), rel=1e-12)


def test_a_wild_value_does_not_hide_autocorrelation() -> None:
    """One outlier drowns the correlation of the values; that of the signs still shows."""
    pairs = autoregressive(random.Random(7), 200, 0.8)
    pairs[100] = 50.0
    assert ratio_interval([pairs]).widened == "autocorrelation"


def test_launches_do_not_pass_for_autocorrelation() -> None:
    """A step between launches is a launch effect: within them the pairs are as independent as ever."""
    rng = random.Random(8)
    launches = [[effect + normal(rng) for _ in range(100)] for effect in (0.0, 0.5, 1.0)]
    assert ratio_interval(launches).lag1 < 0.2
    assert ratio_interval(launches).widened == "launches"


def test_the_here_and_now_interval_always_allows_for_autocorrelation() -> None:
    """A correlation too weak to touch a verdict's interval still widens a cross-width one, but none narrows it."""
    pairs = autoregressive(random.Random(9), 1000, 0.12)
    assert 0 < ratio_interval([pairs]).lag1 < 0.2
    assert cross_width_interval([pairs]).n_effective < ratio_interval([pairs]).n_effective == 1000
    assert cross_width_interval([pairs]).half_width > ratio_interval([pairs]).half_width
    alternating = [0.01 * (-1) ** place for place in range(100)]
    assert cross_width_interval([alternating]).n_effective == 100


def test_the_here_and_now_interval_spans_launches_that_disagree() -> None:
    """A machine that gave a second CPU in two launches of three gave what it gave: there is no value to estimate."""
    rng = random.Random(12)
    launches = [[effect + normal(rng) for _ in range(50)] for effect in (0.0, 0.6, 0.7)]
    interval = cross_width_interval(launches)
    assert interval.widened == "launches"
    medians = sorted(math.exp(statistics.median(launch)) for launch in launches)
    assert interval.low == pytest.approx(medians[0])
    assert medians[-1] <= interval.high < 1.1 * medians[-1]


def test_ties_are_no_obstacle() -> None:
    """Equal log ratios, as from a coarse clock, give an interval of no width about them."""
    interval = ratio_interval([[0.05] * 30, [0.05] * 30])
    assert interval.low == interval.estimate == interval.high == math.exp(0.05)
    assert (interval.half_width, interval.lag1, interval.widened) == (0.0, 0.0, "")


@pytest.mark.parametrize("n", range(1, 8))
def test_too_few_pairs_cannot_tell(n: int) -> None:
    """Five pairs cannot make 96 %: the interval is (0, infinity). Six can."""
    interval = ratio_interval([[0.01 * (-1) ** place * place for place in range(n)]])
    assert math.isinf(interval.half_width) == (n < 6)
    assert ((interval.low, interval.high) == (0.0, math.inf)) == (n < 6)
    assert math.isfinite(interval.estimate)


@pytest.mark.parametrize("launches", [[], [[]], [[], []]])
def test_no_pairs_give_no_estimate(launches: list[list[float]]) -> None:
    """Without a pair there is neither estimate nor bound, and nothing to project from."""
    interval = ratio_interval(launches)
    assert math.isnan(interval.estimate)
    assert (interval.low, interval.high, interval.n, interval.n_launches) == (0.0, math.inf, 0, 0)
    assert interval.half_width == projected_rounds(interval, 0.02) == math.inf


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_infinite_log_ratios_are_refused(bad: float) -> None:
    """A time of zero, or none, is an error upstream and must not become a ratio."""
    for estimate in (ratio_interval, cross_width_interval):
        with pytest.raises(ValueError, match="finite"):
            estimate([[0.0] * 20, [bad]])


def test_a_table_without_ratios_is_refused() -> None:
    """The error can only be divided among one ratio or more."""
    with pytest.raises(ValueError, match="at least 1, got 0"):
        ratio_interval([[0.0]], n_ratios=0)


def test_wilson_covers_the_truth() -> None:
    """Of intervals that simulated looks give, about 95 in 100 contain the truth; none leaves 0 to 1."""
    rng, truth, n = random.Random(3), 0.1, 80
    covered = 0
    for _ in range(1000):
        low, high = wilson(sum(rng.random() < truth for _ in range(n)) / n, n)
        covered += low <= truth <= high
        assert 0 <= low < high <= 1
    assert 920 <= covered <= 980
