"""Who dies when one fails?

Question
--------
One of two workers raises an exception, leaks all memory that there is, or crashes. What is left of the other worker,
and of the program that has started both? How is that where workers are threads, interpreters in one process, or
processes?

Prediction
----------
An exception ends the worker that raises it and nothing else, whatever that is. A crash ends its process: with a thread
or an interpreter that is the whole program, with a worker's process it is this worker alone. A leak takes memory from
all in its process, and from nothing outside of it. Refuted by a program that survives a crash in a thread, or dies of
one in a process.

Method
------
Each round starts a program for each kind of worker and each failure, in a process of its own. It starts two workers,
has one fail, and then allocates 32 MiB, as it asks the other worker to. Lost is who cannot: 0 where both can, 1 where
neither can. A crash is a segmentation fault, signal 11. A leak goes on until the process has taken 256 MiB more than it
had, which is all that it may. The controls are a program in which nothing fails, and one that is killed as a whole.

What can fool you
-----------------
An exception in a thread is printed, and nothing hears of it: the program goes on without the worker's result. So it is
with an interpreter's, and a process's is but an exit code. A container's memory limit holds for all processes together:
there a leak in one may have another one killed. A crash may leave shared memory half written. Core dumps are off here.

Reading the result
------------------
Lost is the mean over the program and the other worker: 1 means that both are lost. Each of them stands below.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_all_start_methods

from gilscope.errors import KernelError, Unavailable
from gilscope.experiments import fork_server
from gilscope.experiments.claims import Claim, Design, Known, always, never, within
from gilscope.experiments.failing_program import KILLED, address_space
from gilscope.experiments.failures import CRASH, EXCEPTION, LEAK, NOTHING
from gilscope.experiments.figures import Cycle, Figure, level
from gilscope.experiments.scene import Scene, Take
from gilscope.experiments.setting import Setting
from gilscope.experiments.workers import Worker, quickest, unavailable

_THREAD, _INTERPRETER, _PROCESS = "thread", "interpreter", "process"
#: The program has no threads where its workers are processes, so that a fork copies none.
_KINDS = {
    _THREAD: "thread",
    _INTERPRETER: "interpreter",
    _PROCESS: "fork" if "fork" in get_all_start_methods() else "spawn",
}
_ENDED = {
    f"{failure} in {'an' if kind == _INTERPRETER else 'a'} {kind}": (kind, failure)
    for failure in (EXCEPTION, CRASH, LEAK)
    for kind in (_THREAD, _INTERPRETER, _PROCESS)
}
_UNTOUCHED, _WHOLE = "nothing fails", "the program is killed"
_ARMS = {**_ENDED, _UNTOUCHED: (_THREAD, NOTHING), _WHOLE: (_THREAD, KILLED)}


def _mean_of(arm: str) -> Callable[[Cycle], float]:
    return lambda cycle: (cycle[arm]["program_lost"] + cycle[arm]["sibling_lost"]) / 2


def design(_setting: Setting) -> Design:
    """Return the figures, claims and controls."""
    figures = [Figure(arm, _mean_of(arm), "", "all lost", (arm,)) for arm in _ARMS]
    for arm in _ENDED:
        figures += [level(f"{arm}: {who} lost", arm, f"{who}_lost", "") for who in ("program", "sibling")]
    return Design(
        figures=tuple(figures),
        claims=(
            Claim(
                "An exception ends the thread or the process that raises it, and nothing else",
                (never("exception in a thread"), never("exception in a process")),
                opposite="crash in a thread",
            ),
            Claim(
                "A crash in a thread ends the whole program",
                (always("crash in a thread"),),
                opposite="crash in a process",
            ),
            Claim(
                "A crash in a process ends neither its parent nor another worker",
                (never("crash in a process"),),
                opposite="crash in a thread",
            ),
            Claim(
                "A leak in a thread takes memory from its parent and from the other threads",
                (always("leak in a thread"),),
                opposite="leak in a process",
            ),
            Claim(
                "A leak in a process takes memory from no other",
                (never("leak in a process"),),
                opposite="leak in a thread",
            ),
            Claim(
                "An interpreter keeps an exception to itself, and neither a crash nor a leak",
                (
                    never("exception in an interpreter"),
                    always("crash in an interpreter"),
                    always("leak in an interpreter"),
                ),
                opposite="crash in a process",
            ),
        ),
        controls=(Known(_UNTOUCHED, within(0, 0.05)), Known(_WHOLE, within(0.95, 1.05))),
        target_figures=("crash in a thread", "exception in a thread", "crash in a process"),
    )


@contextmanager
def scene(setting: Setting) -> Iterator[Scene]:
    """Make the arms ready: a fork server that has loaded the program."""
    fork_server.preload("gilscope.experiments.failing_program")
    start = quickest()
    arms: dict[str, Take] = {}
    absent: dict[str, Unavailable] = {}
    for arm, (kind, failure) in _ARMS.items():
        reason = unavailable(kind) if kind == _INTERPRETER else None
        if reason is None and kind == _INTERPRETER and setting.effort == "fast":
            reason = Unavailable("left out with --fast, because new interpreters take most of a round")
        if reason is None and failure == LEAK and address_space() is None:
            reason = Unavailable("a process's memory cannot be limited here, where it is not known how much it has")
        if reason is None:
            arms[arm] = partial(_lost_in, start, _KINDS[kind], failure)
        else:
            absent[arm] = reason
    yield Scene(arms, absent)


def _lost_in(start: str, kind: str, failure: str) -> dict[str, float]:
    """Run a program in which a worker fails; return who is lost of it."""
    with Worker(start, "gilscope.experiments.failing_program:run", kind, failure) as program:
        (worked,) = program.hear()
        if not worked:
            raise KernelError("a worker could not work before any had failed")
        try:
            program_works, sibling_works = program.hear()
        except KernelError:  # it has ended
            program_works = sibling_works = 0
    return {"program_lost": 1.0 - program_works, "sibling_lost": 1.0 - sibling_works}
