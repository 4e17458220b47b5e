"""Figures as people write them: ``1 000 000 times``, ``92 ms``, ``2 min``, ``1 thread``. No output rounds by itself.

Every layer shows figures, the lowest in errors and notes, so this stands beneath all of them and imports no other.
"""

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gilscope.pairing.intervals import Interval

#: What stands for a figure that there is not.
NONE = "-"
#: Numbers of four digits are easily read, so that groups begin with five, as the SI brochure advises.
_FIRST_GROUPED = 10_000
#: Half-widths above this say only that nothing is known yet.
_WIDEST = 1.0
_UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))
#: More decimals nobody reads: ratios that differ only beyond them are one.
_MOST_DECIMALS = 5
#: From here on a time is read in two units, the larger of them whole: 2 min 30 s, and not 150 s.
_LONG = ((172_800, "days", 86_400, "h", 3600), (7200, "h", 3600, "min", 60), (120, "min", 60, "s", 1))
#: Spaces inside a figure, where no line may break: between groups of digits, before a unit, and of an interval.
_INNER_SPACE = re.compile(
    r"(?<=\d) (?=\d{3}(?!\d)|%|[nµm]?s\b|min\b|h\b|[KMGT]iB\b|\[[\d?])|(?<=\d,) (?=\d[\d ]*(?:\.\d+)?\])"
    r"|(?<=[%s]) (?=\[\d)|(?<=s,) (?=\d[\d ]*(?:\.\d+)? [nµm]?s\])"
)


def number(value: float | None) -> str:
    """Return a number with three significant digits or all that stand before the point: ``"0.33"``, ``"25 198"``."""
    if value is None or math.isnan(value := _real(value)):
        return NONE
    if math.isinf(value):
        return "unbounded" if value > 0 else "-unbounded"
    size = abs(value)
    if not size or size >= 99.95:
        return _grouped(round(value))
    # One digit more than the place of the first: 0.0012 has its first in the third place.
    digits = 2 - math.floor(math.log10(size) + 1e-9)
    if digits > 5:
        return "less than 0.001" if value > 0 else "more than -0.001"
    return _bare(f"{value:.{digits}f}")


def count(n: float | None) -> str:
    """Return how many: whole numbers in full, means per call to two decimals: ``"1 000 000"``, ``"0.33"``."""
    if isinstance(n, int):
        return _grouped(int(n))  # however large
    if n is None or math.isnan(n):
        return NONE
    if math.isinf(n):
        return number(n)
    if abs(n) >= 99.95 or n == round(n):
        return _grouped(round(n))
    if abs(n) < 0.005:
        return "less than 0.01" if n > 0 else "0"
    return _bare(f"{n:.2f}" if abs(n) < 9.995 else f"{n:.1f}")


def counted(n: float | None, one: str, several: str = "") -> str:
    """Return how many of what: ``"1 thread"``, ``"2 threads"``, ``"0.5 times"``, ``"1 launch"``, ``"10 000 launches"``.

    Parameters
    ----------
    n : float or None
    one : str
        What one of them is called.
    several : str, optional
        What several are called, where that is not `one` with an s.
    """
    told = count(n)
    return f"{told} {one if told == '1' else several or f'{one}s'}"


