"""A stage and a control without time, on which a trial is conducted without waiting."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

from worlds import World, cycles, world

from gilscope.errors import KernelError, Unavailable
from gilscope.experiments.base import Experiment, load
from gilscope.experiments.course import CourseResult
from gilscope.experiments.result import ExperimentResult
from gilscope.experiments.setting import Setting
from gilscope.experiments.trial import Trial
from gilscope.pairing.intervals import ratio_interval
from gilscope.running.result import Control


@dataclass
class FakeStage:
    """Answers as a stage does, from a world, and lets a clock go on."""

    world: World
    clock: "Clock"
    noise: float = 0.01
    arm_s: float = 0.02
    absent: dict[str, Unavailable] = field(default_factory=dict)
    fails_at: int | None = None
    notes: tuple[str, ...] = ()
    gil_enabled: bool = True
    closed: bool = False
    orders: list[tuple[str, ...]] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    @property
    def arms(self) -> tuple[str, ...]:
        return tuple(arm for arm in self.world if arm not in self.absent)

    def start(self) -> None:
        self.clock.now_s += 0.3

    def measure(self, order: Sequence[str]) -> tuple[dict[str, dict[str, float]], int, int]:
        if self.fails_at == len(self.orders):
            raise KernelError("an arm failed; its last words: /home/me")
        self.orders.append(tuple(order))
        self.clock.now_s += self.arm_s * len(order)
        (taken,) = cycles(self.world, 1, self.noise, seed=len(self.orders))
        return {arm: taken[arm] for arm in order}, 1, 0


@dataclass
class FakeControl:
    """Answers as the control does."""

    clock: "Clock"
    n: int = 0
    reads: Mapping[str, Any] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def start(self) -> None:
        self.clock.now_s += 0.2

    def take(self) -> None:
        self.n += 1
        self.clock.now_s += 0.04

    def read(self) -> Control:
        rng = random.Random(2)
        some = [rng.gauss(0, 0.002) for _ in range(max(self.n, 1))]
        given = {
            "same": ratio_interval([some]),
            "heavier": ratio_interval([[one + 0.04879 for one in some]]),
            "second_cpu": ratio_interval([[one + 0.64 for one in some]]),
            "passed": True,
        }
        return Control(heavier_truth=1.05, **given | dict(self.reads))


@dataclass
class Clock:
    """Seconds that go on only when something is measured."""

    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


def describe(experiment: Experiment, **facts: Any) -> Callable[..., ExperimentResult]:
    """Return what makes a result of an experiment's findings, on no machine in particular."""
    of_nowhere = {"tool": "gilscope 0.1.0", "started": "2026-11-27T12:00:00+00:00", "argv": (), "machine": {}}
    return partial(
        ExperimentResult,
        experiment=experiment.name,
        title=experiment.title,
        sections=experiment.sections,
        **of_nowhere | facts,
    )


def trial(name: str, truth: World, effort: str = "fast", seed: int = 1, **stage: Any) -> tuple[Trial, FakeStage]:
    """Return an experiment on a fake stage, and the stage."""
    clock, experiment, setting = Clock(), load(name), Setting(effort=effort)
    made = FakeStage(truth, clock, **stage)
    conducted = Trial(
        name,
        experiment.design(setting),
        setting,
        describe(experiment, effort=effort),
        seed=seed,
        open_stage=lambda _name, _setting: made,
        open_control=lambda _rng: FakeControl(clock),
        clock=clock,
    )
    return conducted, made


def result(name: str, truth: World, **given: Any) -> ExperimentResult:
    """Conduct an experiment on a fake stage."""
    conducted, _ = trial(name, truth, **given)
    for _ in conducted.events():
        pass
    return conducted.result()


def course() -> CourseResult:
    """Return a syllabus of which one experiment was conducted and one has failed."""
    return CourseResult(
        tool="gilscope 0.1.0",
        started="2026-11-27T12:00:00+00:00",
        argv=("experiment", "--all"),
        state="partial",
        effort="fast",
        experiments=(result("responsiveness", world("responsiveness").CONFIRMED),),
        failures={"held_versus_released": "a worker died"},
    )
