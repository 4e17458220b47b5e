"""The files of `gilscope trace`: what viewers of Chrome's trace events draw, and beside it what gilscope reads back.

Schema version history
----------------------
1 : first (0.1.0) with a kind. Files from before have what viewers draw alone, and are not read.
"""

from dataclasses import replace
from typing import Any

from gilscope.documents.envelope import Form
from gilscope.documents.typed import plain
from gilscope.tracing import perfetto
from gilscope.tracing.result import Trace


def _data(trace: Trace) -> dict[str, Any]:
    """Return a trace's data, what viewers draw first; its spans stand for its events, which may be a million."""
    return {**perfetto.document(trace), **plain(replace(trace, log=replace(trace.log, events=())))}


TRACE: Form[Trace] = Form(
    kind="gilscope trace",
    version=1,
    holds=Trace,
    data=_data,
    beside={
        "traceEvents": "What viewers draw: Chrome's trace events, in microseconds.",
        "displayTimeUnit": "Of a viewer.",
        "otherData": "What a viewer shows of the whole.",
    },
    separators=(",", ":"),
)
