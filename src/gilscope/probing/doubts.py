"""Why something cannot be told of a way, and what would tell."""

from gilscope.probing.expectation import WORTH_IT, Expectation, Seen
from gilscope.words import ratio, seconds

#: So many times the time that was not enough is worth a try: intervals get narrower with its root.
LONGER = 5


def doubt(expected: Expectation, seen: Seen, shortfall: str = "") -> str:
    """Return the end of a sentence that says what was predicted: what was measured, and what would tell."""
    measured = expected.measured
    if measured is None:
        return " and nothing was measured that could tell"
    starved = expected.starved or (measured.high < WORTH_IT and seen.needs_cpu and not seen.second_cpu)
    if starved:
        return f" where there are as many CPUs; here they were {ratio(measured)}, but {no_second_cpu(seen)}"
    if expected.is_fickle:
        told = "releases this short meet all the time in one process and never in the next"
        return f" and here they were {ratio(measured)}, but {told}; make them longer"
    reason = f" ({shortfall})" if shortfall else ""
    return f" and here they were {ratio(measured)}{reason}; {more_time(seen)}"


def no_second_cpu(seen: Seen) -> str:
    """Say that the machine gave no second CPU, or that it could not be told whether it did."""
    control = seen.speed_ups.get("control")
    if control is None:
        return "whether this machine gave a second CPU was not measured"
    if seen.second_cpu is False:
        return f"this machine gave no second CPU meanwhile ({ratio(control)})"
    told = f"could not be told in {seconds(seen.seconds)} ({ratio(control)})"
    return f"whether this machine gave a second CPU {told}; {more_time(seen)}"


def more_time(seen: Seen) -> str:
    """Say how much more time may tell."""
    return f"--max-time {max(1, round(LONGER * seen.seconds))}s may tell"
