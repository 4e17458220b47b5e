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
nothing. An interpreter that has ended leaves nothing, as a process does. Refuted by a process below 1 MiB, by a fork
that copies at once, or by one that still shares what it has read.

Method
------
The parent holds 8 or 16 MiB of rows, which are Python objects. In each round a worker of every kind is started,
collects garbage, and reads all rows; one that has no part in them makes rows of its own. After each step the parent
reads what is the worker's own (USS), and its share of what several have (PSS). A thread's or an interpreter's is what
their process takes more; interpreters have a process of their own, which is read again when one has ended. The control
is a child that writes 32 MiB, which have to be read as that.

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
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from gilscope.experiments import errands
from gilscope.experiments.claims import Check, Claim, Design, Known, above, below, within
from gilscope.experiments.figures import Cycle, Figure, level
from gilscope.experiments.hosts import Host
from gilscope.experiments.scene import Scene, Take
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
        Figure(
            "interpreter: left when it has ended",
            lambda cycle: cycle["interpreter"]["left_bytes"] / cycle["interpreter"]["started_own_bytes"],
            "",
            "a new one",
            ("interpreter",),
        ),
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
            Claim(
                "An interpreter that has ended leaves no memory behind",
                # Some pages stay with the allocator in any case; a third of an interpreter is no rest of that kind.
                (Check("interpreter: left when it has ended", confirmed=below(0.1), refuted=above(0.3)),),
                opposite="spawn: USS at the start",
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
    before = memory.memory_of(os.getpid()).own_bytes
    n_rows = _ROWS[setting.effort]
    errands.rows[:] = errands.make_rows(n_rows)
    rows_bytes = memory.memory_of(os.getpid()).own_bytes - before
    notes = [] if memory.knows_shares() else ["Shares of memory cannot be told here: every figure is USS."]
    with ExitStack() as stack:
        stack.callback(errands.rows.clear)
        arms: dict[str, Take] = {}
        for arm in _ARMS:
            if arm == "interpreter" and arm not in absent:
                arms[arm] = partial(_take_interpreter, stack.enter_context(Host()), n_rows, rows_bytes)
            elif arm not in absent:
                arms[arm] = partial(_take, arm, n_rows, rows_bytes)
        yield Scene(arms, absent, notes)


def _take(arm: str, n_rows: int, rows_bytes: int) -> dict[str, float]:
    """Start a worker, have it take memory step by step, and return what is its own after each."""
    kind = "fork" if arm == _FROZEN else arm
    before = memory.memory_of(os.getpid()) if kind == "thread" else memory.Memory(0, 0)
    if arm == _FROZEN:
        gc.freeze()
    try:
        with Worker(kind, "hold_memory", n_rows) as worker:
            worker.hear()

            def ask(word: str) -> None:
                worker.tell(word)
                worker.hear()

            taken = _steps(worker.pid, before, ask, rows_bytes)
            if arm == "spawn":
                ask(f"fill {_FILLED}")
                filled = memory.memory_of(worker.pid).own_bytes
                taken["filled_bytes"] = filled - taken["touched_own_bytes"]
            return taken
    finally:
        if arm == _FROZEN:
            gc.unfreeze()


def _take_interpreter(host: Host, n_rows: int, rows_bytes: int) -> dict[str, float]:
    """Do the same with an interpreter of another process, and return what it leaves there too."""
    host.renew()
    before = memory.memory_of(host.pid)
    host.start("hold_memory", n_rows)
    taken = _steps(host.pid, before, host.ask, rows_bytes)
    host.end()
    return {**taken, "left_bytes": memory.memory_of(host.pid).own_bytes - before.own_bytes}


def _steps(pid: int, before: memory.Memory, ask: Callable[[str], object], rows_bytes: int) -> dict[str, float]:
    """Read what a process has more than before, now and after each step that a worker in it is asked for."""
    started = memory.memory_of(pid)
    taken: dict[str, float] = {
        "rows_bytes": rows_bytes,
        "started_own_bytes": started.own_bytes - before.own_bytes,
        "started_share_bytes": started.share_bytes - before.share_bytes,
    }
    for step, word in (("collected", "collect"), ("touched", "touch")):
        ask(word)
        taken[f"{step}_own_bytes"] = memory.memory_of(pid).own_bytes - before.own_bytes
    return taken
