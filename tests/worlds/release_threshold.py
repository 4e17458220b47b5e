"""Short releases that lose and long ones that gain, and a machine on which it is the other way round."""

from worlds import changed

_MS = 1e6


def _times(short: float, long: float, alone: float) -> dict[str, dict[str, float]]:
    """Return times in which releasing is so much faster: on two threads at 1 us and 200 us, on one at 1 us."""
    found = {"round trips": {"pair_ns": 40.0}}
    for call, two, one in (("1 µs", short, alone), ("5 µs", 1.0, 1.0), ("20 µs", 1.3, 1.0), ("200 µs", long, 1.0)):
        for threads, gain in (("1 thread", one), ("2 threads", two)):
            found[f"held, {call}, {threads}"] = {"wall_ns": 20 * _MS}
            found[f"released, {call}, {threads}"] = {"wall_ns": 20 * _MS / gain}
    return found


CONFIRMED = _times(short=0.5, long=1.9, alone=0.95)
REFUTED = _times(short=1.5, long=1.05, alone=1.2)
SABOTAGED = changed(CONFIRMED, **{"released, 200 µs, 1 thread": {"wall_ns": 15 * _MS}})
