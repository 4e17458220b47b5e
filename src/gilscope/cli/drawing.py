"""Drawing a result of any kind in any format; what a format needs is imported when it is asked for."""

from typing import Any

import click

from gilscope.cli.formats import FORMATS
from gilscope.cli.kinds import Kind
from gilscope.places import portable
from gilscope.showing import named


def check_format(form: str) -> None:
    """Refuse a format that cannot be drawn here, before anything is measured.

    Raises
    ------
    CannotRunError
    """
    if FORMATS[form].check:
        named(FORMATS[form].check)()


def made(kind: Kind, result: Any, form: str) -> bytes:
    """Return a result in a format, as a file has it: it names no place of this machine's user."""
    if FORMATS[form].is_picture:
        return kind.drawn(result, form)
    text = kind.json(result) if form == "json" else named(FORMATS[form].draws)(portable(kind.blocks(result)))
    # UTF-8, whatever the terminal speaks; a target's name need not be text.
    return (text if text.endswith("\n") else f"{text}\n").encode(errors="replace")


def draw(kind: Kind, result: Any, style: str) -> None:
    """Write a result, and nothing else, to standard output.

    Parameters
    ----------
    kind : Kind
    result : object
        What the view of that kind takes.
    style : str
        One of its styles.
    """
    if style == "text":
        named("gilscope.report.terminal:render")(kind.blocks(result))  # in colours, where there is a terminal
    else:
        data = made(kind, result, style)
        # JSON and HTML say themselves that they are UTF-8; the rest is for the terminal's letters.
        click.echo(data if style in ("json", "html") else data.decode(), nl=False)
