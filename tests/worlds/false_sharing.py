"""Lines that travel between cores, and cores that share their caches."""

from worlds import changed

_MS = 1e6


def _counted(ms: float) -> dict[str, float]:
    return {"wall_ns": ms * _MS, "additions": 1e7}


CONFIRMED = {
    "neighbours": _counted(60),
    "128 bytes apart": _counted(15),
    "one thread, line shared": _counted(29),
    "one thread, line of its own": _counted(29),
}
REFUTED = changed(CONFIRMED, neighbours=_counted(15.2))
SABOTAGED = changed(CONFIRMED, **{"one thread, line shared": _counted(60)})
