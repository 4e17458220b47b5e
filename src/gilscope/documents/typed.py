"""Dataclasses as the plain data that JSON has, and back, with the place of whatever is wrong. It knows no class."""

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Annotated, Any

from gilscope import fields
from gilscope.fields import OneOf, Range

#: No number of a result is larger: that many ns are older than the universe. Drawn, larger ones are hundreds of digits.
MOST = 10.0**27
#: Characters of one text.
MOST_TEXT = 1_000_000
#: Of data that no class describes, objects and lists in one another.
MOST_DEEP = 20

_Reader = Callable[[Any, str], Any]


class Wrong(ValueError):
    """Data is not what a class describes; the text begins with the place."""


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """A field of a class, as a file has it.

    Parameters
    ----------
    name, key : str
        In the class, and in the file.
    kind : type
        As it is declared.
    null : float or None
    by_column, may_lack : bool
        As of `gilscope.fields.in_file`.
    """

    name: str
    key: str
    kind: Any
    null: float | None
    by_column: bool
    may_lack: bool


@cache
def fields_of(kind: type) -> tuple[Field, ...]:
    """Return the fields of a dataclass that a file has, in their order."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return tuple(
        Field(
            name=one.name,
            key=one.metadata.get(fields.NAME, one.name),
            kind=hints[one.name],
            null=one.metadata.get(fields.NULL),
            by_column=one.metadata.get(fields.BY_COLUMN, False),
            may_lack=one.metadata.get(fields.MAY_LACK, False),
        )
        for one in dataclasses.fields(kind)
        if not one.metadata.get(fields.LEFT_OUT)
    )


def plain(value: Any) -> Any:
    """Return what JSON can hold of a value: null for what is not finite."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        found: dict[str, Any] = {}
        for one in fields_of(type(value)):
            item = plain(getattr(value, one.name))
            found[one.key] = _columns(one.kind, item) if one.by_column else item
        return found
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def typed(kind: Any, data: Any, at: str = "result") -> Any:
    """Return plain data as a type: a dataclass, or what its fields are declared with.

    Parameters
    ----------
    kind : type
    data : object
        As JSON has it. What the class does not know is left out.
    at : str, optional
        What the data is called in an error.

    Raises
    ------
    Wrong
        If it is none. A class may have a method `flaw`, which says in words what is wrong with it as a whole, or "".
    """
    return _reader(kind)(data, at)


@cache
def _reader(kind: Any) -> _Reader:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return _limited(_reader(arguments[0]), arguments[1:])
    if origin in (types.UnionType, typing.Union):
        return _one_of(arguments)
    if origin in (tuple, list):
        return _list_of(arguments[0], origin)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping_of(*arguments)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _object(kind)
    return {float: _float, int: _int, str: _str, bool: _bool}.get(kind, _anything)


def _object(kind: type) -> _Reader:
    known, flaw = fields_of(kind), getattr(kind, "flaw", lambda _: "")
    # Found when they are needed first: a class may be a part of itself.
    readers: list[_Reader] = []

    def read(data: Any, at: str) -> Any:
        _require(isinstance(data, dict), at, "an object", data)
        if not readers:
            readers.extend(_column_reader(one.kind) if one.by_column else _reader(one.kind) for one in known)
        missing = [one.key for one in known if not (one.key in data or one.may_lack)]
        if missing:
            raise Wrong(f"{at} lacks {', '.join(missing)}")
        values = {}
        for one, reader in zip(known, readers, strict=True):
            if one.key in data:
                item = data[one.key]
                null_stands = item is None and one.null is not None
                values[one.name] = one.null if null_stands else reader(item, f"{at}.{one.key}")
        value = kind(**values)
        if wrong := flaw(value):
            raise Wrong(f"{at}{wrong}" if wrong[0] in ".[" else f"{at} {wrong}")
        return value

    return read


def _one_of(kinds: Sequence[Any]) -> _Reader:
    """Read None, or the one kind; of several dataclasses the one whose fields the data has."""
    some = [kind for kind in kinds if kind is not types.NoneType]
    may_be_none = len(some) < len(kinds)

    def lacking(kind: Any, data: Any) -> int:
        return sum(one.key not in data for one in fields_of(kind) if not one.may_lack)

    def read(data: Any, at: str) -> Any:
        if data is None and may_be_none:
            return None
        likely = (
            min(some, key=lambda kind: lacking(kind, data)) if len(some) > 1 and isinstance(data, dict) else some[0]
        )
        return _reader(likely)(data, at)

    return read


