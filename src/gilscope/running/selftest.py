"""The method tested on itself: many controls whose true ratios are known, measured exactly as every other ratio.

Each control times an arm against itself (truth 1) and against 1.05 times its work (truth 1.05), stops on width as a
run does, and asks whether its interval holds the truth. A method whose "95 %" intervals hold it 95 times in 100 is
honest; one that holds it 27 times is what timing one arm after the other gives.
"""

import random
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import isfinite, log, nan
from statistics import median

from gilscope.children.start import Child
from gilscope.pairing import orders
from gilscope.pairing.intervals import Interval, ratio_interval
from gilscope.running.calibration import LaunchLike, calibrate, call_of
from gilscope.running.launch_process import LaunchProcess
from gilscope.running.plan import HEAVIER, Request, make_plan
from gilscope.running.result import Arm
from gilscope.running.runner import CHECKS_IN_A_ROW

#: Rounds before the first check, and between two checks: those of a run of one launch.
FIRST_CHECK, CHECK_EVERY = 20, 2
#: A control that is not narrow enough after this long is reported as it is.
MAX_CONTROL_S = 5.0


@dataclass(frozen=True, slots=True)
class ControlReading:
    """What one control read.

    Parameters
    ----------
    truth : float
    interval : Interval
    resolved : bool
        Whether the interval reached the target width in time.
    seconds : float
        Wall time until it stopped.
    """

    truth: float
    interval: Interval
    resolved: bool
    seconds: float

    @property
    def covers(self) -> bool:
        """Whether the interval holds the truth."""
        return self.interval.low <= self.truth <= self.interval.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What many readings of one truth say of the method.

    Parameters
    ----------
    truth : float
    n : int
    coverage : float
        Share of the intervals that hold the truth, of those that have two ends: one without holds everything. Not a
        number where there are none.
    coverage_low, coverage_high : float
        Wilson 95 % interval of `coverage`: how well so many readings can tell it.
    bias : float
        Median estimate / truth - 1.
    worst : float
        Largest error of an estimate, as a share of the truth.
    unresolved : float
        Share not narrow enough in time.
    median_s : float or None
        Median time to the target width, of those that reached it.
    """

    truth: float
    n: int
    coverage: float
    coverage_low: float
    coverage_high: float
    bias: float
    worst: float
    unresolved: float
    median_s: float | None


def controls(n: int, target: float, seed: int, *, busy: bool = False) -> Iterator[tuple[ControlReading, ...]]:
    """Measure `n` controls in one launch; yield the two readings of each as it ends.

    Parameters
    ----------
    n : int
    target : float
        Half-width at which a control stops.
    seed : int
    busy : bool
        Keep one process computing beside it all the while.
    """
    plan = make_plan(Request(kernels=("quad",), implementations=("c",), seed=seed), 2, "not used: one CPU wide")
    arms, n_items = plan.control.arms[:3], plan.control.n_items
    rng = random.Random(seed)
    with ExitStack() as stack:
        if busy:
            stack.enter_context(BusyProcess())
        launch = stack.enter_context(LaunchProcess(arms, plan.dtype, n_items, rng))
        launch.start()
        launch.prepare([arm.id for arm in arms], n_items)
        repeats = calibrate(launch, arms, n_items).repeats
        for _ in range(n):
            yield _one_control(launch, arms, repeats, target, rng)


def summarise(readings: list[ControlReading], truth: float = HEAVIER) -> Summary:
    """Return what the readings of one truth say of the method."""
    mine = [reading for reading in readings if reading.truth == truth]
    told = [reading for reading in mine if isfinite(reading.interval.half_width)]
    low, high = wilson(sum(reading.covers for reading in told), len(told)) if told else (nan, nan)
    return Summary(
        truth=truth,
        n=len(mine),
        coverage=sum(reading.covers for reading in told) / len(told) if told else nan,
        coverage_low=low,
        coverage_high=high,
        bias=median(reading.interval.estimate for reading in mine) / truth - 1,
        worst=max(abs(reading.interval.estimate / truth - 1) for reading in mine),
        unresolved=sum(not reading.resolved for reading in mine) / len(mine),
        median_s=median(times) if (times := [reading.seconds for reading in mine if reading.resolved]) else None,
    )


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Return the score interval of a share (Wilson 1927), which stays inside 0..1 and fits small misses."""
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    margin = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return max(0.0, centre - margin), min(1.0, centre + margin)


@dataclass(slots=True)
class _Pair:
    """The log ratios of one truth so far, and how many of the last checks found their interval narrow."""

    truth: float
    log_ratios: list[float] = field(default_factory=list)
    in_a_row: int = 0
    seconds: float = 0.0

    @property
    def stopped(self) -> bool:
        return self.in_a_row >= CHECKS_IN_A_ROW

    def check(self, target: float) -> None:
        narrow = ratio_interval([self.log_ratios]).half_width <= target
        self.in_a_row = self.in_a_row + 1 if narrow else 0


def _one_control(
    launch: LaunchLike,
    arms: tuple[Arm, ...],
    repeats: int,
    target: float,
    rng: random.Random,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[ControlReading, ...]:
    """Measure until each of the two ratios has stopped, each at its own width."""
    one, same, heavier = arms
    pairs = (_Pair(1.0), _Pair(HEAVIER))
    rows: deque[tuple[int, ...]] = deque()
    begin, n_rounds = clock(), 0
    while not all(pair.stopped for pair in pairs) and clock() - begin < MAX_CONTROL_S:
        if not rows:
            rows.extend(orders.orders(len(arms), rng))
        order = [call_of(arms[i], repeats) for i in rows.popleft()]
        walls = {sample.arm: sample.wall_ns for sample in launch.measure(order)[0]}
        n_rounds += 1
        now = (log(walls[one.id] / walls[same.id]), log(walls[heavier.id] / walls[one.id]))
        for pair, log_ratio in zip(pairs, now, strict=True):
            if not pair.stopped:
                pair.log_ratios.append(log_ratio)
                pair.seconds = clock() - begin
                if n_rounds >= FIRST_CHECK and n_rounds % CHECK_EVERY == 0:
                    pair.check(target)
    return tuple(
        ControlReading(pair.truth, ratio_interval([pair.log_ratios]), pair.stopped, pair.seconds) for pair in pairs
    )


class BusyProcess:
    """A process that computes; leaving the context ends it, and so does the end of this process, however it comes."""

    def __enter__(self) -> None:
        self._child = Child([sys.executable, "-I", "-S", "-c", "while True: pass"])

    def __exit__(self, *_: object) -> None:
        self._child.close()
