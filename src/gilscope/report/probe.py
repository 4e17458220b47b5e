"""A probe's result as text, Markdown and HTML, from plain data alone."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from gilscope.report.probe_rows import HEADER, call, head, tail, ways
from gilscope.words import fill

#: Columns of the text; a terminal has 80 and mostly more.
WIDTH = 100
_LEFT = "style='text-align:left'"


def text(probe: Mapping[str, Any]) -> str:
    """Return the result as plain text, with the traceback of what failed below it.

    Parameters
    ----------
    probe : mapping
        As in the JSON.
    """
    blocks = [_facts(head(probe)), _facts(call(probe)), _table(ways(probe)), _facts(tail(probe))]
    printed = probe["output"] and f"The end of what it printed:\n{probe['output']}"
    blocks += [probe["traceback"].rstrip(), printed.rstrip()]
    return "\n\n".join(block for block in blocks if block)


def markdown(probe: Mapping[str, Any]) -> str:
    """Return the result as Markdown tables."""
    lines = [_row(("", "")), _row(("---", "---"))]
    lines += [_row(map(_escaped, row)) for row in (*head(probe), *call(probe), *tail(probe))]
    if found := ways(probe):
        lines += ["", _row(HEADER), _row(["---"] * len(HEADER)), *(_row(map(_escaped, row)) for row in found)]
    return "\n".join(lines)


def html(probe: Mapping[str, Any]) -> str:
    """Return the result as HTML tables, for a notebook."""
    facts = "".join(_html_row((label,), (value,)) for label, value in (*head(probe), *call(probe), *tail(probe)))
    found = ways(probe)
    table = _html_row(HEADER, ()) + "".join(_html_row(row[:1], row[1:]) for row in found) if found else ""
    return "".join(f"<table>{rows}</table>" for rows in (facts, table) if rows)


def page(probe: Mapping[str, Any]) -> str:
    """Return the result as an HTML page that needs nothing else."""
    title = escape(" ".join(probe["target"].split()))
    head = f'<meta charset="utf-8"><title>{title}</title>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{html(probe)}</body></html>'


def _facts(found: Sequence[tuple[str, str]]) -> str:
    width = max((len(label) for label, _ in found), default=0) + 2
    return "\n".join(_fact(f"{label:<{width}}", *value.splitlines()) for label, value in found)


def _fact(label: str, first: str = "", *others: str) -> str:
    """Return a fact in lines, the first of its own broken where it is too long: the others are to be typed."""
    indent = " " * len(label)
    return "\n".join([fill(first, WIDTH, label, indent), *(f"{indent}{line}" for line in others)])


def _table(found: Sequence[tuple[str, ...]]) -> str:
    if not found:
        return ""
    widths = [max(map(len, column)) for column in zip(HEADER, *found, strict=True)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in (HEADER, *found)]
    return "\n".join(map(str.rstrip, lines))


def _row(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(cell: str) -> str:
    return re.sub(r"([\\`*_|<~])", r"\\\1", " ".join(cell.split()))


def _html_row(labels: Sequence[str], values: Sequence[str]) -> str:
    cells = [f"<th {_LEFT}>{escape(label)}</th>" for label in labels]
    cells += [f"<td {_LEFT}>{escape(value)}</td>" for value in values]
    return f"<tr>{''.join(cells)}</tr>"
