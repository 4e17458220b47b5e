"""`gilscope report`: draw a saved result."""

from pathlib import Path

import click

from gilscope import storage
from gilscope.report import markdown, terminal


@click.command()
@click.argument("result", type=click.Path(path_type=Path))
@click.option("--format", "style", type=click.Choice(["table", "markdown", "json"]), default="table", show_default=True)
def command(result: Path, style: str) -> int:
    """Draw RESULT, a file that `gilscope run -o RESULT` wrote, here or on another machine."""
    read = storage.read(result)
    if style == "json":
        click.echo(storage.dumps(read), nl=False)
    elif style == "markdown":
        click.echo(markdown.render(read), nl=False)
    else:
        terminal.render(read)
    return 0
