r"""The one place where untrusted text is made harmless: a file from elsewhere may hold anything.

An escape sequence is shown, as ``\x1b[31m``, and not obeyed; so is whatever turns the direction of a line, ends it or
stands for no character. Every format draws what comes out of `harmless`, and escapes its own markup besides.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any

from gilscope.report.blocks import Block, Code, Line
from gilscope.words import counted

#: Characters that are drawn of a cell, of any other line, and of a text that is kept as it is. Nobody reads more, and a
#: text of megabytes would take minutes to break into lines.
MOST_OF_CELL, MOST_OF_LINE, MOST_OF_CODE = 1000, 10_000, 100_000
#: Controls, formats (bidirectional ones too), halves of pairs, separators of lines and of paragraphs.
_HARMFUL = {"Cc", "Cf", "Cs", "Zl", "Zp"}
#: They join letters and pictures, and are part of how several languages are written.
_JOINERS = "\u200c\u200d"
_SUSPECT = re.compile(r"[^ -~]")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def harmless(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """Return blocks whose texts no terminal, browser or reader can be misled by.

    Parameters
    ----------
    blocks : iterable of Block

    Returns
    -------
    tuple of Block
        The same, with long texts cut in their middle. Lines end and tabs stand in `Code` alone.
    """
    return tuple(_harmless(block, MOST_OF_LINE) for block in blocks)


def line(text: str, most: int = MOST_OF_LINE) -> str:
    """Return a text as one line."""
    return _SUSPECT.sub(_shown, _cut(text, most))


def _harmless(value: Any, most: int) -> Any:
    if isinstance(value, str):
        return line(value, most)
    if isinstance(value, tuple):
        return tuple(_harmless(one, most) for one in value)
    if isinstance(value, Code):
        return Code(_code(value.text), line(value.title))
    if is_dataclass(value) and not isinstance(value, type):
        most = MOST_OF_CELL if isinstance(value, Line) else most
        return replace(value, **{f.name: _harmless(getattr(value, f.name), most) for f in fields(value)})
    return value


def _code(text: str) -> str:
    text = _cut(text, MOST_OF_CODE).replace("\r\n", "\n")
    return _SUSPECT.sub(lambda match: match[0] if match[0] in "\n\t" else _shown(match), text)


def _cut(text: str, most: int) -> str:
    """Return a text without its middle where it is too long: what went wrong often stands at its end."""
    if len(text) <= most:
        return text
    left_out = counted(len(text) - most, "character")
    return f"{text[: most // 2]} [... {left_out} left out ...] {text[-(most // 2) :]}"


def _shown(match: re.Match[str]) -> str:
    """Return a character as it is where that is harmless, else as Python writes it."""
    character = match[0]
    if character in _SHORT:
        return _SHORT[character]
    if unicodedata.category(character) not in _HARMFUL or character in _JOINERS:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
