"""Logs and traces made by hand, for the tests of what is made of them."""

from collections.abc import Collection, Sequence
from typing import Any

from gilscope.accounting.log import Event, Log, SiteAccount, ThreadAccount
from gilscope.tracing.result import Trace
from gilscope.tracing.spans import known_from_ns, lanes_of

#: The threads of most examples.
MAIN, ONE, TWO = 10, 11, 12


def thread(native_id: int, **changes: Any) -> ThreadAccount:
    """Return an account; only what the test is about has to be given."""
    names = {MAIN: "MainThread", ONE: "worker 1", TWO: "worker 2"}
    plain = dict.fromkeys(ThreadAccount.__dataclass_fields__, 0)
    return ThreadAccount(**{**plain, "native_id": native_id, "name": names.get(native_id, str(native_id)), **changes})


def site(**changes: Any) -> SiteAccount:
    """Return a place that releases the GIL and computes."""
    plain = {"module": "/lib/zlib.cpython-313-x86_64-linux-gnu.so", "symbol": "zlib_crc32", "offset": 64, "count": 1}
    return SiteAccount(**{**plain, "computing_ns": 100, "blocked_ns": 0, "longest_release_ns": 100, **changes})


def log(story: Sequence[tuple[Any, ...]], wall_ns: int = 100, **changes: Any) -> Log:
    """Return a log from rows of (at_ns, native_id, kind) or (at_ns, native_id, kind, site)."""
    events = tuple(Event(*row, *([None] if len(row) == 3 else [])) for row in story)
    threads = tuple(thread(native_id) for native_id in dict.fromkeys(event.native_id for event in events))
    plain = {
        "mechanism": "ledger",
        "cost": "what it costs",
        "blind_to": ("what it cannot see",),
        "threads": threads,
        "sites": (),
    }
    return Log(**{**plain, "wall_ns": wall_ns, "events": events, **changes})


def trace(of: Log, workers: Collection[int] = (ONE, TWO)) -> Trace:
    """Return the trace of a log whose threads were all there from beginning to end."""
    everybody = {event.native_id for event in of.events}
    calls = dict.fromkeys(workers, 3)
    lanes = lanes_of(of, everybody, everybody)
    known = {"n_events": len(of.events), "known_from_ns": known_from_ns(of)}
    return Trace(target="mod:call", log=of, **known, lanes=lanes, calls=calls, pid=9, python="3.13.0")


#: Main lets two workers go; they take turns, one is forced to give up, and one still waits at the end.
TURNS = [
    (5, MAIN, "drop"),
    (6, ONE, "take"),
    (10, TWO, "wait"),
    (30, ONE, "drop"),
    (31, ONE, "forced"),
    (33, TWO, "take"),
    (35, ONE, "wait"),
    (50, TWO, "drop", 0),
    (51, ONE, "take"),
    (80, TWO, "wait"),
]
