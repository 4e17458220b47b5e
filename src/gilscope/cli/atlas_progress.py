"""What an atlas shows while it runs, on standard error: a live line on a terminal, a line for each call elsewhere."""

import sys
from typing import Self

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from gilscope.atlas.survey import Begun, Event
from gilscope.report import atlas as report


class Display:
    """Draws the events of a survey. Use as a context manager around the loop over them."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr, highlight=False)
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar = Progress(
                BarColumn(bar_width=20),
                TextColumn("{task.completed} of {task.total}, {task.fields[left]}{task.description}", markup=False),
                console=self._console,
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("looking for modules", total=None, left="")
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, event: Event) -> None:
        """Draw one event."""
        if self._bar is not None and self._task is not None:
            self._draw(self._bar, self._task, event)
        elif not isinstance(event, Begun):
            told = report.failure(event.row) if event.row["failure"] else event.row["class"]
            kept = " (measured before)" if event.is_kept else ""
            left = f", {_minutes(event.remaining_s)} left" if event.remaining_s else ""
            click.echo(f"{event.position} of {event.n_calls}{left}: {event.row['name']}: {told}{kept}", err=True)

    def _draw(self, bar: Progress, task: TaskID, event: Event) -> None:
        if isinstance(event, Begun):
            left = "" if event.remaining_s is None else f"{_minutes(event.remaining_s)} left: "
            bar.update(task, completed=event.position - 1, total=event.n_calls, left=left, description=event.call.name)
        else:
            bar.update(task, completed=event.position, total=event.n_calls)


def _minutes(seconds: float) -> str:
    """Return a time that is left, as coarse as it deserves."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
