"""The control that every experiment has: arms of known ratios, timed between its own, as in every run.

One arm is timed against itself (1), against 1.05 times its work (1.05), and against processes that share the work,
which shows whether this machine gives a second CPU.
"""

import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Self

from gilscope.pairing.control import HEAVIER, passed
from gilscope.pairing.intervals import cross_width_interval, ratio_interval
from gilscope.pairing.rounds import Rounds
from gilscope.running.calibration import LaunchLike, calibrate, call_of
from gilscope.running.launch_process import LaunchProcess
from gilscope.running.plan import Request, make_plan
from gilscope.running.result import Arm, Control

#: A second CPU is looked for with as few workers as show it.
_N_WORKERS = 2
#: Two ratios are judged.
_N_RATIOS = 2
OpenLaunch = Callable[[Sequence[Arm], str, int, random.Random], AbstractContextManager[LaunchLike]]


class MethodControl:
    """The control's arms, in a launch of their own. Use as a context manager.

    Parameters
    ----------
    rng : random.Random
        Source of its orders.
    open_launch : callable, optional
        As of `gilscope.running.runner.Runner`.
    """

    def __init__(self, rng: random.Random, open_launch: OpenLaunch = LaunchProcess) -> None:
        plan = make_plan(Request(kernels=("quad",), implementations=("c",), seed=0), _N_WORKERS, "not used")
        self._arms, self._n_items = {arm.id: arm for arm in plan.control.arms}, plan.control.n_items
        self._opened = open_launch(plan.control.arms, plan.dtype, plan.control.n_items, rng)
        self._rng = rng

    def __enter__(self) -> Self:
        self._launch = self._opened.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.__exit__(*error)  # type: ignore[arg-type]

    def start(self) -> None:
        """Start its workers, and find how much work a sample is."""
        self._launch.start()
        absent = self._launch.prepare(list(self._arms), self._n_items)
        present = [arm for arm in self._arms.values() if arm.id not in absent]
        repeats = calibrate(self._launch, present, self._n_items).repeats
        calls = {arm.id: call_of(arm, repeats) for arm in present}

        def measure(order: Sequence[str]) -> dict[str, float]:
            return {sample.arm: sample.wall_ns for sample in self._launch.measure([calls[arm] for arm in order])[0]}

        self._rounds = Rounds(list(calls), measure, self._rng)
        self._rounds.take(keep=False)

    def take(self) -> None:
        """Time every arm once."""
        self._rounds.take()

    def read(self) -> Control:
        """Return what was read so far."""
        one, same, heavier, wide = self._arms
        if not len(self._rounds):
            return Control(same=None, heavier=None, heavier_truth=HEAVIER, second_cpu=None, passed=False)
        read_same = ratio_interval([self._rounds.log_ratios(one, same)], _N_RATIOS)
        read_heavier = ratio_interval([self._rounds.log_ratios(heavier, one)], _N_RATIOS)
        is_wide = wide in self._rounds.times
        return Control(
            same=read_same,
            heavier=read_heavier,
            heavier_truth=HEAVIER,
            second_cpu=cross_width_interval([self._rounds.log_ratios(one, wide)]) if is_wide else None,
            passed=passed(read_same, read_heavier),
        )
