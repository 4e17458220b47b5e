"""A machine without a GIL, on which the article is right, and one on which nothing it says is."""

from worlds import changed

MS = 1e6


def _of(sequence: float, threads: float, processes: float, amount: str) -> dict[str, dict[str, float]]:
    times = {"sequence": sequence, "threads": threads, "processes": processes}
    return {f"{way}, {amount}": {"wall_ns": ms * MS} for way, ms in times.items()}


CONFIRMED = {
    **_of(0.001, 0.2, 80, "one number"),
    **_of(300, 200, 250, "300 ms of work"),
    "sequence, control": {"wall_ns": 20 * MS},
    "sequence again": {"wall_ns": 20 * MS},
}
REFUTED = {
    **CONFIRMED,
    **_of(0.5, 0.2, 0.3, "one number"),
    **_of(300, 303, 390, "300 ms of work"),
}
SABOTAGED = changed(CONFIRMED, **{"sequence again": {"wall_ns": 28 * MS}})
