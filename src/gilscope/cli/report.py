"""`gilscope report`: draw a saved result."""

from pathlib import Path

import click

from gilscope import storage
from gilscope.cli.drawing import draw, format_option


@click.command()
@click.argument("result", type=click.Path(path_type=Path))
@format_option
def command(result: Path, style: str) -> int:
    """Draw RESULT, a file that `gilscope run -o RESULT` wrote, here or on another machine."""
    draw(storage.read(result), style)
    return 0
