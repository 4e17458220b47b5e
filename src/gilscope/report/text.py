"""Blocks as text without colours: of whatever prints itself, and in a notebook that has no HTML."""

import io
from collections.abc import Iterable

from rich.console import Console

from gilscope.report import terminal
from gilscope.report.blocks import Block


def render(blocks: Iterable[Block], width: int | None = None) -> str:
    """Return blocks as text, without a newline at its end.

    Parameters
    ----------
    blocks : iterable of Block
    width : int, optional
        In characters; by default that of the terminal on standard output, and none where that is no terminal.
    """
    stream = io.StringIO()
    width = width or terminal.open_console().width
    # In a notebook rich would show it there and then, and give no text.
    terminal.render(blocks, Console(file=stream, width=width, highlight=False, color_system=None, force_jupyter=False))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def whole(blocks: Iterable[Block]) -> str:
    """Return blocks as text of any width: each sentence is a line, and each table is whole."""
    return render(blocks, terminal.NO_WIDTH)
