"""Drawing a result on standard output, in the format that was asked for: any kind in any format."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from gilscope.cli.kinds import KINDS
from gilscope.report import html, markdown, terminal, text
from gilscope.report.blocks import Block, Heading

#: What a format makes of blocks, as a text that ends in a newline. A new format is a module and a line here.
FORMATS: dict[str, Callable[[Sequence[Block]], str]] = {
    "table": lambda blocks: f"{text.render(blocks)}\n",
    "markdown": markdown.render,
    "html": lambda blocks: html.page(_title(blocks), blocks),
}
STYLES = (*FORMATS, "json")

format_option = click.option(
    "--format", "style", type=click.Choice(STYLES), default="table", show_default=True, help="Of standard output."
)


def check_format(style: str) -> None:
    """Refuse a format that cannot be drawn here, before anything is measured.

    Raises
    ------
    CannotRunError
    """
    if style == "html":
        html.check()


def draw(kind: str, result: Any, style: str) -> None:
    """Write a result, and nothing else, to standard output.

    Parameters
    ----------
    kind : str
        A name of `KINDS`.
    result : object
        What the view of that kind takes.
    style : str
        One of `STYLES`.
    """
    if style == "json":
        click.echo(KINDS[kind].json(result).encode(), nl=False)  # UTF-8, as in a file, whatever the terminal speaks
    elif style == "html":
        click.echo(FORMATS[style](KINDS[kind].blocks(result)).encode(), nl=False)  # as the page itself says
    elif style == "table":
        terminal.render(KINDS[kind].blocks(result))  # in colours, where there is a terminal
    else:
        click.echo(FORMATS[style](KINDS[kind].blocks(result)), nl=False)


def _title(blocks: Sequence[Block]) -> str:
    return next((block.text for block in blocks if isinstance(block, Heading)), "gilscope")
