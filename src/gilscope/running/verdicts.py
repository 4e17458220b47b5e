"""Verdicts in words, from equal-width ratios alone.

Raw speed-up over serial never decides: on a shared machine it says how many CPUs the host gave, not what the GIL did.
Every verdict is a region that the whole interval must lie in; an interval that straddles a border is unresolved, so
that two honest runs may differ in how much they say but never in what.
"""

import math

from gilscope import words
from gilscope.pairing.control import SAME, SCALES_FROM, SECOND_CPU
from gilscope.pairing.intervals import Interval
from gilscope.running.result import Control

#: Up to this many CPUs kept busy, an arm counts as one CPU wide and is compared with serial.
ONE_CPU_WIDE = 1.1
#: A ceiling that kept fewer CPUs busy than half-way from one to all is no width to compare at: another program had the
#: rest, and beside it every arm is narrow, whatever the GIL does.
BUSY_SHARE = 0.5
#: A verdict on an arm's region needs an interval no wider than this to either side: what the quickest effort aims at. A
#: run that aims at less and does not get there still has that much to say, and shows how wide its interval is.
WIDEST = 0.05

REFERENCE = "reference"
CEILING = "ceiling"
GIL_BOUND = "GIL-bound"
ONE_WIDE = "one CPU wide"
SCALES = "scales"
PARTLY = "partly"
NO_SECOND_CPU = "this machine gave no second CPU"
NO_GAIN = "processes gained nothing here"
MEMORY_BOUND = "memory-bound: a second CPU adds nothing"
CONTROL_FAILED = "no verdict: the control read wrong"
UNRESOLVED = "unresolved"
#: Why the arms of a whole group stay unresolved.
GAIN_OPEN = f"{UNRESOLVED} (whether processes gain)"
CPUS_TAKEN = f"{UNRESOLVED} (processes kept too few CPUs busy)"
CONTROL_UNREAD = f"{UNRESOLVED} (the control was not measured)"
NO_PROCESSES = f"{UNRESOLVED} (no processes to compare with)"


def is_one_cpu_wide(cpu_width: float, ceiling_width: float, n_workers: int) -> bool:
    """Tell whether an arm used one CPU where the ceiling used more; a ceiling of one worker never does."""
    return n_workers > 1 and cpu_width <= ONE_CPU_WIDE and is_wide(ceiling_width, n_workers)


def is_wide(ceiling_width: float, n_workers: int) -> bool:
    """Tell whether a ceiling kept enough CPUs busy for a comparison at its width."""
    return ceiling_width >= 1 + BUSY_SHARE * (n_workers - 1)


def of_ceiling(
    speed_up: Interval, cpu_width: float, n_workers: int, form: str, control: Control, *, gave_cpu: bool
) -> str:
    """Judge the ceiling itself: tell whether there is anything to scale to.

    Parameters
    ----------
    speed_up : Interval
        Serial time / the ceiling's time.
    cpu_width : float
        CPUs that the ceiling kept busy.
    n_workers : int
    form : {"array", "compute"}
    control : Control
    gave_cpu : bool
        Whether any other figure of the run shows a second CPU.

    Returns
    -------
    str
        `CEILING`, or why no other arm of the group can get a verdict.
    """
    if not control.passed:
        return CONTROL_UNREAD if control.same is None else CONTROL_FAILED
    if n_workers == 1:
        return CEILING
    if speed_up.low < SECOND_CPU <= speed_up.high:
        return GAIN_OPEN
    if speed_up.low >= SECOND_CPU:
        return CEILING if is_wide(cpu_width, n_workers) else CPUS_TAKEN
    if form == "array" and is_wide(cpu_width, n_workers) and shows_second_cpu(control.second_cpu):
        return MEMORY_BOUND
    return NO_GAIN if gave_cpu or shows_second_cpu(control.second_cpu) else NO_SECOND_CPU


def shows_second_cpu(speed_up: Interval | None) -> bool:
    """Tell whether a speed-up over serial cannot have been one CPU's."""
    return speed_up is not None and speed_up.low >= SECOND_CPU


def of_wide_arm(ratio: Interval, target: float) -> str:
    """Judge an arm by its share of the ceiling."""
    if ratio.half_width > max(target, WIDEST):
        return unresolved(ratio)
    if ratio.low >= SCALES_FROM:
        return SCALES
    if ratio.high < SCALES_FROM:
        return PARTLY
    return unresolved(ratio)


def of_narrow_arm(to_serial: Interval, to_ceiling: Interval, target: float, *, gil_enabled: bool) -> str:
    """Judge an arm that is one CPU wide beside a wider ceiling.

    Parameters
    ----------
    to_serial : Interval
        Serial time / this arm's time: of equal width, so this one has to be narrow.
    to_ceiling : Interval
        The ceiling's time / this arm's: it need not be narrow, but must be clear of where an arm scales.
    target : float
    gil_enabled : bool
        Without a GIL, something else keeps the arm on one CPU.
    """
    if to_serial.half_width > max(target, WIDEST) or to_ceiling.high >= SCALES_FROM or to_serial.low > ONE_CPU_WIDE:
        return unresolved(to_serial)  # the last: it kept one CPU busy, and was faster than one CPU can be
    return GIL_BOUND if gil_enabled else ONE_WIDE


def of_twins(ratio: Interval, target: float) -> str:
    """Judge two arms that should take equally long, by their ratio."""
    if ratio.half_width > target:
        return unresolved(ratio)
    margin = max(SAME, target)
    if ratio.low >= 1 - margin and ratio.high <= 1 + margin:
        return f"same within {words.percent(margin)}"
    if ratio.low > 1 + margin:
        return "faster"
    if ratio.high < 1 - margin:
        return "slower"
    return unresolved(ratio)


def unresolved(ratio: Interval) -> str:
    """Say how far from resolved a ratio still is."""
    width = ratio.half_width
    if math.isinf(width):
        return f"{UNRESOLVED} (too few rounds)"
    return f"{UNRESOLVED} ({words.half_width(width)})"


def is_open(verdict: str) -> bool:
    """Tell whether a verdict says that the figures cannot tell."""
    return verdict.startswith(UNRESOLVED) or verdict == CONTROL_FAILED


def decides(verdict: str) -> bool:
    """Tell whether a verdict says something of its arm."""
    return not is_open(verdict) and verdict not in (REFERENCE, CEILING, NO_SECOND_CPU, NO_GAIN)
