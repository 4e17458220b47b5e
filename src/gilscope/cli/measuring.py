"""A run from the command line: measured under a progress display, shown and saved, whatever ends it."""

import shlex
import sys
from collections.abc import Callable
from typing import Any

import click

from gilscope.cli import voice
from gilscope.cli.formats import FORMATS
from gilscope.cli.outputs import Outputs
from gilscope.errors import INTERRUPTED, GilscopeError
from gilscope.running.plan import Request
from gilscope.running.result import Result
from gilscope.running.run import Session
from gilscope.running.runner import LaunchEnded
from gilscope.words import counted, seconds


def conduct(
    request: Request,
    outputs: Outputs,
    code: Callable[[Any], int],
    made: Callable[[Result], Any] = lambda run: run,
    *,
    host_name: bool = False,
    more_time: str = "--max-time",
) -> int:
    """Measure what was asked for, show and save what came of it, and return the exit code.

    Parameters
    ----------
    request : Request
    outputs : Outputs
        They take what `made` returns.
    code : callable
        The exit code that it deserves, where the run ended by itself.
    made : callable, optional
        What a run is turned into; by default it is the result itself.
    host_name : bool, optional
        Whether the result names this machine.
    more_time : str, optional
        The option that gives a run more time.

    Raises
    ------
    GilscopeError
        If a kernel, a worker or the machine failed; what was measured until then is shown and saved first.
    """
    try:
        session = Session(request, host_name=host_name, argv=sys.argv[1:])
    except KeyboardInterrupt:
        click.echo("gilscope: interrupted; nothing was measured yet", err=True)
        return INTERRUPTED

    def save(*forms: str) -> None:
        # A result without a round is not worth a file, least of all one that --force would replace.
        if (run := session.result()).rounds:
            outputs.save(made(run), forms=forms)

    end = _measure(session, lambda: save("json"))
    run = session.result()
    found = made(run)
    if run.rounds:
        if end is not None:
            save("json")
        outputs.show(found)
        save(*(form for form in FORMATS if form != "json"))
        voice.detail(f"Stopped: {run.stop_reason}")
    if isinstance(end, GilscopeError):
        outputs.conclude(end.exit_code, _hint(outputs))
        raise end
    if end is not None:
        click.echo(f"gilscope: interrupted; {_what_is_left(run, outputs)}", err=True)
        outputs.conclude(INTERRUPTED)
        return INTERRUPTED
    if not run.rounds:
        took = seconds(run.plan.budget_s)
        click.echo(f"gilscope: no round ended within {took}; give more time ({more_time})", err=True)
    return outputs.conclude(code(found), _hint(outputs))


def _measure(session: Session, keep: Callable[[], object]) -> KeyboardInterrupt | GilscopeError | None:
    """Measure until it ends by itself, fails, or is interrupted; return what ended it otherwise.

    After every launch what was measured so far is kept, so that whatever happens later loses nothing. A disk that is
    full is no reason to stop: the table can still be shown, and the code says what went wrong.
    """
    from gilscope.cli.progress import Display  # with rich, which completion and help go without

    plan = session.runner.plan
    arms = [arm.id for group in plan.groups for arm in group.arms]
    voice.detail(f"Measuring for {seconds(plan.budget_s)} at most: {counted(len(arms), 'arm')}: {', '.join(arms)}")
    try:
        with Display(session.runner) as display:
            for event in session.events():
                display.show(event)
                if isinstance(event, LaunchEnded):
                    keep()
    except (KeyboardInterrupt, GilscopeError) as end:
        return end
    return None


def _what_is_left(run: Result, outputs: Outputs) -> str:
    if not run.rounds:
        return "nothing was measured yet"
    return f"what was measured so far is above{' and saved' if outputs.saved else ''}"


def _hint(outputs: Outputs) -> str:
    """Return how to see a file again."""
    data = next((path for path in outputs.saved if outputs.files[path] == "json"), None)
    return "" if data is None else f"See it: gilscope report {shlex.quote(str(data))}"
