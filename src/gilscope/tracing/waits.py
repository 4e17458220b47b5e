"""What threads waited for: how much of their waiting another thread held the GIL for, and which."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from gilscope.tracing.spans import HOLDING, WAITING, Lane, Span


@dataclass(frozen=True, slots=True)
class Waits:
    """How long some threads waited for the GIL together.

    Parameters
    ----------
    all_ns : int
    held_ns : int
        While another thread had it; the rest is the way from being woken to running, on a CPU that others have.
    each_other_ns : int
        While another one of these threads had it.
    """

    all_ns: int
    held_ns: int
    each_other_ns: int


def waits_of(workers: Sequence[Lane], lanes: Sequence[Lane]) -> Waits:
    """Return what some threads waited for.

    Parameters
    ----------
    workers : sequence of Lane
        The threads that are asked about.
    lanes : sequence of Lane
        All threads, these too.
    """
    everybody, each_other = _Held(lanes), _Held(workers)
    waiting = [one for lane in workers for one in lane.spans if one.state == WAITING]
    return Waits(
        sum(one.length_ns for one in waiting),
        sum(everybody.within(one) for one in waiting),
        sum(each_other.within(one) for one in waiting),
    )


class _Held:
    """For how long any of some lanes held the GIL in a span; of two holds that overlap the later one's rest."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        holds = sorted((one.begin_ns, one.end_ns) for lane in lanes for one in lane.spans if one.state == HOLDING)
        self._begins: list[int] = []
        self._ends: list[int] = []
        for begin_ns, end_ns in holds:
            begin_ns = max(begin_ns, self._ends[-1] if self._ends else 0)  # noqa: PLW2901 - what is left of it
            if end_ns > begin_ns:
                self._begins.append(begin_ns)
                self._ends.append(end_ns)
        self._until = list(accumulate((e - b for b, e in zip(self._begins, self._ends, strict=True)), initial=0))

    def within(self, span: Span) -> int:
        return self._before(span.end_ns) - self._before(span.begin_ns)

    def _before(self, at_ns: int) -> int:
        n_begun = bisect_right(self._begins, at_ns)
        return self._until[n_begun] - (max(0, self._ends[n_begun - 1] - at_ns) if n_begun else 0)
