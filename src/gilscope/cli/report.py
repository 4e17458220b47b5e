"""`gilscope report`: draw a saved result."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gilscope.atlas import document
from gilscope.cli import options
from gilscope.cli.command import Command
from gilscope.cli.kinds import KINDS, Kind
from gilscope.cli.outputs import Outputs
from gilscope.documents.envelope import parse
from gilscope.documents.files import read_text
from gilscope.errors import DONE, UsageError
from gilscope.probing import result as probing
from gilscope.report import atlas, probe
from gilscope.running.document import RUN

_EXAMPLES = (
    ("report run.json", "Show a saved result."),
    ("report run.json --format markdown", "Print it as Markdown, to paste into an issue."),
    ("report run.json -o run.html", "Make a page of it."),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.argument("result", type=click.Path(path_type=Path))
@options.outputs_of("run", "probe", "atlas")
def command(result: Path, outputs: Callable[[Kind], Outputs]) -> int:
    """Show RESULT, here or on another machine: a .json file that run, atlas or probe saved with -o."""
    text = read_text(result)
    data = parse(text, str(result))
    kind = data.get("kind")
    if kind == document.KIND:
        data = document.loads(text, result)
        drawn = outputs(KINDS["atlas"])
        drawn.show(data, terminal=lambda: atlas.render(data, data["rows"]))
        drawn.save(data)
        return drawn.conclude(DONE)
    if kind == probing.KIND:
        found, of = _probe(text, result), "probe"
    else:
        found, of = RUN.load(data, str(result)), "run"
    drawn = outputs(KINDS[of])
    drawn.show(found)
    drawn.save(found)
    return drawn.conclude(DONE)


def _probe(text: str, path: Path) -> Any:
    data = json.loads(text)
    if (version := data.get("schema_version")) not in probing.READABLE_VERSIONS:
        known = " and ".join(map(str, probing.READABLE_VERSIONS))
        raise UsageError(f"{path} has schema version {version!r}; this gilscope reads {known}")
    try:  # each of them, so that JSON is not passed on unchecked
        for make in (probe.text, probe.markdown, probe.page):
            make(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{path} is not a whole result of a probe: {type(error).__name__}: {error}") from None
    return data
