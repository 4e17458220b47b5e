"""What to expect of a way, from what was predicted for it and what was measured; and what that says of its worth.

A prediction is of a machine that gives all its CPUs. What was measured is of the CPUs that the host gave meanwhile, so
it can exclude a speed-up only where a second CPU was there to be seen; threads beside processes, which are as wide, say
whether it is the threads that fall short or the machine.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from gilscope.fields import NotNegative, Positive
from gilscope.pairing.control import SAME, SCALES_FROM, SECOND_CPU
from gilscope.pairing.intervals import Interval
from gilscope.probing.handing import Cost
from gilscope.probing.prediction import FINE_RELEASES, Prediction

#: A speed-up below this is not worth anybody's trouble.
WORTH_IT = 1.2
#: Predictions of coarse calls were within so much of what two free CPUs gave; closer to a border they decide nothing.
GOOD_TO = 0.05
#: Calls that together need more of a CPU than this are slower where the host gives less than one.
NEEDS_CPU = 0.5


class Worth(Enum):
    """Whether a way is worth it."""

    YES = "yes"
    NO = "no"
    OPEN = "cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was measured with the most workers.

    Parameters
    ----------
    n_workers : int
    speed_ups : mapping of str to Interval
        By way, the control among them; none of ways that were not measured.
    of_processes : Interval or None
        Threads beside as many processes.
    cpu_share : float
        Of the call: its share of time on a CPU, at the most.
    seconds : float
        How long was to be measured.
    """

    n_workers: int
    speed_ups: Mapping[str, Interval]
    of_processes: Interval | None = None
    cpu_share: float = 1.0
    seconds: float = 2.0

    @property
    def needs_cpu(self) -> bool:
        """Whether it matters to the call how many CPUs the host gave."""
        return self.n_workers * self.cpu_share > NEEDS_CPU

    @property
    def cpus(self) -> float:
        """So many CPUs the host gave at least: the most that any way shows."""
        shown = (
            one.low * (1.0 if way == "control" else self.cpu_share)
            for way, one in self.speed_ups.items()
            if math.isfinite(one.low)
        )
        return max(shown, default=0.0)

    @property
    def starved(self) -> bool:
        """Whether the host may not have given what even separate processes need to be worth it."""
        wide = (one for way, one in self.speed_ups.items() if way != "threads")
        return self.needs_cpu and not self.second_cpu and any(one.high < WORTH_IT for one in wide)

    @property
    def second_cpu(self) -> bool | None:
        """Whether the host gave a second CPU; None where that cannot be told."""
        if self.cpus >= SECOND_CPU:
            return True
        control = self.speed_ups.get("control")
        return False if control is not None and control.high < SECOND_CPU else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """A speed-up to expect on a machine that gives its CPUs, as a range.

    Parameters
    ----------
    low, high : float
    most : float
        The largest that what was measured allows, were all CPUs there; infinity if it allows everything.
    measured : Interval or None
        Of the way, here and now.
    starved : bool
        Whether what was measured may show nothing but that the host gave too few CPUs.
    is_fickle : bool
        Whether another process may show the opposite: threads whose releases are fine may never meet, or always. Two of
        them that hashed 2 kB a call were 1.84 to 1.87 times as fast as one in twelve processes, and 0.72 in five.
    """

    low: float
    high: float
    most: float = math.inf
    measured: Interval | None = None
    starved: bool = False
    is_fickle: bool = False

    @property
    def worth(self) -> Worth:
        """Whether the way is worth it: never what the range, or what was measured, excludes."""
        if self.is_fickle:
            return Worth.OPEN
        if self.high < WORTH_IT:
            return Worth.NO
        measured = self.measured
        if measured is not None and measured.low >= WORTH_IT:
            return Worth.YES
        doubtful = self.starved or (measured is not None and measured.high < WORTH_IT)
        return Worth.YES if self.low >= WORTH_IT and not doubtful else Worth.OPEN

    def slowed(self, per_call: float) -> "Expectation":
        """Return it for calls that each cost so much of their own length more, which overlaps with nothing."""
        if not per_call:
            return self
        low, high, most = (1 / (1 / one + per_call) if one else 0.0 for one in (self.low, self.high, self.most))
        return replace(self, low=low, high=high, most=most)


