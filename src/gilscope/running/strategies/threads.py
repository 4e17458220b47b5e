"""Threads that share an interpreter, and plain sequence as the crew of one thread that does all the work."""

from gilscope.running.names import SERIAL
from gilscope.running.strategies.crew import Crew, one_each
from gilscope.running.worker import ANY_CPU


class Threads(Crew):
    """One thread per CPU in one interpreter: they share its GIL."""

    name = "threads"
    shares_gil = True


class Serial(Crew):
    """All the work on one thread, one chunk after another: what using neither threads nor processes gives."""

    name = SERIAL

    @property
    def n_callers(self) -> int:
        """One, whatever the width that it is compared at."""
        return 1

    def chunk_cpus(self) -> tuple[int, ...]:
        """Return the CPU that each chunk is computed on, or none: the one that a worker of its own would have.

        The CPUs of a shared machine differ in speed by some per cent, and for seconds at a time. Work that threads or
        processes spread over all of them is compared with the same work on the same CPUs.
        """
        cpus = one_each(self.n_workers)
        return () if ANY_CPU in cpus else tuple(cpus)
