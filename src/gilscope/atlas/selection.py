"""Which calls to measure, which rows to show, and in which order."""

from collections.abc import Sequence
from math import isnan

from gilscope.atlas.calls import Atlas, Call
from gilscope.atlas.result import FAILED, NOT_INSTALLED, Row, Way
from gilscope.errors import UsageError
from gilscope.probing.classes import CLASSES

#: How rows can be sorted; figures the largest first, and what has none last.
SORT_KEYS = ("name", "class", "released", "longest-hold", "releases", "threads", "processes")
#: What a filter may name, and what a row calls it.
_FIELDS = {"class": "class_", "group": "group"}


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
    rows : sequence of Row
    filters : sequence of str
        ``class=...``, ``group=...``, or a part of a name; each a part of the text, in whichever case.
    """
    by_field: dict[str, list[str]] = {}
    for text in filters:
        field, equals, value = text.partition("=")
        key, part = (_FIELDS[field], value) if equals and field in _FIELDS else ("name", text)
        by_field.setdefault(key, []).append(part.casefold())
    return [
        row
        for row in rows
        if all(any(part in getattr(row, key).casefold() for part in parts) for key, parts in by_field.items())
    ]


def in_order(rows: Sequence[Row], key: str | None) -> list[Row]:
    """Return the rows sorted by one of `SORT_KEYS`, or as they are; equal ones stay in the order of the file."""
    if key is None:
        return list(rows)
    if key == "name":
        return sorted(rows, key=lambda row: row.name.casefold())
    if key == "class":
        return sorted(rows, key=lambda row: row.class_.casefold())
    return sorted(rows, key=lambda row: _descending(_figure(row, key)))


def _descending(figure: float | None) -> tuple[bool, float]:
    return (figure is None, -(figure or 0.0))


def _figure(row: Row, key: str) -> float | None:
    if key == "longest-hold":
        return row.longest_hold_ns
    if key == "releases":
        return row.releases
    if key == "released":
        return None if row.released is None else row.released.estimate
    way = row.threads if key == "threads" else row.processes
    return None if way is None else _speed_up(way, second_cpu=row.second_cpu)


def _speed_up(way: Way, *, second_cpu: bool | None) -> float | None:
    """Return what was measured, or what is predicted where the machine gave no second CPU to measure with."""
    if way.speed_up is None or not second_cpu:
        return way.predicted.low
    return None if isnan(way.speed_up.estimate) else way.speed_up.estimate
