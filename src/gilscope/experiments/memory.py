"""How much more memory do processes take?

Question
--------
A worker takes memory: a stack, an interpreter, modules, and its own copy of what it works on. How much is that for a
thread, for an interpreter with a GIL of its own, and for a process by each start method? What is left of what a fork
shares once the child has read it, or has collected garbage?

Prediction
----------
A thread takes less than 1 MiB, a spawned process 4 MiB or more, before either has done anything. A forked process
shares what its parent has. Reading the rows makes them its own, because every object counts its references. A
collection in the child copies most of them too, and gc.freeze() before the fork prevents that. Threads read them for
nothing. Refuted by a process below 1 MiB, by a fork that copies at once, or by one that still shares what it has read.

Method
------
The parent holds 8 or 16 MiB of rows, which are Python objects. In each round a worker of every kind is started,
collects garbage, and reads all rows; one that has no part in them makes rows of its own. After each step the parent
reads what is the worker's own (USS), and its share of what several have (PSS). A thread's or an interpreter's is what
their process takes more. The control is a child that writes 32 MiB, which have to be read as that.

What can fool you
-----------------
The resident set counts shared pages in every process, and its sum is too large: it is not used here. Pages that were
swapped out count nowhere. Memory that a thread gives back stays with the allocator, so that the next thread may cost
nothing. A program that has loaded much has larger processes.

Reading the result
------------------
Own memory is what the end of a worker would give back. Copied is the growth of that, as a share of the rows: 0 where
they are still shared, 1 where they are the worker's own. A collection visits all objects, not the rows alone.
"""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from gilscope.experiments import errands
from gilscope.experiments.claims import Check, Claim, Design, Known, above, below, within
from gilscope.experiments.figures import Cycle, Figure, level
from gilscope.experiments.scene import Scene
from gilscope.experiments.setting import Setting
from gilscope.experiments.workers import KINDS, Worker, split
from gilscope.system import memory

_MIB = 1 << 20
_FILLED = 32 * _MIB
_FROZEN = "fork, frozen"
_ARMS = (*KINDS, _FROZEN)
#: About 120 bytes each.
_ROWS = {"fast": 70_000, "default": 140_000, "rigorous": 140_000}
_STEPS = (
    ("started_own_bytes", "USS at the start"),
    ("started_share_bytes", "PSS at the start"),
    ("collected_own_bytes", "USS after a collection"),
    ("touched_own_bytes", "USS after reading"),
)


def _copied(name: str, arm: str, by: str, after: str) -> Figure:
    """Return how much of the rows a step has made a worker's own."""

    def share(cycle: Cycle) -> float:
        read = cycle[arm]
        return (read[f"{by}_own_bytes"] - read[f"{after}_own_bytes"]) / read["rows_bytes"]

    return Figure(name, share, "", "the rows", (arm,))


def _shared(cycle: Cycle) -> float:
    return cycle["fork"]["started_own_bytes"] / cycle["fork"]["rows_bytes"]


