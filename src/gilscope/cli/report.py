"""`gilscope report`: draw a saved result."""

from collections.abc import Callable
from pathlib import Path

import click

from gilscope.cli import options
from gilscope.cli.command import Command
from gilscope.cli.kinds import KINDS, Kind, forms
from gilscope.cli.outputs import Outputs
from gilscope.documents.envelope import form_of, parse
from gilscope.documents.files import read_text
from gilscope.errors import DONE

_EXAMPLES = (
    ("report run.json", "Show a saved result."),
    ("report run.json --format markdown", "Print it as Markdown, to paste into an issue."),
    ("report run.json -o run.html", "Make a page of it."),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.argument("result", type=click.Path(path_type=Path))
@options.outputs_of(*(name for name, kind in KINDS.items() if kind.form))
def command(result: Path, outputs: Callable[[Kind], Outputs]) -> int:
    """Show RESULT, here or on another machine: a .json file that another command saved with -o."""
    source = str(result)
    data = parse(read_text(result), source)
    known = forms()
    form = form_of(data, known.values(), source)
    kind = next(name for name, one in known.items() if one is form)
    found = form.load(data, source)
    drawn = outputs(KINDS[kind])
    drawn.show(found)
    drawn.save(found)
    return drawn.conclude(DONE)
