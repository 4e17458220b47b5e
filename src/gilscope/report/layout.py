"""How blocks fit a width: lines that break between words and in no figure, tables that leave columns out.

    wrap("processes reach 0.98 [0.97, 0.99] of it", 24)  ->  ["processes reach", "0.98 [0.97, 0.99] of it"]

Widths are in cells of a terminal: a letter of Chinese has two.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from gilscope.report.blocks import Table
from gilscope.words import glued

#: Blanks between columns.
GAP = 2
#: Before another column is left out, one that may wrap has so many cells, and a long word such as a path is shortened
#: to so many. Other cells are wider only in a file that means harm.
_WRAPPED, _LONG_WORD, _LONG_CELL = 20, 24, 60
#: A word is cut to no fewer, nor is what only looks like a figure and has more kept whole.
_SHORTEST, _LONGEST_FIGURE = 8, 40
_NUMBER = re.compile(r"\W*\d[\d.,:]*\W*")


def wrap(text: str, width: int) -> list[str]:
    """Return a text in lines; a word that is longer than a line is shortened in its middle, and a figure never."""
    if cell_len(text) <= width:
        return [text]
    lines, line, used = [], "", 0
    for word in (short for token in glued(text).split(" ") if token for short in _fitting(token, width)):
        size = cell_len(word)
        if line and used + 1 + size > width:
            lines.append(line)
            line, used = "", 0
        line, used = (f"{line} {word}", used + 1 + size) if line else (word, size)
    return [*lines, line]


def shorten(word: str, width: int) -> str:
    """Return a word with an ellipsis in its middle: ``"/usr/lib…core.so"``."""
    if cell_len(word) <= width:
        return word
    if width < 2:
        return "…"[:width]
    ahead, behind = (width - 1) // 2, width // 2
    head = next(word[:n] for n in range(ahead, -1, -1) if cell_len(word[:n]) <= ahead)
    tail = next(word[len(word) - n :] for n in range(behind, -1, -1) if cell_len(word[len(word) - n :]) <= behind)
    return f"{head}…{tail}"


def _fitting(token: str, width: int) -> list[str]:
    """Return a word that fits a line, or the words of a figure that is wider than any line."""
    word = token.replace("\0", " ")
    if cell_len(word) <= width:
        return [word]
    return [shorten(part, width) for part in word.split(" ")]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What of a table fits a width.

    Parameters
    ----------
    shown : tuple of int
        Columns, by their number.
    widths : tuple of int
        Of those.
    dropped : tuple of str
        Names of the columns that were left out, as they stood.
    """

    shown: tuple[int, ...]
    widths: tuple[int, ...]
    dropped: tuple[str, ...]


def fit(table: Table, width: int) -> Fitted | None:
    """Return which columns of a table fit, and how wide each is; None where not even those do that are never left out.

    Columns are left out first, until the others fit: those that may wrap and words such as paths count with a width
    that reads well. What is left over goes to them; where nothing is left to leave out, they are narrowed further.
    """
    sizes = [_sizes(table, i) for i in range(len(table.columns))]
    shown = list(range(len(table.columns)))
    most = [one.most for one in sizes]
    if _total(most) <= width:
        return Fitted(tuple(shown), tuple(most), ())
    for i in sorted((i for i in shown if table.columns[i].drop), key=lambda i: table.columns[i].drop):
        if _total([sizes[j].well for j in shown]) <= width:
            break
        shown.remove(i)
    widths = [sizes[i].well for i in shown]
    spare = width - _total(widths)
    wants = sorted(range(len(shown)), key=lambda k: sizes[shown[k]].most - widths[k])
    for n_left, k in zip(range(len(wants), 0, -1), wants, strict=True):
        more = max(0, min(sizes[shown[k]].most - widths[k], spare // n_left))
        widths[k] += more
        spare -= more
    while spare < 0:
        k = max(range(len(shown)), key=lambda k: widths[k] - sizes[shown[k]].least)
        if widths[k] <= sizes[shown[k]].least:
            return None
        widths[k] -= 1
        spare += 1
    dropped = tuple(column.name for i, column in enumerate(table.columns) if i not in shown)
    return Fitted(tuple(shown), tuple(widths), dropped)


@dataclass(frozen=True, slots=True)
class _Sizes:
    """How wide a column is: with every cell on one line, so that it reads well, and at least."""

    most: int
    well: int
    least: int


def _sizes(table: Table, i: int) -> _Sizes:
    name, wraps = table.columns[i].name, table.columns[i].wraps
    cells = [line.cells[i] for line in table.lines]
    most = max(map(cell_len, (name, *cells)), default=0)
    least = max((_least(token) for cell in (name, *cells) for token in glued(cell).split(" ")), default=0)
    if wraps:
        return _Sizes(most, max(least, min(most, _WRAPPED)), least)
    well = max((min(cell_len(cell), _LONG_CELL if " " in cell else _LONG_WORD) for cell in cells), default=0)
    return _Sizes(most, max(least, well), least)


def _least(token: str) -> int:
    """Return how narrow a word may become; a figure stays as it is."""
    size = cell_len(token.replace("\0", " "))
    is_figure = size <= _LONGEST_FIGURE and ("\0" in token or _NUMBER.fullmatch(token) is not None)
    return size if is_figure else min(size, _SHORTEST)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * max(0, len(widths) - 1)
