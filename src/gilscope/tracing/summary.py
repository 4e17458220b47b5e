"""A trace in words: one line for each thread, and one sentence."""

from gilscope.tracing.intervals import HOLDING, RELEASED_STATES, WAITING, Lane, known_from_ns
from gilscope.tracing.trace import Trace
from gilscope.words import duration

#: From this share of waiting on, the GIL is in the way; below the other one it is not.
IN_THE_WAY, OUT_OF_THE_WAY = 0.10, 0.02

_HEADINGS = ("thread", "calls", "held", "waited", "released", "forced switches", "longest hold")


def text(trace: Trace) -> str:
    """Return the summary of a trace, lines without a newline at the end."""
    log = trace.log
    rows = [_HEADINGS, *(_row(trace, lane) for lane in trace.lanes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [f"{trace.target}: {duration(log.wall_ns)}, {len(log.events)} events", ""]
    for name, *figures in rows:
        cells = (f"{figure:>{width}}" for figure, width in zip(figures, widths[1:], strict=True))
        lines.append(f"{name:<{widths[0]}}  {'  '.join(cells)}")
    return "\n".join(
        [
            *lines,
            "",
            sentence(trace),
            f"By the {log.mechanism}, which costs {log.cost}; it does not see {'; '.join(log.blind_to)}.",
        ]
    )


def sentence(trace: Trace) -> str:
    """Return what the threads that made the call did with the GIL, in one sentence or two."""
    workers = trace.workers
    held, waited, released = (_mean_share(workers, *states) for states in ((HOLDING,), (WAITING,), RELEASED_STATES))
    who = "The thread" if len(workers) == 1 else f"Each of the {len(workers)} threads"
    did = f"{who} held the GIL {_percent(held)} of its time, waited for it {_percent(waited)} and ran or slept without "
    did += f"it {_percent(released)}"
    longest_ns = max((lane.longest_hold_ns for lane in workers), default=0)
    busy = _held_share(trace)
    if waited >= IN_THE_WAY and busy < waited / 2:
        # Nobody waits for a holder longer than there is one; the rest is the way from being woken to running.
        did += f". The GIL was held only {_percent(busy)} of the time, so they waited "
        did += "more for a CPU than for each other."
    elif waited >= IN_THE_WAY:
        did += f": they were in each other's way, for up to {duration(longest_ns)} at a time."
    elif waited < OUT_OF_THE_WAY and len(workers) > 1:
        did += ": hardly one was in another's way."
    else:
        did += "."
    if trace.log.n_lost_events:
        unknown = duration(known_from_ns(trace.log))
        did += (
            f" The first {trace.log.n_lost_events} events were lost, so the first {unknown} are unknown; more --events "
        )
        did += "or a shorter --max-time keeps all."
    return did


def _held_share(trace: Trace) -> float:
    """Return for what share of the time somebody held the GIL."""
    held_ns = sum(lane.total_ns(HOLDING) for lane in trace.lanes)
    return held_ns / max(1, trace.log.wall_ns - known_from_ns(trace.log))


def _row(trace: Trace, lane: Lane) -> tuple[str, ...]:
    calls = trace.calls.get(lane.native_id)
    shares = (lane.share(HOLDING), lane.share(WAITING), lane.share(*RELEASED_STATES))
    return (
        lane.name,
        "-" if calls is None else str(calls),
        *(f"{100 * share:.1f} %" for share in shares),
        str(len(lane.forced_ns)),
        duration(lane.longest_hold_ns),
    )


def _mean_share(lanes: tuple[Lane, ...], *states: str) -> float:
    return sum(lane.share(*states) for lane in lanes) / len(lanes) if lanes else 0.0


def _percent(share: float) -> str:
    if 0 < share < 0.01:
        return "less than 1 %"
    return "more than 99 %" if 0.99 < share < 1 else f"{100 * share:.0f} %"
