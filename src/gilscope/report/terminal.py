"""Blocks on a terminal, drawn by rich: nothing is wider than it is, and nothing breaks inside a word or a figure."""

import os
import sys
from collections.abc import Iterable, Sequence
from functools import singledispatch
from typing import TextIO

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from gilscope.report.blocks import Answer, Block, Caution, Code, Fact, Facts, Heading, Line, Sentences, Table, Tone
from gilscope.report.harmless import harmless
from gilscope.report.layout import GAP, Fitted, fit, wrap
from gilscope.words import count

#: A pipe has no width: each sentence is a line, and each table is whole.
NO_WIDTH = 1_000_000
_STYLES: dict[Tone, str] = {"": "", "good": "green", "partly": "yellow", "bad": "red", "quiet": "dim"}


def open_console(stream: TextIO | None = None) -> Console:
    """Return a console on a stream, standard output by default, as wide as its terminal.

    Where that is none there is no width either, unless COLUMNS in the environment gives one.
    """
    console = Console(file=stream or sys.stdout, highlight=False)
    if not console.is_terminal and not os.environ.get("COLUMNS", "").isdigit():
        console.width = NO_WIDTH
    return console


def render(blocks: Iterable[Block], console: Console | None = None) -> None:
    """Draw blocks on a console; without one, on standard output."""
    console = console or open_console()
    before: Block | None = None
    for block in harmless(blocks):
        lines = _lines(block, console.width)
        is_apart = before is not None and not isinstance(before, Heading)
        if lines and is_apart and not (isinstance(block, Caution) and isinstance(before, Caution)):
            lines.insert(0, Text())
        for line in lines:
            # Laid out already: rich is to break and to cut nothing.
            console.print(line, soft_wrap=True, no_wrap=True)
        before = block if lines else before


@singledispatch
def _lines(block: Block, width: int) -> list[Text]:
    raise NotImplementedError(type(block))


@_lines.register
def _(block: Heading, width: int) -> list[Text]:
    return _styled(block.text, width, "bold")


@_lines.register
def _(block: Answer, width: int) -> list[Text]:
    return _styled(block.text, width, f"bold {_STYLES[block.tone]}".strip())


@_lines.register
def _(block: Sentences, width: int) -> list[Text]:
    return [line for text in block.texts for line in _styled(text, width, _STYLES[block.tone])]


@_lines.register
def _(block: Caution, width: int) -> list[Text]:
    return _styled(f"caution: {block.short}: {block.general}", width, "yellow")


@_lines.register
def _(block: Code, width: int) -> list[Text]:
    title = _styled(block.title, width, "dim") if block.title else []
    return [*title, *(Text(line) for line in block.text.rstrip("\n").split("\n"))]


@_lines.register
def _(block: Facts, width: int) -> list[Text]:
    longest = max((cell_len(fact.label) for fact in block.rows), default=0)
    if longest + GAP > width // 2:  # a label for a line of its own
        return [line for fact in block.rows for line in _fact(fact, width, 0)]
    return [line for fact in block.rows for line in _fact(fact, width, longest + GAP)]


@_lines.register
def _(block: Table, width: int) -> list[Text]:
    if not block.lines:
        return []
    n_shown = block.most_lines or len(block.lines)
    table = Table(block.columns, block.lines[:n_shown], block.toned)
    fitted = fit(table, width)
    if fitted is None:
        return [line for one in table.lines for line in _card(table, one, width)]
    lines = [text for row in _header(table, fitted) for text in row]
    for one in table.lines:
        if one.group is not None:
            lines += [Text(), *(_styled(one.group, width, "bold") if one.group else [])]
        lines += _row(table, one.cells, fitted, _STYLES[one.tone])
    if len(block.lines) > n_shown:
        lines += _styled(f"and {count(len(block.lines) - n_shown)} more", width, "dim")
    if fitted.dropped:
        lines += [Text(), *_styled(f"Not shown at {width} columns: {', '.join(fitted.dropped)}.", width, "dim")]
    return lines


def _styled(text: str, width: int, style: str) -> list[Text]:
    return [Text(line, style=style) for line in wrap(text, width)]


def _fact(fact: Fact, width: int, indent: int) -> list[Text]:
    """Return a label with its value beside it, or below it where there is no room; lines of code are not broken."""
    margin = indent or GAP
    values = [*wrap(fact.value, width - margin), *fact.code] if fact.value else list(fact.code)
    if not indent:
        return [*(_styled(fact.label, width, "bold") if fact.label else []), *(Text(" " * margin + v) for v in values)]
    labels = [set_cell_size(fact.label, indent), *[" " * indent] * len(values)]
    return [Text.assemble((label, "bold"), value) for label, value in zip(labels, values or [""], strict=False)]


def _card(table: Table, line: Line, width: int) -> list[Text]:
    """Return a line of a table as facts, where the terminal is too narrow for any table."""
    named = zip(table.columns, line.cells, strict=True)
    facts = Facts(tuple(Fact(column.name, cell) for column, cell in named if cell))
    group = [*_styled(line.group, width, "bold"), Text()] if line.group else []
    return [*group, *_lines(facts, width), Text()]


def _header(table: Table, fitted: Fitted) -> Iterable[list[Text]]:
    names = tuple(column.name for column in table.columns)
    if any(names):
        yield _row(table, names, fitted, "bold", header=True)


def _row(table: Table, cells: Sequence[str], fitted: Fitted, tone: str, *, header: bool = False) -> list[Text]:
    """Return a line of a table, which is several where a cell wraps."""
    wrapped = [wrap(cells[i], width) for i, width in zip(fitted.shown, fitted.widths, strict=True)]
    lines = []
    for k in range(max(map(len, wrapped), default=0)):
        text = Text()
        for i, width, parts in zip(fitted.shown, fitted.widths, wrapped, strict=True):
            part = parts[k] if k < len(parts) else ""
            blank = " " * (width - cell_len(part))
            text.append(blank if table.columns[i].align == "right" else "")
            text.append(part, style=tone if header or i == table.toned else "")
            text.append(("" if table.columns[i].align == "right" else blank) + " " * GAP)
        text.rstrip()
        lines.append(text)
    return lines
