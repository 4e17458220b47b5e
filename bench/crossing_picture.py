"""The picture of bench/article.py: time against the amount of work, and where threads and processes begin to pay."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
from crossing import PAYS
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from gilscope.documents.files import write_whole
from gilscope.words import duration

if TYPE_CHECKING:
    from crossing import Crossing, Row
    from matplotlib.axes import Axes
    from pairs import Estimate

# Okabe and Ito's colours, which every kind of colour vision tells apart.
COLOURS = {"sequence": "#444444", "threads": "#D55E00", "processes": "#0072B2"}
NAMES = {"sequence": "plain sequence", "threads": "two threads", "processes": "two processes"}

#: Ratios below this are cut off: how much worse than a tenth a way is can be read from the times above.
LEAST_RATIO, MOST_RATIO = 0.1, 3.0


def draw(rows: Sequence[Row], crossings: Mapping[str, Crossing | None], file: Path) -> None:
    """Write the picture as PNG or SVG, by the ending of the file's name."""
    with mpl.rc_context({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "0"}):
        # Without pyplot there is no window, and no display is looked for.
        figure = Figure(figsize=(9, 8), layout="constrained")
        times, ratios = figure.subplots(2, sharex=True, height_ratios=(3, 2))
        _draw_times(times, rows)
        _draw_ratios(ratios, rows)
        for way, at in crossings.items():
            if at is not None:
                _mark(times, ratios, way, at)
        figure.suptitle(title(rows, crossings), x=0.02, ha="left", fontsize=14, fontweight="bold")
        picture, form = io.BytesIO(), file.suffix.removeprefix(".")
        figure.savefig(picture, format=form, dpi=150, metadata={"Date": None} if form == "svg" else None)
    write_whole(file, picture.getvalue())


def title(rows: Sequence[Row], crossings: Mapping[str, Crossing | None]) -> str:
    """Say what was found."""
    told = [_told(rows, way, at) for way, at in crossings.items()]
    if not any(told):
        return f"Neither threads nor processes were seen to pay within {duration(rows[-1].sequence.value)} of work"
    unseen = f"were not seen to pay within {duration(rows[-1].sequence.value)} of work"
    parts = [f"{way} {text or unseen}" for way, text in zip(crossings, told, strict=True)]
    return "; ".join(parts).capitalize()


def _told(rows: Sequence[Row], way: str, at: Crossing | None) -> str:
    if at is not None:
        return f"pay from about {short(at.estimate)} numbers on"
    return "pay at some numbers only" if any(row.ways[way].verdict == PAYS for row in rows) else ""


def short(number: float) -> str:
    """Return a count in words that fit an axis: 300, 10 k, 2.2 M."""
    for size, letter in ((1e6, " M"), (1e3, " k")):
        if number >= size:
            return f"{number / size:.3g}{letter}" if number < 10 * size else f"{number / size:.0f}{letter}"
    return f"{number:.0f}"


def _draw_times(axes: Axes, rows: Sequence[Row]) -> None:
    numbers = [row.n_numbers for row in rows]
    for name, colour in COLOURS.items():
        estimates = [row.sequence if name == "sequence" else row.ways[name].time for row in rows]
        _line(axes, numbers, [_in_ms(e) for e in estimates], colour)
    axes.set_yscale("log")
    axes.set_ylim(bottom=rows[0].sequence.value / 1e6 / 5)  # room for a name below the line
    axes.set_ylabel("time, ms")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda ms, _: f"{ms:,.10g}"))
    first = rows[0]
    # The three lines lie far apart at the left and upon each other at the right: so their names stand at the left.
    for name, colour in COLOURS.items():
        height = (first.sequence if name == "sequence" else first.ways[name].time).value / 1e6
        below = name == "sequence"  # its line climbs, and the others do not
        axes.annotate(
            NAMES[name],
            (numbers[0], height),
            (8, -16 if below else 9),
            textcoords="offset points",
            color=colour,
            fontweight="bold",
        )
    axes.set_title(
        "Squares and fourth powers of so many numbers, in plain Python; median and 95 % interval",
        loc="left",
        fontsize=11,
    )


def _draw_ratios(axes: Axes, rows: Sequence[Row]) -> None:
    numbers = [row.n_numbers for row in rows]
    for name in ("threads", "processes"):
        ratios = [row.ways[name].ratio for row in rows]
        _line(axes, numbers, [(r.estimate, *_closed(r.low, r.high)) for r in ratios], COLOURS[name])
    axes.axhline(1, color=COLOURS["sequence"], linewidth=1)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(LEAST_RATIO, MOST_RATIO)
    axes.set_yticks([0.1, 0.2, 0.5, 1, 2], ["0.1", "0.2", "0.5", "1", "2"])
    axes.set_yticks([], minor=True)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda n, _: short(n)))
    axes.set_xlim(rows[0].n_numbers / 1.6, rows[-1].n_numbers * 1.6)
    axes.set_xlabel("numbers, N")
    axes.set_ylabel("times as fast as\nplain sequence")
    axes.text(
        0.01,
        1.08,
        "faster than plain sequence",
        transform=axes.get_yaxis_transform(),
        fontsize=9,
        color=COLOURS["sequence"],
    )
    axes.text(
        0.01, 0.93, "slower", transform=axes.get_yaxis_transform(), fontsize=9, va="top", color=COLOURS["sequence"]
    )


def _line(axes: Axes, numbers: Sequence[int], points: Sequence[tuple[float, float, float]], colour: str) -> None:
    middle, low, high = zip(*points, strict=True)
    axes.plot(numbers, middle, color=colour, marker="o", markersize=4, linewidth=1.8)
    # The band has gaps where an interval is open; the bars show one that has no neighbour too.
    axes.fill_between(numbers, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.vlines(numbers, low, high, color=colour, alpha=0.6, linewidth=1)


def _mark(times: Axes, ratios: Axes, way: str, at: Crossing) -> None:
    """Mark where a way begins to pay: its bracket as a band, its estimate as a point on the line at 1."""
    for axes in (times, ratios):
        axes.axvspan(at.below or at.first, at.first, color=COLOURS[way], alpha=0.1, linewidth=0)
    ratios.plot(
        [at.estimate],
        [1],
        marker="o",
        markersize=11,
        markerfacecolor="white",
        markeredgewidth=2,
        color=COLOURS[way],
        zorder=3,
    )
    ratios.annotate(
        f"{way} begin to pay\nat about {short(at.estimate)} numbers",
        (at.estimate, 1),
        (-30, 26),
        textcoords="offset points",
        ha="right",
        color=COLOURS[way],
        fontweight="bold",
        arrowprops={"arrowstyle": "-", "color": COLOURS[way]},
    )


def _in_ms(estimate: Estimate) -> tuple[float, float, float]:
    low, high = _closed(estimate.low, estimate.high)
    return estimate.value / 1e6, low / 1e6, high / 1e6


def _closed(low: float, high: float) -> tuple[float, float]:
    """Return the ends of an interval, or not-a-number for one that too few rounds leave open."""
    return (low, high) if low > 0 and isfinite(high) else (nan, nan)
