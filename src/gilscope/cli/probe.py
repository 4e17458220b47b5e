"""`gilscope probe`: what one call of the user's does to the GIL, and whether threads or processes pay for it."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import click

from gilscope import words
from gilscope.cli import options, spellings
from gilscope.cli.at_work import phases
from gilscope.cli.command import Command
from gilscope.cli.outputs import Outputs
from gilscope.cli.types import Counts
from gilscope.errors import INTERRUPTED, CannotRunError, UsageError
from gilscope.probing.probe import DEFAULT_LIMIT_S, DEFAULT_SECONDS, probe_target, refused
from gilscope.probing.view import blocks
from gilscope.targets.target import Target, parse_target

_EXAMPLES = (
    ("probe zlib:crc32 --args 'bytes(10**6)'", "Probe a function of a module, with its arguments."),
    ("probe script.py:work -o work.json -o work.html", "Probe a function of a script; save data and a page."),
    ("probe -s 'import zlib' 'zlib.compress(bytes(10**6))'", "Probe a statement, after a setup."),
)
_AT_WORK = {
    "started": "importing it",
    "resolved": "its first call",
    "preflight": "where its time goes",
    "shares": "who has to wait for it",
    "knocks": "threads and processes beside each other",
}


@click.command(
    cls=Command,
    examples=_EXAMPLES,
    before=spellings.Before({"--markdown": ("--format", "markdown")}, is_file=spellings.behind_target),
)
@options.target
@click.option("--workers", type=Counts(), help="Widths to measure, e.g. 2,4; 1 measures none.  [default: usable CPUs]")
@options.max_time("Measure for about this time.", default_s=DEFAULT_SECONDS)
@options.limit(f"{words.seconds(DEFAULT_LIMIT_S)}, and --max-time")
@options.outputs("probe")
@options.seed(default=0)
@options.voices
def command(
    target: str,
    args: str,
    setup: tuple[str, ...],
    statement: bool,
    workers: tuple[int, ...] | None,
    max_time: float,
    limit_s: float | None,
    outputs: Outputs,
    seed: int,
) -> int:
    """Probe one of your functions: whether it holds the GIL, and whether threads or processes would help.

    TARGET is module:function, script.py:function, a statement such as 'sum(range(10**6))', or one of gilscope's own
    kernels, such as kernel:quad/c/held. It runs many times, in a process of its own, with your rights. Nothing that it
    starts is left running.
    """
    limit_s = DEFAULT_LIMIT_S + max_time if limit_s is None else limit_s
    options.check_times(max_time, limit_s)
    if workers is not None and (not workers or min(workers) < 1):
        raise UsageError("--workers needs numbers from 1 on, for example 1,2,4")
    widths = None if workers is None else sorted({n for n in workers if n > 1})
    try:
        parsed = parse_target(target, args=args, setup="\n".join(setup), statement=statement)
        with _progress(parsed, max_time) as show:
            probe = probe_target(
                parsed,
                seconds=max_time,
                limit_s=limit_s,
                widths=widths,
                seed=seed,
                on_event=show,
                keep_interrupted=True,
            )
    except KeyboardInterrupt:
        click.echo("gilscope: interrupted; nothing was measured, and nothing is left running", err=True)
        return INTERRUPTED
    except (UsageError, CannotRunError) as error:
        if not outputs.is_for_programs:
            raise
        probe = refused(target, error)
    outputs.save(probe)
    if probe.failure:
        from gilscope.report import terminal  # with rich, which completion and help go without

        terminal.render(blocks(probe), terminal.open_console(sys.stderr))
    if not (probe.failure and outputs.style in (None, "text")):  # which was said
        outputs.show(probe)
    if probe.exit_code == INTERRUPTED:
        click.echo("gilscope: interrupted; what was measured so far is above", err=True)
    return outputs.conclude(probe.exit_code)


def _progress(target: Target, seconds: float) -> AbstractContextManager[Callable[[dict[str, Any]], None]]:
    """Show on standard error what is going on."""
    name = " ".join(target.text.split())[:60]
    return phases(f"Probing {name}: about {words.seconds(seconds)} of measuring", _AT_WORK)
