# ruff: noqa: E501 - patterns are as long as their sentences
"""`gilscope trace`: its sentence, its table and its picture say what the lanes show, however short or odd they are."""

import re
from itertools import pairwise

import traces
from claims import Drawn, Vocabulary, adds_up, examples, number, reads_share, reads_time
from hypothesis import given
from hypothesis import strategies as st
from traces import MAIN, ONE, TWO

from gilscope.report import text
from gilscope.tracing import picture, summary, view
from gilscope.tracing.result import Trace
from gilscope.tracing.spans import HOLDING, RELEASED_STATES, WAITING, Lane, known_from_ns

KINDS = ((HOLDING,), (WAITING,), RELEASED_STATES)
GAPS = (0, 1, 3, 1000, 10**6, 10**9)


@st.composite
def drawn_traces(draw: st.DrawFn) -> Drawn:
    """Draw threads that take, drop, wait and are forced, in turns that can be or cannot, with the first events lost."""
    threads = draw(st.sampled_from([(ONE,), (ONE, TWO), (MAIN, ONE, TWO)]))
    is_legal, story, at_ns, holder = draw(st.booleans()), [], 0, 0
    waiting: set[int] = set()
    for _ in range(draw(st.integers(0, 14))):
        at_ns += draw(st.sampled_from(GAPS))
        thread = draw(st.sampled_from(threads))
        kind = draw(st.sampled_from(["take", "drop", "wait", "forced"]))
        if is_legal:
            kind = "drop" if thread == holder else "take" if not holder else "wait"
            if kind == "wait" and thread in waiting:
                continue
        holder = thread if kind == "take" else 0 if kind == "drop" else holder
        waiting = (waiting | {thread}) if kind == "wait" else waiting - {thread}
        story.append((at_ns, thread, kind))
    n_lost = draw(st.integers(0, len(story)))
    log = traces.log(story[n_lost:], wall_ns=at_ns + draw(st.sampled_from(GAPS)), n_lost_events=n_lost)
    there = {event.native_id for event in log.events}
    trace = traces.trace(log, workers=draw(st.sets(st.sampled_from(threads), max_size=3)) & there)
    return Drawn(trace, f"{text.render(view.blocks(trace))}\n\n{story}\n{picture.notes(trace)}")


SAID = Vocabulary()


def known(trace: Trace) -> list[Lane]:
    return [lane for lane in trace.workers if any(lane.total_ns(*states) for states in KINDS)]


def contested(trace: Trace, holders: tuple[Lane, ...]) -> float:
    """Return for what share of the workers' waiting one of these lanes held the GIL, ns by ns of the edges between."""
    waits = [one for lane in known(trace) for one in lane.spans if one.state == WAITING]
    holds = [one for lane in holders for one in lane.spans if one.state == HOLDING]
    within = 0
    for wait in waits:
        edges = sorted({wait.begin_ns, wait.end_ns, *(e for h in holds for e in (h.begin_ns, h.end_ns))})
        for begin, end in pairwise(edges):
            inside = wait.begin_ns <= begin and end <= wait.end_ns
            within += (end - begin) * (inside and any(h.begin_ns <= begin and end <= h.end_ns for h in holds))
    return within / sum(wait.length_ns for wait in waits)


@SAID.claim(
    r"(?P<who>The thread|(?:On average )?each of the <n:count> threads) held the GIL <held:percent> of its time, waited for it <waited:percent> and ran or slept without it <released:percent>"
)
def _(trace: Trace, who: str, held: str, waited: str, released: str, n: str = "1") -> bool:
    lanes = known(trace)
    each = [[lane.share(*states) for states in KINDS] for lane in lanes]
    means = [sum(shares) / len(lanes) for shares in zip(*each, strict=True)]
    alike = len({tuple(row(trace, lane)[2:5]) for lane in lanes}) == 1
    shown = (held, waited, released)
    right = all(reads_share(text, share, alike) for text, share in zip(shown, means, strict=True))
    return right and adds_up(shown) and len(lanes) == number(n) and who.startswith("On average") != alike


@SAID.claim("they were in each other's way, for up to <longest:time> at a time")
def _(trace: Trace, longest: str) -> bool:
    lanes = known(trace)
    return len(lanes) > 1 and longest_wait(trace, longest) and contested(trace, tuple(lanes)) >= 0.25


@SAID.claim("other threads were in (?P<whose>its|their) way, for up to <longest:time> at a time")
def _(trace: Trace, whose: str, longest: str) -> bool:
    right = (whose == "its") == (len(known(trace)) == 1)
    return right and longest_wait(trace, longest) and contested(trace, trace.lanes) >= 0.5


