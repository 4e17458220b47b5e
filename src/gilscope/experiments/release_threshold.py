"""From what size does releasing pay?

Question
--------
To release the GIL and take it back costs time, and more when other threads want it. From what length of call on is a
kernel that releases the GIL faster than one that holds it, on one thread, on two, on as many as CPUs?

Prediction
----------
On one thread a release costs some tens of nanoseconds and never gains. On two threads calls of a microsecond lose:
threads wake each other instead of computing. From some ten or twenty microseconds on they gain, and a call of 200 us
gains most of a second CPU. Refuted by calls of 1 us that gain on two threads, or by calls of 200 us that do not.

Method
------
The same C kernel held and released, in calls of 1, 5, 20 and 200 us, the same total work on one thread and on several.
The break-even of a number of threads is where the ratio held / released passes 1, on a line between two lengths in
their logarithms. The control is the round trip on one thread: calls of 200 us must take as long held as released.

What can fool you
-----------------
On a machine that gives no second CPU nothing gains, whatever the length. A call here is followed at once by the next,
as in a loop: calls with long bytecode between them meet less often and pay from shorter lengths on. Hand-overs between
threads depend on how fast this system wakes a thread, which no Python can change.

Reading the result
------------------
A ratio is the time with the GIL held, divided by the time with it released: above 1 releasing is faster. A break-even
of "unbounded" was not reached at the longest call, and the shortest call is one that was exceeded from the start.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import pairwise
from math import exp, inf, log

from gilscope import words
from gilscope.experiments.apparatus import Crew, again, c_kernels
from gilscope.experiments.claims import Check, Claim, Design, Known, above, below, within
from gilscope.experiments.figures import Cycle, Figure, ratio
from gilscope.experiments.scene import Scene, Take
from gilscope.experiments.setting import Setting
from gilscope.kernels import _capi
from gilscope.originals import time

_CALLS_NS = (1_000, 5_000, 20_000, 200_000)
#: So few that a call of a microsecond is rounds, and hardly the copy that it makes of them.
_N_ITEMS = 64
_ROUND_TRIPS = "round trips"
_N_ROUND_TRIPS = 20_000


def _arm(gil: str, call_ns: int, n_threads: int) -> str:
    return f"{gil}, {words.duration(call_ns)}, {words.counted(n_threads, 'thread')}"


def _ratio(call_ns: int, n_threads: int) -> Figure:
    name = f"{words.duration(call_ns)}, {words.counted(n_threads, 'thread')}"
    held, released = (_arm(gil, call_ns, n_threads) for gil in ("held", "released"))
    return ratio(name, released, over=held, compared_with="held")


def design(setting: Setting) -> Design:
    """Return the figures, claims and controls."""
    widths = _widths(setting)
    figures = {(call_ns, width): _ratio(call_ns, width) for width in widths for call_ns in _CALLS_NS}
    shortest, longest = _CALLS_NS[0], _CALLS_NS[-1]
    two = figures[shortest, 2], figures[longest, 2]
    return Design(
        figures=(
            *figures.values(),
            *(_break_even(width) for width in widths if width > 1),
            Figure("a release and a take", lambda cycle: cycle[_ROUND_TRIPS]["pair_ns"], "ns", "", (_ROUND_TRIPS,)),
        ),
        claims=(
            Claim(
                f"On two threads, calls of {words.duration(shortest)} that release the GIL are slower than held ones",
                # Trials gave 0.4 to 0.9 of the held time's speed; a tenth is what noise makes.
                (Check(two[0].name, confirmed=below(0.95), refuted=above(1.1)),),
                opposite=two[1].name,
                needs_second_cpu=True,
                needs_gil=True,
            ),
            Claim(
                f"On two threads, calls of {words.duration(longest)} that release the GIL are faster by half or more",
                (Check(two[1].name, confirmed=above(1.5), refuted=below(1.25)),),
                opposite=two[0].name,
                needs_second_cpu=True,
                needs_gil=True,
            ),
            Claim(
                f"On one thread, releasing the GIL in calls of {words.duration(shortest)} gains nothing",
                (Check(figures[shortest, 1].name, confirmed=below(1.02), refuted=above(1.05)),),
                opposite=two[1].name,
            ),
        ),
        controls=(Known(figures[longest, 1].name, within(0.97, 1.03)),),
    )


def _widths(setting: Setting) -> tuple[int, ...]:
    # A sweep of widths takes time that 5 s do not have.
    return (1, 2) if setting.effort == "fast" else tuple(sorted({1, 2, setting.n_cpus}))


def _break_even(n_threads: int) -> Figure:
    """Return from which length of call on releasing is faster, for so many threads."""
    arms = [(call_ns, _arm("held", call_ns, n_threads), _arm("released", call_ns, n_threads)) for call_ns in _CALLS_NS]

    def of_cycle(cycle: Cycle) -> float:
        points = [
            (float(call_ns), cycle[held]["wall_ns"] / cycle[released]["wall_ns"]) for call_ns, held, released in arms
        ]
        return break_even(points)

    names = tuple(name for _, *pair in arms for name in pair)
    return Figure(f"break-even, {words.counted(n_threads, 'thread')}", of_cycle, "ns", "", names)


def break_even(points: list[tuple[float, float]]) -> float:
    """Return the length of call from which releasing is faster, and stays so.

    Parameters
    ----------
    points : list of (float, float)
        Lengths in ns, ascending, and held time / released time.

    Returns
    -------
    float
        In ns; where the ratio last comes up through 1, on a line in the logarithms of both. The shortest length where
        it is above 1 everywhere, infinite where it is not above 1 at the longest.
    """
    if points[-1][1] <= 1:
        return inf
    for (short, low), (long, high) in reversed(list(pairwise(points))):
        if low <= 1 < high:
            share = -log(low) / (log(high) - log(low))
            return exp(log(short) + share * (log(long) - log(short)))
    return points[0][0]


@contextmanager
def scene(setting: Setting) -> Iterator[Scene]:
    """Make kernels of each length ready, and threads that call them."""
    widths = _widths(setting)
    # Four lengths, held and released, on each number of threads: all of them fit into a few samples.
    total_ns = setting.sample_s * 1e9 / 4
    arms: dict[str, Take] = {_ROUND_TRIPS: _round_trips}
    with ExitStack() as stack:
        crew = stack.enter_context(Crew(max(widths)))
        for call_ns in _CALLS_NS:
            for gil, kernel in c_kernels(call_ns, _N_ITEMS).items():
                for width in widths:
                    n_calls = max(1, round(total_ns / call_ns / width))
                    works = [partial(again, kernel, n_calls)] * width
                    arms[_arm(gil, call_ns, width)] = partial(crew.run, works)
        yield Scene(arms)


def _round_trips() -> dict[str, float]:
    """Release the GIL and take it back, again and again; return what one pair takes on this thread alone."""
    begin_ns = time.perf_counter_ns()
    _capi.release_pairs(_N_ROUND_TRIPS)
    return {"pair_ns": (time.perf_counter_ns() - begin_ns) / _N_ROUND_TRIPS}