def _list_of(kind: Any, make: type) -> _Reader:
    one = _reader(kind)

    def read(data: Any, at: str) -> Any:
        _require(isinstance(data, list), at, "a list", data)
        return make([one(item, f"{at}[{i}]") for i, item in enumerate(data)])

    return read


def _mapping_of(key_kind: Any, kind: Any) -> _Reader:
    one = _reader(kind)

    def read(data: Any, at: str) -> dict[Any, Any]:
        _require(isinstance(data, dict), at, "an object", data)
        return {_key(key_kind, key, at): one(item, f"{at}.{_short(key)}") for key, item in data.items()}

    return read


def _key(kind: Any, key: str, at: str) -> Any:
    if kind is not int:
        return _reader(kind)(key, f"a name in {at}")
    try:
        return int(key)
    except ValueError:
        raise Wrong(f"{at}.{_short(key)} must have a whole number for its name") from None


def _column_reader(kind: Any) -> _Reader:
    rows = _reader(kind)

    def read(data: Any, at: str) -> Any:
        is_whole = isinstance(data, dict) and all(isinstance(column, list) for column in data.values())
        _require(is_whole, at, "columns", data)
        if len({len(column) for column in data.values()}) > 1:
            raise Wrong(f"{at} has columns of unequal length")
        return rows([dict(zip(data, row, strict=True)) for row in zip(*data.values(), strict=True)], at)

    return read


def _columns(kind: Any, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {one.key: [row[one.key] for row in rows] for one in fields_of(typing.get_args(kind)[0])}


def _limited(reader: _Reader, limits: Sequence[Any]) -> _Reader:
    def read(data: Any, at: str) -> Any:
        value = reader(data, at)
        for limit in limits:
            if isinstance(limit, Range) and value not in limit:
                raise Wrong(f"{at} must be {limit}; got {value:g}")
            if isinstance(limit, OneOf) and value not in limit.texts:
                raise Wrong(f"{at} must be one of {', '.join(map(repr, limit.texts))}; got {_short(value)!r}")
        return value

    return read


def _float(data: Any, at: str) -> float:
    _require(isinstance(data, int | float) and not isinstance(data, bool), at, "a number", data)
    if not -MOST <= data <= MOST:
        raise Wrong(f"{at} is too large a number")
    return float(data)


def _int(data: Any, at: str) -> int:
    _require(type(data) is int, at, "of type int", data)
    if not -MOST <= data <= MOST:
        raise Wrong(f"{at} is too large a number")
    return typing.cast("int", data)


def _bool(data: Any, at: str) -> bool:
    _require(type(data) is bool, at, "of type bool", data)
    return typing.cast("bool", data)


def _str(data: Any, at: str) -> str:
    _require(type(data) is str, at, "of type str", data)
    text = typing.cast("str", data)
    if len(text) > MOST_TEXT:
        raise Wrong(f"{at} is a text of {len(text)} characters; at most {MOST_TEXT} are read")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            half = text[error.start]
            raise Wrong(f"{at} holds {half!r}, half of a pair that stands for no character") from None
    return text


def _anything(data: Any, at: str, depth: int = 0) -> Any:
    """Return what no class describes, when it can be shown and written again."""
    if depth > MOST_DEEP:
        raise Wrong(f"{at[:100]} is too deep")
    if isinstance(data, dict):
        return {
            _str(key, f"a name in {at}"): _anything(item, f"{at}.{_short(key)}", depth + 1)
            for key, item in data.items()
        }
    if isinstance(data, list):
        return [_anything(item, f"{at}[{i}]", depth + 1) for i, item in enumerate(data)]
    if data is None or isinstance(data, bool):
        return data
    if isinstance(data, int):
        return _int(data, at)
    return _float(data, at) if isinstance(data, float) else _str(data, at)


def _require(holds: object, at: str, wanted: str, given: Any) -> None:
    if not holds:
        raise Wrong(f"{at} must be {wanted}; got {type(given).__name__}")


def _short(text: str) -> str:
    """Return a name of a file's as an error shows it: no terminal obeys it, and it fits into a line."""
    text = text if len(text) <= 40 else f"{text[:37]}..."
    return text if text.isprintable() else repr(text)[1:-1]
