"""`gilscope run`: the main job."""

import shlex
import sys
from pathlib import Path

import click

from gilscope.cli import exit_codes
from gilscope.cli.drawing import check_format, draw, format_option
from gilscope.cli.files import check_output, conclude
from gilscope.cli.progress import Display
from gilscope.cli.types import Counts, Duration, Names, Share
from gilscope.errors import INTERRUPTED, CannotRunError, GilscopeError
from gilscope.running import storage
from gilscope.running.plan import FORMS, Request
from gilscope.running.result import SERIAL, Result
from gilscope.running.run import Session
from gilscope.running.runner import LaunchEnded
from gilscope.running.strategies import STRATEGIES
from gilscope.words import seconds


@click.command()
@click.argument("kernels", nargs=-1, metavar="[KERNEL]...")
@click.option(
    "--implementations",
    type=Names(),
    default="",
    help="python,numpy,cython,c  [default: all but numpy, whose own choice of when to release depends on --items]",
)
@click.option(
    "--strategies",
    type=Names(),
    default="",
    help=f"{','.join(one.name for one in STRATEGIES if one.name != SERIAL)}. Serial and processes always run, "
    "for every verdict rests on them.  [default: all but the two other start methods]",
)
@click.option("--workers", type=Counts(), default="", help="Widths to compare at, e.g. 1,2,4  [default: usable CPUs]")
@click.option("--gil", "gil_modes", type=Names(), default="", help="held,released  [default: both]")
@click.option("--dtype", default="float64", show_default=True, help="float64, float32, int64, int32, uint64 or uint32.")
@click.option(
    "--form",
    type=click.Choice(FORMS),
    help="compute: one call makes many rounds over 2048 items in cache; array: one call makes one pass over arrays.  "
    "[default: compute, but array for numpy and with --items or --task-time]",
)
@click.option("--items", "n_items", type=int, help="Items that one call of the array form works on.")
@click.option(
    "--task-time", type=Duration(), help="Choose the items so that one serial call takes this long, e.g. 5ms."
)
@click.option("--ci-width", type=Share(), help="Stop when every interval is this narrow, e.g. 2%.")
@click.option("--max-time", type=Duration(), help="Stop after this time at the latest, e.g. 20s.")
@click.option("--fast", "effort", flag_value="fast", help="5 % intervals, two launches, 20 s at most.")
@click.option("--rigorous", "effort", flag_value="rigorous", help="0.5 % intervals, five launches, 10 minutes at most.")
@click.option("--seed", type=int, help="Of every random choice; recorded in any case.")
@click.option("--oversubscribe", is_flag=True, help="Allow more workers than usable CPUs.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Save everything as JSON.")
@click.option("--force", is_flag=True, help="Overwrite the output file.")
@click.option("--strict", is_flag=True, help="End with 3 or 5 if a single arm got no verdict, instead of all of them.")
@format_option
@click.option("--host-name", is_flag=True, help="Record the host name too.")
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
    output: Path | None,
    force: bool,
    strict: bool,
    style: str,
    host_name: bool,
) -> int:
    """Measure kernels (square, quad) under strategies, with the GIL held and released.

    The table shows, for every arm: the median time of the same work, the CPU time it took, its share of the ceiling
    (the same kernel on as many processes) with its interval, the speed-up over serial here and now, and a verdict that
    rests on the share of the ceiling alone.
    """
    check_format(style)
    if output is not None:
        check_output(output, force=force)
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
    session: Session | None = None
    failure: GilscopeError | None = None
    unsaved: CannotRunError | None = None
    interrupted = False
    try:
        session = Session(request, host_name=host_name, argv=sys.argv[1:])
        with Display(session.runner) as display:
            for event in session.events():
                display.show(event)
                if isinstance(event, LaunchEnded):
                    # After every launch, so that whatever happens later loses nothing. A disk that is full is no
                    # reason to stop measuring: the table can still be shown, and the code says what went wrong.
                    unsaved = _save(session.result(), output)
    except KeyboardInterrupt:
        interrupted = True
    except GilscopeError as error:
        failure = error
    final = None if session is None else session.result()
    if final is not None and final.rounds:
        if interrupted or failure is not None:
            unsaved = _save(final, output)
        draw("run", final, style)
        if output is not None and unsaved is None:
            click.echo(f"Saved: {output}    See it: gilscope report {shlex.quote(str(output))}", err=True)
    if failure is None and interrupted:
        click.echo(f"gilscope: interrupted; {_what_is_left(final, output, unsaved)}", err=True)
        return INTERRUPTED
    if failure is not None:
        conclude(failure.exit_code, [unsaved])
        raise failure
    assert final is not None  # without a session there was a failure, or Ctrl-C
    if not final.rounds:
        click.echo(
            f"gilscope: no round ended within {seconds(final.plan.budget_s)}; give more time (--max-time)", err=True
        )
    return conclude(exit_codes.of_run(final, strict=strict), [unsaved])


def _what_is_left(result: Result | None, output: Path | None, unsaved: CannotRunError | None) -> str:
    if result is None or not result.rounds:
        return "nothing was measured yet"
    saved = "" if output is None else " and saved" if unsaved is None else f"; {unsaved}"
    return f"what was measured so far is above{saved}"


def _save(result: Result, output: Path | None) -> CannotRunError | None:
    """Write the result where that was asked for; return what went wrong, or None.

    A result without a round is not worth a file, least of all one that --force would replace.
    """
    if output is not None and result.rounds:
        try:
            storage.write(result, output)
        except CannotRunError as error:
            return error
    return None
