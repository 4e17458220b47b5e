"""`gilscope trace`: who held the GIL when."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click

from gilscope import words
from gilscope.cli.at_work import phases
from gilscope.cli.files import check_output, conclude, save
from gilscope.cli.types import Duration
from gilscope.errors import DONE, UsageError
from gilscope.targets.target import Target, parse_target
from gilscope.tracing import perfetto, picture, summary
from gilscope.tracing.result import (
    DEFAULT_EVENTS,
    DEFAULT_LIMIT_S,
    DEFAULT_SECONDS,
    DEFAULT_THREADS,
    Trace,
    trace_target,
)

_AT_WORK = {
    "started": "importing it",
    "resolved": "its first call",
    "preflight": "tracing it",
    "timeline": "reading what happened",
}
#: More would be a file that no viewer opens.
MOST_EVENTS = 1 << 20


@click.command()
@click.argument("target")
@click.option("--args", default="", help="What stands between the parentheses of the call, e.g. '3, key=len'.")
@click.option(
    "-s", "--setup", multiple=True, metavar="CODE", help="Runs once before, as timeit's; may be given several times."
)
@click.option("--statement", is_flag=True, help="TARGET is a statement, even if it looks like module:function.")
@click.option(
    "--threads",
    "n_threads",
    type=click.IntRange(1, 64),
    default=DEFAULT_THREADS,
    show_default=True,
    help="How many make the call at the same time.",
)
@click.option("--calls", "n_calls", type=click.IntRange(min=1), help="Calls of each thread, instead of --max-time.")
@click.option(
    "--max-time",
    "seconds",
    type=Duration(),
    help=f"No thread begins a call after this.  [default: {DEFAULT_SECONDS:g}s]",
)
@click.option(
    "--events",
    "n_events",
    type=click.IntRange(1024, MOST_EVENTS),
    default=DEFAULT_EVENTS,
    show_default=True,
    help="How many events to keep; the oldest are lost first, and counted.",
)
@click.option("--task-time", type=Duration(), default=0.001, help="How long a kernel's call takes.  [default: 1ms]")
@click.option(
    "--limit",
    type=Duration(),
    help=f"What has not ended by then hangs, and is ended.  [default: {DEFAULT_LIMIT_S:g}s, and --max-time]",
)
@click.option(
    "--cpu-clock",
    is_flag=True,
    help="Tell computing from blocked for each place that releases the GIL; on a busy machine this makes holds longer.",
)
@click.option(
    "-o",
    "--output",
    "--picture",
    "files",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="A file to write, by its ending: .json for Perfetto, .svg or .png for a picture; may be given several times.",
)
@click.option("--force", is_flag=True, help="Overwrite the output files.")
def command(
    target: str,
    args: str,
    setup: tuple[str, ...],
    statement: bool,
    n_threads: int,
    n_calls: int | None,
    seconds: float | None,
    n_events: int,
    task_time: float,
    limit: float | None,
    cpu_clock: bool,
    files: tuple[Path, ...],
    force: bool,
) -> int:
    """Show who held the GIL when, while several threads call TARGET.

    TARGET is module:function, script.py:function, a statement such as 'sum(range(10**6))', or one of gilscope's own
    kernels, such as kernel:quad/c/held. It runs in a child process; open the JSON at https://ui.perfetto.dev.
    """
    _check(files, force=force)
    if seconds is None and n_calls is None:
        seconds = DEFAULT_SECONDS
    parsed = parse_target(
        target, args=args, setup="\n".join(setup), statement=statement, task_ns=round(task_time * 1e9)
    )
    with _progress(parsed, n_threads, n_calls, seconds) as show:
        trace = trace_target(
            parsed,
            n_threads=n_threads,
            n_calls=n_calls,
            seconds=seconds,
            n_events=n_events,
            limit_s=DEFAULT_LIMIT_S + (seconds or 0.0) if limit is None else limit,
            cpu_clock=cpu_clock,
            on_event=show,
        )
    click.echo(summary.text(trace))
    unsaved = {path: save(path, _content(trace, path)) for path in files}
    if saved := [str(path) for path, error in unsaved.items() if error is None]:
        click.echo(f"Saved: {', '.join(saved)}", err=True)
    return conclude(DONE, unsaved.values())


def _progress(
    target: Target, n_threads: int, n_calls: int | None, seconds: float | None
) -> AbstractContextManager[Callable[[dict[str, Any]], None]]:
    """Show on standard error that it is at work, and how long it still takes where that is known."""
    name = " ".join(target.text.split())[:60]
    calls = "" if n_calls is None else f"{words.counted(n_calls, 'call')} of each"
    time = "" if seconds is None else f"about {words.seconds(seconds)}"
    begin = f"Tracing {name} on {words.workers(n_threads, 'threads')}: {' or '.join(filter(None, (calls, time)))}"
    return phases(begin, _AT_WORK, "preflight", seconds)


def _check(files: tuple[Path, ...], *, force: bool) -> None:
    """Refuse what could not be written, before anything runs."""
    for path in files:
        form = path.suffix.removeprefix(".")
        if form not in {"json", *picture.FORMATS}:
            raise UsageError(f"{path}: the ending says what is written; choose .json, .svg or .png")
        check_output(path, force=force)
        if form in picture.FORMATS:
            picture.check_available()


def _content(trace: Trace, path: Path) -> bytes:
    form = path.suffix.removeprefix(".")
    return perfetto.dumps(trace).encode() if form == "json" else picture.draw(trace, form)
