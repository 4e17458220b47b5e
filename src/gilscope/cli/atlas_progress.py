"""What an atlas shows while it runs, on standard error: a live line on a terminal, a line for each call elsewhere."""

import sys
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from gilscope.atlas.result import NOT_INSTALLED
from gilscope.atlas.survey import Begun, Event
from gilscope.atlas.view import failure
from gilscope.cli import voice
from gilscope.cli.time_left import TimeLeft


class Display:
    """Draws the events of a survey. Use as a context manager around the loop over them."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr, highlight=False)
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._left = TimeLeft()

    def __enter__(self) -> Self:
        if self._console.is_terminal and voice.is_usual():
            self._bar = Progress(
                BarColumn(bar_width=20),
                TextColumn("{task.completed} of {task.total}, {task.description}  {task.fields[left]}", markup=False),
                console=self._console,
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("looking for modules", total=None, left=self._left)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, event: Event) -> None:
        """Draw one event."""
        if event.remaining_s is not None:
            self._left.guess(event.remaining_s)
        if self._bar is not None and self._task is not None:
            self._draw(self._bar, self._task, event)
        elif isinstance(event, Begun):
            voice.detail(f"{event.position} of {event.n_calls}: {event.call.name}: measuring it")
        elif event.row.class_ != NOT_INSTALLED:  # those the table names, at once
            told = failure(event.row) if event.row.failure else event.row.class_
            kept = " (measured before)" if event.is_kept else ""
            left = str(self._left) if event.remaining_s else ""
            voice.say(
                f"{event.position} of {event.n_calls}{', ' if left else ''}{left}: {event.row.name}: {told}{kept}"
            )

    def _draw(self, bar: Progress, task: TaskID, event: Event) -> None:
        if isinstance(event, Begun):
            bar.update(task, completed=event.position - 1, total=event.n_calls, description=event.call.name)
        else:
            bar.update(task, completed=event.position, total=event.n_calls)
