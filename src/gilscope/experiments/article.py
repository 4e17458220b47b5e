"""Do the article's two programs run faster on threads, on processes?

Question
--------
The article starts `calc_square` and `calc_quad` on two threads, then on two processes, says that both reduce the time,
and ends with an exercise: run them and measure the difference, against using neither. What is the difference, from one
number to half a second of work, and from how much work on is it a gain?

Prediction
----------
Under a GIL two threads of plain Python never take less time than plain sequence; without one they do. Two processes
lose tens of milliseconds to their start, and win from some tenths of a second of work on. For one number both lose.
Refuted by threads that gain under a GIL, by processes that lose at half a second, or by either winning at one number.

Method
------
Fresh threads and fresh processes are started and joined in every sample, as in the article. Arms: plain sequence,
threads, processes, each for one number and for 0.3 s of work (0.06 s with --fast, 0.05 and 0.5 s with --rigorous).
All take turns in the same rounds. The control is plain sequence against itself. A break-even is where the straight
line through the differences of the least and the most work is 0.

What can fool you
-----------------
The two programs are not equally long, so that two CPUs cannot halve the time. Processes use two CPUs where sequence
uses one: that ratio holds here and now. They are spawned, the method that every system has; a fork starts faster. A
break-even beyond the most work measured rests on the line alone.

Reading the result
------------------
Ratios are the time of plain sequence divided by the way's: above 1 it is faster. Differences are the way's time less
that of plain sequence. A break-even is given as so much time of plain sequence; "unbounded" is never.
"""

import multiprocessing.resource_tracker
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from math import inf

from gilscope import words
from gilscope.experiments import programs
from gilscope.experiments.apparatus import timed
from gilscope.experiments.claims import Check, Claim, Design, Known, above, below, within
from gilscope.experiments.figures import Cycle, Figure, difference, level, ratio
from gilscope.experiments.scene import Scene, Take
from gilscope.experiments.setting import Setting

#: Plain sequence takes this long at each amount of work beyond one number: ten rounds have to fit into the time.
_WORK_S = {"fast": (0.06,), "default": (0.3,), "rigorous": (0.05, 0.5)}
#: And this long where it is its own control.
_CONTROL_S = 0.02
_ONE = "one number"
_ONCE, _AGAIN = "sequence, control", "sequence again"
_WAYS = ("threads", "processes")


def design(setting: Setting) -> Design:
    """Return the figures, claims and controls."""
    amounts = _amounts(setting)
    most = amounts[-1]
    figures = [
        made
        for amount in amounts
        for way in _WAYS
        for made in (
            ratio(_arm(way, amount), _arm(way, amount), over=_arm("sequence", amount), compared_with="plain sequence"),
            difference(f"{way}, {amount}: difference", _arm(way, amount), minus=_arm("sequence", amount)),
        )
    ]
    figures += [_break_even(way, most) for way in _WAYS]
    figures += [level(f"sequence, {amount}: time", _arm("sequence", amount)) for amount in amounts]
    again = ratio(_AGAIN, _AGAIN, over=_ONCE, compared_with="plain sequence")
    threads, processes = (_arm(way, most) for way in _WAYS)
    return Design(
        figures=(*figures, again),
        claims=(
            Claim(
                f"Two threads do {most} in less time than one function after the other",
                # Two CPUs gain half as much again here, for the functions are unequal; a tenth is what noise makes.
                (Check(threads, confirmed=above(1.2), refuted=below(1.1)),),
                opposite=processes,
                needs_second_cpu=True,
            ),
            Claim(
                f"Two processes do {most} in less time than one function after the other",
                (Check(processes, confirmed=above(1.05), refuted=below(0.95)),),
                opposite=threads,
                needs_second_cpu=True,
            ),
            Claim(
                "For one number, starting a thread or a process costs more than the work",
                tuple(Check(_arm(way, _ONE), confirmed=below(0.8), refuted=above(1.0)) for way in _WAYS),
                opposite=processes,
            ),
        ),
        controls=(Known(_AGAIN, within(0.9, 1.1)),),
    )


def _amounts(setting: Setting) -> tuple[str, ...]:
    return (_ONE, *(f"{words.seconds(work_s)} of work" for work_s in _WORK_S[setting.effort]))


def _arm(way: str, amount: str) -> str:
    return f"{way}, {amount}"


def _break_even(way: str, most: str) -> Figure:
    """Return from how much time of plain sequence on a way is the faster one, on a straight line."""
    arms = tuple(_arm(one, amount) for one in ("sequence", way) for amount in (_ONE, most))

    def of_cycle(cycle: Cycle) -> float:
        sequence_one, sequence_most, one, much = (cycle[arm]["wall_ns"] for arm in arms)
        return break_even(sequence_one, one - sequence_one, sequence_most, much - sequence_most)

    return Figure(f"{way}: break-even", of_cycle, "ns", "", arms)


def break_even(least_ns: float, loss_at_least_ns: float, most_ns: float, loss_at_most_ns: float) -> float:
    """Return the work, in ns of plain sequence, from which a way is faster, on the line through two losses.

    Parameters
    ----------
    least_ns, most_ns : float
        What plain sequence takes for the least and the most work.
    loss_at_least_ns, loss_at_most_ns : float
        How much longer the way takes there; negative where it is faster.

    Returns
    -------
    float
        Infinite where the loss does not shrink as the work grows; `least_ns` where there is none from the start.
    """
    if loss_at_least_ns <= 0:
        return least_ns
    shrinks_by = (loss_at_least_ns - loss_at_most_ns) / (most_ns - least_ns) if most_ns > least_ns else 0.0
    return least_ns + loss_at_least_ns / shrinks_by if shrinks_by > 0 else inf


@contextmanager
def scene(setting: Setting) -> Iterator[Scene]:
    """Make the arms ready: find how many numbers each amount of work is."""
    # A helper that serves every spawn, and would lengthen the first one only.
    multiprocessing.resource_tracker.ensure_running()
    tried = 20_000
    number_ns = min(timed(partial(programs.run_exercise, "sequence", tried)) for _ in range(5)) / tried
    works_ns = [work_s * 1e9 for work_s in _WORK_S[setting.effort]]
    numbers = dict(zip(_amounts(setting), (1, *(round(work_ns / number_ns) for work_ns in works_ns)), strict=True))
    arms: dict[str, Take] = {
        _arm(way, amount): partial(_sample, way, n_numbers)
        for amount, n_numbers in numbers.items()
        for way in programs.WAYS
    }
    arms |= dict.fromkeys((_ONCE, _AGAIN), partial(_sample, "sequence", round(_CONTROL_S * 1e9 / number_ns)))
    notes = [f"{way}: `result` is {programs.result_after(way)} in the parent afterwards" for way in programs.WAYS]
    yield Scene(arms, notes=notes)


def _sample(way: str, n_numbers: int) -> float:
    """Return how many ns one run takes, from before anything is started to after everything is joined."""
    if way != "processes":
        programs.run_exercise(way, 1)  # takes what the arm before has left; a new process brings nothing along
    return timed(partial(programs.run_exercise, way, n_numbers))
