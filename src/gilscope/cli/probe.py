"""`gilscope probe`: what one call of the user's does to the GIL, and whether threads or processes pay for it."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click

from gilscope import words
from gilscope.cli.at_work import phases
from gilscope.cli.files import check_output, conclude, save
from gilscope.cli.types import Counts, Duration
from gilscope.errors import INTERRUPTED, CannotRunError, UsageError
from gilscope.probing.probe import DEFAULT_LIMIT_S, DEFAULT_SECONDS, probe_target, refused
from gilscope.probing.result import Probe
from gilscope.targets.target import Target, parse_target

_AT_WORK = {
    "started": "importing it",
    "resolved": "its first call",
    "preflight": "where its time goes",
    "shares": "who has to wait for it",
    "knocks": "threads and processes beside each other",
}


@click.command()
@click.argument("target")
@click.option("--args", default="", help="What stands between the parentheses of the call, e.g. '3, key=len'.")
@click.option(
    "-s", "--setup", multiple=True, metavar="CODE", help="Runs once before, as timeit's; may be given several times."
)
@click.option("--statement", is_flag=True, help="TARGET is a statement, even if it looks like module:function.")
@click.option("--workers", type=Counts(), help="Widths to measure, e.g. 2,4; 1 measures none.  [default: usable CPUs]")
@click.option("--max-time", type=Duration(), help=f"Measure for about this time.  [default: {DEFAULT_SECONDS:g}s]")
@click.option(
    "--limit",
    type=Duration(),
    help=f"What has not ended by then hangs, and is ended.  [default: {DEFAULT_LIMIT_S:g}s, and --max-time]",
)
@click.option(
    "--json",
    "json_to",
    is_flag=False,
    flag_value="-",
    metavar="[FILE|-]",
    help="Write everything as JSON, a failure too; behind TARGET, or as --json=FILE.",
)
@click.option("--force", is_flag=True, help="Overwrite the file of --json.")
@click.option("--markdown", is_flag=True, help="Print Markdown that pastes into an issue.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of every random choice.")
def command(
    target: str,
    args: str,
    setup: tuple[str, ...],
    statement: bool,
    workers: tuple[int, ...] | None,
    max_time: float | None,
    limit: float | None,
    json_to: str | None,
    force: bool,
    markdown: bool,
    seed: int,
) -> int:
    """Measure one call: how long it holds the GIL, what it does without, and whether threads or processes pay for it.

    TARGET is module:function, script.py:function, a statement such as 'sum(range(10**6))', or one of gilscope's own
    kernels, such as kernel:quad/c/held. It runs in a process of its own, many times, with your rights; nothing that it
    starts is left running.
    """
    seconds = DEFAULT_SECONDS if max_time is None else max_time
    limit_s = DEFAULT_LIMIT_S + seconds if limit is None else limit
    _check(workers, seconds, limit_s, json_to, force=force, markdown=markdown)
    widths = None if workers is None else sorted({n for n in workers if n > 1})
    try:
        parsed = parse_target(target, args=args, setup="\n".join(setup), statement=statement)
        with _progress(parsed, seconds) as show:
            probe = probe_target(
                parsed,
                seconds=seconds,
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
        if json_to is None:
            raise
        probe = refused(target, error)
    text = json.dumps(probe.as_dict(), ensure_ascii=False, allow_nan=False, indent=2) + "\n"
    data = text.encode(errors="replace")  # UTF-8, whatever the terminal speaks; a target's name need not be text
    unsaved = None if json_to is None or json_to == "-" else save(Path(json_to), data)
    _draw(probe, data if json_to == "-" else None, markdown=markdown)
    if probe.exit_code == INTERRUPTED:
        click.echo("gilscope: interrupted; what was measured so far is above", err=True)
    return conclude(probe.exit_code, [unsaved])


def _check(
    workers: tuple[int, ...] | None, seconds: float, limit_s: float, json_to: str | None, *, force: bool, markdown: bool
) -> None:
    """Refuse what cannot be done before anything is measured."""
    if workers is not None and (not workers or min(workers) < 1):
        raise UsageError("--workers needs numbers from 1 on, for example 1,2,4")
    if not 0 < seconds < limit_s:
        raise UsageError(
            f"--max-time must be above 0 and below --limit, got {words.seconds(seconds)} and {words.seconds(limit_s)}"
        )
    if json_to == "-" and markdown:
        raise UsageError("standard output takes one format; write the JSON to a file (--json=FILE), or leave one out")
    if json_to is not None and json_to != "-":
        check_output(Path(json_to), force=force)


def _progress(target: Target, seconds: float) -> AbstractContextManager[Callable[[dict[str, Any]], None]]:
    """Show on standard error what is going on."""
    name = " ".join(target.text.split())[:60]
    return phases(f"Probing {name}: about {words.seconds(seconds)} of measuring", _AT_WORK)


def _draw(probe: Probe, data: bytes | None, *, markdown: bool) -> None:
    """Write what was asked for to standard output; what failed, and why, to standard error."""
    if probe.failure:
        click.echo(str(probe), err=True)
    if data is not None:
        click.echo(data, nl=False)
    elif markdown:
        click.echo(probe.markdown())
    elif not probe.failure:
        click.echo(str(probe))