def expect_processes(prediction: Prediction, seen: Seen) -> Expectation:
    """Expect of processes what is predicted for those that are sent nothing, as far as what was measured allows."""
    gave = seen.speed_ups.get("processes")
    return _narrowed(prediction, gave, _most(gave, seen, 1.0), starved=seen.starved)


def expect_threads(prediction: Prediction, processes: Expectation, seen: Seen, ramp: float = 1.0) -> Expectation:
    """Expect of threads what is predicted, as far as what was measured allows.

    Parameters
    ----------
    prediction : Prediction
    processes : Expectation
        Of as many that are sent nothing.
    seen : Seen
    ramp : float, default 1.0
        How much more threads give that go on for ever than those of a sample, which all begin at once.
    """
    gave, beside = seen.speed_ups.get("threads"), seen.of_processes
    most = math.inf if beside is None else beside.high * processes.high * ramp
    if gave is None or (beside is not None and beside.low >= SCALES_FROM and seen.needs_cpu):
        pass  # they reach what processes reach: what is missing, the host did not give
    elif beside is not None and beside.high < SCALES_FROM and seen.second_cpu:
        most = min(most, gave.high * ramp)
    else:
        most = min(most, _most(gave, seen, ramp))
    if prediction.limit == FINE_RELEASES and prediction.low < WORTH_IT <= prediction.high:
        high = max(prediction.high, gave.high) if gave is not None else prediction.high
        return Expectation(low=prediction.low, high=high, measured=gave, starved=seen.starved, is_fickle=True)
    return _narrowed(prediction, gave, most, starved=seen.starved)


def _most(gave: Interval | None, seen: Seen, ramp: float) -> float:
    """Return the largest speed-up that a measured one allows, were all CPUs there."""
    if gave is None:
        return math.inf
    if not seen.needs_cpu:
        return gave.high * ramp
    return gave.high * ramp * max(1.0, seen.n_workers / seen.cpus) if seen.second_cpu else math.inf


def _narrowed(prediction: Prediction, gave: Interval | None, most: float, *, starved: bool) -> Expectation:
    """Return the part of a prediction that what was measured leaves; where it leaves none, what was measured."""
    above = max(prediction.high, min(prediction.high * (1 + GOOD_TO), prediction.n_workers))
    low, high, least = prediction.low * (1 - GOOD_TO), min(above, most), gave.low if gave is not None else 0.0
    if gave is not None and least > high:  # more than predicted
        high = min(most, gave.high) if least >= WORTH_IT else least
    elif most < (1 - SAME) * prediction.low:  # less
        low = min(least, high)
    low, high = max(low, least), max(high, least)
    return Expectation(low=min(low, high), high=high, most=most, measured=gave, starved=starved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What is left of a speed-up when calls are handed out to busy workers one at a time.

    Parameters
    ----------
    low, high : float
        Speed-up over one worker that makes the calls in a loop.
    calls_at_a_time : int
        With so many calls an order nine tenths of the speed-up are left; rounded up.
    """

    low: NotNegative
    high: NotNegative
    calls_at_a_time: Positive


def handed(expected: Expectation, busy: Cost, call_ns: float) -> Handed:
    """Return what is left of an expectation when its calls are handed out one at a time.

    Parameters
    ----------
    expected : Expectation
    busy : Cost
        What that costs a call, in ns; see `gilscope.probing.handing.Handing`.
    call_ns : float
    """
    at_best, at_worst = expected.slowed(busy.low / call_ns), expected.slowed(busy.high / call_ns)
    enough = busy.high / call_ns * expected.low * SCALES_FROM / (1 - SCALES_FROM)
    return Handed(low=at_worst.low, high=at_best.high, calls_at_a_time=_rounded_up(enough))


def _rounded_up(value: float) -> int:
    """Round up to a whole number of one significant digit, for what follows from a cost is no more certain."""
    unit: int = 10 ** math.floor(math.log10(max(value, 1.0)))
    return unit * math.ceil(value / unit - 1e-9)
