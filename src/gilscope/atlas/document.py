"""The file of an atlas: what was measured so far, as JSON, so that a later run goes on from there."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gilscope.atlas.calls import Atlas
from gilscope.atlas.rows import Row
from gilscope.documents.files import read_text
from gilscope.documents.typed import plain
from gilscope.errors import UsageError
from gilscope.places import portable

SCHEMA_VERSION = 1
SCHEMA_PATH = Path(__file__).parents[1] / "atlas.schema.json"
KIND = "gilscope atlas"
# What reading and drawing rely on; the schema says more.
_TEXTS = ("name", "group", "setup", "statement", "python", "class", "failure", "pays", "advice", "mechanism", "cost")
_NUMBERS = ("wall_ns", "longest_hold_ns", "releases", "mean_release_ns")


def document(atlas: Atlas, rows: Sequence[Row], machine: Mapping[str, Any], tool: str) -> dict[str, Any]:
    """Return what a file holds, as plain data; ``atlas.schema.json`` describes it.

    Parameters
    ----------
    atlas : Atlas
    rows : sequence of dict
        As many as there are so far.
    machine : mapping
        Of the last run.
    tool : str
        Program and version.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": KIND,
        "tool": tool,
        "title": portable(atlas.title),
        "n_calls": len(atlas.calls),
        "machine": dict(machine),
        "rows": list(rows),
    }


def dumps(data: Mapping[str, Any]) -> str:
    """Return a document as JSON text, ending in a newline."""
    return json.dumps(plain(dict(data)), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def read(path: Path) -> dict[str, Any]:
    """Read a file that an earlier run wrote; raise `UsageError` where it cannot be read or understood."""
    return loads(read_text(path), path)


def loads(text: str, path: Path) -> dict[str, Any]:
    """Return the document that the text of a file holds.

    Raises
    ------
    UsageError
        If it is none, or not whole.
    """
    data = check_kind(text, path)
    if data.get("schema_version") != SCHEMA_VERSION:
        version = data.get("schema_version")
        raise UsageError(f"{path} has schema version {version!r}; this gilscope reads version {SCHEMA_VERSION}")
    if not isinstance(data.get("title"), str) or not isinstance(data.get("rows"), list):
        raise UsageError(f"{path} is not whole: it lacks its title or its rows")
    for number, row in enumerate(data["rows"], 1):
        if wrong := _wrong(row):
            raise UsageError(f"{path} is not whole: row {number} has no good {wrong!r}; --restart measures anew")
    machine = data.get("machine")
    if not (isinstance(machine, dict) and isinstance(machine.get("usable_cpus"), int) and "tool" in data):
        raise UsageError(f"{path} is not whole: it lacks its machine or its tool; --restart measures anew")
    return data


def check_kind(text: str, path: Path) -> dict[str, Any]:
    """Return what the text of a file holds that an atlas may replace: the results of one, whichever and however old.

    Raises
    ------
    UsageError
        If it holds anything else.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError(f"{path} is not JSON, and so no results of an atlas; choose another name") from None
    if not isinstance(data, dict) or data.get("kind") != KIND:
        raise UsageError(f"{path} holds no results of `gilscope atlas`; choose another name")
    return data


def rows_of(data: Mapping[str, Any], atlas: Atlas, path: Path) -> dict[str, Row]:
    """Return the rows of a document by name, those of calls that the atlas no longer has left out.

    Raises
    ------
    UsageError
        If it is of another atlas.
    """
    if data["title"] != portable(atlas.title):
        raise UsageError(
            f"{path} holds {data['title']!r}, not {atlas.title!r}; choose another name, or replace it with --restart"
        )
    names = {call.name for call in atlas.calls}
    return {row["name"]: row for row in data["rows"] if row["name"] in names}


def _wrong(row: object) -> str:
    """Return the first key of a row that is missing or of the wrong kind, or ""."""
    if not isinstance(row, dict):
        return "content"
    missing = object()
    for key in _TEXTS:
        if not isinstance(row.get(key), str):
            return key
    for key in _NUMBERS:
        if not isinstance(row.get(key, missing), int | float | None):
            return key
    if not (row.get("released", missing) is None or _is_interval(row["released"])):
        return "released"
    for key in ("threads", "processes"):
        if not (row.get(key, missing) is None or _is_way(row[key])):
            return key
    if row["failure"] == "" and None in (row["wall_ns"], row["released"], row["threads"], row["processes"]):
        return "failure"
    for key in ("notes", "blind_to"):
        if not (isinstance(row.get(key), list) and all(isinstance(text, str) for text in row[key])):
            return key
    return "" if isinstance(row.get("exit_code"), int) else "exit_code"


def _is_interval(value: object, keys: Sequence[str] = ("estimate", "low", "high")) -> bool:
    # An end that is not finite is null.
    return isinstance(value, dict) and all(isinstance(value.get(key, ""), int | float | None) for key in keys)


def _is_way(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("n_workers"), int)
        and isinstance(value.get("absent"), str)
        and _is_interval(value.get("predicted"), ("low", "high"))
        and (value.get("speed_up", "") is None or _is_interval(value["speed_up"]))
    )
