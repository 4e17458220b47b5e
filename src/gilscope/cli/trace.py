"""`gilscope trace`: who held the GIL when."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import click

from gilscope import words
from gilscope.cli import options, spellings
from gilscope.cli.at_work import phases
from gilscope.cli.command import Command
from gilscope.cli.outputs import Outputs
from gilscope.cli.types import Duration
from gilscope.errors import DONE
from gilscope.targets.target import Target, parse_target
from gilscope.tracing.result import (
    DEFAULT_EVENTS,
    DEFAULT_LIMIT_S,
    DEFAULT_SECONDS,
    DEFAULT_THREADS,
    trace_target,
)

_AT_WORK = {
    "started": "importing it",
    "resolved": "its first call",
    "preflight": "tracing it",
    "timeline": "reading what happened",
}
_EXAMPLES = (
    ("trace script.py:work -o trace.json", "Trace two threads that call it; open the file in Perfetto."),
    ("trace zlib:crc32 --args 'bytes(10**6)' --threads 4 -o trace.png", "Draw four threads."),
    ("trace kernel:quad/c/held --calls 100", "Trace one of gilscope's kernels, for a number of calls."),
)
#: More would be a file that no viewer opens.
MOST_EVENTS = 1 << 20


@click.command(cls=Command, examples=_EXAMPLES, before=spellings.Before({"--picture": ("-o",)}))
@options.target
@click.option(
    "--threads",
    "n_threads",
    type=click.IntRange(1, 64),
    default=DEFAULT_THREADS,
    show_default=True,
    help="How many threads make the call at the same time.",
)
@click.option("--calls", "n_calls", type=click.IntRange(min=1), help="Calls of each thread, instead of --max-time.")
@options.max_time(f"No thread begins a call after this.  [default: {words.seconds(DEFAULT_SECONDS)}, without --calls]")
@click.option(
    "--events",
    "n_events",
    type=click.IntRange(1024, MOST_EVENTS),
    default=DEFAULT_EVENTS,
    show_default=True,
    help="How many events to keep. The oldest are lost first, and counted.",
)
@click.option("--task-time", type=Duration(), default=0.001, help="How long a kernel's call takes.  [default: 1ms]")
@options.limit(f"{words.seconds(DEFAULT_LIMIT_S)}, and --max-time")
@click.option(
    "--cpu-clock",
    is_flag=True,
    help="Tell computing from blocked for each place that releases the GIL. On a busy machine this makes holds longer.",
)
@options.outputs("trace")
@options.voices
def command(
    target: str,
    args: str,
    setup: tuple[str, ...],
    statement: bool,
    n_threads: int,
    n_calls: int | None,
    max_time: float | None,
    n_events: int,
    task_time: float,
    limit_s: float | None,
    cpu_clock: bool,
    outputs: Outputs,
) -> int:
    """Show who held the GIL when, while several threads call TARGET.

    TARGET is module:function, script.py:function, a statement such as 'sum(range(10**6))', or one of gilscope's own
    kernels, such as kernel:quad/c/held. It runs in a child process. Open the JSON at https://ui.perfetto.dev.
    """
    if max_time is None and n_calls is None:
        max_time = DEFAULT_SECONDS
    parsed = parse_target(
        target, args=args, setup="\n".join(setup), statement=statement, task_ns=round(task_time * 1e9)
    )
    with _progress(parsed, n_threads, n_calls, max_time) as show:
        trace = trace_target(
            parsed,
            n_threads=n_threads,
            n_calls=n_calls,
            seconds=max_time,
            n_events=n_events,
            limit_s=DEFAULT_LIMIT_S + (max_time or 0.0) if limit_s is None else limit_s,
            cpu_clock=cpu_clock,
            on_event=show,
        )
    outputs.show(trace)
    outputs.save(trace)
    return outputs.conclude(DONE)


def _progress(
    target: Target, n_threads: int, n_calls: int | None, seconds: float | None
) -> AbstractContextManager[Callable[[dict[str, Any]], None]]:
    """Show on standard error that it is at work, and how long it still takes where that is known."""
    name = " ".join(target.text.split())[:60]
    calls = "" if n_calls is None else f"{words.counted(n_calls, 'call')} of each"
    time = "" if seconds is None else f"about {words.seconds(seconds)}"
    begin = f"Tracing {name} on {words.workers(n_threads, 'threads')}: {' or '.join(filter(None, (calls, time)))}"
    return phases(begin, _AT_WORK, "preflight", seconds)
