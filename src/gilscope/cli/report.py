"""`gilscope report`: draw a saved result."""

import json
from pathlib import Path

import click

from gilscope.atlas import document
from gilscope.cli import atlas
from gilscope.cli.drawing import draw, format_option
from gilscope.documents.files import read_text
from gilscope.errors import UsageError
from gilscope.probing import result as probing
from gilscope.report import probe
from gilscope.running import storage


@click.command()
@click.argument("result", type=click.Path(path_type=Path))
@format_option
def command(result: Path, style: str) -> int:
    """Draw RESULT, here or on another machine: a file of `gilscope run -o`, `gilscope atlas -o` or `gilscope probe`.

    Of a probe it is the file of --json=FILE.
    """
    text = read_text(result)
    kind = _kind(text)
    if kind == document.KIND:
        data = document.loads(text, result)
        atlas.draw(data, data["rows"], style)
    elif kind == probing.KIND:
        click.echo(_probe(text, style, result))
    elif kind is not None:
        kinds = f"results of gilscope run (without a kind), {document.KIND!r} and {probing.KIND!r}"
        raise UsageError(f"{result} is of kind {kind!r}, which cannot be drawn; can be: {kinds}")
    else:
        draw("run", storage.loads(text, str(result)), style)
    return 0


def _kind(text: str) -> object:
    """Return what a file says that it is; None where it does not, or is no JSON, which its reader will refuse."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return data.get("kind") if isinstance(data, dict) else None


def _probe(text: str, style: str, path: Path) -> str:
    data = json.loads(text)
    if (version := data.get("schema_version")) not in probing.READABLE_VERSIONS:
        known = " and ".join(map(str, probing.READABLE_VERSIONS))
        raise UsageError(f"{path} has schema version {version!r}; this gilscope reads {known}")
    forms = {"table": probe.text, "markdown": probe.markdown, "html": probe.page}
    try:  # each of them, so that JSON is not passed on unchecked
        shown = {form: make(data) for form, make in forms.items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{path} is not a whole result of a probe: {type(error).__name__}: {error}") from None
    return shown.get(style, text.rstrip("\n"))
