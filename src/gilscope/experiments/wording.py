"""Figures of experiments as people read them: ``"1.94 [1.90, 1.97]"``, ``"5.06 ms [5.02 ms, 5.11 ms]"``."""

from collections.abc import Callable, Mapping, Sequence
from math import inf, isinf
from typing import NamedTuple

from gilscope import words
from gilscope.experiments.result import Measured


class _Ratio(NamedTuple):
    """What `gilscope.words.ratio` draws."""

    estimate: float
    low: float
    high: float


_DRAWN: dict[str, Callable[[float], str]] = {
    "": words.decimal,
    "ns": words.duration,
    "bytes": words.size,
    "share": words.percent,
    "count": words.count,
    "per second": lambda value: (
        f"{words.number(value / 1e6)} million/s" if value >= 1e6 else f"{words.number(value)}/s"
    ),
    "bytes per second": lambda value: f"{words.size(value)}/s",
    "per million": lambda value: f"{words.number(value)} per million",
}


def value(amount: float, unit: str) -> str:
    """Return an amount in its unit: ``"5 ms"``, ``"64 MiB"``, ``"1.1"``."""
    if isinf(amount):
        return words.number(amount)
    sign = "-" if amount < 0 and unit in ("bytes", "bytes per second") else ""
    # A file of a newer gilscope may have another one.
    drawn = _DRAWN[unit](abs(amount) if sign else amount) if unit in _DRAWN else f"{words.number(amount)} {unit}"
    return f"{sign}{drawn}"


def told(measured: Measured, borders: Sequence[float] = ()) -> str:
    """Return a figure with its interval, ``"?"`` for one that too few rounds leave open."""
    found = measured.estimate
    if found is None:
        return words.NONE
    if found.is_open:
        return f"{value(found.value, measured.unit)} [?]"
    if not measured.unit and found.low > 0 and not isinf(found.high):
        # As with every other ratio: to as many digits as keep it on its side of a border.
        return words.ratio(_Ratio(found.value, found.low, found.high), borders=borders)  # type: ignore[arg-type]
    middle, low, high = (value(one, measured.unit) for one in (found.value, found.low, found.high))
    return middle if low == middle == high else f"{middle} [{low}, {high}]"


def between(low: float, high: float, unit: str) -> str:
    """Return a range of values in words: ``"1.1 or less"``, ``"3 ms or more"``, ``"0.9 to 1.1"``."""
    if low == high:
        return value(low, unit)
    if low == -inf:
        return f"{value(high, unit)} or less"
    if high == inf:
        return f"{value(low, unit)} or more"
    return f"{value(low, unit)} to {value(high, unit)}"


def absences(absent: Mapping[str, str]) -> tuple[str, ...]:
    """Return a line for each reason why arms cannot run: ``"interpreters: unavailable: needs CPython >= 3.12"``."""
    by_reason: dict[str, list[str]] = {}
    for arm, reason in absent.items():
        by_reason.setdefault(reason, []).append(arm)
    return tuple(f"{_first_of(arms)}: unavailable: {reason}" for reason, arms in by_reason.items())


def _first_of(arms: Sequence[str]) -> str:
    return f"{arms[0]} and {words.counted(len(arms) - 1, 'other arm')}" if len(arms) > 1 else arms[0]
