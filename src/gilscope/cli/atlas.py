"""`gilscope atlas`: what each call of a list does to the GIL."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from gilscope.atlas import document, rows, selection
from gilscope.atlas.calls import SHIPPED, Atlas, load
from gilscope.atlas.result import AtlasResult, MachineFacts, Row
from gilscope.atlas.survey import LIMIT_S, SECONDS, Ended, survey
from gilscope.cli import exit_codes, options
from gilscope.cli.command import Command
from gilscope.cli.formats import FORMATS
from gilscope.cli.outputs import Outputs
from gilscope.cli.types import Choice, OneOf
from gilscope.errors import INTERRUPTED, UsageError
from gilscope.places import portable
from gilscope.system.cpus import usable_cpus
from gilscope.version import __version__
from gilscope.words import seconds

_EXAMPLES = (
    ("atlas stdlib -k zlib", "Check the calls of the standard library that have zlib in their name."),
    ("atlas mine.toml -o mine.json -o mine.html", "Check a list of your own; go on from mine.json next time."),
    ("atlas numpy --sort longest-hold --filter class=mixed", "Show some of the calls, in another order."),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.argument("calls", type=OneOf(SHIPPED), metavar="CALLS.toml|stdlib|numpy")
@options.outputs("atlas", goes_on=True)
@click.option(
    "--resume/--restart",
    default=True,
    help="Keep the rows of the .json file whose code and Python are the same, or none.  [default: resume]",
)
@click.option("-k", "parts", multiple=True, metavar="PART", help="Only calls with this in their name or group.")
@click.option("--first", "n_first", metavar="N", type=click.IntRange(1), help="Only the first N calls.")
@options.max_time("Measure each call for about this long.", default_s=SECONDS)
@options.limit(seconds(LIMIT_S))
@click.option(
    "--sort",
    type=Choice(selection.SORT_KEYS, {"stall": "longest-hold"}),
    help="Sort the rows.  [default: as in the file]",
)
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="FILTER",
    help="Only rows with class=..., group=... or a part of a name.",
)
@options.voices
def command(
    calls: str,
    outputs: Outputs,
    resume: bool,
    parts: tuple[str, ...],
    n_first: int | None,
    max_time: float,
    limit_s: float | None,
    sort: str | None,
    filters: tuple[str, ...],
) -> int:
    """Check a list of calls, each in a fresh process: which hold the GIL, and where threads would help.

    CALLS is a TOML file (docs/atlas.md), or the name of a list that comes with gilscope: stdlib or numpy. With
    -o FILE.json, a second run measures only what is missing. The code in the file runs with your rights.
    """
    from gilscope.cli.atlas_progress import Display  # with rich, which completion and help go without

    limit_s = LIMIT_S if limit_s is None else limit_s
    options.check_times(max_time, limit_s)
    selection.check_filters(filters)
    atlas = load(calls)
    chosen = selection.select(atlas, parts, n_first)
    data_file = _data_file(outputs)
    found = _before(data_file, atlas, resume=resume)
    shown: list[Row] = []
    started = datetime.now(UTC).isoformat(timespec="seconds")
    is_interrupted = False
    with Display() as display:
        try:
            for event in survey(chosen, found, limit_s=limit_s, seconds=max_time):
                if isinstance(event, Ended):
                    shown.append(event.row)
                    found[event.row.name] = event.row
                    if not event.is_kept:
                        # After every call, so that whatever happens later loses nothing; and again after the next
                        # where it failed.
                        outputs.save(_result(atlas, found, started), forms=("json",))
                display.show(event)
        except KeyboardInterrupt:
            is_interrupted = True
    drawn = selection.in_order(selection.filtered(shown, filters), sort)
    result = replace(_result(atlas, found, started), rows=tuple(drawn))
    outputs.show(result)
    outputs.save(result, forms=[form for form in FORMATS if form != "json"])
    if is_interrupted:
        goes_on = data_file is not None and data_file.exists() and not outputs.lost
        saved = f" and saved; the same command goes on from {data_file}" if goes_on else ""
        click.echo(f"gilscope: interrupted; {len(shown)} of {len(chosen)} calls were measured{saved}", err=True)
    return outputs.conclude(INTERRUPTED if is_interrupted else exit_codes.of_atlas(shown))


def _data_file(outputs: Outputs) -> Path | None:
    """Return the file to go on from."""
    found = [path for path, form in outputs.files.items() if form == "json"]
    if len(found) > 1:
        raise UsageError(f"an atlas goes on from one .json; got {found[0]} and {found[1]}")
    return found[0] if found else None


def _before(output: Path | None, atlas: Atlas, *, resume: bool) -> dict[str, Row]:
    """Return the rows to go on from; refuse an output that cannot be written, or that holds something else."""
    if output is None or not output.exists():
        return {}
    if not resume:
        document.check_replaceable(output)
        return {}
    return document.rows_to_go_on_from(output, atlas)


def _result(atlas: Atlas, found: dict[str, Row], started: str) -> AtlasResult:
    """Return all rows that there are, in the order of the list."""
    usable = usable_cpus()
    return AtlasResult(
        tool=f"gilscope {__version__}",
        started=started,
        title=portable(atlas.title),
        n_calls=len(atlas.calls),
        machine=MachineFacts(usable_cpus=usable.count, usable_cpus_from=usable.source, python=rows.python_name()),
        rows=tuple(found[call.name] for call in atlas.calls if call.name in found),
    )
