"""Which calls to measure, which rows to show, and in which order."""

from collections.abc import Sequence

from gilscope.atlas.calls import Atlas, Call
from gilscope.atlas.rows import FAILED, NOT_INSTALLED, Row
from gilscope.errors import UsageError
from gilscope.probing.classes import CLASSES

#: How rows can be sorted; figures the largest first, and what has none last.
SORT_KEYS = ("name", "class", "released", "longest-hold", "releases", "threads", "processes")
_FIELDS = ("class", "group")


def select(atlas: Atlas, parts: Sequence[str], n_first: int | None) -> list[Call]:
    """Return the calls whose name or group contains one of the parts; all of them without parts.

    Parameters
    ----------
    atlas : Atlas
    parts : sequence of str
        In whichever case.
    n_first : int or None
        No more than so many, the first.

    Raises
    ------
    UsageError
        If that is none.
    """
    wanted = [part.casefold() for part in parts]
    found = [
        call
        for call in atlas.calls
        if not wanted or any(part in f"{call.group}\n{call.name}".casefold() for part in wanted)
    ]
    if not found:
        groups = ", ".join(dict.fromkeys(call.group for call in atlas.calls))
        raise UsageError(f"no call has {' or '.join(map(repr, parts))} in its name or group; the groups are {groups}")
    return found[:n_first]


def check_filters(filters: Sequence[str]) -> None:
    """Refuse filters that no row can pass.

    Raises
    ------
    UsageError
    """
    allowed = (*CLASSES, NOT_INSTALLED, FAILED)
    for text in filters:
        field, equals, value = text.partition("=")
        if not (value if equals else text).strip():
            raise UsageError(f"filter {text!r} is empty; write class=..., group=..., or a part of a name")
        if equals and field == "class" and not any(value.casefold() in kind.casefold() for kind in allowed):
            raise UsageError(f"filter {text!r}: there is no such class; the classes are {'; '.join(allowed)}")


def filtered(rows: Sequence[Row], filters: Sequence[str]) -> list[Row]:
    """Return the rows that pass: one of the filters of each kind, where there are any.

    Parameters
    ----------
    rows : sequence of dict
    filters : sequence of str
        ``class=...``, ``group=...``, or a part of a name; each a part of the text, in whichever case.
    """
    by_field: dict[str, list[str]] = {}
    for text in filters:
        field, equals, value = text.partition("=")
        key, part = (field, value) if equals and field in _FIELDS else ("name", text)
        by_field.setdefault(key, []).append(part.casefold())
    return [
        row
        for row in rows
        if all(any(part in row[key].casefold() for part in parts) for key, parts in by_field.items())
    ]


def in_order(rows: Sequence[Row], key: str | None) -> list[Row]:
    """Return the rows sorted by one of `SORT_KEYS`, or as they are; equal ones stay in the order of the file."""
    if key is None:
        return list(rows)
    if key in {"name", "class"}:
        return sorted(rows, key=lambda row: row[key].casefold())
    return sorted(rows, key=lambda row: _descending(_figure(row, key)))


def _descending(figure: float | None) -> tuple[bool, float]:
    return (figure is None, -(figure or 0.0))


def _figure(row: Row, key: str) -> float | None:
    if key == "longest-hold":
        found: float | None = row["longest_hold_ns"]
    elif key == "releases":
        found = row["releases"]
    elif key == "released":
        found = row["released"] and row["released"]["estimate"]
    else:
        found = row[key] and _speed_up(row, key)
    return found


def _speed_up(row: Row, way: str) -> float | None:
    """Return what was measured, or what is predicted where the machine gave no second CPU to measure with."""
    measured = row[way]["speed_up"]
    figure: float | None = measured["estimate"] if measured and row["second_cpu"] else row[way]["predicted"]["low"]
    return figure
