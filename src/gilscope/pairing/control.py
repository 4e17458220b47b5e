"""What figures must show before they decide: a control whose ratios are known, and the borders between verdicts."""

from gilscope.pairing.intervals import Interval

#: A control times one arm against itself, and against this much of its work: the ratios are known to be 1 and this.
HEAVIER = 1.05

#: A ceiling whose whole interval is at or above this shows a second CPU; one that is all below it shows that there was
#: none for it.
SECOND_CPU = 1.15
#: From this share of the ceiling on, an arm scales.
SCALES_FROM = 0.9
#: Differences smaller than this do not matter to anybody; a wider target widens it.
SAME = 0.02


def passed(same: Interval, heavier: Interval) -> bool:
    """Tell whether a control read its two known ratios right; without that, no other ratio of the run decides."""
    return holds(same, 1.0) and holds(heavier, HEAVIER)


def holds(interval: Interval, truth: float) -> bool:
    """Tell whether an interval holds a value."""
    return interval.low <= truth <= interval.high
