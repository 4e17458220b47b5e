"""Blocks as Markdown that pastes into an issue or a pull request."""

import re
from collections.abc import Iterable, Sequence
from functools import singledispatch

from gilscope.report.blocks import Answer, Block, Caution, Code, Fact, Facts, Heading, Sentences, Table
from gilscope.report.harmless import harmless

#: What means something wherever it stands, but for brackets of an interval and the _ inside of a name; and what
#: GitHub makes a link by itself.
_MARKUP = re.compile(r"[\\`*<>|~$&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|(?<=\])[(\[:]|(?<=:)/(?=/)|(?<=www)\.")
#: What means something at the beginning of a line: a heading, a list, a rule.
_BEGINNING = re.compile(r"^(?:(\d{1,9})([.)])(?=\s|$)|([#+\-=]))")


def render(blocks: Iterable[Block]) -> str:
    """Return blocks as Markdown, ending in a newline."""
    return "\n\n".join(text for block in harmless(blocks) if (text := _text(block))) + "\n"


def escaped(text: str) -> str:
    """Return a text in which nothing is markup."""
    return _MARKUP.sub(lambda match: f"\\{match[0]}", text.strip())


def _paragraph(text: str) -> str:
    """Return a text as a line of its own."""
    return _BEGINNING.sub(r"\1\\\2\3", escaped(text))


@singledispatch
def _text(block: Block) -> str:
    raise NotImplementedError(type(block))


@_text.register
def _(block: Heading) -> str:
    return f"**{escaped(block.text)}**" if block.text else ""


@_text.register
def _(block: Answer) -> str:
    return f"**{escaped(block.text)}**" if block.text else ""


@_text.register
def _(block: Sentences) -> str:
    return "  \n".join(map(_paragraph, block.texts))


@_text.register
def _(block: Caution) -> str:
    return f"> **caution: {escaped(block.short)}**: {escaped(block.general)}"


@_text.register
def _(block: Code) -> str:
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", block.text)), default=0))
    title = f"{_paragraph(block.title)}\n\n" if block.title else ""
    return f"{title}{fence}\n{block.text.rstrip()}\n{fence}"


@_text.register
def _(block: Facts) -> str:
    if not block.rows:
        return ""
    return "\n".join([_row(("", "")), _rule(2), *(_row((escaped(fact.label), _value(fact))) for fact in block.rows)])


@_text.register
def _(block: Table) -> str:
    if not block.lines:
        return ""
    n_columns = len(block.columns)
    rows = [_row([escaped(column.name) for column in block.columns]), _rule(n_columns)]
    for line in block.lines:
        if line.group:
            rows.append(_row([f"**{escaped(line.group)}**", *[""] * (n_columns - 1)]))
        rows.append(_row([escaped(cell) for cell in line.cells]))
    return "\n".join(rows)


def _value(fact: Fact) -> str:
    """Return a fact's value, with its lines of code below it."""
    lines = [escaped(fact.value)] if fact.value else []
    return "<br>".join([*lines, *map(_code, fact.code)])


def _code(text: str) -> str:
    """Return a text between backticks, more of them than it has itself; a table's bars are escaped there too."""
    if not text:
        return ""
    ticks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    blank = " " if "`" in text else ""
    return f"{ticks}{blank}{text}{blank}{ticks}".replace("|", "\\|")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(n_columns: int) -> str:
    return _row(["---"] * n_columns)
