"""Memory that two threads wait for, and memory that has room for all; in cache the reverse."""

from gilscope.experiments.memory_wall import _bytes
from gilscope.experiments.setting import Setting
from gilscope.words import size

_MS = 1e6


def _times(in_cache: float, from_memory: float, copied: float, half: float = 0.5) -> dict[str, dict[str, float]]:
    """Return what 10 ms of one thread take two that gain so much, and a copy that takes so many times as long."""
    found = {}
    cached, *rest = _bytes(Setting())
    for n_bytes in (cached, *rest):
        gain = in_cache if n_bytes == cached else from_memory
        for arm, ms in (
            ("1 thread", 10.0),
            ("2 threads", 10.0 / gain),
            ("copy", 10.0 * copied),
            ("half a copy", 10.0 * copied * half),
        ):
            found[f"{arm}, {size(n_bytes)}"] = {"wall_ns": ms * _MS, "moved_bytes": float(n_bytes)}
    return found


CONFIRMED = _times(in_cache=1.9, from_memory=1.3, copied=0.9)
REFUTED = _times(in_cache=1.1, from_memory=1.9, copied=0.3)
SABOTAGED = _times(in_cache=1.9, from_memory=1.3, copied=0.9, half=1.0)
