"""A machine of two CPUs on which a held kernel freezes the ticker, and one on which the GIL does nothing."""

MS = 1e6


def _gaps(p50: float, longest: float, **more: float) -> dict[str, float]:
    return {"gap_p50_ns": p50 * MS, "gap_p99_ns": longest * MS, "gap_max_ns": longest * MS, **more}


CONFIRMED = {
    "alone": _gaps(1.1, 1.3),
    "another process": _gaps(1.1, 1.4),
    "plain Python": _gaps(6.2, 6.4, call_ns=10 * MS),
    "C, held": _gaps(10.1, 10.4, call_ns=10 * MS),
    "C, released": _gaps(1.1, 1.5, call_ns=10 * MS),
}
REFUTED = {
    **CONFIRMED,
    "plain Python": _gaps(1.2, 1.5, call_ns=10 * MS),
    "C, held": _gaps(1.1, 1.5, call_ns=10 * MS),
    "C, released": _gaps(10.1, 10.4, call_ns=10 * MS),
}
SABOTAGED = {**CONFIRMED, "alone": _gaps(4.0, 5.0)}
