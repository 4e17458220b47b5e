"""Figures in words: units, rounding, intervals. Used by every report, so that all of them say the same."""

import math

from gilscope.results import Arm, Interval

_UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))


def duration(value_ns: float | None) -> str:
    """Return a time with three significant digits and its unit, for example ``"8.12 ms"``."""
    if value_ns is None:
        return "-"
    for scale, unit in _UNITS:
        if value_ns >= scale:
            return f"{_significant(value_ns / scale)} {unit}"
    return f"{_significant(value_ns)} ns"


def ratio(interval: Interval | None, mark: str = "") -> str:
    """Return a ratio with its interval, for example ``"0.98 [0.97, 0.99]"``, to as many digits as it deserves."""
    if interval is None or math.isnan(interval.estimate):
        return "-"
    if interval.low <= 0 or math.isinf(interval.high):
        return f"{_significant(interval.estimate)} [?]{mark}"
    digits = _digits(interval)
    return f"{interval.estimate:.{digits}f} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]{mark}"


def strategy(arm: Arm) -> str:
    """Return a strategy with its width, for example ``"2 threads"`` or ``"2 processes (fork)"``."""
    name, _, method = arm.strategy.partition(":")
    if name == "serial":
        return "serial"
    if name == "openmp":
        return f"OpenMP, {arm.n_workers} threads"
    plural = name if arm.n_workers != 1 else {"processes": "process"}.get(name, name.removesuffix("s"))
    return f"{arm.n_workers} {plural}" + (f" ({method})" if method else "")


def percent(share: float | None) -> str:
    """Return a share as per cent with one decimal, or "unknown"."""
    return "unknown" if share is None else f"{100 * share:.1f} %"


def _digits(interval: Interval) -> int:
    """Two decimals near 1; fewer for large ratios, where they would pretend."""
    size = interval.high
    return 2 if size < 10 else 1 if size < 100 else 0


def _significant(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"
