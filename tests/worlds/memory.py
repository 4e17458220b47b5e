"""A machine on which processes are heavy and copy what they touch, and one on which threads do and they do not."""

MIB = 1 << 20


def _of(started: float, collected: float, touched: float, **more: float) -> dict[str, float]:
    """Return what a worker takes for itself, in MiB, at the start, after a collection and after reading 16 MiB."""
    return {
        "rows_bytes": 16 * MIB,
        "started_own_bytes": started * MIB,
        "started_share_bytes": (started + 1) * MIB,
        "collected_own_bytes": collected * MIB,
        "touched_own_bytes": touched * MIB,
        **more,
    }


CONFIRMED = {
    "thread": _of(0.02, 0.02, 0.03),
    "interpreter": _of(6.5, 6.5, 22.5, left_bytes=0.1 * MIB),
    "spawn": _of(7, 7, 23, filled_bytes=32 * MIB),
    "forkserver": _of(3, 4.6, 20),
    "fork": _of(1.8, 14, 18),
    "fork, frozen": _of(1.8, 1.9, 15),
}
REFUTED = {
    **CONFIRMED,
    "thread": _of(5, 5, 20),
    "interpreter": _of(6.5, 6.5, 22.5, left_bytes=6 * MIB),
    "spawn": _of(0.5, 0.5, 16.5, filled_bytes=32 * MIB),
    "fork": _of(14, 14.5, 15),
    "fork, frozen": _of(2, 14, 15),
}
SABOTAGED = {**CONFIRMED, "spawn": _of(7, 7, 23, filled_bytes=16 * MIB)}
