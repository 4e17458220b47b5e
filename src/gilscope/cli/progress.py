"""What a run shows while it runs, on standard error: a live bar on a terminal, one plain line an arm elsewhere."""

import math
import sys
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from gilscope import words
from gilscope.cli import voice
from gilscope.cli.time_left import TimeLeft
from gilscope.running import absences
from gilscope.running.result import Group
from gilscope.running.runner import Event, GroupResolved, LaunchEnded, LaunchStarted, Runner
from gilscope.running.runner import Progress as RoundEnded
from gilscope.running.view import compared


def bar_on(console: Console) -> Progress:
    """Return a live bar: what is done, how far it is, and how long it still takes."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[state]}"),
        console=console,
        transient=True,
        expand=True,
    )


class Display:
    """Draws the runner's events. Use as a context manager around the loop over them."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._console = Console(file=sys.stderr, highlight=False)
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._left = TimeLeft()
        self._said: set[str] = set()
        self._launches_looked_at: set[int | None] = set()

    def __enter__(self) -> Self:
        plan = self._runner.plan
        arms = [arm.id for group in plan.groups for arm in group.arms]
        told = f"{words.counted(len(arms), 'arm')}: {', '.join(arms)}"
        voice.detail(f"Measuring for {words.seconds(plan.budget_s)} at most: {told}")
        if self._console.is_terminal and not voice.is_quiet():
            self._bar = bar_on(self._console)
            self._bar.start()
            self._task = self._bar.add_task("starting", total=1.0, state="")
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        self._say_absences()
        if kind is None and self._bar is None:
            for group in self._runner.plan.groups:
                self._say_group(group)

    def show(self, event: Event) -> None:
        """Draw one event."""
        if self._bar is not None and self._task is not None:
            self._draw(self._bar, self._task, event)
        elif isinstance(event, GroupResolved):
            self._say_group(event.group)
        elif isinstance(event, RoundEnded | LaunchEnded):
            self._say_absences(event.launch)
            launch = f"launch {event.launch + 1} of {self._runner.plan.n_launches}"
            if isinstance(event, RoundEnded):
                self._say(f"{launch} begun", f"{launch}: measuring")
            else:
                self._say(f"{launch} ended", f"{launch}: done, {words.seconds(round(self._runner.elapsed_s))}")

    def _draw(self, bar: Progress, task: TaskID, event: Event) -> None:
        n_launches = self._runner.plan.n_launches
        if isinstance(event, LaunchStarted):
            bar.update(task, description=f"launch {event.launch + 1} of {n_launches}")
        elif isinstance(event, RoundEnded):
            self._say_absences(event.launch)
            state = f"{words.counted(event.n_rounds, 'round')}, {event.n_open} open"
            budget_s = self._runner.plan.budget_s
            if math.isinf(event.widest):  # before the first check nobody can tell but the budget
                bar.update(task, total=budget_s, state=f"{state}, {words.seconds(budget_s)} at most")
                return
            self._left.guess(event.remaining_s)
            left_s = self._left.seconds
            bar.update(
                task,
                completed=event.elapsed_s,
                total=event.elapsed_s + (event.remaining_s if left_s is None else left_s),
                state=f"{state}, widest {words.half_width(event.widest)}, {self._left}".removesuffix(", "),
            )

    def _say_group(self, group: Group) -> None:
        """Print one line for each arm of a group, once."""
        for row in self._runner.evidence.rows(self._runner.work):
            if row.arm in group.arms and row.wall_ns is not None:
                # No verdict yet: what the control reads until the end may take it back.
                told = [words.duration(row.wall_ns), compared(row, self._runner.plan.target)]
                self._say(row.arm.id, f"{row.arm.id}: {', '.join(filter(None, told))}")

    def _say_absences(self, launch: int | None = None) -> None:
        """Print what cannot run: a line for each reason, when every group of a launch has said what it lacks."""
        if launch in self._launches_looked_at:
            return
        self._launches_looked_at.add(launch)
        arms = [arm for group in self._runner.plan.groups for arm in group.arms]
        for line in absences.lines(arms, self._runner.evidence.absent):
            self._say(line, line)

    def _say(self, key: str, line: str) -> None:
        if key in self._said or voice.is_quiet():
            return
        self._said.add(key)
        if self._bar is not None:
            self._bar.console.print(line, style="dim", markup=False)
        else:
            voice.say(line)
