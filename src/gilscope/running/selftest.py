"""The method tested on itself: many controls whose true ratios are known, measured exactly as every other ratio.

Each control times an arm against itself (truth 1) and against 1.05 times its work (truth 1.05), stops on width as a
run does, and asks whether its interval holds the truth. A method whose "95 %" intervals hold it 95 times in 100 is
honest; one that holds it 27 times is what timing one arm after the other gives.
"""

import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import isfinite, nan
from statistics import median

from gilscope.children.start import Child
from gilscope.pairing.control import HEAVIER
from gilscope.pairing.intervals import Interval, ratio_interval, wilson
from gilscope.pairing.rounds import Rounds, in_turns
from gilscope.pairing.stopping import Looks
from gilscope.running.calibration import LaunchLike, calibrate, call_of
from gilscope.running.launch_process import LaunchProcess
from gilscope.running.plan import Request, make_plan
from gilscope.running.result import Arm

#: Rounds before the first look, and between two looks: those of a run of one launch.
FIRST_LOOK, LOOK_EVERY = 20, 2
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
    low, high = wilson(sum(reading.covers for reading in told) / len(told), len(told)) if told else (nan, nan)
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


@dataclass(slots=True)
class _Pair:
    """The log ratios of one truth so far, until they were narrow often enough."""

    truth: float
    reference: str
    arm: str
    log_ratios: Sequence[float] = ()
    looks: Looks = field(default_factory=lambda: Looks(first=FIRST_LOOK, every=LOOK_EVERY))
    seconds: float = 0.0


def _one_control(
    launch: LaunchLike,
    arms: tuple[Arm, ...],
    repeats: int,
    target: float,
    rng: random.Random,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[ControlReading, ...]:
    """Measure until each of the two ratios has stopped, each at its own width."""
    calls = {arm.id: call_of(arm, repeats) for arm in arms}
    one, same, heavier = calls
    pairs = (_Pair(1.0, one, same), _Pair(HEAVIER, heavier, one))
    begin = clock()

    def measure(order: Sequence[str]) -> dict[str, float]:
        return {sample.arm: sample.wall_ns for sample in launch.measure([calls[arm] for arm in order])[0]}

    def is_done(rounds: Rounds[str]) -> bool:
        for pair in pairs:
            if not pair.looks.stopped:
                pair.log_ratios, pair.seconds = rounds.log_ratios(pair.reference, pair.arm), clock() - begin
                if pair.looks.is_due(len(rounds)):
                    pair.looks.saw(narrow=ratio_interval([pair.log_ratios]).half_width <= target)
        return all(pair.looks.stopped for pair in pairs)

    rounds = Rounds(list(calls), measure, rng)
    for _ in in_turns([rounds], Rounds.take, is_done, lambda: clock() - begin >= MAX_CONTROL_S, rng):
        pass
    return tuple(
        ControlReading(pair.truth, ratio_interval([pair.log_ratios]), pair.looks.stopped, pair.seconds)
        for pair in pairs
    )


class BusyProcess:
    """A process that computes; leaving the context ends it, and so does the end of this process, however it comes."""

    def __enter__(self) -> None:
        self._child = Child([sys.executable, "-I", "-S", "-c", "while True: pass"])

    def __exit__(self, *_: object) -> None:
        self._child.close()
