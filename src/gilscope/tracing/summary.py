"""A trace in words: what the threads that made the call did with the GIL, in a sentence."""

from collections.abc import Sequence

from gilscope.tracing.result import Trace
from gilscope.tracing.spans import HOLDING, RELEASED_STATES, WAITING, Lane
from gilscope.tracing.waits import waits_of
from gilscope.words import NONE, counted, duration, percent, percentages

#: From this share of waiting on, the GIL is in the way; below the other one it is not.
IN_THE_WAY, OUT_OF_THE_WAY = 0.10, 0.02

#: The three columns of shares, by the states that each adds up.
_KINDS = ((HOLDING,), (WAITING,), RELEASED_STATES)


def sentence(trace: Trace) -> str:
    """Return what the threads that made the call did with the GIL, in one sentence or two."""
    known = [lane for lane in trace.workers if is_known(lane)]
    said = [_did(known, trace) if known else "Nothing is known of what the threads that made the call did."]
    if len(known) < len(trace.workers) and known:
        said.append(f"Of {counted(len(trace.workers) - len(known), 'other thread')} nothing is known.")
    log = trace.log
    if log.n_lost_events and trace.n_events:
        were = "was" if log.n_lost_events == 1 else "were"
        unknown = duration(trace.known_from_ns)
        said.append(
            f"The first {counted(log.n_lost_events, 'event')} {were} lost, so the first {unknown} "
            "are unknown; more --events or a shorter --max-time loses fewer."
        )
    elif log.n_lost_events:
        said.append(f"All {counted(log.n_lost_events, 'event')} were lost.")
    return " ".join(said)


def _did(workers: Sequence[Lane], trace: Trace) -> str:
    """Say what threads of which something is known did, and whether one was in another's way."""
    n = len(workers)
    alike = len({shares_of(lane) for lane in workers}) == 1
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


def shares_of(lane: Lane) -> tuple[str, ...]:
    """Return what a lane did with its time, in per cent of what is known of it."""
    if not is_known(lane):
        return (NONE,) * len(_KINDS)
    return tuple(percentages([lane.total_ns(*states) for states in _KINDS], 1))


def is_known(lane: Lane) -> bool:
    """Tell whether the log says anything of what a thread did."""
    return any(lane.total_ns(*states) for states in _KINDS)
