"""Figures of an experiment: what one round says, and the median of that over all rounds.

    ratio("two threads", "threads", over="one", compared_with="one thread")
    level("ticks late", "held", "gap_p99_ns", "ns")
    Figure("start of a process", lambda cycle: cycle["process"]["start_ns"] - cycle["idle"]["wall_ns"], "ns")

A figure is a function of one cycle, in which every arm was timed once, so that a ratio or a difference is one within a
round. Its interval is that of the median (see `gilscope.pairing.medians`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gilscope.pairing.intervals import fewest_pairs
from gilscope.pairing.medians import Estimate, median_interval

#: What every arm read in one round: arm -> quantity -> value. Quantities carry their unit in their names.
Cycle = Mapping[str, Mapping[str, float]]
#: The quantity of an arm that gives a time and nothing else.
WALL_NS = "wall_ns"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of an experiment.

    Parameters
    ----------
    name : str
        What it is of, unique in the experiment: ``"2 threads, released"``.
    of_cycle : callable
        What one cycle says; None where this one says nothing, infinite for a break-even that it never reaches.
    unit : str, optional
        One of `gilscope.experiments.result.UNITS`; ``""`` is a ratio.
    compared_with : str, optional
        What stands in the place of 1 in a ratio, or of 0 in a difference.
    arms : tuple of str
        The arms that it needs; where one is absent, so is the figure, and says why.
    is_worst : bool, optional
        Whether it is the largest value of all cycles instead of their median: of a count that is exact, one cycle with
        a loss is proof of losses, and a median of 0 is no proof of none.
    """

    name: str
    of_cycle: Callable[[Cycle], float | None]
    unit: str = ""
    compared_with: str = ""
    arms: tuple[str, ...] = ()
    is_worst: bool = False

    def estimate(self, cycles: Sequence[Cycle], n_figures: int) -> Estimate | None:
        """Return its median over the cycles, with an interval that holds together with those of the others.

        Parameters
        ----------
        cycles : sequence of Cycle
        n_figures : int
            How many figures are to hold together.

        Returns
        -------
        Estimate or None
            None where no cycle says anything. Of the worst value there is no interval, but as many cycles are needed.
        """
        values = [value for cycle in cycles if (value := self.of_cycle(cycle)) is not None]
        if not values:
            return None
        if self.is_worst and len(values) >= fewest_pairs(n_figures):
            worst = max(values)
            return Estimate(worst, worst, worst, len(values))
        return median_interval(values, n_figures)


def ratio(name: str, arm: str, *, over: str, compared_with: str = "", quantity: str = WALL_NS) -> Figure:
    """Return a figure that tells how many times less an arm takes than another: above 1 it is the faster one.

    Parameters
    ----------
    name : str
    arm, over : str
        Arms; the value of `over` is divided by that of `arm`.
    compared_with : str, optional
        `over` in words; its name by default.
    quantity : str, optional
    """

    def of_cycle(cycle: Cycle) -> float | None:
        value = cycle[arm][quantity]
        return cycle[over][quantity] / value if value > 0 else None

    return Figure(name, of_cycle, "", compared_with or over, (arm, over))


def level(name: str, arm: str, quantity: str = WALL_NS, unit: str = "ns", compared_with: str = "") -> Figure:
    """Return a figure that is a quantity of one arm, as it is."""
    return Figure(name, lambda cycle: cycle[arm][quantity], unit, compared_with, (arm,))


def fact(name: str, arm: str, quantity: str, compared_with: str = "1 for yes") -> Figure:
    """Return a figure that is 1 where something is so and 0 where it is not."""
    return level(name, arm, quantity, "", compared_with)


def difference(name: str, arm: str, *, minus: str, quantity: str = WALL_NS, unit: str = "ns") -> Figure:
    """Return a figure that tells how much more an arm takes than another, round by round."""
    return Figure(name, lambda cycle: cycle[arm][quantity] - cycle[minus][quantity], unit, minus, (arm, minus))
