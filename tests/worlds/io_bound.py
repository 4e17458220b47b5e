"""Waits that overlap, and waits that one lock makes follow each other."""

from worlds import changed

_MS = 1e6


def _times(**ms: float) -> dict[str, dict[str, float]]:
    names = {
        "one": "1 thread",
        "four": "4 threads",
        "sixteen": "16 threads",
        "all": "64 threads",
        "loop": "asyncio, 64",
        "processes": "4 processes",
        "pipes": "16 threads, pipes",
    }
    return {names[name]: {"wall_ns": value * _MS} for name, value in ms.items()}


CONFIRMED = _times(one=70, four=18, sixteen=6, all=4, loop=5, processes=18.5, pipes=6)
REFUTED = _times(one=70, four=69, sixteen=69, all=35, loop=250, processes=18, pipes=69)
SABOTAGED = changed(CONFIRMED, **{"1 thread": {"wall_ns": 30 * _MS}})
