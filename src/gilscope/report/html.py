"""A result as HTML, for a notebook."""

from collections.abc import Sequence
from html import escape

from gilscope.report import table
from gilscope.running.result import Result

_LEFT = "style='text-align:left'"


def of_result(result: Result) -> str:
    """Return what `gilscope run` prints, as a table between paragraphs."""
    rows = [_row("th", table.COLUMNS), *(_row("td", line.cells) for line in table.lines(result))]
    below = [*table.footer(result), " ".join(result.findings)]
    return "".join(
        [f"<p><b>{escape(table.heading(result))}</b></p>", f"<table>{''.join(rows)}</table>", *map(_paragraph, below)]
    )


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag} {_LEFT}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>" if text else ""
