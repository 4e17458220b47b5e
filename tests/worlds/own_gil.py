"""Interpreters that run in parallel, and ones that wait for each other and get objects for nothing."""

from worlds import changed


def _ns(value: float) -> dict[str, float]:
    return {"wall_ns": value}


CONFIRMED = {
    "one": _ns(20e6) | {"cpu_ns": 20e6},
    "threads": _ns(20e6) | {"cpu_ns": 20e6},
    "interpreters": _ns(10.2e6) | {"cpu_ns": 20e6},
    "processes": _ns(10e6) | {"cpu_ns": 20e6},
    "object to a process": _ns(900e3),
    "object to an interpreter": _ns(800e3),
    "object to a thread": _ns(20e3),
    "a byte to a process": _ns(60e3),
}
REFUTED = {
    **CONFIRMED,
    "threads": _ns(12e6) | {"cpu_ns": 20e6},
    "interpreters": _ns(20e6) | {"cpu_ns": 20e6},
    "object to an interpreter": _ns(70e3),
    "object to a thread": _ns(800e3),
}
SABOTAGED = changed(CONFIRMED, **{"a byte to a process": _ns(2000e3)})
