"""What is shown while something is at work, on standard error: live on a terminal, and some plain lines elsewhere.

Commands load this to say what options they have, so rich is loaded when there is something to show.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from gilscope import words
from gilscope.cli import voice
from gilscope.cli.time_left import TimeLeft

#: Where there is no terminal, a line for each tenth of the steps says that they go on.
_LINES = 10


@contextmanager
def phases(
    begin: str, told: Mapping[str, str], measuring: str = "", seconds: float | None = None
) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Show in which phase a child process is, and in the one that measures how long that still takes.

    Parameters
    ----------
    begin : str
        The line that stands for all of it where there is no terminal.
    told : mapping of str to str
        What to show from an event on, by its name.
    measuring : str
        The event at which it begins to measure.
    seconds : float, optional
        How long it will.
    """
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    if not (console.is_terminal and voice.is_usual()):
        voice.say(begin)
        yield lambda event: voice.detail(f"  {told[event['event']]}") if event["event"] in told else None
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn

    left = TimeLeft()
    columns = (SpinnerColumn(), TextColumn("{task.description}  {task.fields[left]}", markup=False))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None, left=left)

        def show(event: dict[str, Any]) -> None:
            name = event["event"]
            if name == measuring and seconds is not None:
                left.guess(seconds)
            if name in told:
                bar.update(task, description=told[name])

        yield show


class Steps:
    """Shows how many of a known number of steps are done. Use as a context manager around them.

    Parameters
    ----------
    total : int
    what : str
        One of them, in words.
    where : str
        What stands before their number.
    """

    def __init__(self, total: int, what: str, where: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._total, self._what, self._where = total, what, where
        self._left = TimeLeft()
        self._n_done = 0
        console = Console(stderr=True, highlight=False)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.completed:.0f} of {task.total:.0f}  {task.fields[left]}", markup=False),
        )
        is_drawn = console.is_terminal and voice.is_usual()
        self._bar = Progress(*columns, console=console, transient=True) if is_drawn else None
        self._task = None if self._bar is None else self._bar.add_task(where, total=total, left=self._left)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        else:
            voice.say(f"{self._where}: {words.counted(self._total, self._what)}")
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def done(self, elapsed_s: float) -> None:
        """Take note of one more step.

        Parameters
        ----------
        elapsed_s : float
            Since the first began.
        """
        self._n_done += 1
        self._left.guess(elapsed_s / self._n_done * (self._total - self._n_done))
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._n_done)
        elif self._n_done * _LINES // self._total > (self._n_done - 1) * _LINES // self._total:
            left = str(self._left) if self._n_done < self._total else ""
            voice.say(f"{self._where}: {self._n_done} of {self._total}{', ' if left else ''}{left}")
