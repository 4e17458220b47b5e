"""Subinterpreters: a GIL for each worker, inside one process."""

import sys

from gilscope.errors import Unavailable
from gilscope.running.strategies.crew import Crew


class Interpreters(Crew):
    """One thread per CPU, each in a subinterpreter with a GIL of its own."""

    name = "interpreters"
    in_interpreters = True

    @classmethod
    def unavailable(cls) -> Unavailable | None:
        """Return why this interpreter has no subinterpreters with a GIL of their own, or None."""
        if sys.version_info < (3, 12):
            return Unavailable(f"needs CPython >= 3.12; this is {sys.version.split()[0]}")
        return super().unavailable()
