"""Measuring a run under a progress display, whatever ends it: what was measured until then is kept."""

import sys
from collections.abc import Callable

import click

from gilscope.errors import GilscopeError
from gilscope.running.plan import Request
from gilscope.running.run import Session
from gilscope.running.runner import LaunchEnded


def begin(request: Request, *, host_name: bool = False) -> Session | None:
    """Return a run that can be measured; None, and a word, where Ctrl-C came while the machine was described."""
    try:
        return Session(request, host_name=host_name, argv=sys.argv[1:])
    except KeyboardInterrupt:
        click.echo("gilscope: interrupted; nothing was measured yet", err=True)
        return None


def measure(session: Session, keep: Callable[[], object]) -> KeyboardInterrupt | GilscopeError | None:
    """Measure until it ends by itself, fails, or is interrupted; return what ended it otherwise.

    Parameters
    ----------
    session : Session
    keep : callable
        Saves what was measured so far; called after every launch, so that whatever happens later loses nothing. A disk
        that is full is no reason to stop measuring.
    """
    from gilscope.cli.progress import Display  # with rich, which completion and help go without

    try:
        with Display(session.runner) as display:
            for event in session.events():
                display.show(event)
                if isinstance(event, LaunchEnded):
                    keep()
    except (KeyboardInterrupt, GilscopeError) as end:
        return end
    return None