def duration(value_ns: float | None) -> str:
    """Return a time with three significant digits and its unit: ``"8.12 ms"``, ``"92 ms"``, ``"1 s"``, ``"2 min"``."""
    if value_ns is None or not math.isfinite(value_ns := _real(value_ns)):
        return number(value_ns)
    if value_ns < 0:
        return f"-{duration(-value_ns)}".replace("-0 ns", "0 ns")
    for least_s, large, large_s, small, small_s in _LONG:
        if round(value_ns / 1e9) >= least_s:
            wholes, rest = divmod(round(value_ns / 1e9 / small_s), large_s // small_s)
            return f"{_grouped(wholes)} {large}" + (f" {rest} {small}" if rest else "")
    for scale, unit in _UNITS:
        if value_ns >= scale * 0.9995 or unit == "ns":  # 999.7 ns is rounded to 1 µs
            return f"{_significant(value_ns / scale)} {unit}"
    raise AssertionError  # the last unit takes all that is left


def seconds(value_s: float | None) -> str:
    """Return a time in seconds as `duration` does."""
    return duration(None if value_s is None else value_s * 1e9)


def joined(names: Sequence[str], last: str = "and") -> str:
    """Return names as a sentence has them: ``"python, c and numpy"``, or with "or" before the last."""
    return f" {last} ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def took(value_s: float) -> str:
    """Return how long something took, to the second where that is longer than some: ``"38 s"``, ``"0.4 s"``."""
    return seconds(round(value_s) if value_s >= 9.5 else round(value_s, 1) if value_s >= 0.05 else value_s)


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share as per cent, or "unknown": ``"3.2 %"``, ``"under 0.1 %"``; never 0 or 100 for what is not."""
    if share is None or math.isnan(share := _real(share)):
        return "unknown"
    value, step = 100 * share, 10.0**-digits
    if math.isinf(value):
        return number(value)
    if 0 < value < step / 2:
        return f"under {_bare(f'{step:.{digits}f}')} %"
    if 100 - step / 2 <= value < 100 - 1e-9:
        return f"over {_bare(f'{100 - step:.{digits}f}')} %"
    if abs(value) >= 1000:
        return f"{_grouped(round(value))} %"
    return f"{_bare(f'{value:.{digits}f}')} %"


def half_width(width: float) -> str:
    """Return the half-width of an interval, as a share of its middle: ``"±2.3 %"``, ``"more than ±100 %"``."""
    if math.isnan(width) or width > _WIDEST:
        return f"more than ±{percent(_WIDEST)}"
    return f"±{percent(width)}"


def ratio(interval: "Interval | None", mark: str = "", borders: Sequence[float] = ()) -> str:
    """Return a ratio with its interval, for example ``"0.98 [0.97, 0.99]"``, to as many digits as it deserves.

    Parameters
    ----------
    interval : Interval or None
    mark : str
        Put behind it.
    borders : sequence of float
        Where a word beside it changes: 0.8996 is not printed as 0.90 where an arm scales from 0.9 on.
    """
    if interval is None or math.isnan(interval.estimate):
        return NONE
    if interval.low <= 0 or math.isinf(interval.high):
        return f"{decimal(interval.estimate)} [?]{mark}"
    estimate, low, high = ends(interval, borders)
    return f"{estimate} [{low}, {high}]{mark}"


def ends(interval: "Interval", borders: Sequence[float] = ()) -> tuple[str, str, str]:
    """Return estimate, low and high of a ratio as `ratio` prints them; the interval has to be finite."""
    size = interval.high if interval.estimate >= 0.1 else interval.estimate
    low, high = (beside(end, borders, size) for end in (interval.low, interval.high))
    decimals = max(len(end.partition(".")[2]) for end in (low, high))
    if decimals <= _decimals(size):
        return decimal(interval.estimate, size), low, high
    estimate, low, high = (f"{end:.{decimals}f}" for end in (interval.estimate, interval.low, interval.high))
    return estimate, low, high


def decimal(value: float, size: float | None = None) -> str:
    """Return a ratio with two decimals near 1, and fewer where it, or what it stands beside, is large: ``"1.90"``.

    One that is not 0 is not printed as 0: a thousandth is ``"0.0010"``, a millionth ``"under 0.00001"``.
    """
    value = _real(value)
    if 0 < value < 0.5 * 10.0**-_MOST_DECIMALS:
        return f"under {10.0**-_MOST_DECIMALS:.{_MOST_DECIMALS}f}"
    reach = abs(value if size is None else size)
    if math.isnan(value) or math.isinf(value) or reach >= 99.95:
        return number(value) if not math.isfinite(value) else _grouped(round(value))
    return f"{value:.{_decimals(reach)}f}"


def beside(value: float, borders: Sequence[float], size: float | None = None) -> str:
    """Return a ratio as `decimal` does, or with as many decimals more as keep it on its side of every border."""
    text, value = decimal(value, size), _real(value)
    if text.startswith("under ") or not math.isfinite(value):
        return text
    for more in range(_decimals(abs(value if size is None else size)), _MOST_DECIMALS):
        if all(_side(float(text.replace(" ", "")), border) == _side(value, border) for border in borders):
            return text
        text = f"{value:.{more + 1}f}"
    return decimal(value, size)


def percentages(parts: Sequence[float], digits: int = 0) -> list[str]:
    """Return the shares of a whole in per cent, so that they add up to 100 as printed: ``["34 %", "33 %", "33 %"]``.

    Parameters
    ----------
    parts : sequence of float
        All parts of the whole, in any unit; none negative.
    digits : int
        Decimals.

    Notes
    -----
    By the largest remainder: each is rounded down, and what is missing goes to those that lost most. What is less than
    half a step, or the whole but for less than that, is said to be so, as by `percent`.
    """
    whole, steps = sum(parts), 10**digits
    exact = [100 * steps * part / whole if whole else 0.0 for part in parts]
    down = [int(one) for one in exact]
    missing = round(sum(exact)) - sum(down)
    for i in sorted(range(len(parts)), key=lambda i: down[i] - exact[i])[:missing]:
        down[i] += 1
    return [
        f"under {_bare(f'{1 / steps:.{digits}f}')} %"
        if part and not its
        else f"over {_bare(f'{100 - 1 / steps:.{digits}f}')} %"
        if part < whole and its == 100 * steps
        else f"{_bare(f'{its / steps:.{digits}f}')} %"
        for part, its in zip(parts, down, strict=True)
    ]


def strategy(strategy_name: str, n_workers: int) -> str:
    """Return a strategy with its width, for example ``"2 threads"`` or ``"2 processes (fork)"``."""
    name, _, method = strategy_name.partition(":")
    if name == "serial":
        return "serial"
    if name.endswith("s"):
        return workers(n_workers, name) + (f" ({method})" if method else "")
    return f"{way(strategy_name)}, {counted(n_workers, _named(name)[1])}"


def way(strategy_name: str) -> str:
    """Return what a strategy is called where its width does not matter: ``"processes (fork)"``, ``"OpenMP"``."""
    name, _, method = strategy_name.partition(":")
    return (name if name.endswith("s") else _named(name)[0]) + (f" ({method})" if method else "")


def members(strategy_name: str) -> str:
    """Return what a strategy's workers are called, all together: ``"processes (fork)"``, ``"OpenMP threads"``."""
    name = strategy_name.partition(":")[0]
    return way(strategy_name) if name.endswith("s") else f"{way(strategy_name)} {_named(name)[1]}s"


def _named(name: str) -> tuple[str, str]:
    """Return what a strategy is called whose name is no plural of its workers, and one of these."""
    return {"openmp": ("OpenMP", "thread")}.get(name, (name, "worker"))


def workers(n: int, way: str) -> str:
    """Return how many of a way, whose name is a plural: ``"1 thread"``, ``"2 processes"``."""
    return counted(n, {"processes": "process"}.get(way, way.removesuffix("s")), way)


def size(n_bytes: float) -> str:
    """Return an amount of memory: ``"512 bytes"``, ``"1.5 GiB"``."""
    for scale, unit in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if n_bytes >= scale:
            return f"{_significant(n_bytes / scale)} {unit}"
    return counted(n_bytes, "byte")


def glued(text: str) -> str:
    r"""Return a text with ``"\0"`` for each space inside a figure, where no line breaks: ``"0.98\0[0.97,\00.99]"``."""
    return _INNER_SPACE.sub("\0", text)


def _real(value: float) -> float:
    """Return a number as one of floating point: whole ones of a file may have hundreds of digits."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _decimals(size: float) -> int:
    if 0 < size < 0.1:
        return min(_MOST_DECIMALS, 1 - math.floor(math.log10(size)))
    return 2 if size < 9.995 else 1 if size < 99.95 else 0


def _side(value: float, border: float) -> int:
    return (value > border) - (value < border)


def _significant(value: float) -> str:
    """Three digits, or all that stand before the point, without zeros at the end."""
    if value >= 999.5:
        return _grouped(round(value))
    return _bare(f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}")


def _bare(text: str) -> str:
    """Without zeros at the end, which 1 s, 1.00 s and 1.0 s would be three ways to write the same with."""
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _grouped(value: int) -> str:
    return f"{value:,}".replace(",", " ") if abs(value) >= _FIRST_GROUPED else str(value)
