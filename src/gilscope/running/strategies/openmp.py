"""OpenMP: a team of native threads behind one caller."""

from dataclasses import replace

from gilscope.errors import Unavailable
from gilscope.running.strategies.base import Work
from gilscope.running.strategies.threads import Serial
from gilscope.running.worker import TaskSpec


class OpenMP(Serial):
    """One calling thread whose kernel spreads over an OpenMP team of native threads, GIL released."""

    name = "openmp"

    @classmethod
    def missing(cls) -> Unavailable | None:
        """Return why there is no OpenMP. Only the loaded extension can tell; a process that has it must not fork."""
        from gilscope.machine.openmp_runtime import openmp_facts  # a launch asks for no facts

        absent = cls.unavailable()
        if absent is None and (reason := openmp_facts().reason):
            return Unavailable(reason)
        return absent

    @classmethod
    def takes(cls, implementation: str, gil: str) -> bool:
        """Tell whether a kernel has this form: the loops with prange are Cython's, over its released ones."""
        return (implementation, gil) == ("cython", "released")

    def deal(self, work: Work) -> list[TaskSpec]:
        """Return one call over all chunks, which lie side by side; the team deals them out again."""
        return [self.spec(replace(work, n_items=work.n_items * self.n_workers), [0], self.n_workers)]
