"""Does a GIL for each interpreter help?

Question
--------
Since CPython 3.12 one process can hold several interpreters, each with a GIL of its own. Do threads in such
interpreters run in parallel what threads of one interpreter cannot, and what does it cost to hand them data?

Prediction
----------
On own-GIL interpreters a kernel that holds the GIL is as fast as on as many processes, and on threads of one
interpreter no faster than on one. An object is pickled for another interpreter as it is for a process, and costs as
much; a thread gets the object itself. Refuted by interpreters that wait for each other, or that get an object for
nothing.

Method
------
The same kernel in C, with the GIL held for the whole call and the same total work: one worker, threads, interpreters,
processes. An object of 20 000 floats is handed over and acknowledged: to a thread through a queue, to an interpreter
and to a process pickled, over the same kind of connection and by the same code. The control is the handing over of a
single byte, which must cost less than the object. With --module NAME the modules are imported in an own-GIL
interpreter, in a child.

What can fool you
-----------------
Many extensions refuse to load there, and some crash: what holds for this kernel holds for yours only if it loads. An
interpreter's start is not in these figures (see start_up). From CPython 3.14 on, some types are shared without pickle.

Reading the result
------------------
Ratios are one worker's time, or the processes' time, divided by the arm's. Times of handing over are there and back.
"""

import pickle
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from gilscope.experiments.apparatus import receiving_thread, timed
from gilscope.experiments.claims import Check, Claim, Design, Known, above, below, within
from gilscope.experiments.figures import level, ratio
from gilscope.experiments.kernel_arms import arm, kernel_arms
from gilscope.experiments.scene import Scene, Take
from gilscope.experiments.setting import Setting
from gilscope.experiments.workers import Worker, unavailable
from gilscope.importing.result import examine_import

_N_FLOATS = 20_000
#: A module that takes longer to import than this is not waited for: the figures are to be made in seconds.
_IMPORT_LIMIT_S = 5.0


def design(_setting: Setting) -> Design:
    """Return the figures, claims and controls."""
    to_interpreter, to_process = "object to an interpreter", "object to a process"
    return Design(
        figures=(
            ratio("interpreters beside processes", "interpreters", over="processes", compared_with="processes"),
            ratio("threads beside one", "threads", over="one", compared_with="one worker"),
            ratio("interpreters beside one", "interpreters", over="one", compared_with="one worker"),
            ratio(to_interpreter, to_interpreter, over=to_process, compared_with=to_process),
            ratio("object to a thread", "object to a thread", over=to_process, compared_with=to_process),
            ratio("a byte to a process", "a byte to a process", over=to_process, compared_with=to_process),
            level(f"{to_interpreter}: there and back", to_interpreter),
            level(f"{to_process}: there and back", to_process),
            level("object to a thread: there and back", "object to a thread"),
        ),
        claims=(
            Claim(
                "Interpreters with a GIL each run what holds it as fast as processes do",
                # Nine tenths is where an arm of a run is said to scale; at two thirds the second CPU is hardly used.
                (Check("interpreters beside processes", confirmed=above(0.9), refuted=below(0.67)),),
                opposite="threads beside one",
                needs_second_cpu=True,
            ),
            Claim(
                "Threads of one interpreter that hold its GIL take as long as one",
                (Check("threads beside one", confirmed=below(1.1), refuted=above(1.25)),),
                opposite="interpreters beside one",
                needs_second_cpu=True,
                needs_gil=True,
            ),
            Claim(
                "An object costs another interpreter what it costs a process",
                # Within a factor of two: waking a process may cost more, and pickle is the same.
                (Check(to_interpreter, confirmed=within(0.5, 3.0), refuted=above(10.0)),),
                opposite="object to a thread",
            ),
            Claim(
                "An object costs another thread next to nothing",
                (Check("object to a thread", confirmed=above(5.0), refuted=below(2.0)),),
                opposite=to_interpreter,
            ),
        ),
        controls=(Known("a byte to a process", above(1.0)),),
    )


@contextmanager
def scene(setting: Setting) -> Iterator[Scene]:
    """Make crews and receivers ready."""
    kernels = {
        "one": arm("serial", "held"),
        "threads": arm("threads", "held"),
        "interpreters": arm("interpreters", "held"),
        "processes": arm("processes", "held"),
    }
    some = [number / 7 for number in range(_N_FLOATS)]
    with ExitStack() as stack:
        made = stack.enter_context(kernel_arms(kernels))
        to_process = partial(_hand_over, stack.enter_context(Worker("spawn", "receive")))
        arms: dict[str, Take] = {
            **made.arms,
            "object to a process": partial(timed, partial(to_process, some)),
            "a byte to a process": partial(timed, partial(to_process, None)),
            "object to a thread": partial(timed, partial(stack.enter_context(receiving_thread()), some)),
        }
        absent = dict(made.absent)
        if (missing := unavailable("interpreter")) is None:
            to_interpreter = partial(_hand_over, stack.enter_context(Worker("interpreter", "receive")))
            arms["object to an interpreter"] = partial(timed, partial(to_interpreter, some))
        else:
            absent["object to an interpreter"] = missing
        notes = [f"{module}: {_imported(module)}" for module in setting.modules]
        yield Scene(arms, absent, notes)


def _imported(module: str) -> str:
    """Say what importing a module does in an interpreter with a GIL of its own; it is tried in a child."""
    found = examine_import(module, _IMPORT_LIMIT_S)
    return f"in an own-GIL interpreter: {found.own_gil}" if found.own_gil else f"{found.outcome}: {found.message}"


def _hand_over(worker: Worker, some: object) -> None:
    """Pickle an object for a worker, and wait until it has it."""
    data = pickle.dumps(some)
    worker.send(struct.pack("q", len(data)) + data)
    worker.hear()
