"""`gilscope report`: draw a saved result."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gilscope.atlas.document import ATLAS
from gilscope.cli import options
from gilscope.cli.command import Command
from gilscope.cli.kinds import KINDS, Kind
from gilscope.cli.outputs import Outputs
from gilscope.documents.envelope import form_of, parse
from gilscope.documents.files import read_text
from gilscope.documents.typed import plain
from gilscope.errors import DONE, UsageError
from gilscope.probing import result as probing
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
    if kind == probing.KIND:
        found, of = _probe(text, result), "probe"
    else:
        form = form_of(data, [RUN, ATLAS], str(result))
        found, of = form.load(data, str(result)), "run" if form is RUN else "atlas"
    if of == "atlas":
        from gilscope.report import atlas  # with rich, which completion and help go without

        drawn = outputs(KINDS["atlas"])
        drawn.show(found, terminal=lambda: atlas.render(plain(found), plain(found.rows)))
        drawn.save(found)
        return drawn.conclude(DONE)
    drawn = outputs(KINDS[of])
    drawn.show(found)
    drawn.save(found)
    return drawn.conclude(DONE)


def _probe(text: str, path: Path) -> Any:
    from gilscope.report import probe

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
