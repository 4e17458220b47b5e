"""What gilscope measures and finds, as plain immutable data.

Words, used with one meaning throughout: a *kernel* is one piece of arithmetic (square, quad) in one implementation
and one GIL mode; "held" means that the thread keeps the GIL for the whole call, and on a free-threaded build that
its thread state stays attached. A *task* is one call of a kernel on one chunk. An *arm* is one cell of the table,
a kernel under a strategy. A *sample* is one timing of one arm; a *round* is one sample of every arm of a group.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unavailable:
    """An absence with its reason, shown in the table; never replaced by a stand-in.

    Parameters
    ----------
    reason : str
        What is missing and what would be needed, for example ``"needs CPython >= 3.12; this is 3.11.7"``.
    """

    reason: str

    def __str__(self) -> str:
        return f"unavailable: {self.reason}"
