"""An experiment conducted: its arms and the control's in balanced cycles, until its figures are narrow or time is up.

The trial decides and a stage measures (see `gilscope.experiments.stage`). It yields events and prints nothing. Its
clock, its stage and its control come from outside, so that tests conduct it on a fake machine without waiting.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, Protocol

from gilscope.errors import CannotRunError, GilscopeError, Unavailable
from gilscope.experiments.claims import Design, judge
from gilscope.experiments.figures import Cycle, Figure
from gilscope.experiments.method_control import MethodControl
from gilscope.experiments.result import ExperimentResult, Measured
from gilscope.experiments.setting import EFFORTS, Setting
from gilscope.experiments.stage import StageProcess
from gilscope.originals import time
from gilscope.pairing.medians import Estimate
from gilscope.pairing.rounds import Order, in_turns
from gilscope.pairing.stopping import Looks
from gilscope.running.result import Control
from gilscope.system.counters import ticks_per_second
from gilscope.system.cpus import logical_cpus

#: Cycles before the first look: fewer leave the intervals of a handful of figures open.
FEWEST_CYCLES = 10
#: Cycles from one look to the next, at least, and as a share of all so far.
LOOK_EVERY, LOOK_SHARE = 2, 0.1
#: Whether there is a second CPU changes over seconds, so that cycles are spread over this long at least, or over half
#: of the budget where that is less.
MIN_SPAN_S = 3.0
#: The control takes this share of a cycle's time, one round at least and a few at most.
CONTROL_SHARE, MOST_CONTROLS = 0.25, 4
NARROW = "every interval narrow enough"
SPENT = "time budget spent"
_SCENE, _CONTROL = "scene", "control"


class StageLike(Protocol):
    """What a trial asks of a stage; see `gilscope.experiments.stage.StageProcess`."""

    arms: tuple[str, ...]
    absent: dict[str, Unavailable]
    notes: tuple[str, ...]
    gil_enabled: bool

    def start(self) -> None:
        """Make the arms ready."""

    def measure(self, order: Sequence[str]) -> tuple[dict[str, dict[str, float]], int, int]:
        """Time some arms."""


class ControlLike(Protocol):
    """What a trial asks of the control; see `gilscope.experiments.method_control.MethodControl`."""

    def start(self) -> None:
        """Make the arms ready."""

    def take(self) -> None:
        """Time every arm once."""

    def read(self) -> Control:
        """Return what was read so far."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The arms are ready."""

    arms: tuple[str, ...]
    absent: dict[str, str]


@dataclass(frozen=True, slots=True)
class CycleEnded:
    """Every arm was timed once more.

    Parameters
    ----------
    n_cycles : int
    widest : float
        The widest half-width among the figures that must be narrow; infinite before the first look.
    elapsed_s, remaining_s : float
        `remaining_s` is an estimate, never beyond the budget.
    """

    n_cycles: int
    widest: float
    elapsed_s: float
    remaining_s: float


Event = Begun | CycleEnded