def design(_setting: Setting) -> Design:
    """Return the figures, claims and controls."""
    figures = [
        Figure("fork: USS at the start, of the rows", _shared, "", "the rows", ("fork",)),
        # After a collection that copied nothing; else there would be nothing left to copy.
        _copied("fork: copied by reading", _FROZEN, "touched", after="collected"),
        _copied("thread: copied by reading", "thread", "touched", after="collected"),
        _copied("fork: copied by a collection", "fork", "collected", after="started"),
        _copied("fork, frozen: copied by a collection", _FROZEN, "collected", after="started"),
        level("a child that writes 32 MiB", "spawn", "filled_bytes", "bytes"),
    ]
    for arm in _ARMS:
        figures += [level(f"{arm}: {told}", arm, quantity, "bytes") for quantity, told in _STEPS]
    # Some 2 MiB are a new process's own in any case, and the list of the rows is read without being written to.
    shares, copies = below(0.3), above(0.6)
    return Design(
        figures=tuple(figures),
        claims=(
            Claim(
                "A thread takes less than 1 MiB, and a process 4 MiB or more",
                # Ten threads and one process: an order of magnitude is what makes one of them light.
                (
                    Check("thread: USS at the start", confirmed=below(_MIB), refuted=above(4 * _MIB)),
                    Check("spawn: USS at the start", confirmed=above(4 * _MIB), refuted=below(_MIB)),
                ),
                opposite="fork: USS at the start",
            ),
            Claim(
                "A forked process begins with what its parent has, without a copy",
                (Check("fork: USS at the start, of the rows", confirmed=shares, refuted=copies),),
                opposite="spawn: USS after reading",
            ),
            Claim(
                "Reading the parent's objects copies them into a forked process, and into no thread",
                (
                    Check("fork: copied by reading", confirmed=copies, refuted=shares),
                    Check("thread: copied by reading", confirmed=shares, refuted=copies),
                ),
                opposite="thread: copied by reading",
            ),
            Claim(
                "A garbage collection copies them as well, unless gc.freeze() came before the fork",
                (
                    Check("fork: copied by a collection", confirmed=above(0.4), refuted=below(0.2)),
                    Check("fork, frozen: copied by a collection", confirmed=below(0.2), refuted=above(0.4)),
                ),
                opposite="fork, frozen: copied by a collection",
            ),
        ),
        # A page table and the allocator's own record belong to it; a tenth would be another 3 MiB.
        controls=(Known("a child that writes 32 MiB", within(0.97 * _FILLED, 1.1 * _FILLED)),),
        target_figures=("spawn: USS at the start", "fork: copied by reading"),
    )


@contextmanager
def scene(setting: Setting) -> Iterator[Scene]:
    """Make the arms ready: this process holds the rows."""
    missing = memory.unavailable()
    if missing is not None:
        yield Scene({}, dict.fromkeys(_ARMS, missing))
        return
    _, absent = split(KINDS)
    if "fork" in absent:
        absent[_FROZEN] = absent["fork"]
    arms = [arm for arm in _ARMS if arm not in absent]
    before = memory.memory_of(os.getpid()).own_bytes
    n_rows = _ROWS[setting.effort]
    errands.rows[:] = errands.make_rows(n_rows)
    rows_bytes = memory.memory_of(os.getpid()).own_bytes - before
    notes = [] if memory.knows_shares() else ["Shares of memory cannot be told here: every figure is USS."]
    try:
        yield Scene({arm: partial(_take, arm, n_rows, rows_bytes) for arm in arms}, absent, notes)
    finally:
        errands.rows.clear()


def _take(arm: str, n_rows: int, rows_bytes: int) -> dict[str, float]:
    """Start a worker, have it take memory step by step, and return what is its own after each."""
    kind = "fork" if arm == _FROZEN else arm
    before = memory.memory_of(os.getpid()) if kind in ("thread", "interpreter") else memory.Memory(0, 0)
    if arm == _FROZEN:
        gc.freeze()
    try:
        with Worker(kind, "hold_memory", n_rows) as worker:
            worker.hear()

            def own_bytes() -> int:
                return memory.memory_of(worker.pid).own_bytes - before.own_bytes

            def after(word: str) -> int:
                worker.tell(word)
                worker.hear()
                return own_bytes()

            started = memory.memory_of(worker.pid)
            taken: dict[str, float] = {
                "rows_bytes": rows_bytes,
                "started_own_bytes": started.own_bytes - before.own_bytes,
                "started_share_bytes": started.share_bytes - before.share_bytes,
                "collected_own_bytes": after("collect"),
                "touched_own_bytes": after("touch"),
            }
            if arm == "spawn":
                taken["filled_bytes"] = after(f"fill {_FILLED}") - taken["touched_own_bytes"]
            return taken
    finally:
        if arm == _FROZEN:
            gc.unfreeze()
