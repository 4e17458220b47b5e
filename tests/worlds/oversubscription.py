"""Libraries over which more threads gain nothing, and ones over which they gain and single inner threads lose."""

from worlds import changed

_MS = 1e6


def _times(inner: float, outer: float, both: float) -> dict[str, dict[str, float]]:
    """Return what the mixtures take, in ms, for both libraries."""
    mixes = {"1 x 1": 60.0, "1 x 2": inner, "2 x 1": outer, "2 x 2": both}
    found = {
        f"{library}, {mix}": {"wall_ns": ms * _MS, "cpu_ns": 60 * _MS}
        for library in ("OpenMP", "BLAS")
        for mix, ms in mixes.items()
    }
    return found | {"a kernel once": {"wall_ns": 15 * _MS}, "a kernel twice": {"wall_ns": 30 * _MS}}


CONFIRMED = _times(inner=32, outer=31, both=35)
REFUTED = _times(inner=32, outer=58, both=20)
SABOTAGED = changed(CONFIRMED, **{"a kernel twice": {"wall_ns": 16 * _MS}})
