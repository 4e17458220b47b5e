"""A trace as a picture: a lane for the GIL and one for each thread, over time. Needs the extra `report`: matplotlib."""

import io
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from gilscope.errors import CannotRunError
from gilscope.places import portable
from gilscope.report.harmless import line
from gilscope.tracing.columns import FREE, Piece, gil_spans, merged
from gilscope.tracing.result import Trace
from gilscope.tracing.spans import (
    BLOCKED,
    COMPUTING,
    HOLDING,
    RELEASED,
    RELEASED_STATES,
    UNKNOWN,
    WAITING,
    Lane,
    holders_of,
)
from gilscope.tracing.summary import sentence
from gilscope.words import counted, duration, percentages

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = ("png", "svg")
# After Okabe and Ito, whose colours every kind of colour vision tells apart; these differ in lightness too.
COLOURS = {
    HOLDING: "#0072B2",
    WAITING: "#E69F00",
    COMPUTING: "#009E73",
    RELEASED: "#7FCDB4",
    BLOCKED: "#D5EDE4",
    UNKNOWN: "#E8E8E8",
}
LABELS = {
    HOLDING: "holds the GIL",
    WAITING: "waits for the GIL",
    COMPUTING: "computes without it",
    RELEASED: "without it",
    BLOCKED: "blocked, without it",
    UNKNOWN: "unknown",
}
#: Columns that the time axis is divided into where spans are too short to be seen: some pixels each.
N_COLUMNS = 500
#: Who holds the GIL, in its lane: the shade changes with the holder.
_SHADES = ("#0072B2", "#555555", "#003F63", "#888888")
#: A name needs this much of the width.
_NAME_SHARE = 0.09
_INCHES_WIDE, _INCHES_A_LANE, _INCHES_AROUND, _DPI = 11.0, 0.4, 1.9, 150
_LANE_HEIGHT, _WORDS_A_LINE = 0.78, 150
#: A picture of more is too high for what draws it; and characters of a name, and of a text below, that leave room.
MOST_LANES, MOST_OF_NAME, MOST_OF_TEXT = 100, 40, 300
_UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))


def check_available() -> None:
    """Raise `CannotRunError` where there is no matplotlib."""
    if find_spec("matplotlib") is None:
        raise CannotRunError("a picture needs matplotlib, which is not installed: pip install 'gilscope[report]'")


def draw(trace: Trace, form: str) -> bytes:
    """Return a trace as a picture.

    Parameters
    ----------
    trace : Trace
    form : {"png", "svg"}

    Raises
    ------
    CannotRunError
        Without matplotlib.
    """
    check_available()
    import matplotlib as mpl
    from matplotlib.figure import Figure

    trace = _harmless(trace)
    with mpl.rc_context(
        {
            "font.size": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "svg.hashsalt": "0",
            "text.parse_math": False,  # a $ in a name is no formula
        }
    ):
        size = (_INCHES_WIDE, _INCHES_AROUND + _INCHES_A_LANE * (len(trace.lanes) + 1))
        figure = Figure(figsize=size, layout="constrained")  # without pyplot no display is looked for
        draw_lanes(figure.subplots(), trace)
        figure.suptitle(_title(trace), x=0.01, ha="left", fontsize=13, fontweight="bold")
        buffer = io.BytesIO()
        figure.savefig(buffer, format=form, dpi=_DPI, metadata={"Date": None} if form == "svg" else None)
    return buffer.getvalue()


def _harmless(trace: Trace) -> Trace:
    """Return a trace with texts that can be drawn, and no more lanes than fit: a file may hold anything."""
    lanes = tuple(replace(lane, name=_short(lane.name)) for lane in trace.lanes[:MOST_LANES])
    n_left_out = len(trace.lanes) - len(lanes)
    blind_to = [*trace.log.blind_to, *([f"{counted(n_left_out, 'thread')} that had no room"] if n_left_out else [])]
    log = replace(
        trace.log,
        mechanism=line(trace.log.mechanism, MOST_OF_TEXT),
        cost=line(trace.log.cost, MOST_OF_TEXT),
        blind_to=(line(", ".join(blind_to), MOST_OF_TEXT),) if blind_to else (),
    )
    return replace(trace, target=_short(portable(trace.target)), log=log, lanes=lanes)


def _short(text: str) -> str:
    """Return a name that leaves room for the lanes."""
    text = line(text)
    return text if len(text) <= MOST_OF_NAME else f"{text[: MOST_OF_NAME - 1]}…"


def draw_lanes(axes: "Axes", trace: Trace, n_columns: int = N_COLUMNS) -> None:
    """Draw the lanes of a trace on axes, the GIL's at the top.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    trace : Trace
    n_columns : int
        Intervals shorter than one of so many columns are drawn together, by their shares.
    """
    begin_ns, end_ns = trace.known_from_ns, max(1, trace.log.wall_ns)
    scale, unit = next(((size, name) for size, name in _UNITS if end_ns >= 2 * size), _UNITS[-1])
    column_ns = max(1, end_ns - begin_ns) / n_columns
    holders = {lane.name: _SHADES[i % len(_SHADES)] for i, lane in enumerate(trace.lanes)}
    rows = [gil_spans(trace, begin_ns)]
    rows += [[one for one in lane.spans if one.end_ns > begin_ns] for lane in trace.lanes]
    is_merged = False
    for y, spans in enumerate(rows):
        pieces = list(merged(spans, column_ns))
        is_merged = is_merged or any(len(piece.shares) > 1 for piece in pieces)
        _draw_pieces(axes, -y, pieces, holders if y == 0 else COLOURS, scale)
        if y == 0:
            _name_holders(axes, pieces, end_ns - begin_ns, scale)
    for y, lane in enumerate(trace.lanes, 1):
        _mark_forced(axes, -y, lane, column_ns, scale)
    _annotate(axes, trace)
    axes.set_xlim(begin_ns / scale, end_ns / scale)
    axes.set_ylim(-len(trace.lanes) - 0.55, 0.55)
    axes.set_xlabel(f"time, {unit}{_merging(column_ns) if is_merged else ''}", loc="left")
    axes.set_title(_about(trace), loc="left", fontsize=9, pad=24)  # above the legend
    _legend(axes, trace)


