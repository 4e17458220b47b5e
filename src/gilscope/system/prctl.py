"""Linux's call for the attributes of a process."""

import sys
from collections.abc import Callable

# <sys/prctl.h>
SET_PARENT_DEATH_SIGNAL, SET_DUMPABLE, SET_CHILD_SUBREAPER = 1, 4, 36


def load() -> Callable[[int, int], object]:
    """Return the call, which takes an option and its value; where there is none, what does nothing."""
    if sys.platform != "linux":
        return lambda *_: None
    try:
        import ctypes

        prctl = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):  # a Python built without ctypes
        return lambda *_: None
    return lambda option, value: prctl(option, ctypes.c_ulong(value), *[ctypes.c_ulong(0)] * 3)
