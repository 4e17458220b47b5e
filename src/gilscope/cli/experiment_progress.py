"""What experiments show while they are conducted, on standard error: a live bar, or plain lines off a terminal."""

import math
import sys
import time
from typing import Any, Self

from rich.console import Console

from gilscope import words
from gilscope.cli import voice
from gilscope.cli.measuring import Draws
from gilscope.cli.progress import Display, bar_on
from gilscope.cli.time_left import TimeLeft
from gilscope.experiments import wording
from gilscope.experiments.course import Closed, Course, Opened
from gilscope.experiments.trial import Begun, CycleEnded, Trial
from gilscope.running.runner import Progress as RoundEnded


def display(session: Any) -> Draws:
    """Return what draws the events of a run, of an experiment that is none, or of all experiments."""
    if isinstance(session, Course):
        return CourseDisplay(session)
    return CycleDisplay(session) if isinstance(session, Trial) else Display(session.runner)


class CourseDisplay:
    """Draws all experiments: one live bar on a terminal, two plain lines an experiment elsewhere."""

    def __init__(self, course: Course) -> None:
        self._course, self._left = course, TimeLeft()
        console = Console(file=sys.stderr, highlight=False)
        self._bar = bar_on(console) if console.is_terminal and not voice.is_quiet() else None
        self._begin_s, self._n_after, self._told = time.monotonic(), 0, ""

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task("starting", total=1.0, state="")
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, event: Any) -> None:
        """Draw one event."""
        budget_s = self._course.effort.budget_s
        if isinstance(event, Opened):
            self._told, self._n_after = f"{event.name} ({event.number} of {event.n_all})", event.n_all - event.number
            self._say(f"{self._told}, {words.seconds(budget_s * (self._n_after + 1))} at most left")
            self._draw(budget_s)
        elif isinstance(event, Closed):
            self._say(f"{event.name}: {f'failed: {event.failure}' if event.failure else 'done'}", is_kept=True)
        elif isinstance(event, CycleEnded | RoundEnded):
            self._draw(min(event.remaining_s, budget_s))

    def _draw(self, here_s: float) -> None:
        if self._bar is not None:
            self._left.guess(here_s + self._n_after * self._course.effort.budget_s)
            left_s, gone_s = self._left.seconds or 0.0, time.monotonic() - self._begin_s
            self._bar.update(
                self._task, description=self._told, completed=gone_s, total=gone_s + left_s, state=str(self._left)
            )

    def _say(self, line: str, *, is_kept: bool = False) -> None:
        if self._bar is None:
            voice.say(line)
        elif is_kept:
            self._bar.console.print(line, style="dim", markup=False)


class CycleDisplay:
    """Draws the events of a trial: a live bar on a terminal, two plain lines elsewhere."""

    def __init__(self, trial: Trial) -> None:
        self._trial, self._left = trial, TimeLeft()
        console = Console(file=sys.stderr, highlight=False)
        self._bar = bar_on(console) if console.is_terminal and not voice.is_quiet() else None

    def __enter__(self) -> Self:
        budget_s = self._trial.effort.budget_s
        voice.detail(f"Measuring {self._trial.name} for {words.seconds(budget_s)} at most")
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task(self._trial.name, total=budget_s, state="starting")
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif kind is None:
            cycles = words.counted(len(self._trial.cycles), "round")
            self._say(f"{self._trial.name}: done, {cycles} in {words.took(self._trial.elapsed_s)}")

    def show(self, event: Any) -> None:
        """Draw one event."""
        if isinstance(event, Begun):
            for line in wording.absences(event.absent):
                self._say(line)
            if self._bar is None:
                self._say(f"{self._trial.name}: measuring {words.counted(len(event.arms), 'arm')}")
        elif self._bar is not None and isinstance(event, CycleEnded):
            self._left.guess(event.remaining_s)
            widest = "" if math.isinf(event.widest) else f", widest {words.half_width(event.widest)}"
            left_s = self._left.seconds
            self._bar.update(
                self._task,
                completed=event.elapsed_s,
                total=event.elapsed_s + (event.remaining_s if left_s is None else left_s),
                state=f"{words.counted(event.n_cycles, 'round')}{widest}, {self._left}".removesuffix(", "),
            )

    def _say(self, line: str) -> None:
        if self._bar is not None:
            self._bar.console.print(line, style="dim", markup=False)
        elif not voice.is_quiet():
            voice.say(line)