class Trial:
    """One experiment in a stage of its own. Iterate over `events`; ask for `result` at any time.

    Parameters
    ----------
    name : str
        Of the experiment.
    design : Design
    setting : Setting
    describe : callable
        Makes a result of its findings, figures and the rest; see `gilscope.experiments.base.Experiment`.
    seed : int, optional
        Of every random choice; drawn where not given.
    open_stage, open_control : callable, optional
        Give context managers for what is timed.
    clock : callable, optional
        A monotonic clock in seconds.
    """

    def __init__(
        self,
        name: str,
        design: Design,
        setting: Setting,
        describe: Callable[..., ExperimentResult],
        *,
        seed: int | None = None,
        open_stage: Callable[[str, Setting], AbstractContextManager[Any]] = StageProcess,
        open_control: Callable[[random.Random], AbstractContextManager[Any]] = MethodControl,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.design, self.setting = name, design, setting
        self.effort = EFFORTS[setting.effort]
        self.seed = random.SystemRandom().randrange(2**32) if seed is None else seed
        self.cycles: list[Cycle] = []
        self.stop_reason = self.failure = ""
        self._rng = random.Random(self.seed)
        self._describe, self._open_stage, self._open_control = describe, open_stage, open_control
        self._clock, self._begin_s, self._end_s = clock, clock(), 0.0
        self._widest, self._scene_done = inf, False
        self._cycle_s = self._scene_s = 0.0
        self._control: Control | None = None
        self._absent: dict[str, str] = {}
        self._notes: tuple[str, ...] = ()
        self._gil_enabled = True
        self._steal_ticks = self._throttled = 0
        self._measured_s = 0.0

    @property
    def elapsed_s(self) -> float:
        """Seconds since the trial was made, until it ended."""
        return (self._end_s or self._clock()) - self._begin_s

    def events(self) -> Iterator[Event]:
        """Conduct it; yield what happens as it happens.

        Raises
        ------
        GilscopeError
            If an arm or the measuring process failed, or none of the arms can run here.
        """
        try:
            with self._open_stage(self.name, self.setting) as stage, self._open_control(self._rng) as control:
                stage.start()
                self._absent = {arm: one.reason for arm, one in stage.absent.items()}
                self._gil_enabled, self._notes = stage.gil_enabled, stage.notes
                if not stage.arms:
                    reasons = "; ".join(f"{arm}: {reason}" for arm, reason in self._absent.items())
                    raise CannotRunError(f"no arm of {self.name} can run here: {reasons}")
                control.start()
                yield Begun(stage.arms, self._absent)
                yield from self._cycles(stage, control)
        except GilscopeError as error:
            # Without what a process wrote last, which may name folders and people: a result may be published.
            self.failure = f"failed: {str(error).partition(';')[0]}"
            raise
        finally:
            self._end_s = self._clock()

    def estimates(self, figures: Iterable[Figure]) -> dict[str, Estimate | None]:
        """Return some figures as far as they were measured; those that verdicts rest on hold together."""
        n_figures = len(self.design.judged)
        return {
            figure.name: None
            if any(arm in self._absent for arm in figure.arms)
            else figure.estimate(self.cycles, n_figures)
            for figure in figures
        }

    def result(self) -> ExperimentResult:
        """Return what was measured so far: complete once it has ended by itself, partial before."""
        estimates = self.estimates(self.design.figures)
        ticks, available = ticks_per_second(), self._measured_s * logical_cpus()
        arms = self.cycles[0] if self.cycles else {}
        return self._describe(
            state="complete" if self.stop_reason else "partial",
            stop_reason=self.stop_reason or self.failure or "interrupted",
            duration_s=self.elapsed_s,
            seed=self.seed,
            gil_enabled=self._gil_enabled,
            findings=judge(self.design, estimates, self._absent, self._control, gil_enabled=self._gil_enabled),
            figures=tuple(
                Measured(one.name, one.compared_with, one.unit, estimates[one.name]) for one in self.design.figures
            ),
            control=self._control,
            absent=dict(self._absent),
            notes=self._notes,
            n_cycles=len(self.cycles),
            samples={
                arm: {name: tuple(cycle[arm][name] for cycle in self.cycles) for name in quantities}
                for arm, quantities in arms.items()
            },
            steal=self._steal_ticks / ticks / available if ticks and available > 0 else None,
            throttled=self._throttled,
        )

    def _cycles(self, stage: StageLike, control: ControlLike) -> Iterator[Event]:
        order = Order(stage.arms, self._rng)
        looks = Looks(first=FEWEST_CYCLES, every=LOOK_EVERY, share=LOOK_SHARE)
        stage.measure(order.next())  # the first timing of an arm pays for what later ones find ready
        first_s = self._clock()

        def take(group: str) -> None:
            begin_s = self._clock()
            if group == _SCENE:
                taken, steal_ticks, throttled = stage.measure(order.next())
                self.cycles.append(taken)
                self._steal_ticks += steal_ticks
                self._throttled += throttled
                self._scene_s = self._clock() - begin_s
                self._measured_s += self._scene_s
                self._notes = stage.notes
            else:
                # A cycle of slow arms leaves the control as few rounds as itself: it gets a share of the time.
                share_s = CONTROL_SHARE * self._scene_s
                for _ in range(MOST_CONTROLS):
                    control.take()
                    if self._clock() - begin_s >= share_s:
                        break
            self._cycle_s = max(self._cycle_s, self._clock() - begin_s)

        def is_done(group: str) -> bool:
            if group == _SCENE and looks.is_due(len(self.cycles)):
                is_spread = self._clock() - first_s >= min(MIN_SPAN_S, self.effort.budget_s / 2)
                self._widest = self._widest_figure()
                self._scene_done = looks.saw(narrow=self._widest <= self.effort.target and is_spread)
            return self._scene_done

        def is_over() -> bool:
            return bool(self.cycles) and self.elapsed_s + self._cycle_s >= self.effort.budget_s

        try:
            for _, done in in_turns([_SCENE, _CONTROL], take, is_done, is_over, self._rng):
                if not done:
                    yield self._told()
        finally:  # also where it is interrupted
            self._control = control.read()
        self.stop_reason = NARROW if self._scene_done else SPENT

    def _widest_figure(self) -> float:
        wanted = self.design.target_figures or self.design.judged
        estimates = self.estimates(figure for figure in self.design.figures if figure.name in wanted)
        return max((one.half_width for one in estimates.values() if one is not None), default=inf)

    def _told(self) -> CycleEnded:
        elapsed_s, n = self.elapsed_s, len(self.cycles)
        left_s = max(0.0, self.effort.budget_s - elapsed_s)
        if isfinite(self._widest):
            needed = n * ((self._widest / self.effort.target) ** 2 - 1)
            left_s = min(left_s, max(0.0, needed) * elapsed_s / max(1, n))
        return CycleEnded(n, self._widest, elapsed_s, left_s)
