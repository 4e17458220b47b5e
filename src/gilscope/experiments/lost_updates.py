"""Does the GIL keep my counter right?

Question
--------
Two threads add to one counter. How many updates are lost: of a plain `+= 1`, of a `+=` whose right side is a call, in a
kernel that releases the GIL? What do a lock and an atomic addition make of that, and what do they cost?

Prediction
----------
A plain `counter += 1` loses nothing under the GIL of CPython 3.10 and later, which is handed over at calls and jumps
alone; nothing promises that. `counter += one()` loses thousands in a million, because the call comes between reading
and writing. A kernel that releases the GIL loses many. A lock loses none and costs more than the addition, an atomic
loses none and costs a few nanoseconds. Refuted by a plain `+=` that loses, by the other two that do not, or by a lock
or an atomic that does.

Method
------
Two threads add to one counter at once, each half of the updates; the counter must then show them all, and what is
missing was lost. Arms: the forms in Python, without and with a lock, and in C with the GIL released, plain and atomic.
The control is one thread alone in the form that loses most, which must lose nothing.

What can fool you
-----------------
A loss is a race: it needs a hand-over between reading and writing, and on one CPU there are few. That nothing was lost
here is no proof that nothing can be. A free-threaded build hands over everywhere, and a plain `+=` loses there.

Reading the result
------------------
Lost updates are per million, of the round that lost most: they are counted, and one that is missing was lost. What an
update costs is the time of all of them on two threads, divided by their number.
"""

import threading
from array import array
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from gilscope.experiments import _cells
from gilscope.experiments.apparatus import Crew, timed
from gilscope.experiments.claims import Check, Claim, Design, Known, above, below, within
from gilscope.experiments.figures import Cycle, Figure, level, ratio
from gilscope.experiments.scene import Scene, Take
from gilscope.experiments.setting import Setting

_N_THREADS = 2
_PLAIN, _CALL, _LOCKED, _RELEASED, _ATOMIC, _ALONE = (
    "counter += 1",
    "counter += one()",
    "counter += one(), with a lock",
    "C, released",
    "C, released, atomic",
    "one thread: counter += one()",
)
_ARMS = (_PLAIN, _CALL, _LOCKED, _RELEASED, _ATOMIC, _ALONE)


def _lost(arm: str) -> str:
    return f"{arm}: lost"


def design(_setting: Setting) -> Design:
    """Return the figures, claims and controls."""
    lost = [
        Figure(_lost(arm), partial(_lost_per_million, arm), "per million", "", (arm,), is_worst=True) for arm in _ARMS
    ]
    typical = [level(f"{arm}: lost, median", arm, "lost_per_million", "per million") for arm in (_CALL, _RELEASED)]
    cost = [Figure(f"{arm}: an update", partial(_update_ns, arm), "ns", "", (arm,)) for arm in _ARMS]

    def loses(text: str, arm: str, **needs: bool) -> Claim:
        return Claim(text, (Check(_lost(arm), above(0.01), below(0.0)),), opposite=_lost(_LOCKED), **needs)

    def keeps(text: str, *arms: str, **needs: bool) -> Claim:
        checks = tuple(Check(_lost(arm), below(0.0), above(0.01)) for arm in arms)
        return Claim(text, checks, opposite=_lost(_CALL), **needs)

    return Design(
        figures=(*lost, *typical, *cost, ratio("a lock beside none", _CALL, over=_LOCKED, compared_with=_CALL)),
        claims=(
            keeps("A plain `counter += 1` of two threads loses no update", _PLAIN),
            loses("`counter += one()` loses updates, under a GIL too", _CALL),
            loses("A kernel that releases the GIL loses updates", _RELEASED, needs_second_cpu=True),
            keeps("With a lock, or by atomic additions, no update is lost", _LOCKED, _ATOMIC),
        ),
        controls=(Known(_lost(_ALONE), within(0.0, 0.0)),),
        # What they lose scatters: a fixed width would take all the time that there is and say no more.
        target_figures=tuple(f"{arm}: an update" for arm in _ARMS),
    )


def _lost_per_million(arm: str, cycle: Cycle) -> float:
    return cycle[arm]["lost_per_million"]


def _update_ns(arm: str, cycle: Cycle) -> float:
    return cycle[arm]["wall_ns"] / cycle[arm]["updates"]


@contextmanager
def scene(setting: Setting) -> Iterator[Scene]:
    """Make the counters ready, and two threads that add to them."""
    with ExitStack() as stack:
        crew = stack.enter_context(Crew(_N_THREADS))
        arms: dict[str, Take] = {}
        for arm, add in _FORMS.items():
            n_threads = 1 if arm == _ALONE else _N_THREADS
            tried = 5000
            one_ns = min(timed(partial(add, tried)) for _ in range(5)) / tried
            # Several switch intervals in every sample, or nothing would be handed over.
            n = max(1000, round(setting.sample_s * 1e9 / n_threads / one_ns))
            arms[arm] = partial(_sample, crew, add, n, n_threads)
        yield Scene(arms)


def _sample(crew: Crew, add: Callable[[int], object], n: int, n_threads: int) -> dict[str, float]:
    """Have each thread add so often; return how many updates are missing afterwards."""
    global counter
    counter, _cell[0] = 0, 0
    wall_ns = crew.run([partial(add, n)] * n_threads)
    updates = n * n_threads
    lost = updates - (counter + _cell[0])
    return {"wall_ns": wall_ns, "updates": updates, "lost_per_million": 1e6 * lost / updates}


counter = 0
_cell = array("q", [0])
_lock = threading.Lock()


def one() -> int:
    """Return 1."""
    return 1


def _add_plain(n: int) -> None:
    global counter  # noqa: PLW0603 - as above
    for _ in range(n):
        counter += 1


def _add_call(n: int) -> None:
    global counter  # noqa: PLW0603 - as above
    for _ in range(n):
        counter += one()


def _add_locked(n: int) -> None:
    global counter  # noqa: PLW0603 - as above
    for _ in range(n):
        with _lock:
            counter += one()


_FORMS: dict[str, Callable[[int], object]] = {
    _PLAIN: _add_plain,
    _CALL: _add_call,
    _LOCKED: _add_locked,
    _RELEASED: partial(_cells.add_released, _cell, 0),
    _ATOMIC: partial(_cells.add_atomically, _cell, 0),
    _ALONE: _add_call,
}
