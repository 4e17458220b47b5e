"""A machine on which copies cost what they do, and one on which a pipe costs nothing and a thread pays by the byte."""

from worlds import changed

_US = 1e3
_SIZES = {"1 byte": 1, "64 KiB": 2**16, "4 MiB": 2**22, "64 MiB": 2**26}


def _times(pipe: float, queue: float, shared: float, copied: float, object_: float) -> dict[str, dict[str, float]]:
    """Return times of every way: so many us, and with each MiB so many more, but for the object."""
    ways = {
        "pipe": (40.0, pipe),
        "queue": (70.0, queue),
        "shared memory": (45.0, shared),
        "copy to a thread": (15.0, copied),
    }
    found = {
        f"{way}, {told}": {"wall_ns": (base + each * n_bytes / 2**20) * _US}
        for way, (base, each) in ways.items()
        for told, n_bytes in _SIZES.items()
    }
    found |= {f"object to a thread, {told}": {"wall_ns": 15 * _US} for told in _SIZES}
    found["object to a thread, 64 MiB"] = {"wall_ns": object_ * _US}
    return found | {"two copies to a thread": {"wall_ns": (15 + 2 * copied * 64) * _US}}


CONFIRMED = _times(pipe=800, queue=900, shared=200, copied=150, object_=16)
REFUTED = changed(
    _times(pipe=100, queue=100, shared=200, copied=150, object_=5000),
    **{"pipe, 1 byte": {"wall_ns": 5 * _US}},
)
SABOTAGED = changed(CONFIRMED, **{"two copies to a thread": {"wall_ns": (15 + 150 * 64) * _US}})
