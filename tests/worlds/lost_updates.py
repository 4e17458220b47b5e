"""A GIL under which a plain += is right and everything else as feared, and the reverse."""

from worlds import changed


def _lost(per_million: float, ns: float) -> dict[str, float]:
    return {"wall_ns": ns * 1e6, "updates": 1e6, "lost_per_million": per_million}


IS_EXACT = True
CONFIRMED = {
    "counter += 1": _lost(0, 30),
    "counter += one()": _lost(200_000, 60),
    "counter += one(), with a lock": _lost(0, 200),
    "C, released": _lost(400_000, 2),
    "C, released, atomic": _lost(0, 15),
    "one thread: counter += one()": _lost(0, 60),
}
REFUTED = {
    "counter += 1": _lost(300_000, 30),
    "counter += one()": _lost(0, 60),
    "counter += one(), with a lock": _lost(5, 200),
    "C, released": _lost(0, 2),
    "C, released, atomic": _lost(5, 15),
    "one thread: counter += one()": _lost(0, 60),
}
SABOTAGED = changed(CONFIRMED, **{"one thread: counter += one()": {"lost_per_million": 3.0}})
