"""Pictures of traces: lanes, merging, and what they say of themselves."""

import re
from dataclasses import replace
from xml.dom import minidom

import pytest
import traces
from hypothesis import given
from hypothesis import strategies as st
from traces import ONE

from gilscope.errors import CannotRunError
from gilscope.tracing import columns, picture, summary
from gilscope.tracing.result import Trace
from gilscope.tracing.spans import HOLDING, RELEASED, Span


@pytest.fixture
def turns() -> Trace:
    return traces.trace(traces.log(traces.TURNS, sites=(traces.site(),)))


def many(n_spans: int) -> list[Span]:
    """Return a lane of spans of 1 ns, held and released in turn."""
    return [Span(i, i + 1, (HOLDING, RELEASED)[i % 2]) for i in range(n_spans)]


@pytest.mark.parametrize("form", picture.FORMATS)
def test_a_picture_is_made_in_every_format(turns: Trace, form: str) -> None:
    """The bytes begin as such a file does."""
    pytest.importorskip("matplotlib")
    begins = {"png": b"\x89PNG", "svg": b"<?xml"}[form]
    assert picture.draw(turns, form).startswith(begins)


def test_there_is_a_lane_for_the_gil_and_for_each_thread(turns: Trace) -> None:
    """Each is named at the left, and drawn as one collection of rectangles."""
    figures = pytest.importorskip("matplotlib.figure")
    axes = figures.Figure().subplots()
    picture.draw_lanes(axes, turns)
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["GIL, by holder", *(lane.name for lane in turns.lanes)]
    assert len(axes.collections) == len(names)


def test_a_picture_says_what_it_cannot_show(turns: Trace) -> None:
    """The mechanism and its blindness stand above the lanes; that spans were merged stands below."""
    figures = pytest.importorskip("matplotlib.figure")
    axes = figures.Figure().subplots()
    picture.draw_lanes(axes, turns, n_columns=5)
    assert "ledger" in axes.get_title(loc="left") and "what it cannot see" in axes.get_title(loc="left")
    assert "merged" in axes.get_xlabel()


def test_a_picture_begins_where_the_kept_events_do() -> None:
    """What was lost is not drawn, neither as a thread's time nor as a free GIL."""
    figures = pytest.importorskip("matplotlib.figure")
    axes = figures.Figure().subplots()
    late = [(at_ns + 900, *rest) for at_ns, *rest in traces.TURNS]
    picture.draw_lanes(axes, traces.trace(traces.log(late, wall_ns=1000, sites=(traces.site(),), n_lost_events=4)))
    assert axes.get_xlim() == (905, 1000)
    lefts = [path.vertices[:, 0].min() for drawn in axes.collections for path in drawn.get_paths()]
    assert min(lefts) >= 905


def test_short_intervals_are_drawn_together_by_their_shares() -> None:
    """Ten thousand spans become as many pieces as there are columns, each half and half."""
    pieces = list(columns.merged(many(10_000), 100.0))
    assert len(pieces) == 100
    assert {piece.shares for piece in pieces} == {((HOLDING, 0.5), (RELEASED, 0.5))}


def test_long_intervals_are_drawn_as_they_are() -> None:
    """Where each is as long as a column, nothing is merged."""
    pieces = list(columns.merged(many(10), 1.0))
    assert [(piece.begin_ns, piece.end_ns, len(piece.shares)) for piece in pieces] == [(i, i + 1, 1) for i in range(10)]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.floats(0.5, 60.0))
def test_merging_keeps_every_state_s_time(lengths: list[int], column_ns: float) -> None:
    """What is drawn covers the lane without a gap, and each state has the area that it had the time."""
    ends = [sum(lengths[: i + 1]) for i in range(len(lengths))]
    lane = [Span(end - length, end, "ab"[i % 2]) for i, (end, length) in enumerate(zip(ends, lengths, strict=True))]
    pieces = list(columns.merged(lane, column_ns))
    assert [piece.begin_ns for piece in pieces] == [0, *(piece.end_ns for piece in pieces[:-1])]
    for state in "ab":
        drawn = sum(dict(piece.shares).get(state, 0) * (piece.end_ns - piece.begin_ns) for piece in pieces)
        assert drawn == pytest.approx(sum(one.length_ns for one in lane if one.state == state))


HOSTILE = ("\x1b[31m\x9b\x00", "\u202eabc\u2028", "$x^$ $\\frac{", "9" * 5000, "<script>alert(1)</script>", "")


@pytest.mark.parametrize("said", HOSTILE, ids=lambda said: ascii(said)[:20])
def test_a_picture_of_a_file_from_elsewhere_is_drawn(said: str) -> None:
    """Whatever its names are: as letters, and not so long that the lanes have no room, of which there is a warning."""
    pytest.importorskip("matplotlib")
    log = traces.log(traces.TURNS, sites=(traces.site(),), mechanism=said, cost=said, blind_to=(said,) * 300)
    trace = traces.trace(log)
    lanes = tuple(replace(lane, name=f"{said}{i}") for i, lane in enumerate(trace.lanes))
    drawn = picture.draw(replace(trace, target=said, lanes=lanes), "svg").decode()
    minidom.parseString(drawn)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2028]|<script", drawn)


def test_a_picture_has_no_more_lanes_than_can_be_drawn() -> None:
    """Of thousands it draws the first and says how many had no room."""
    pytest.importorskip("matplotlib")
    trace = traces.trace(traces.log(traces.TURNS, sites=(traces.site(),)))
    many = replace(trace, lanes=trace.lanes * 1000)
    assert picture.draw(many, "png").startswith(b"\x89PNG")
    assert "2900 threads that had no room" in picture._about(picture._harmless(many))


def test_without_matplotlib_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch, turns: Trace) -> None:
    """Nothing else of a trace needs it."""
    monkeypatch.setattr(picture, "find_spec", lambda name: None)
    with pytest.raises(CannotRunError, match=r"gilscope\[report\]"):
        picture.draw(turns, "png")


def test_a_summary_has_a_line_for_each_thread_and_a_sentence(turns: Trace) -> None:
    """Workers have their calls; the losses are said where there are some."""
    text = str(turns)
    rows = {line.split("  ")[0]: line.split() for line in text.splitlines() if line.startswith(("worker", "Main"))}
    assert rows.keys() == {"MainThread", "worker 1", "worker 2"}
    assert (rows["worker 1"][2], rows["MainThread"][1]) == ("3", "-")
    assert "On average each of the 2 threads held the GIL" in text and "lost" not in text
    lossy = traces.trace(traces.log(traces.TURNS, sites=(traces.site(),), n_lost_events=4))
    assert "The first 4 events were lost" in str(lossy)


def test_waiting_while_nobody_holds_is_no_waiting_for_each_other() -> None:
    """A sentence blames the other threads only as far as they held the GIL."""
    story = [(0, ONE, "drop"), (10, ONE, "wait"), (90, ONE, "take"), (95, ONE, "drop")]
    said = summary.sentence(traces.trace(traces.log(story), workers=(ONE,)))
    assert said.endswith(
        "Another thread held the GIL for only 0 % of that wait: it waited more for a CPU than for another thread."
    )
    assert "in each other's way" in summary.sentence(traces.trace(traces.log(traces.TURNS, sites=(traces.site(),))))