def _draw_pieces(axes: "Axes", y: int, pieces: Sequence[Piece], colours: dict[str, str], scale: float) -> None:
    """Draw a lane as one collection of rectangles; nothing where a state has no colour."""
    from matplotlib.collections import PolyCollection

    rectangles, faces = [], []
    for piece in pieces:
        left, right, bottom = piece.begin_ns / scale, piece.end_ns / scale, y - _LANE_HEIGHT / 2
        for state, share in piece.shares:
            top = bottom + share * _LANE_HEIGHT
            if state in colours:
                rectangles.append([(left, bottom), (right, bottom), (right, top), (left, top)])
                faces.append(colours[state])
            bottom = top
    # Not smoothed, or the background would shine through wherever two rectangles touch.
    axes.add_collection(PolyCollection(rectangles, facecolors=faces, linewidths=0, antialiaseds=False))


def _name_holders(axes: "Axes", pieces: Sequence[Piece], width_ns: int, scale: float) -> None:
    """Write the holder's name into the GIL's lane, where there is room."""
    for piece in pieces:
        state = piece.shares[0][0]
        if len(piece.shares) == 1 and state != FREE and piece.end_ns - piece.begin_ns > _NAME_SHARE * width_ns:
            middle = (piece.begin_ns + piece.end_ns) / 2 / scale
            axes.text(middle, 0, state, ha="center", va="center", fontsize=8, color="white")


def _mark_forced(axes: "Axes", y: int, lane: Lane, column_ns: float, scale: float) -> None:
    """Mark forced switches above a lane, one for each column that has some."""
    columns = {int(at_ns / column_ns): at_ns for at_ns in lane.forced_ns}
    heights = [y + _LANE_HEIGHT / 2 + 0.06] * len(columns)
    axes.plot([at_ns / scale for at_ns in columns.values()], heights, "v", color="black", markersize=3, clip_on=False)


def _annotate(axes: "Axes", trace: Trace) -> None:
    """Name the lanes at the left, and say at the right what share of the time each state had."""
    axes.set_yticks([-y for y in range(len(trace.lanes) + 1)], ["GIL, by holder", *(lane.name for lane in trace.lanes)])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    for y, note in enumerate(notes(trace)):
        axes.annotate(
            note,
            (1, -y),
            (8, 0),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )


def notes(trace: Trace) -> list[str]:
    """Return what share of the time each state had, of the GIL and then of each lane."""
    log = trace.log
    span_ns = max(0, log.wall_ns - trace.known_from_ns)
    held_ns = min(span_ns, sum(one.length_ns for one, _ in holders_of(trace.lanes)))
    nothing = log.n_lost_events and not trace.n_events
    found = [_said({} if nothing else {"held": held_ns, "free": span_ns - held_ns})]
    for lane in trace.lanes:
        kinds = {"held": (HOLDING,), "waited": (WAITING,), "without": RELEASED_STATES}
        found.append(_said({word: lane.total_ns(*states) for word, states in kinds.items()}))
    return found


def _said(parts: dict[str, int]) -> str:
    if not sum(parts.values()):
        return "unknown"
    return ", ".join(f"{word} {share}" for word, share in zip(parts, percentages(list(parts.values())), strict=True))


def _title(trace: Trace) -> str:
    n_threads = counted(len(trace.workers), "thread")
    return f"{portable(trace.target)} on {n_threads}: who held the GIL, and when"


def _about(trace: Trace) -> str:
    """Return what was found, how it was seen, and what was not seen."""
    log = trace.log
    lost = f" but {counted(log.n_lost_events, 'lost event')}" if log.n_lost_events else ""
    seen = f"Seen by the {log.mechanism}: every take, drop and wait{lost}, at {log.cost}. "
    seen += f"Not seen: {', '.join(log.blind_to) or 'nothing known'}."
    return "\n".join(textwrap.fill(part, _WORDS_A_LINE) for part in (sentence(trace), seen))


def _merging(column_ns: float) -> str:
    return f"        Intervals shorter than {duration(column_ns)} are merged: heights are their shares of that time."


def _legend(axes: "Axes", trace: Trace) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    seen = {one.state for lane in trace.lanes for one in lane.spans}
    entries: list[Patch | Line2D] = [
        Patch(color=COLOURS[state], label=LABELS[state]) for state in COLOURS if state in seen
    ]
    if any(lane.forced_ns for lane in trace.lanes):
        entries.append(Line2D([], [], color="black", marker="v", linestyle="", markersize=4, label="forced switch"))
    axes.legend(
        handles=entries,
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=len(entries),
        frameon=False,
        fontsize=9,
        handlelength=1.2,
        columnspacing=1.4,
        borderaxespad=0.2,
    )
