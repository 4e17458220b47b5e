"""What is drawn of a lane when there are more spans than a picture has columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gilscope.tracing.result import Trace
from gilscope.tracing.spans import STATES, Span, holders_of

#: What the GIL's own lane has for a state while nobody holds it.
FREE = "free"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a lane as it is drawn: one span, or several that are too short, by their shares.

    Parameters
    ----------
    begin_ns, end_ns : int
    shares : tuple of (str, float)
        States, or holders, and the share of its time that each has; they add up to 1.
    """

    begin_ns: int
    end_ns: int
    shares: tuple[tuple[str, float], ...]


def merged(spans: Sequence[Span], column_ns: float) -> Iterator[Piece]:
    """Return what is drawn of a lane: long spans as they are, and rows of shorter ones a column at a time.

    Parameters
    ----------
    spans : sequence of Span
        Each begins where the one before ends.
    column_ns : float
        What is shorter is merged with what follows, until together they are as long.
    """
    group: list[Span] = []
    for one in spans:
        rest = one
        if group:
            column_end_ns = group[0].begin_ns + column_ns
            if one.end_ns < column_end_ns:
                group.append(one)
                continue
            # A column is filled up from what follows, or a short span would be drawn wider than it is, or not at
            # all, as the pixels happen to fall.
            cut_ns = round(column_end_ns)
            yield _piece([*group, Span(one.begin_ns, cut_ns, one.state)])
            group, rest = [], Span(cut_ns, one.end_ns, one.state)
        if rest.length_ns >= column_ns:
            yield _piece([rest])
        elif rest.length_ns > 0:
            group = [rest]
    if group:
        yield _piece(group)


def gil_spans(trace: Trace, begin_ns: int) -> list[Span]:
    """Return the GIL's lane: holders' names for states, and `FREE` while nobody has it.

    Parameters
    ----------
    trace : Trace
    begin_ns : int
        From when on the log tells everything.
    """
    lane: list[Span] = []
    free_from_ns = begin_ns
    for one, holder in holders_of(trace.lanes):
        if one.begin_ns > free_from_ns:
            lane.append(Span(free_from_ns, one.begin_ns, FREE))
        lane.append(Span(one.begin_ns, one.end_ns, holder.name))
        free_from_ns = one.end_ns
    if trace.log.wall_ns > free_from_ns:
        lane.append(Span(free_from_ns, trace.log.wall_ns, FREE))
    return lane


def _piece(group: Sequence[Span]) -> Piece:
    times: dict[str, int] = {}
    for one in group:
        times[one.state] = times.get(one.state, 0) + one.length_ns
    whole_ns = sum(times.values())
    # In one order everywhere, so that columns side by side make areas; what is left empty, a free GIL, on top.
    order = {state: i for i, state in enumerate(STATES)}
    states = sorted(times, key=lambda state: (state == FREE, order.get(state, 0), state))
    return Piece(group[0].begin_ns, group[-1].end_ns, tuple((state, times[state] / whole_ns) for state in states))
