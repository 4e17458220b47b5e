"""Spans: what a thread did between the events of a log, and what is not known of it."""

from itertools import pairwise

import traces
from hypothesis import given
from hypothesis import strategies as st
from traces import MAIN, ONE, TWO

from gilscope.accounting.log import Log
from gilscope.tracing.spans import (
    BLOCKED,
    COMPUTING,
    HOLDING,
    RELEASED,
    STATES,
    UNKNOWN,
    WAITING,
    Lane,
    Span,
    holders_of,
    lanes_of,
)

ALL = {MAIN, ONE, TWO}


def lanes(log: Log, before: set[int] = ALL, after: set[int] = ALL) -> dict[int, Lane]:
    return {lane.native_id: lane for lane in lanes_of(log, before, after)}


def told(lane: Lane) -> list[tuple[int, int, str]]:
    return [(one.begin_ns, one.end_ns, one.state) for one in lane.spans]


def test_takes_drops_and_waits_become_intervals_from_the_beginning_to_the_end() -> None:
    """What a thread did before its first event is what that event ends; a wait may last beyond the end."""
    found = lanes(traces.log(traces.TURNS, sites=(traces.site(),)))
    assert told(found[MAIN]) == [(0, 5, HOLDING), (5, 100, RELEASED)]
    assert told(found[TWO]) == [
        (0, 10, RELEASED),
        (10, 33, WAITING),
        (33, 50, HOLDING),
        (50, 80, COMPUTING),
        (80, 100, WAITING),
    ]


def test_whoever_is_forced_to_give_up_waits_until_somebody_has_taken_it() -> None:
    """From the drop to the other's take is waiting, and only what follows is without the GIL by its own will."""
    lane = lanes(traces.log(traces.TURNS, sites=(traces.site(),)))[ONE]
    assert told(lane)[1:5] == [(6, 30, HOLDING), (30, 33, WAITING), (33, 35, RELEASED), (35, 51, WAITING)]
    assert lane.forced_ns == (31,)


def test_a_release_has_the_place_where_it_began_and_a_forced_one_too() -> None:
    """The place stays with the release, and with no other span."""
    forced = [(5, ONE, "drop", 0), (6, ONE, "forced"), (8, TWO, "take"), (20, ONE, "wait")]
    found = lanes(traces.log(forced, sites=(traces.site(),)))
    assert found[ONE].spans[1:3] == (Span(5, 8, WAITING), Span(8, 20, COMPUTING, 0))
    assert [one.site for one in found[TWO].spans] == [None, None]


def test_releases_are_told_apart_only_where_their_place_or_their_thread_did_one_thing() -> None:
    """95 % of the time of all releases together decide; a mixture stays without a kind."""
    story = [(0, MAIN, "drop", 0), (10, ONE, "drop", 1), (20, TWO, "drop")]
    sites = (traces.site(computing_ns=4, blocked_ns=96), traces.site(computing_ns=50, blocked_ns=50))
    threads = (traces.thread(TWO, computing_ns=99, blocked_ns=1),)
    found = lanes(traces.log(story, sites=sites, threads=threads))
    assert [found[one].spans[-1].state for one in (MAIN, ONE, TWO)] == [BLOCKED, RELEASED, COMPUTING]


def test_without_the_cpu_clock_the_kernel_s_count_of_a_thread_tells_where_it_is_clear() -> None:
    """CPU time beyond the holds was spent without the GIL; next to none means blocked; between is neither."""
    story = [(0, MAIN, "drop", 0), (0, ONE, "drop"), (0, TWO, "drop")]
    accounts = [
        traces.thread(one, held_ns=20, blocked_ns=80, cpu_ns=cpu) for one, cpu in ((MAIN, 99), (ONE, 3), (TWO, 50))
    ]
    log = traces.log(story, sites=(traces.site(),), threads=tuple(accounts))
    found = {lane.native_id: lane for lane in lanes_of(log, ALL, ALL, cpu_clock=False)}
    assert [found[one].spans[-1].state for one in (MAIN, ONE, TWO)] == [COMPUTING, BLOCKED, RELEASED]


