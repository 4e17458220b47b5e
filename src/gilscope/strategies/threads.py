"""Threads that share an interpreter, and plain sequence as the crew of one thread that does all the work."""

from gilscope.strategies.base import Crew


class Threads(Crew):
    """One thread per CPU in one interpreter: they share its GIL."""

    name = "threads"


class Serial(Crew):
    """All the work on one thread, one chunk after another: what using neither threads nor processes gives."""

    name = "serial"

    @property
    def n_callers(self) -> int:
        """One, whatever the width that it is compared at."""
        return 1


class OpenMP(Serial):
    """One calling thread whose kernel spreads over an OpenMP team of native threads, GIL released."""

    name = "openmp"
