"""`gilscope run`: the main job."""

import sys

import click

from gilscope.cli import exit_codes, options
from gilscope.cli.command import Command
from gilscope.cli.measuring import Draws, conduct
from gilscope.cli.outputs import Outputs
from gilscope.cli.types import Counts, Duration, Names, OneOf, Share
from gilscope.kernels import DTYPES, GIL_MODES, IMPLEMENTATIONS, KERNELS
from gilscope.running.names import SERIAL
from gilscope.running.plan import FORMS, Request
from gilscope.running.run import Session
from gilscope.running.runner import LaunchEnded
from gilscope.running.strategies import STRATEGIES
from gilscope.words import joined

_EXAMPLES = (
    ("run", "Compare all there is, in about a minute."),
    ("run quad --implementations c --fast", "Compare the C kernel alone, in 20 seconds at most."),
    ("run --strategies threads -o run.json -o run.html", "Compare threads with processes; save data and a page."),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.argument("kernels", nargs=-1, type=OneOf(KERNELS), metavar="[KERNEL]...")
@click.option(
    "--implementations",
    type=Names(IMPLEMENTATIONS),
    default="",
    help=f"{', '.join(IMPLEMENTATIONS)}; commas between them. "
    "NumPy decides itself when to release the GIL, which depends on --items.  "
    "[default: all but numpy]",
)
@click.option(
    "--strategies",
    type=Names(one.name for one in STRATEGIES if one.name != SERIAL),
    default="",
    help=f"{', '.join(one.name for one in STRATEGIES if one.name != SERIAL)}. Serial and processes always run, "
    "because every verdict rests on them.  [default: all but the two other start methods]",
)
@click.option("--workers", type=Counts(), default="", help="Widths to compare at, e.g. 1,2,4  [default: usable CPUs]")
@click.option(
    "--gil", "gil_modes", type=Names(GIL_MODES), default="", help="held, released, chunked.  [default: the first two]"
)
@click.option(
    "--dtype",
    type=OneOf(DTYPES),
    default=DTYPES[0],
    show_default=True,
    help=f"What the items are: {joined(DTYPES, 'or')}.",
)
@click.option(
    "--form",
    type=click.Choice(FORMS),
    help="compute: one call makes many rounds over 2048 items in cache. array: one call makes one pass over arrays.  "
    "[default: compute; array for numpy, and with --items or --task-time]",
)
@click.option("--items", "n_items", type=int, help="Items that one call of the array form works on.")
@click.option(
    "--task-time", type=Duration(), help="Choose the items so that one serial call takes this long, e.g. 5ms."
)
@click.option("--ci-width", type=Share(), help="Stop when every interval is this narrow, e.g. 2%.")
@options.max_time("Stop after this time at the latest, e.g. 20s.")
@click.option("--fast", "effort", flag_value="fast", help="5 % intervals, two launches, 20 s at most.")
@click.option("--rigorous", "effort", flag_value="rigorous", help="0.5 % intervals, five launches, 10 minutes at most.")
@options.seed("Seed of every random choice; recorded in any case.")
@click.option("--oversubscribe", is_flag=True, help="Allow more workers than usable CPUs.")
@options.outputs("run")
@click.option("--strict", is_flag=True, help="End with 3 or 5 if any arm got no verdict, not only if all did not.")
@click.option("--host-name", is_flag=True, help="Record the host name too.")
@options.voices
def command(
    kernels: tuple[str, ...],
    implementations: tuple[str, ...],
    strategies: tuple[str, ...],
    workers: tuple[int, ...],
    gil_modes: tuple[str, ...],
    dtype: str,
    form: str | None,
    n_items: int | None,
    task_time: float | None,
    ci_width: float | None,
    max_time: float | None,
    effort: str | None,
    seed: int | None,
    oversubscribe: bool,
    outputs: Outputs,
    strict: bool,
    host_name: bool,
) -> int:
    """Measure kernels (square, quad) under strategies, with the GIL held and released.

    The table shows for every arm the median time of the same work, its CPU time, and its speed-up here and now. It
    shows the arm's share of the ceiling, with an interval: the ceiling is the same kernel on as many processes. The
    verdict rests on that share alone.
    """
    request = Request(
        kernels=kernels,
        implementations=implementations,
        gil_modes=gil_modes,
        strategies=strategies,
        workers=workers,
        dtype=dtype,
        form=form,
        n_items=n_items,
        task_ns=None if task_time is None else round(task_time * 1e9),
        target=ci_width,
        budget_s=max_time,
        effort=effort or "default",
        seed=seed,
        oversubscribe=oversubscribe,
    )
    return conduct(
        lambda: Session(request, host_name=host_name, argv=sys.argv[1:]),
        outputs,
        lambda run: exit_codes.of_run(run, strict=strict),
        display=_display,
        keep_after=LaunchEnded,
    )


def _display(session: Session) -> Draws:
    from gilscope.cli.progress import Display  # with rich, which completion and help go without

    return Display(session.runner)
