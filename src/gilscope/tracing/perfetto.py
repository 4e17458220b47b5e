"""A trace as Chrome's JSON trace events, for https://ui.perfetto.dev and chrome://tracing."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gilscope.accounting.log import SiteAccount
from gilscope.accounting.sites import library_of, place_of
from gilscope.tracing.result import Trace
from gilscope.tracing.spans import BLOCKED, COMPUTING, HOLDING, RELEASED, UNKNOWN, WAITING, Span, holders_of
from gilscope.version import __version__

#: The GIL's own track. No thread of a child process has this id, for that is the first process of its namespace.
GIL_TRACK = 1
_NAMES = {
    HOLDING: "holds the GIL",
    WAITING: "waits for the GIL",
    COMPUTING: "computes without the GIL",
    BLOCKED: "blocked, without the GIL",
    RELEASED: "without the GIL",
    UNKNOWN: "unknown",
}


def document(trace: Trace) -> dict[str, Any]:
    """Return a trace as the plain data of a Chrome trace file.

    Notes
    -----
    "X" events are spans, one track for each thread and one for the GIL, which shows its holder; "i" events are
    forced switches; "M" events name the tracks. Times are in µs since the log began, exact to the nanosecond.
    """
    log = trace.log
    names = [site_name(site) for site in log.sites]
    timed = [_complete(trace.pid, GIL_TRACK, one, lane.name) for one, lane in holders_of(trace.lanes)]
    for lane in trace.lanes:
        for one in lane.spans:
            name = _NAMES[one.state]
            more = {} if one.site is None else {"released in": names[one.site]}
            timed.append(_complete(trace.pid, lane.native_id, one, name, more))
        instant = {"name": "forced switch", "cat": "gil", "ph": "i", "s": "t", "pid": trace.pid, "tid": lane.native_id}
        timed += [instant | {"ts": microseconds(at_ns)} for at_ns in lane.forced_ns]
    timed.sort(key=lambda event: event["ts"])
    return {
        "traceEvents": [*_names(trace), *timed],
        "displayTimeUnit": "ns",
        "otherData": {
            "tool": f"gilscope {__version__}",
            "target": trace.target,
            "python": trace.python,
            "calls": {lane.name: trace.calls[lane.native_id] for lane in trace.workers},
            "mechanism": log.mechanism,
            "cost": log.cost,
            "blind_to": list(log.blind_to),
            "wall_ns": log.wall_ns,
            "events": trace.n_events,
            "lost_events": log.n_lost_events,
            "sites": [{"name": name, **asdict(site)} for name, site in zip(names, log.sites, strict=True)],
        },
    }


def site_name(site: SiteAccount) -> str:
    """Return a place that releases the GIL in few words, for example ``"zlib: zlib_crc32"``."""
    return f"{library_of(site.module)}: {place_of(site.symbol, site.offset)}"


def microseconds(value_ns: int) -> float:
    """Return the smallest number of µs that a reader who multiplies by 1000 and cuts off takes for so many ns.

    Without this, 1.001 µs becomes 1000 ns, and spans that touch overlap.
    """
    value_us = value_ns / 1000
    while int(value_us * 1000) < value_ns:
        value_us = math.nextafter(value_us, math.inf)
    return value_us


def _complete(pid: int, tid: int, one: Span, name: str, more: Mapping[str, str] | None = None) -> dict[str, Any]:
    event = {"name": name, "cat": "gil", "ph": "X", "pid": pid, "tid": tid}
    event |= {"ts": microseconds(one.begin_ns), "dur": microseconds(one.length_ns)}
    return event | ({"args": dict(more)} if more else {})


def _names(trace: Trace) -> list[dict[str, Any]]:
    """Return what names the tracks and puts them in order, the GIL's first."""
    tracks = [(GIL_TRACK, "GIL, and who holds it"), *((lane.native_id, lane.name) for lane in trace.lanes)]
    found = [_about(trace.pid, GIL_TRACK, "process_name", {"name": f"gilscope trace {trace.target}"})]
    for i, (tid, name) in enumerate(tracks):
        found.append(_about(trace.pid, tid, "thread_name", {"name": name}))
        found.append(_about(trace.pid, tid, "thread_sort_index", {"sort_index": i}))
    return found


def _about(pid: int, tid: int, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "ph": "M", "pid": pid, "tid": tid, "ts": 0, "args": dict(args)}
