"""A trace in words: one line for each thread, and one sentence."""

from collections.abc import Sequence

from gilscope.tracing.result import Trace
from gilscope.tracing.spans import HOLDING, RELEASED_STATES, WAITING, Lane, known_from_ns
from gilscope.tracing.waits import waits_of
from gilscope.words import NONE, count, counted, duration, percent, percentages

#: From this share of waiting on, the GIL is in the way; below the other one it is not.
IN_THE_WAY, OUT_OF_THE_WAY = 0.10, 0.02

_HEADINGS = ("thread", "calls", "held", "waited", "released", "forced switches", "longest hold", "longest wait")
#: The three columns of shares, by the states that each adds up.
_KINDS = ((HOLDING,), (WAITING,), RELEASED_STATES)


def text(trace: Trace) -> str:
    """Return the summary of a trace, lines without a newline at the end."""
    log = trace.log
    rows = [_HEADINGS, *(_row(trace, lane) for lane in trace.lanes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [f"{trace.target}: {duration(log.wall_ns)}, {counted(len(log.events), 'event')}", ""]
    for name, *figures in rows:
        cells = (f"{figure:>{width}}" for figure, width in zip(figures, widths[1:], strict=True))
        lines.append(f"{name:<{widths[0]}}  {'  '.join(cells)}")
    blind = "; ".join(log.blind_to) or "nothing known"
    return "\n".join(
        [
            *lines,
            "",
            sentence(trace),
            *(f"Note: {note}." for note in trace.notes),
            f"By the {log.mechanism}, which costs {log.cost}; it does not see {blind}.",
        ]
    )


def sentence(trace: Trace) -> str:
    """Return what the threads that made the call did with the GIL, in one sentence or two."""
    known = [lane for lane in trace.workers if _known(lane)]
    said = [_did(known, trace) if known else "Nothing is known of what the threads that made the call did."]
    if len(known) < len(trace.workers) and known:
        said.append(f"Of {counted(len(trace.workers) - len(known), 'other thread')} nothing is known.")
    log = trace.log
    if log.n_lost_events and log.events:
        were = "was" if log.n_lost_events == 1 else "were"
        said.append(
            f"The first {counted(log.n_lost_events, 'event')} {were} lost, so the first {duration(known_from_ns(log))} "
            "are unknown; more --events or a shorter --max-time loses fewer."
        )
    elif log.n_lost_events:
        said.append(f"All {counted(log.n_lost_events, 'event')} were lost.")
    return " ".join(said)


def _did(workers: Sequence[Lane], trace: Trace) -> str:
    """Say what threads of which something is known did, and whether one was in another's way."""
    n = len(workers)
    alike = len({_shares(lane) for lane in workers}) == 1
    who = "The thread" if n == 1 else f"Each of the {n} threads" if alike else f"On average each of the {n} threads"
    each = [[lane.share(*states) for states in _KINDS] for lane in workers]
    means = [sum(shares) / n for shares in zip(*each, strict=True)]
    held, waited, released = percentages(means, 1 if alike else 0)
    did = f"{who} held the GIL {held} of its time, waited for it {waited} and ran or slept without it {released}"
    if means[1] >= IN_THE_WAY:
        return f"{did}{_waited_for(workers, trace)}"
    if n > 1 and max(shares[1] for shares in each) < OUT_OF_THE_WAY:
        return f"{did}: hardly one was in another's way."
    return f"{did}."


def _waited_for(workers: Sequence[Lane], trace: Trace) -> str:
    waits = waits_of(workers, trace.lanes)
    longest = duration(max(lane.longest_wait_ns for lane in workers))
    one = len(workers) == 1
    if 2 * waits.held_ns < waits.all_ns:
        # Nobody waits for a holder longer than there is one; the rest is the way from being woken to running.
        other = (
            "it waited more for a CPU than for another thread" if one else "they waited more for a CPU than for others"
        )
        return (
            f". Another thread held the GIL for only {percent(waits.held_ns / waits.all_ns, 0)} of that wait: {other}."
        )
    if 2 * waits.each_other_ns >= waits.held_ns:
        return f": they were in each other's way, for up to {longest} at a time."
    return f": other threads were in {'its' if one else 'their'} way, for up to {longest} at a time."


def _row(trace: Trace, lane: Lane) -> tuple[str, ...]:
    calls = trace.calls.get(lane.native_id)
    is_known = _known(lane)
    return (
        lane.name,
        count(calls),
        *_shares(lane),
        count(len(lane.forced_ns)),
        duration(lane.longest_hold_ns) if is_known else NONE,
        duration(lane.longest_wait_ns) if is_known else NONE,
    )


def _shares(lane: Lane) -> tuple[str, ...]:
    """Return what a lane did with its time, in per cent of what is known of it."""
    if not _known(lane):
        return (NONE,) * len(_KINDS)
    return tuple(percentages([lane.total_ns(*states) for states in _KINDS], 1))


def _known(lane: Lane) -> bool:
    return any(lane.total_ns(*states) for states in _KINDS)
