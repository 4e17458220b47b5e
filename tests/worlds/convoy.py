"""A GIL that waits for its switch interval, and one that hands over at once and is starved by nothing."""

from worlds import changed

_MS = 1e6


def _asked(wait_ms: float, requests_per_s: float, **more: float) -> dict[str, float]:
    return {
        "requests": 100.0,
        "requests_per_s": requests_per_s,
        "latency_ns": 1e9 / requests_per_s,
        "worst_latency_ns": 2e9 / requests_per_s,
        "releases": 200.0,
        "wait_ns": wait_ms * _MS,
        "waited_share": 0.5,
        **more,
    }


CONFIRMED = {
    "alone": _asked(0.0, 40_000),
    "plain Python, 5 ms": _asked(5.1, 200, call_ns=10 * _MS),
    "plain Python, 1 ms": _asked(1.1, 900, call_ns=10 * _MS),
    "plain Python, 0.1 ms": _asked(0.2, 5000, call_ns=10 * _MS),
    "C, held": _asked(9.0, 100, call_ns=10 * _MS),
    "C, released": _asked(0.02, 35_000, call_ns=10 * _MS),
    "short holds": {"longest_wait_ns": 90 * _MS, "waits": 3.0},
}
REFUTED = {
    **CONFIRMED,
    "plain Python, 5 ms": _asked(0.1, 38_000, call_ns=10 * _MS),
    "plain Python, 1 ms": _asked(0.1, 38_000, call_ns=10 * _MS),
    "C, held": _asked(0.3, 38_000, call_ns=10 * _MS),
    "C, released": _asked(9.0, 100, call_ns=10 * _MS),
    "short holds": {"longest_wait_ns": 2 * _MS, "waits": 3.0},
}
SABOTAGED = changed(CONFIRMED, alone={"releases": 700.0})
