"""A trace as blocks: a line for each thread, how it was seen, and one sentence, which stands last."""

from gilscope.report.blocks import QUIET, Answer, Block, Column, Heading, Line, Sentences, Table
from gilscope.tracing.result import Trace
from gilscope.tracing.spans import Lane
from gilscope.tracing.summary import is_known, sentence, shares_of
from gilscope.words import NONE, count, counted, duration

#: On a narrow terminal, what a thread did with its time stays longest.
_COLUMNS = (
    Column("thread", wraps=True),
    Column("calls", "right", drop=2),
    Column("held", "right"),
    Column("waited", "right"),
    Column("released", "right"),
    Column("forced switches", "right", drop=1),
    Column("longest hold", "right", drop=3),
    Column("longest wait", "right", drop=4),
)


def blocks(trace: Trace) -> tuple[Block, ...]:
    """Return a trace as blocks."""
    log = trace.log
    blind = "; ".join(log.blind_to) or "nothing known"
    notes = [f"Note: {note}." for note in trace.notes]
    return (
        Heading(f"{trace.target}: {duration(log.wall_ns)}, {counted(trace.n_events, 'event')}"),
        Table(_COLUMNS, tuple(Line(row(trace, lane)) for lane in trace.lanes)),
        Sentences((*notes, f"By the {log.mechanism}, which costs {log.cost}; it does not see {blind}."), QUIET),
        Answer(sentence(trace)),
    )


def row(trace: Trace, lane: Lane) -> tuple[str, ...]:
    """Return one thread's line: its calls, its shares of its time, and the extremes."""
    calls = trace.calls.get(lane.native_id)
    known = is_known(lane)
    return (
        lane.name,
        count(calls),
        *shares_of(lane),
        count(len(lane.forced_ns)),
        duration(lane.longest_hold_ns) if known else NONE,
        duration(lane.longest_wait_ns) if known else NONE,
    )
