"""Lists of calls: read from TOML, and refused with the line of what is wrong."""

import os
import re
import tomllib
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from gilscope import errors
from gilscope.documents.files import read_text
from gilscope.errors import UsageError

#: The lists that come with gilscope, by the names that stand for them.
SHIPPED = ("stdlib", "numpy")
_ATLAS_KEYS = ("title", "requires", "call")
_CALL_KEYS = ("name", "group", "requires", "setup", "statement")
_NEEDED = ("name", "group", "statement")
_MAY_BE_LONG = ("setup", "statement")
_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*call[ \t]*\]\]", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of an atlas.

    Parameters
    ----------
    name, group : str
    statement : str
        Python, run again and again.
    setup : str
        Python, run once before.
    requires : tuple of str
        Modules that it needs, those that the whole atlas needs among them.
    """

    name: str
    group: str
    statement: str
    setup: str = ""
    requires: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Atlas:
    """A list of calls.

    Parameters
    ----------
    title : str
    calls : tuple of Call
        At least one; no two share a name.
    """

    title: str
    calls: tuple[Call, ...]


def load(name: str) -> Atlas:
    """Return the atlas that a file holds, or one of `SHIPPED`.

    Raises
    ------
    UsageError
        If there is no such file, or it is not an atlas.
    """
    if name in SHIPPED:
        return parse(resources.files("gilscope").joinpath(f"atlases/{name}.toml").read_text(encoding="utf-8"), name)
    if not os.path.lexists(name):
        raise UsageError(
            f"there is no call list {name}; with gilscope come {' and '.join(SHIPPED)}, which need no file."
            f"{errors.near(name, SHIPPED)}"
        )
    return parse(read_text(Path(name)), name)


def parse(text: str, source: str = "the text") -> Atlas:
    """Return the atlas that TOML text holds.

    Raises
    ------
    UsageError
        If it is not one; the message begins with `source` and says which line or call is wrong.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{source} is not TOML: {error}") from None
    _check_keys(source, data, _ATLAS_KEYS, ("title", "call"))
    title = _text(source, data, "title")
    requires = _modules(source, data)
    tables = data["call"]
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise UsageError(f"{source}: 'call' must be a list of tables, each of them begun by a line [[call]]")
    lines = [text.count("\n", 0, header.start()) + 1 for header in _HEADER.finditer(text)]
    # A text of several lines may hold such a line too; then nobody can tell which is whose.
    starts: list[int | None] = [*lines] if len(lines) == len(tables) else [None] * len(tables)
    calls: dict[str, Call] = {}
    for number, (table, line) in enumerate(zip(tables, starts, strict=True), 1):
        call = _call(_where(source, number, line, table), table, requires)
        if call.name in calls:
            raise UsageError(f"{_where(source, number, line, table)}: another call has this name; rows need their own")
        calls[call.name] = call
    return Atlas(title=title, calls=tuple(calls.values()))


def _where(source: str, number: int, line: int | None, table: Mapping[str, Any]) -> str:
    name = table.get("name")
    told = f"call {name!r}" if isinstance(name, str) and name.strip() else f"call {number}"
    return f"{source}{'' if line is None else f', line {line}'}, {told}"


def _call(where: str, table: Mapping[str, Any], requires: Iterable[str]) -> Call:
    _check_keys(where, table, _CALL_KEYS, _NEEDED)
    texts = {key: _text(where, table, key) for key in (*_NEEDED, "setup") if key in table}
    for key in _MAY_BE_LONG:
        _check_python(where, key, texts.get(key, ""))
    return Call(**texts, requires=tuple(dict.fromkeys([*requires, *_modules(where, table)])))


def _check_keys(where: str, table: Mapping[str, Any], allowed: Iterable[str], needed: Iterable[str]) -> None:
    unknown = [key for key in table if key not in allowed]
    if unknown:
        raise UsageError(f"{where}: {errors.unknown('key', unknown[0], allowed)}")
    missing = [key for key in needed if key not in table]
    if missing:
        raise UsageError(f"{where}: lacks {' and '.join(map(repr, missing))}")


def _text(where: str, table: Mapping[str, Any], key: str) -> str:
    value = table[key]
    if not isinstance(value, str):
        raise UsageError(f"{where}: {key!r} must be a text (got {type(value).__name__})")
    if not value.strip():
        raise UsageError(f"{where}: {key!r} is empty")
    if key not in _MAY_BE_LONG and not value.isprintable():
        raise UsageError(f"{where}: {key!r} must be one line of printable characters (got {value!r})")
    return value


def _modules(where: str, table: Mapping[str, Any]) -> list[str]:
    value = table.get("requires", [])
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise UsageError(f"{where}: 'requires' must be a list of modules, such as ['zlib'] (got {value!r})")
    for name in value:
        if not all(part.isidentifier() for part in name.split(".")):
            raise UsageError(f"{where}: {name!r} in 'requires' is not the name of a module")
    return value


def _check_python(where: str, key: str, text: str) -> None:
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(text, f"<{key}>", "exec")
    except SyntaxError as error:
        raise UsageError(f"{where}: its {key} cannot be compiled: {error.msg}, in line {error.lineno} of it") from None
    except ValueError as error:  # a null character
        raise UsageError(f"{where}: its {key} cannot be compiled: {error}") from None
