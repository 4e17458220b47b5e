"""A machine on which threads share a heap and processes do not, and one on which it is the other way round."""

YES, NO = 1.0, 0.0


def _back(same: float) -> dict[str, float]:
    return {"seen": YES, "same": same}


CONFIRMED = {
    "here": {"seen": YES},
    "thread": {"seen": YES},
    "process": {"seen": NO},
    "interpreter": {"seen": NO},
    "shared memory": {"seen": YES},
    "queue to a thread": _back(YES),
    "queue to a process": _back(NO),
    "pool of a thread": _back(YES),
    "pool of a process": _back(NO),
    "leak here": {"left": 1.0},
    "leak in a thread": {"own": 1.0, "left": 1.0},
    "leak in a process": {"own": 1.0, "left": 0.0},
    "called here": {"frames": YES, "code": YES},
    "called in a thread": {"frames": NO, "code": YES},
}
REFUTED = {
    **CONFIRMED,
    "thread": {"seen": NO},
    "process": {"seen": YES},
    "interpreter": {"seen": YES},
    "shared memory": {"seen": NO},
    "queue to a process": _back(YES),
    "leak in a thread": {"own": 1.0, "left": 0.0},
    "leak in a process": {"own": 0.0, "left": 1.0},
    "called in a thread": {"frames": YES, "code": NO},
}
SABOTAGED = {**CONFIRMED, "here": {"seen": NO}}
