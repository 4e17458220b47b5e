"""A machine on which a process is the limit of every failure, and one on which it is the other way round."""

NONE = {"program_lost": 0.0, "sibling_lost": 0.0}
ALL = {"program_lost": 1.0, "sibling_lost": 1.0}

CONFIRMED = {
    "exception in a thread": NONE,
    "exception in an interpreter": NONE,
    "exception in a process": NONE,
    "crash in a thread": ALL,
    "crash in an interpreter": ALL,
    "crash in a process": NONE,
    "leak in a thread": ALL,
    "leak in an interpreter": ALL,
    "leak in a process": NONE,
    "nothing fails": NONE,
    "the program is killed": ALL,
}
REFUTED = {
    **CONFIRMED,
    "exception in a thread": ALL,
    "exception in an interpreter": ALL,
    "crash in a thread": NONE,
    "crash in a process": ALL,
    "leak in a thread": NONE,
    "leak in a process": ALL,
}
SABOTAGED = {**CONFIRMED, "nothing fails": ALL}
