"""Released, and still slow?

Question
--------
Two threads count without the GIL, each in a cell of its own. Nothing is shared but the line of memory that both cells
lie in. What does that cost against cells that are a line or two apart?

Prediction
----------
Neighbouring cells make two threads slower than cells 128 bytes apart, by half as much again or more: the line goes from
core to core at every addition. One thread alone is as fast in either. Refuted by neighbours that are no slower.

Method
------
Two threads add to cells of one array of 64-bit integers, 8 bytes apart and 128 bytes apart, in a C loop that stores
each time. The control is one thread alone, which must be as fast beside an idle neighbour as in a line of its own.

What can fool you
-----------------
Two hardware threads of one core share its caches, and neighbours cost them nothing: some virtual CPUs are just that. A
sum that is kept in a register until the end shares no line, and a compiler is free to do so with plain code.

Reading the result
------------------
The ratio is the time of neighbours divided by that of cells far apart: above 1 neighbours are slower. What an addition
costs stands below.
"""

from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from gilscope.experiments import _cells
from gilscope.experiments.apparatus import Crew, timed
from gilscope.experiments.claims import Check, Claim, Design, Known, above, below, within
from gilscope.experiments.figures import Cycle, Figure, ratio
from gilscope.experiments.scene import Scene
from gilscope.experiments.setting import Setting

_N_THREADS = 2
#: Pairs of lines are fetched together, so that 128 bytes are the unit of false sharing.
_FAR_BYTES, _CELL_BYTES = 128, 8
_NEAR, _FAR = "neighbours", "128 bytes apart"
_ALONE = {_NEAR: "one thread, line shared", _FAR: "one thread, line of its own"}


def design(_setting: Setting) -> Design:
    """Return the figures, claims and controls."""
    near_alone, far_alone = _ALONE.values()
    arms = (_NEAR, _FAR, near_alone, far_alone)
    return Design(
        figures=(
            ratio("neighbours beside far cells", _FAR, over=_NEAR, compared_with=_FAR),
            ratio("one thread: shared line beside its own", far_alone, over=near_alone, compared_with=far_alone),
            ratio("two threads beside one, far cells", _FAR, over=far_alone, compared_with=far_alone),
            ratio("two threads beside one, neighbours", _NEAR, over=near_alone, compared_with=near_alone),
            *(Figure(f"{arm}: an addition", partial(_addition_ns, arm), "ns", "", (arm,)) for arm in arms),
        ),
        claims=(
            Claim(
                "Two threads that count in neighbouring cells are slower than in cells far apart",
                # Lines that travel cost several times an addition; a tenth is what noise makes.
                (Check("neighbours beside far cells", confirmed=above(1.3), refuted=below(1.1)),),
                opposite="two threads beside one, far cells",
                needs_second_cpu=True,
            ),
        ),
        controls=(Known("one thread: shared line beside its own", within(0.9, 1.1)),),
    )


def _addition_ns(arm: str, cycle: Cycle) -> float:
    return cycle[arm]["wall_ns"] / cycle[arm]["additions"]


@contextmanager
def scene(setting: Setting) -> Iterator[Scene]:
    """Make the cells ready, and threads that count in them."""
    apart = _FAR_BYTES // _CELL_BYTES
    # Begins and ends with a unit of its own, so that no other object shares a line with a cell.
    cells = array("q", bytes(_CELL_BYTES * apart * (_N_THREADS + 2)))
    first = -(cells.buffer_info()[0] // _CELL_BYTES) % apart or apart
    places = {_NEAR: (first, first + 1), _FAR: (first, first + apart)}
    tried = 100_000
    one_ns = min(timed(partial(_cells.add_released, cells, first, tried)) for _ in range(5)) / tried
    n = max(tried, round(setting.sample_s * 1e9 / _N_THREADS / one_ns))

    with Crew(_N_THREADS) as crew:

        def count(*indices: int, times: int = 1) -> dict[str, float]:
            works = [partial(_cells.add_released, cells, index, n * times) for index in indices]
            return {"wall_ns": crew.run(works), "additions": n * _N_THREADS}

        yield Scene(
            {name: partial(count, *indices) for name, indices in places.items()}
            | {_ALONE[name]: partial(count, indices[-1], times=_N_THREADS) for name, indices in places.items()}
        )
