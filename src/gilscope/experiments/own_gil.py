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
and to a process pickled, through the same pipe and the same code. The control is the handing over of a single byte,
which must cost less than the object. With --module NAME the modules are imported in an own-GIL interpreter, in a
child.

What can fool you
-----------------
Many extensions refuse to load there, and some crash: what holds for this kernel holds for yours only if it loads. An
interpreter's start is not in these figures (see start_up). From CPython 3.14 on, some types are shared without pickle.

Reading the result
------------------
Ratios are one worker's time, or the processes' time, divided by the arm's. Times of handing over are there and back.
"""

import os
import pickle
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from queue import SimpleQueue

from gilscope.children.interpreter import run_in_new_interpreter
from gilscope.children.start import Child, interpreter
from gilscope.errors import KernelError, Unavailable
from gilscope.experiments.apparatus import timed
from gilscope.experiments.claims import Check, Claim, Design, Known, above, below, within
from gilscope.experiments.figures import level, ratio
from gilscope.experiments.kernel_arms import arm, kernel_arms
from gilscope.experiments.scene import Scene, Take
from gilscope.experiments.setting import Setting
from gilscope.importing.result import TOO_OLD, examine_import

_N_FLOATS = 20_000
#: A module that takes longer to import than this is not waited for: the figures are to be made in seconds.
_IMPORT_LIMIT_S = 5.0
#: A receiver ends when its pipe does; one that takes longer is left to the process's end.
_STOP_S = 5.0
#: What reads messages, unpickles each and says so, in an interpreter and in a process alike.
_SERVE = """
import os, pickle, struct
reads, writes = {reads}, {writes}
def exactly(n):
    parts = []
    while n:
        part = os.read(reads, min(n, 1 << 20))
        if not part:
            return b""
        parts.append(part)
        n -= len(part)
    return b"".join(parts)
while head := exactly(8):
    pickle.loads(exactly(struct.unpack("q", head)[0]))
    os.write(writes, b".")
"""


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
        to_process = stack.enter_context(_in_process())
        arms: dict[str, Take] = {
            **made.arms,
            "object to a process": partial(timed, partial(to_process, some)),
            "a byte to a process": partial(timed, partial(to_process, None)),
            "object to a thread": partial(timed, partial(stack.enter_context(_in_thread()), some)),
        }
        absent = dict(made.absent)
        if sys.version_info >= (3, 12):
            to_interpreter = stack.enter_context(_in_interpreter())
            arms["object to an interpreter"] = partial(timed, partial(to_interpreter, some))
        else:
            absent["object to an interpreter"] = Unavailable(f"{TOO_OLD}; this is {sys.version.split()[0]}")
        notes = [f"{module}: {_imported(module)}" for module in setting.modules]
        yield Scene(arms, absent, notes)


def _imported(module: str) -> str:
    """Say what importing a module does in an interpreter with a GIL of its own; it is tried in a child."""
    found = examine_import(module, _IMPORT_LIMIT_S)
    return f"in an own-GIL interpreter: {found.own_gil}" if found.own_gil else f"{found.outcome}: {found.message}"


@contextmanager
def _in_process() -> Iterator[Callable[[object], None]]:
    """Have a process receive objects; give what hands one over and waits until it is there."""
    with _pipes() as (hand_over, reads, writes):
        code = _SERVE.format(reads=reads, writes=writes)
        with Child(interpreter("-S", "-c", code), pass_fds=(reads, writes)) as child:
            hand_over.let_go()
            yield hand_over
            hand_over.close()
            child.wait(_STOP_S)


@contextmanager
def _in_interpreter() -> Iterator[Callable[[object], None]]:
    """Have an interpreter with a GIL of its own receive objects."""
    with _pipes() as (hand_over, reads, writes):
        thread = threading.Thread(
            target=run_in_new_interpreter, args=(_SERVE.format(reads=reads, writes=writes),), daemon=True
        )
        thread.start()
        yield hand_over
        hand_over.close()
        thread.join(_STOP_S)


@contextmanager
def _in_thread() -> Iterator[Callable[[object], None]]:
    """Have a thread of this interpreter receive objects."""
    there: SimpleQueue[object] = SimpleQueue()
    back: SimpleQueue[bool] = SimpleQueue()
    end = object()

    def receive() -> None:
        while there.get() is not end:
            back.put(True)  # noqa: FBT003 - an acknowledgement

    def hand_over(some: object) -> None:
        there.put(some)
        back.get()

    thread = threading.Thread(target=receive, daemon=True)
    thread.start()
    yield hand_over
    there.put(end)
    thread.join(_STOP_S)


class _HandOver:
    """Pickles an object into a pipe and waits until the other side has it."""

    def __init__(self, writes: int, reads: int, theirs: tuple[int, int]) -> None:
        self._writes, self._reads, self._theirs = writes, reads, list(theirs)

    def __call__(self, some: object) -> None:
        data = pickle.dumps(some)
        data = struct.pack("q", len(data)) + data
        while data:
            data = data[os.write(self._writes, data) :]
        if os.read(self._reads, 1) != b".":
            raise KernelError("what received objects has ended")

    def let_go(self) -> None:
        """Close the ends of the other side, which has copies."""
        while self._theirs:
            os.close(self._theirs.pop())

    def close(self) -> None:
        """Close this side's end for writing, which ends the other side."""
        if self._writes >= 0:
            os.close(self._writes)
            self._writes = -1


@contextmanager
def _pipes() -> Iterator[tuple[_HandOver, int, int]]:
    with ExitStack() as stack:
        theirs_read, ours_write = os.pipe()
        ours_read, theirs_write = os.pipe()
        stack.callback(os.close, ours_read)
        hand_over = _HandOver(ours_write, ours_read, (theirs_read, theirs_write))
        stack.callback(hand_over.let_go)
        stack.callback(hand_over.close)
        yield hand_over, theirs_read, theirs_write
