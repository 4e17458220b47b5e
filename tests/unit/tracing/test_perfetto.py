"""The JSON for Perfetto: what its importer needs of every event, and that no two of a track overlap."""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import jsonschema
import pytest
import traces
from hypothesis import given
from hypothesis import strategies as st
from schemas import schema_of
from traces import MAIN, ONE, TWO

from gilscope.errors import UsageError
from gilscope.tracing import perfetto, view
from gilscope.tracing.document import TRACE

#: By phase, as the format asks for.
REQUIRED = {
    "X": {"name", "cat", "ph", "ts", "dur", "pid", "tid"},
    "i": {"name", "cat", "ph", "ts", "s", "pid", "tid"},
    "M": {"name", "ph", "pid", "tid", "args"},
}


def check_document(document: dict[str, Any]) -> dict[int, list[dict[str, Any]]]:
    """Check a whole trace file; return the complete events of each track."""
    events = document["traceEvents"]
    assert all(event.keys() >= REQUIRED[event["ph"]] for event in events)
    times = [event["ts"] for event in events if event["ph"] != "M"]
    assert times == sorted(times)
    tracks = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            tracks[event["tid"]].append(event)
    for track in tracks.values():
        # In whole ns, as Perfetto's importer reads them: multiplied by 1000 and cut off.
        spans = [(int(event["ts"] * 1000), int(event["dur"] * 1000)) for event in track]
        assert all(begin >= 0 and length > 0 for begin, length in spans)
        assert all(begin + length <= next_begin for (begin, length), (next_begin, _) in pairwise(spans))
    named = {event["tid"] for event in events if event["name"] == "thread_name"}
    assert tracks.keys() <= named
    return tracks


@pytest.fixture
def document() -> dict[str, Any]:
    log = traces.log(traces.TURNS, wall_ns=100, sites=(traces.site(),), n_lost_events=0)
    found: dict[str, Any] = json.loads(TRACE.dumps(traces.trace(log)))
    return found


def test_every_event_is_whole_and_no_track_overlaps_itself(document: dict[str, Any]) -> None:
    """Each phase has what it requires; there is one track for each thread and one for the GIL."""
    assert check_document(document).keys() == {perfetto.GIL_TRACK, MAIN, ONE, TWO}


def test_the_track_of_the_gil_shows_who_holds_it(document: dict[str, Any]) -> None:
    """Its spans are the holds of all threads, by their names."""
    track = check_document(document)[perfetto.GIL_TRACK]
    assert [(event["ts"], event["name"]) for event in track] == [
        (0, "MainThread"),
        (0.006, "worker 1"),
        (0.033, "worker 2"),
        (0.051, "worker 1"),
    ]


def test_forced_switches_are_instants_and_releases_say_where(document: dict[str, Any]) -> None:
    """A forced switch stands on its thread's track; a release has the place as an argument."""
    (instant,) = [event for event in document["traceEvents"] if event["ph"] == "i"]
    assert (instant["tid"], instant["ts"], instant["name"]) == (ONE, 0.031, "forced switch")
    (release,) = [event for event in document["traceEvents"] if "released in" in event.get("args", {})]
    assert release["args"]["released in"] == "zlib: zlib_crc32"


def test_what_was_not_seen_stands_in_the_file(document: dict[str, Any]) -> None:
    """Mechanism, cost, blindness and losses travel with the events."""
    about = document["otherData"]
    assert (about["mechanism"], about["blind_to"], about["lost_events"]) == ("ledger", ["what it cannot see"], 0)
    assert about["cost"] == "what it costs"
    assert about["calls"] == {"worker 1": 3, "worker 2": 3}


@given(st.integers(0, 10**15))
def test_times_are_exact_to_the_nanosecond(value_ns: int) -> None:
    """A reader who multiplies by 1000 gets the very number, whether it rounds or cuts off."""
    value_us = perfetto.microseconds(value_ns)
    assert int(value_us * 1000) == value_ns == round(value_us * 1000)


def test_a_trace_is_read_back() -> None:
    """Without its events, for its spans say what these said; as the schema says, and drawn as before."""
    before = traces.trace(traces.log(traces.TURNS, sites=(traces.site(),), n_lost_events=2))
    text = TRACE.dumps(before)
    jsonschema.validate(json.loads(text), schema_of("trace"))
    after = TRACE.loads(text)
    assert after == replace(before, log=replace(before.log, events=()))
    assert view.blocks(after) == view.blocks(before)
    assert TRACE.dumps(after) == text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda data: data["lanes"][0]["spans"]["begin_ns"].reverse(), r"lanes\[0\].spans\[\d\] must begin where"),
        (lambda data: data["lanes"][0]["spans"]["end_ns"].pop(), r"lanes\[0\].spans has columns of unequal length"),
        (lambda data: data["log"].update(sites=[]), r"lanes\[\d\].spans.site must be below 0"),
        (lambda data: data.update(calls={"worker": 1}), "calls.worker must have a whole number for its name"),
        (lambda data: data.pop("kind"), "is a trace without what gilscope reads"),
    ],
)
def test_a_trace_that_does_not_fit_together_is_refused(change: Callable[[Any], object], told: str) -> None:
    """Spans that overlap, and places that there are not, would be drawn as something that never was."""
    data = json.loads(TRACE.dumps(traces.trace(traces.log(traces.TURNS, sites=(traces.site(),)))))
    change(data)
    with pytest.raises(UsageError, match=told):
        TRACE.loads(json.dumps(data), "FILE")
