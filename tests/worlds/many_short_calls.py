"""Short calls that race for the GIL and long ones that do not, and a system on which only long ones lose."""

from worlds import changed

_MS = 1e6
_WAYS = {"calls of 1 µs": 10_000, "10 calls made one": 1000, "100 calls made one": 100}


def _times(short: float, long: float, chunked: float, single: float = 1.15) -> dict[str, dict[str, float]]:
    """Return times of ways that gain so much on two threads; single calls take so many times as long as batches."""
    found = {}
    ways = {**_WAYS, "one call, released per block": 1}
    for (way, n_calls), gain in zip(ways.items(), (short, 1.2, long, chunked), strict=True):
        alone_ns = 20 * _MS * (single if n_calls == 10_000 else 1.0)
        for threads, ns in (("one thread", alone_ns), ("two threads", alone_ns / gain)):
            found[f"{way}, {threads}"] = {"wall_ns": ns, "calls": 2 * n_calls, "takes": 2 * n_calls, "waits": n_calls}
    return found


CONFIRMED = _times(short=0.6, long=1.9, chunked=0.9)
REFUTED = _times(short=1.9, long=1.0, chunked=1.9)
SABOTAGED = changed(CONFIRMED, **{"calls of 1 µs, one thread": {"wall_ns": 60 * _MS}})