def longest_wait(trace: Trace, longest: str) -> bool:
    lengths = [one.length_ns for lane in known(trace) for one in lane.spans if one.state == WAITING]
    in_a_row = longest in [row(trace, lane)[7] for lane in known(trace)]
    return in_a_row and reads_time(longest, max(lengths)) and max(lane.share(WAITING) for lane in known(trace)) >= 0.1


@SAID.claim(
    "Another thread held the GIL for only <share:percent> of that wait: (?P<who>it|they) waited more for a CPU than for (?:another thread|others)"
)
def _(trace: Trace, share: str, who: str) -> bool:
    right = (who == "it") == (len(known(trace)) == 1)
    return right and reads_share(share, contested(trace, trace.lanes)) and contested(trace, trace.lanes) < 0.5


@SAID.claim("hardly one was in another's way")
def _(trace: Trace) -> bool:
    return len(known(trace)) > 1 and all(lane.share(WAITING) < 0.02 for lane in known(trace))


@SAID.claim("Nothing is known of what the threads that made the call did")
def _(trace: Trace) -> bool:
    return not known(trace)


@SAID.claim("Of <n:count> other threads? nothing is known")
def _(trace: Trace, n: str) -> bool:
    return number(n) == len(trace.workers) - len(known(trace))


@SAID.claim(
    r"The first <n:count> events? (?:was|were) lost, so the first <unknown:time> are unknown; more --events or a shorter --max-time loses fewer"
)
def _(trace: Trace, n: str, unknown: str) -> bool:
    return number(n) == trace.log.n_lost_events and reads_time(unknown, known_from_ns(trace.log))


@SAID.claim(r"All <n:count> events? were lost")
def _(trace: Trace, n: str) -> bool:
    return number(n) == trace.log.n_lost_events and not trace.log.events


def row(trace: Trace, lane: Lane) -> tuple[str, ...]:
    """Return the cells of a lane's line."""
    return view.row(trace, lane)


def contradictions(trace: Trace) -> list[str]:
    found = SAID.contradictions(summary.sentence(trace), trace)
    for lane in trace.lanes:
        cells = row(trace, lane)
        shares, total_ns = cells[2:5], sum(lane.total_ns(*states) for states in KINDS)
        if not total_ns:
            found += [f"{lane.name}: {cells}"] if set(shares) != {"-"} else []
            continue
        right = all(reads_share(text, lane.share(*states), 1) for text, states in zip(shares, KINDS, strict=True))
        if not right or not adds_up(shares) or not reads_time(cells[6], lane.longest_hold_ns):
            found.append(f"{lane.name}: {cells}")
    for note in picture.notes(trace):
        shares = re.findall(r"(?:under |over )?[\d.]+ %", note)
        found += [note] if not adds_up(shares) or (not shares and note != "unknown") else []
    if trace.log.n_lost_events and "lost event" not in picture._about(trace):
        found.append(picture._about(trace))
    return found


@examples(500)
@given(drawn_traces())
def test_no_sentence_of_a_trace_says_what_its_lanes_exclude(drawn: Drawn) -> None:
    """Of no thread or three, of turns that are possible and of garbage, from nothing to seconds."""
    assert contradictions(drawn.facts) == []


def test_a_short_life_is_not_measured_by_a_long_log() -> None:
    """Two threads that took turns for a hundredth of the log were in each other's way, though the GIL was mostly free."""
    story = [(at + 9000, thread, kind) for at, thread, kind, *_ in traces.TURNS if thread != MAIN]
    story += [(9090, ONE, "drop"), (9091, TWO, "take"), (9092, TWO, "drop")]
    log = traces.log(story, wall_ns=10_000)
    lanes = traces.lanes_of(log, (), ())
    known = {"n_events": len(log.events), "known_from_ns": known_from_ns(log)}
    trace = Trace(target="f", log=log, **known, lanes=lanes, calls={ONE: 3, TWO: 3}, pid=1, python="3.13.0")
    assert "in each other's way" in summary.sentence(trace)


def test_one_that_waits_is_not_hidden_by_many_that_do_not() -> None:
    """Of ten threads one waited 15 % of its time: the mean is below 2 %, and yet one was in its way."""
    story = [(0, MAIN, "take"), (150, MAIN, "drop")]
    story += [(0, 100 + i, "drop") for i in range(9)] + [(0, TWO, "wait"), (150, TWO, "take"), (160, TWO, "drop")]
    log = traces.log(sorted(story, key=lambda one: one[0]), wall_ns=1000)
    said = summary.sentence(traces.trace(log, workers=[TWO, *(100 + i for i in range(9))]))
    assert said.startswith("On average each of the 10 threads")
    assert "hardly" not in said
