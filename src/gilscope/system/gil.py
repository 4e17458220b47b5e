"""Whether there is a GIL at the moment; a worker in a subinterpreter asks too."""

import sys


def gil_enabled() -> bool:
    """Return whether the GIL is in force in the calling interpreter now; before CPython 3.13 it always is."""
    ask = getattr(sys, "_is_gil_enabled", None)
    return True if ask is None else bool(ask())
