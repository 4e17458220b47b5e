"""A run from the command line: measured under a progress display, shown and saved, whatever ends it."""

import shlex
from collections.abc import Callable, Iterator
from typing import Any, Protocol, Self

import click

from gilscope.cli import voice
from gilscope.cli.formats import FORMATS
from gilscope.cli.outputs import Outputs
from gilscope.errors import INTERRUPTED, GilscopeError


class Measures(Protocol):
    """What measures: a run, or an experiment."""

    def events(self) -> Iterator[Any]:
        """Measure; yield what happens as it happens."""

    def result(self) -> Any:
        """Return what was measured so far."""


class Draws(Protocol):
    """What draws events; a context manager around the loop over them."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: object, *_: object) -> None: ...

    def show(self, event: Any) -> None:
        """Draw one event."""


def conduct(
    opened: Callable[[], Measures],
    outputs: Outputs,
    code: Callable[[Any], int],
    *,
    display: Callable[[Any], Draws],
    keep_after: type,
    more_time: str = "--max-time",
) -> int:
    """Measure what was asked for, show and save what came of it, and return the exit code.

    Parameters
    ----------
    opened : callable
        Makes what measures; its results have `is_empty` and `stop_reason`.
    outputs : Outputs
    code : callable
        The exit code that a result deserves, where the measuring ended by itself.
    display : callable
        Returns what draws the events of what measures.
    keep_after : type
        The event after which what was measured so far is saved.
    more_time : str, optional
        The option that gives it more time.

    Raises
    ------
    GilscopeError
        If a kernel, a worker or the machine failed; what was measured until then is shown and saved first.
    """
    try:
        session = opened()
    except KeyboardInterrupt:
        click.echo("gilscope: interrupted; nothing was measured yet", err=True)
        return INTERRUPTED

    def save(*forms: str) -> None:
        # A result without a round is not worth a file, least of all one that --force would replace.
        if not (found := session.result()).is_empty:
            outputs.save(found, forms=forms)

    end = _measure(session, display, keep_after, lambda: save("json"))
    found = session.result()
    if not found.is_empty:
        if end is not None:
            save("json")
        outputs.show(found)
        save(*(form for form in FORMATS if form != "json"))
        voice.detail(f"Stopped: {found.stop_reason}")
    if isinstance(end, GilscopeError):
        outputs.conclude(end.exit_code, _hint(outputs))
        raise end
    if end is not None:
        click.echo(f"gilscope: interrupted; {_what_is_left(found, outputs)}", err=True)
        outputs.conclude(INTERRUPTED)
        return INTERRUPTED
    if found.is_empty:
        click.echo(f"gilscope: no round ended in time; give more time ({more_time})", err=True)
    return outputs.conclude(code(found), _hint(outputs))


def _measure(
    session: Measures, display: Callable[[Any], Draws], keep_after: type, keep: Callable[[], object]
) -> KeyboardInterrupt | GilscopeError | None:
    """Measure until it ends by itself, fails, or is interrupted; return what ended it otherwise.

    What was measured so far is kept after every launch, or every experiment, so that whatever happens later loses
    nothing. A disk that is full is no reason to stop: the table can still be shown, and the code says what went wrong.
    """
    try:
        with display(session) as drawn:
            for event in session.events():
                drawn.show(event)
                if isinstance(event, keep_after):
                    keep()
    except (KeyboardInterrupt, GilscopeError) as end:
        return end
    return None


def _what_is_left(found: Any, outputs: Outputs) -> str:
    if found.is_empty:
        return "nothing was measured yet"
    return f"what was measured so far is above{' and saved' if outputs.saved else ''}"


def _hint(outputs: Outputs) -> str:
    """Return how to see a file again."""
    data = next((path for path in outputs.saved if outputs.files[path] == "json"), None)
    return "" if data is None else f"See it: gilscope report {shlex.quote(str(data))}"
