"""`gilscope atlas`: what each call of a list does to the GIL."""

from pathlib import Path
from typing import Any

import click

from gilscope.atlas import document, rows, selection
from gilscope.atlas.calls import Atlas, load
from gilscope.atlas.rows import Row
from gilscope.atlas.survey import LIMIT_S, SECONDS, Ended, survey
from gilscope.cli import exit_codes
from gilscope.cli.atlas_progress import Display
from gilscope.cli.files import check_output, conclude, save
from gilscope.cli.types import Duration
from gilscope.documents.files import read_text
from gilscope.errors import INTERRUPTED, CannotRunError, UsageError
from gilscope.report import atlas as report
from gilscope.report import atlas_page
from gilscope.system.cpus import usable_cpus
from gilscope.version import __version__
from gilscope.words import seconds


@click.command()
@click.argument("calls", metavar="CALLS.toml|stdlib|numpy")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Save each row as JSON, at once.")
@click.option(
    "--resume/--restart",
    default=True,
    help="Keep the rows in the output file whose code and Python are the same, or none.  [default: resume]",
)
@click.option("-k", "parts", multiple=True, metavar="PART", help="Only calls with this in their name or group.")
@click.option("--first", "n_first", type=click.IntRange(1), help="Only so many calls, the first.")
@click.option(
    "--max-time",
    type=Duration(),
    default=SECONDS,
    show_default=f"{SECONDS:g}s",
    help="Measure each call about so long.",
)
@click.option(
    "--limit",
    "limit_s",
    type=Duration(),
    default=LIMIT_S,
    show_default=f"{LIMIT_S:g}s",
    help="A call that has not ended by then hangs, and is ended.",
)
@click.option("--sort", type=click.Choice(selection.SORT_KEYS), help="Sort the rows.  [default: as in the file]")
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="FILTER",
    help="Only rows with class=..., group=... or a part of a name.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "markdown", "json", "html"]),
    default="table",
    show_default=True,
)
def command(
    calls: str,
    output: Path | None,
    resume: bool,
    parts: tuple[str, ...],
    n_first: int | None,
    max_time: float,
    limit_s: float,
    sort: str | None,
    filters: tuple[str, ...],
    style: str,
) -> int:
    """Probe every call of a list, each in a fresh process: whether it holds the GIL, and whether threads pay.

    CALLS is a TOML file (docs/atlas.md), or the name of one that comes with gilscope: stdlib or numpy. With -o, a
    second run measures what is missing. The code in the file runs with your rights.
    """
    if not 0 < max_time < limit_s:
        raise UsageError(
            f"--max-time must be above 0 and below --limit, got {seconds(max_time)} and {seconds(limit_s)}"
        )
    selection.check_filters(filters)
    atlas = load(calls)
    chosen = selection.select(atlas, parts, n_first)
    found = _before(output, atlas, resume=resume)
    shown: list[Row] = []
    unsaved: CannotRunError | None = None
    is_interrupted = False
    with Display() as display:
        try:
            for event in survey(chosen, found, limit_s=limit_s, seconds=max_time):
                if isinstance(event, Ended):
                    shown.append(event.row)
                    found[event.row["name"]] = event.row
                    if output is not None and not event.is_kept:
                        # After every call, so that whatever happens later loses nothing; and again after the next
                        # where it failed.
                        unsaved = save(output, document.dumps(_document(atlas, found)).encode())
                display.show(event)
        except KeyboardInterrupt:
            is_interrupted = True
    data = {**_document(atlas, found), "rows": shown}
    draw(data, selection.in_order(selection.filtered(shown, filters), sort), style)
    if is_interrupted:
        saved = "" if output is None or unsaved else f" and saved; the same command goes on from {output}"
        click.echo(f"gilscope: interrupted; {len(shown)} of {len(chosen)} calls were measured{saved}", err=True)
    return conclude(INTERRUPTED if is_interrupted else exit_codes.of_atlas(shown), [unsaved])


def _before(output: Path | None, atlas: Atlas, *, resume: bool) -> dict[str, Row]:
    """Return the rows to go on from; refuse an output that cannot be written, or that holds something else."""
    if output is None:
        return {}
    check_output(output, force=True)  # what there may be to replace is told by its kind
    if not output.exists():
        return {}
    if not resume:
        document.check_kind(read_text(output), output)
        return {}
    return document.rows_of(document.read(output), atlas, output)


def _document(atlas: Atlas, found: dict[str, Row]) -> dict[str, Any]:
    """Return all rows that there are, in the order of the list."""
    usable = usable_cpus()
    machine = {"usable_cpus": usable.count, "usable_cpus_from": usable.source, "python": rows.python_name()}
    tool = f"gilscope {__version__}"
    return document.document(atlas, [found[call.name] for call in atlas.calls if call.name in found], machine, tool)


def draw(data: dict[str, Any], shown: list[Row], style: str) -> None:
    """Write the rows, and nothing else, to standard output."""
    if style == "json":
        click.echo(document.dumps({**data, "rows": shown}), nl=False)
    elif style == "markdown":
        click.echo(report.markdown(data, shown), nl=False)
    elif style == "html":
        click.echo(atlas_page.page(data, shown), nl=False)
    else:
        report.render(data, shown)
