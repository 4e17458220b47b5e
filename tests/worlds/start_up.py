"""A machine on which processes are heavy and threads are light, and one on which all of them cost the same."""

MS = 1e6


def _of(start: float) -> dict[str, float]:
    """Return what a worker reads whose start takes so many milliseconds."""
    return {
        "create_ns": 0.6 * start * MS,
        "import_ns": 0.3 * start * MS,
        "task_ns": 1.05 * MS,
        "end_ns": 0.1 * start * MS,
        "start_ns": start * MS,
    }


CONFIRMED = {
    "here": {"wall_ns": MS},
    "thread": _of(0.15),
    "interpreter": _of(25),
    "spawn": _of(60),
    "forkserver": _of(20),
    "fork": _of(3),
}
REFUTED = {**CONFIRMED, "thread": _of(15), "interpreter": _of(8), "spawn": _of(4), "forkserver": _of(3.9)}
SABOTAGED = {**CONFIRMED, "thread": {**_of(0.15), "task_ns": 3 * MS}}