def test_before_the_first_event_that_was_kept_nothing_is_known() -> None:
    """Where events were lost, a thread that was there is unknown so long; a later one begins with its first event."""
    story = [(40, ONE, "drop"), (41, TWO, "take"), (60, MAIN, "wait")]
    found = lanes(traces.log(story, n_lost_events=7), before={ONE, MAIN})
    assert told(found[ONE])[0] == (0, 40, UNKNOWN)
    assert told(found[MAIN]) == [(0, 40, UNKNOWN), (40, 60, RELEASED), (60, 100, WAITING)]
    assert told(found[TWO]) == [(41, 100, HOLDING)]


def test_a_thread_that_is_born_or_ends_inside_has_its_lane_from_its_first_event_or_to_its_last() -> None:
    """Nothing is claimed of a thread for the time in which it may not have been."""
    story = [(5, MAIN, "drop"), (20, ONE, "wait"), (30, ONE, "take"), (70, ONE, "drop"), (80, MAIN, "take")]
    found = lanes(traces.log(story), before={MAIN}, after={MAIN})
    assert told(found[ONE]) == [(20, 30, WAITING), (30, 70, HOLDING)]


def test_events_that_make_no_sense_after_each_other_leave_the_time_between_unknown() -> None:
    """Whoever takes the GIL twice has dropped it between, at a moment that was lost."""
    found = lanes(traces.log([(10, ONE, "take"), (50, ONE, "take"), (60, ONE, "drop")]))
    assert told(found[ONE])[1:3] == [(10, 50, UNKNOWN), (50, 60, HOLDING)]


def test_a_thread_without_events_did_one_thing_throughout() -> None:
    """Its account says what, unless the events were lost."""
    threads = (traces.thread(MAIN, held_ns=100),)
    assert told(lanes(traces.log([], threads=threads))[MAIN]) == [(0, 100, HOLDING)]
    assert told(lanes(traces.log([], threads=threads, n_lost_events=1))[MAIN]) == [(0, 100, UNKNOWN)]


def test_shares_are_of_the_time_that_is_known() -> None:
    """Unknown time counts for nothing, and a lane of nothing else has no shares."""
    lane = Lane(native_id=1, name="", spans=(Span(0, 50, UNKNOWN), Span(50, 75, HOLDING)))
    assert (lane.share(HOLDING), lane.longest_hold_ns) == (1.0, 25)
    assert Lane(native_id=1, name="", spans=(Span(0, 5, UNKNOWN),)).share(HOLDING) == 0.0


def test_holders_come_in_order() -> None:
    """Who held the GIL is a list without overlaps."""
    held = holders_of(lanes(traces.log(traces.TURNS, sites=(traces.site(),))).values())
    assert [(one.begin_ns, lane.native_id) for one, lane in held] == [(0, MAIN), (6, ONE), (33, TWO), (51, ONE)]


@given(
    st.lists(st.tuples(st.integers(0, 90), st.sampled_from(sorted(ALL)), st.sampled_from("tdwf")), max_size=40),
    st.integers(0, 3),
)
def test_any_events_tile_the_time(story: list[tuple[int, int, str]], n_lost: int) -> None:
    """Whatever is lost or out of order, spans follow each other without a gap, in states that there are."""
    kinds = {"t": "take", "d": "drop", "w": "wait", "f": "forced"}
    rows = [(at_ns, native_id, kinds[kind]) for at_ns, native_id, kind in sorted(story, key=lambda row: row[0])]
    for lane in lanes_of(traces.log(rows, n_lost_events=n_lost), ALL, ALL):
        assert all(one.begin_ns < one.end_ns and one.state in STATES for one in lane.spans)
        assert all(one.end_ns == other.begin_ns for one, other in pairwise(lane.spans))
        assert (lane.spans[0].begin_ns, lane.spans[-1].end_ns) == (0, 100)
