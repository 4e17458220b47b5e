"""What a command says on standard error beside its errors: nothing, the usual, or more."""

from collections.abc import Callable
from typing import Any

import click

from gilscope.errors import UsageError

_KEY = "gilscope.voice"
QUIET, USUAL, VERBOSE = -1, 0, 1


def options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``-q`` and ``-v``."""
    for names, level, text in (
        (("-v", "--verbose"), VERBOSE, "Say more on standard error: what is being measured, and why it stopped."),
        (("-q", "--quiet"), QUIET, "Say nothing on standard error but errors; show no progress."),
    ):
        function = click.option(*names, is_flag=True, expose_value=False, callback=_listener(level), help=text)(
            function
        )
    return function


def _listener(level: int) -> Callable[[click.Context, click.Parameter, bool], None]:
    def listen(ctx: click.Context, _parameter: click.Parameter, is_given: bool) -> None:
        if is_given:
            if ctx.meta.get(_KEY, level) != level:
                raise UsageError("-q says less and -v says more; give one of them")
            ctx.meta[_KEY] = level

    return listen


def is_quiet() -> bool:
    """Return whether nothing but errors is to be said."""
    return _level() == QUIET


def is_usual() -> bool:
    """Return whether neither less nor more is to be said, so that progress may be drawn over."""
    return _level() == USUAL


def is_verbose() -> bool:
    """Return whether more than usual is to be said."""
    return _level() == VERBOSE


def say(text: str) -> None:
    """Say what users mostly want to know."""
    if not is_quiet():
        click.echo(text, err=True)


def detail(text: str) -> None:
    """Say what only some of them want to know."""
    if is_verbose():
        click.echo(text, err=True)


def _level() -> int:
    ctx = click.get_current_context(silent=True)
    return USUAL if ctx is None else int(ctx.meta.get(_KEY, USUAL))
