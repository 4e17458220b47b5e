"""Blocks as HTML: a page of its own that runs nothing and asks for nothing, or a part of a notebook's."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from gilscope.errors import CannotRunError
from gilscope.places import portable
from gilscope.report.blocks import Block, Heading
from gilscope.report.harmless import harmless, line

if TYPE_CHECKING:
    from jinja2 import Template

_FOLDER = Path(__file__).parent


def check() -> None:
    """Refuse HTML where it cannot be made, before anything is measured.

    Raises
    ------
    CannotRunError
        Where Jinja2 is not installed.
    """
    _template()


def fragment(blocks: Iterable[Block]) -> str:
    """Return blocks as HTML to be put into a page, as a notebook does.

    Raises
    ------
    CannotRunError
        Where Jinja2 is not installed.
    """
    return _template().render(is_page=False, blocks=_named(blocks))


def in_notebook(blocks: Iterable[Block]) -> str | None:
    """Return blocks as HTML, or None where Jinja2 is not installed: a notebook shows their text then.

    A notebook is saved with what it shows, which therefore names no place of this machine's user.
    """
    try:
        return fragment(portable(tuple(blocks)))
    except CannotRunError:
        return None


def page(blocks: Iterable[Block]) -> str:
    """Return blocks as an HTML page, ending in a newline; its title is the first heading.

    Raises
    ------
    CannotRunError
        Where Jinja2 is not installed.
    """
    blocks = list(blocks)
    title = next((block.text for block in blocks if isinstance(block, Heading)), "gilscope")
    return _template().render(is_page=True, title=line(title), blocks=_named(blocks)) + "\n"


def _named(blocks: Iterable[Block]) -> list[tuple[str, Block]]:
    """Return blocks with what each is, which a template cannot tell."""
    return [(type(block).__name__, block) for block in harmless(blocks)]


@cache
def _template() -> "Template":
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ModuleNotFoundError:
        raise CannotRunError("HTML needs Jinja2, which is not installed: pip install 'gilscope[report]'") from None
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("page.html")
