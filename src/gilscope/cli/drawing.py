"""Drawing a result on standard output, in the format that was asked for."""

import click

from gilscope.report import markdown, terminal
from gilscope.running import storage, view
from gilscope.running.result import Result

format_option = click.option(
    "--format", "style", type=click.Choice(["table", "markdown", "json"]), default="table", show_default=True
)


def draw(result: Result, style: str) -> None:
    """Write a result, and nothing else, to standard output."""
    if style == "json":
        click.echo(storage.dumps(result).encode(), nl=False)  # UTF-8, as in a file, whatever the terminal speaks
    elif style == "markdown":
        click.echo(markdown.render(view.blocks(result)), nl=False)
    else:
        terminal.render(view.blocks(result))
