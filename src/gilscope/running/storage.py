"""Results as JSON: written whole or not at all, read back with an error that says where it is wrong.

Schema version history
----------------------
1 : first (0.1.0). Described by ``result.schema.json`` beside this file.
"""

import dataclasses
import json
import math
import types
import typing
from pathlib import Path
from typing import Any

from gilscope.documents.files import read_text, write_whole
from gilscope.errors import UsageError
from gilscope.pairing.intervals import Interval
from gilscope.places import portable
from gilscope.running.result import Group, Result, Round, Sample

SCHEMA_VERSION = 1
SCHEMA_PATH = Path(__file__).parents[1] / "result.schema.json"

#: What null stands for in an interval; every other number is finite.
_NULLS = {"estimate": math.nan, "high": math.inf}


def dumps(result: Result) -> str:
    """Return a result as JSON text, ending in a newline."""
    return json.dumps(portable(plain(result)), ensure_ascii=False, allow_nan=False) + "\n"


def loads(text: str, source: str = "the text") -> Result:
    """Return the result that JSON text holds.

    Raises
    ------
    UsageError
        If it is not JSON, not a gilscope result, or of a version that this gilscope cannot read; the message says
        where.
    """
    try:
        data = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
        json.dumps(data, ensure_ascii=False).encode()  # what cannot be written again cannot be shown either
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise UsageError(f"{source} holds a text with {half!r}, half of a pair that stands for no character") from None
    except (ValueError, RecursionError) as error:  # RecursionError: brackets thousands deep
        raise UsageError(f"{source} is not JSON: {error}") from None
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version is None:
        raise UsageError(f"{source} is JSON, but not a gilscope result: it has no schema_version")
    if version != SCHEMA_VERSION:
        raise UsageError(f"{source} has schema version {version!r}; this gilscope reads version {SCHEMA_VERSION}")
    try:
        return typing.cast("Result", _typed(Result, data, "result"))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise UsageError(f"{source} is not a whole gilscope result: {error}") from None


def read(path: Path) -> Result:
    """Read a result file; raise `UsageError` where it cannot be read or understood."""
    return loads(read_text(path), str(path))


def write(result: Result, path: Path) -> None:
    """Write a result file whole, or not at all.

    Raises
    ------
    CannotRunError
        If the file cannot be written, for example because the disk is full.
    """
    write_whole(path, dumps(result).encode())


def plain(value: Any) -> Any:
    """Return what JSON can hold of a value: null for what is not finite, a round's samples by column."""
    if isinstance(value, Round):
        columns = {f.name: [getattr(s, f.name) for s in value.samples] for f in dataclasses.fields(Sample)}
        rest = {f.name: getattr(value, f.name) for f in dataclasses.fields(Round) if f.name != "samples"}
        return rest | {"samples": columns}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _typed(kind: Any, data: Any, at: str) -> Any:
    """Return plain data as the type that a dataclass field is declared with."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        if data is None:
            return None
        return _typed(next(a for a in arguments if a is not type(None)), data, at)
    if origin is tuple:
        _require(isinstance(data, list), at, "a list", data)
        return tuple(_typed(arguments[0], item, f"{at}[{i}]") for i, item in enumerate(data))
    if origin is dict:
        _require(isinstance(data, dict), at, "an object", data)
        return {key: _typed(arguments[1], item, f"{at}.{key}") for key, item in data.items()}
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        _require(isinstance(data, dict), at, "an object", data)
        if kind is Round:
            data = data | {"samples": _rows(data.get("samples"), f"{at}.samples")}
        if kind is Interval:
            data = data | {name: value for name, value in _NULLS.items() if data.get(name, 0) is None}
        hints = typing.get_type_hints(kind)
        names = [f.name for f in dataclasses.fields(kind)]
        missing = [name for name in names if name not in data]
        if missing:
            raise ValueError(f"{at} lacks {', '.join(missing)}")
        value = kind(**{name: _typed(hints[name], data[name], f"{at}.{name}") for name in names})
        _check(value, at)
        return value
    if kind is float:
        return _float(data, at)
    if kind in (int, str, bool):
        _require(type(data) is kind, at, f"of type {kind.__name__}", data)
    return data


def _check(value: object, at: str) -> None:
    """Refuse what has the right types and yet cannot be drawn."""
    if isinstance(value, Group) and not value.arms:
        raise ValueError(f"{at}.arms must name an arm or more; it is empty")
    if isinstance(value, Interval) and not 0 <= value.low <= value.high:
        raise ValueError(f"{at} must have 0 <= low <= high; got {value.low:g} and {value.high:g}")


def _float(data: Any, at: str) -> float:
    _require(isinstance(data, int | float) and not isinstance(data, bool), at, "a number", data)
    try:
        return float(data)
    except OverflowError:  # a whole number may have hundreds of digits
        raise ValueError(f"{at} is too large a number") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON's")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large a number")
    return value


def _rows(columns: Any, at: str) -> list[dict[str, Any]]:
    _require(isinstance(columns, dict) and all(isinstance(c, list) for c in columns.values()), at, "columns", columns)
    names = list(columns)
    if len({len(column) for column in columns.values()}) > 1:
        raise ValueError(f"{at} has columns of unequal length")
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _require(holds: object, at: str, wanted: str, given: Any) -> None:
    if not holds:
        raise ValueError(f"{at} must be {wanted}; got {type(given).__name__}")
