"""A machine on which processes can be stopped and threads in kernels cannot, and one on which it is the other way."""

MS = 1e6
YES, NO = 1.0, 0.0


def _after(of_rest: float, **facts: float) -> dict[str, float]:
    """Return what a worker reads that is stopped after this part of the rest of its call, which is 20 ms."""
    return {"of_rest": of_rest, "stopped_ns": of_rest * 20 * MS, **facts}


CONFIRMED = {
    "process, SIGTERM": _after(0.01, lock=YES, lost=YES),
    "process that handles SIGTERM": _after(1.1),
    "process with a segment": {"left": YES},
    "thread in plain Python": _after(0.02, lock=NO),
    "thread in a kernel": _after(1.0, lock=NO),
    "Ctrl-C in plain Python": _after(0.02),
    "Ctrl-C in a kernel that holds the GIL": _after(1.0),
    "Ctrl-C in a kernel that releases the GIL": _after(1.0),
    "a call that nothing stops": _after(1.0),
}
REFUTED = {
    **CONFIRMED,
    "process, SIGTERM": _after(1.0, lock=NO, lost=NO),
    "process that handles SIGTERM": _after(0.02),
    "process with a segment": {"left": NO},
    "thread in plain Python": _after(1.0, lock=NO),
    "thread in a kernel": _after(0.02, lock=YES),
    "Ctrl-C in plain Python": _after(1.0),
    "Ctrl-C in a kernel that holds the GIL": _after(0.02),
    "Ctrl-C in a kernel that releases the GIL": _after(0.02),
}
SABOTAGED = {**CONFIRMED, "a call that nothing stops": _after(0.1)}
