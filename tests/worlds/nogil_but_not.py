"""Old Cython, of which all is true that is predicted, and one in which every form does the opposite."""

from worlds import changed

_MS = 1e6


def _run(takes: float, ns: float) -> dict[str, float]:
    return {"takes": takes * 20_000, "calls": 20_000, "wall_ns": ns * 20_000}


def _shared(noexcept: float, star: float) -> dict[str, dict[str, float]]:
    gains = {"noexcept": noexcept, "except *": star}
    return {f"{form}, one thread": {"wall_ns": 30 * _MS} for form in gains} | {
        f"{form}, two threads": {"wall_ns": 30 * _MS / gain} for form, gain in gains.items()
    }


CONFIRMED = {
    "noexcept": _run(0, 1),
    "except *": _run(1, 50),
    "except? -1": _run(0, 1),
    "except? -1, returned": _run(1, 50),
    "with gil, not reached": _run(1, 50),
    "with gil, reached": _run(1, 50),
    **_shared(1.9, 0.5),
}
REFUTED = {
    "noexcept": _run(1, 50),
    "except *": _run(0, 1),
    "except? -1": _run(1, 50),
    "except? -1, returned": _run(0, 1),
    "with gil, not reached": _run(0, 1),
    "with gil, reached": _run(1, 50),
    **_shared(1.0, 1.9),
}
SABOTAGED = changed(CONFIRMED, **{"with gil, reached": _run(3, 50)})
