"""Can I stop it?

Question
--------
A worker is in a call that takes too long. Can a process be stopped, can a thread, and how soon? How long does Ctrl-C
take in plain Python, in a kernel that holds the GIL, and in one that releases it? What is left behind, and what is
lost?

Prediction
----------
A process is gone some milliseconds after SIGTERM, whatever it computes, unless it handles SIGTERM in Python: then it
ends with the call. An exception can be sent to a thread, but it arrives at bytecode only: at once in plain Python, and
in a kernel when the call has ended. Ctrl-C is the same, with the GIL held or released. A killed process leaves its lock
taken and its shared memory behind, and loses what it had not sent. A stopped thread gives its lock back. Refuted by a
thread that is stopped within a kernel, or by a process that is not.

Method
------
Each worker says when its call begins, and is stopped after a quarter of it: a process by SIGTERM, a thread by an
exception that CPython sets for it, the main thread of a process by SIGINT. The time until it is stopped is set against
the rest of the call: 1 means that the call ended by itself. Calls repeat until they are stopped, and one is timed just
before. In plain Python it is twenty times as long, so that a wait for a CPU is no part of what is read. The control is
a call that nothing stops. A process is killed in a call of a second, which holds a lock and a segment.

What can fool you
-----------------
A signal is handled by the main thread: one that is stuck elsewhere never sees it. A thread that waits for a lock or a
socket is in a call too, and no exception reaches it there. SIGKILL leaves the same behind. What was printed may be in a
buffer yet. multiprocessing removes segments when the program itself ends, and not before.

Reading the result
------------------
Rest of the call: 0 is at once, 1 when the call has ended. Facts are 1 for yes and 0 for no. Times until a worker was
stopped stand below.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from multiprocessing.shared_memory import SharedMemory
from queue import SimpleQueue

from gilscope.errors import Unavailable
from gilscope.experiments import stuck
from gilscope.experiments.apparatus import amount, c_kernel, python_kernel
from gilscope.experiments.claims import Check, Claim, Design, Known, above, always, below, never, within
from gilscope.experiments.figures import fact, level
from gilscope.experiments.scene import Scene, Take
from gilscope.experiments.setting import Setting
from gilscope.experiments.workers import Worker, context, quickest
from gilscope.originals import time

#: A call that nothing but a kill ends within a sample.
_LONG_NS = 1e9
#: A worker is stopped after this part of its call.
_INTO = 0.25
_TOLD = {"python": "plain Python", "held": "a kernel that holds the GIL", "released": "a kernel that releases the GIL"}
_NUMBERS = count()
_PROCESS, _HANDLER, _SEGMENT = "process, SIGTERM", "process that handles SIGTERM", "process with a segment"
_IN_PYTHON, _IN_KERNEL = "thread in plain Python", "thread in a kernel"
_NOTHING = "a call that nothing stops"
_CTRL_C = {f"Ctrl-C in {told}": mode for mode, told in _TOLD.items()}
_TIMED = (_PROCESS, _HANDLER, _IN_PYTHON, _IN_KERNEL, *_CTRL_C, _NOTHING)


class Stop(BaseException):
    """What a thread is sent; no handler for ordinary errors keeps it."""


def design(_setting: Setting) -> Design:
    """Return the figures, claims and controls."""
    figures = [
        *(fact(arm, arm, "of_rest", "the rest of the call") for arm in _TIMED),
        fact("killed process: lock still taken", _PROCESS, "lock"),
        fact("killed process: result lost", _PROCESS, "lost"),
        fact("killed process: segment left", _SEGMENT, "left"),
        fact("stopped thread: lock still taken", _IN_KERNEL, "lock"),
        *(level(f"{arm}: until stopped", arm, "stopped_ns") for arm in _TIMED if arm != _NOTHING),
    ]
    # What is stopped at once takes a hundredth of these; what has to wait for the end takes all.
    at_once, at_its_end = below(0.3), above(0.7)
    return Design(
        figures=tuple(figures),
        claims=(
            Claim(
                "A process is stopped within a kernel",
                (Check(_PROCESS, confirmed=at_once, refuted=at_its_end),),
                opposite=_IN_KERNEL,
            ),
            Claim(
                "A process that handles SIGTERM in Python is stopped only when the call has ended",
                (Check(_HANDLER, confirmed=at_its_end, refuted=at_once),),
                opposite=_PROCESS,
            ),
            Claim(
                "A thread in a kernel cannot be stopped before the call has ended",
                (Check(_IN_KERNEL, confirmed=at_its_end, refuted=at_once),),
                opposite=_IN_PYTHON,
            ),
            Claim(
                "A thread in plain Python can be stopped at once, by an exception",
                (Check(_IN_PYTHON, confirmed=at_once, refuted=at_its_end),),
                opposite=_IN_KERNEL,
            ),
            Claim(
                "Plain Python is stopped by Ctrl-C at once, a kernel when its call has ended, with the GIL or without",
                (
                    Check("Ctrl-C in plain Python", confirmed=at_once, refuted=at_its_end),
                    Check("Ctrl-C in a kernel that holds the GIL", confirmed=at_its_end, refuted=at_once),
                    Check("Ctrl-C in a kernel that releases the GIL", confirmed=at_its_end, refuted=at_once),
                ),
                opposite=_PROCESS,
            ),
            Claim(
                "A killed process leaves its lock taken and its shared memory behind, and loses what it had not sent",
                (
                    always("killed process: lock still taken"),
                    always("killed process: segment left"),
                    always("killed process: result lost"),
                ),
                opposite="stopped thread: lock still taken",
            ),
            Claim(
                "A thread that an exception stops gives its lock back",
                (never("stopped thread: lock still taken"),),
                opposite="killed process: lock still taken",
            ),
        ),
        # The same formula of the same stamps; a call of another length than the one before it is as much off.
        controls=(Known(_NOTHING, within(0.8, 1.25)),),
        # Not what is a hundredth of a call: to be sure that it is one, it need not be narrow.
        target_figures=(
            _NOTHING,
            _HANDLER,
            _IN_KERNEL,
            "Ctrl-C in a kernel that holds the GIL",
            "Ctrl-C in a kernel that releases the GIL",
        ),
    )


@contextmanager
def scene(setting: Setting) -> Iterator[Scene]:
    """Make the arms ready: a process that is interrupted again and again, and what starts the others."""
    call_ns = setting.sample_s * 1e9 / 4
    released = amount(c_kernel("released", call_ns))
    amounts = {"python": amount(python_kernel(call_ns)), "held": released, "released": released}
    long = amount(c_kernel("released", _LONG_NS))
    kind = quickest()
    absent: dict[str, Unavailable] = {}
    arms: dict[str, Take] = {
        _PROCESS: partial(_killed, kind, long),
        _HANDLER: partial(_handled, kind, released),
    }
    if (reason := _no_segments()) is None:
        arms[_SEGMENT] = partial(_left_behind, kind, long)
    else:
        absent[_SEGMENT] = reason
    for arm, mode in ((_IN_PYTHON, "python"), (_IN_KERNEL, "released")):
        if find_spec("ctypes") is None:
            absent[arm] = Unavailable("this Python has no ctypes, by which an exception is sent")
        else:
            arms[arm] = partial(_stopped, mode, amounts[mode])
    with Worker(kind, "gilscope.experiments.stuck:be_interrupted", amounts) as worker:
        arms |= {arm: partial(_interrupted, worker, mode) for arm, mode in _CTRL_C.items()}
        arms[_NOTHING] = partial(_interrupted, worker, "nothing")
        yield Scene(arms, absent)


def _no_segments() -> Unavailable | None:
    """Return why there can be no shared segment here, or None."""
    try:
        segment = SharedMemory(create=True, size=8)
    except OSError as error:
        return Unavailable(f"no segment can be made here: {error.strerror}")
    segment.close()
    segment.unlink()
    return None


def _killed(kind: str, n_rounds: int) -> dict[str, float]:
    """Stop a process within a long call; return how soon it was gone, and what it has left and lost."""
    lock = context(kind).Lock()
    with Worker(kind, "gilscope.experiments.stuck:be_killed", n_rounds, lock, "") as worker:
        worker.hear()
        stopped_ns = _terminate(worker)
        is_taken = not lock.acquire(block=False)
        return {
            "stopped_ns": stopped_ns,
            "of_rest": stopped_ns / _LONG_NS,
            "lock": float(is_taken),
            "lost": float(not worker.said_more()),
        }


def _terminate(worker: Worker) -> int:
    """Send SIGTERM to a process; return how long it took until it was gone."""
    assert worker.process is not None  # only processes are stopped like this
    asked_ns = time.perf_counter_ns()
    worker.process.terminate()
    worker.process.join()
    return time.perf_counter_ns() - asked_ns


def _left_behind(kind: str, n_rounds: int) -> dict[str, float]:
    """Stop a process that has made a segment; tell whether that is still there, and remove it."""
    name = f"gilscope-{os.getpid()}-{next(_NUMBERS)}"
    with Worker(kind, "gilscope.experiments.stuck:be_killed", n_rounds, context(kind).Lock(), name) as worker:
        worker.hear()
        _terminate(worker)
    try:
        segment = SharedMemory(name)
    except FileNotFoundError:
        return {"left": 0.0}
    segment.close()
    segment.unlink()
    return {"left": 1.0}


def _handled(kind: str, n_rounds: int) -> dict[str, float]:
    """Stop a process that sees SIGTERM in Python."""
    with Worker(kind, "gilscope.experiments.stuck:handle_sigterm", n_rounds) as worker:
        call_ns, begin_ns = worker.hear()
        rest_ns = _wait_into(call_ns, begin_ns)
        stopped_ns = _terminate(worker)
    return {"stopped_ns": stopped_ns, "of_rest": stopped_ns / rest_ns}


def _interrupted(worker: Worker, mode: str) -> dict[str, float]:
    """Have the main thread of a process interrupted within a call; or not, and wait for the end of it."""
    is_left_alone = mode == "nothing"
    worker.tell("nothing released" if is_left_alone else mode)
    call_ns, begin_ns = worker.hear()
    rest_ns = _wait_into(call_ns, begin_ns, stuck.REPEATS.get(mode, 1))
    asked_ns = time.perf_counter_ns()
    if not is_left_alone:
        os.kill(worker.pid, signal.SIGINT)
    (ended_ns,) = worker.hear()
    return {"stopped_ns": ended_ns - asked_ns, "of_rest": (ended_ns - asked_ns) / rest_ns}


def _stopped(mode: str, n_done: int) -> dict[str, float]:
    """Send an exception to a thread within a call; return how soon it was stopped, and whether its lock is taken."""
    lock, (once, doing) = threading.Lock(), stuck.calls(mode, n_done)
    said: SimpleQueue[tuple[int, int]] = SimpleQueue()

    def work() -> None:
        try:
            with lock:
                said.put(stuck.timed(once))
                while True:
                    doing()
        except Stop:
            said.put((0, time.perf_counter_ns()))

    thread = threading.Thread(target=work, name=mode, daemon=True)
    thread.start()
    call_ns, begin_ns = said.get()
    rest_ns = _wait_into(call_ns, begin_ns, stuck.REPEATS[mode])
    asked_ns = time.perf_counter_ns()
    _send(thread)
    _, ended_ns = said.get()
    thread.join()
    stopped_ns = ended_ns - asked_ns
    return {"stopped_ns": stopped_ns, "of_rest": stopped_ns / rest_ns, "lock": float(lock.locked())}


def _send(thread: threading.Thread) -> None:
    """Have CPython raise `Stop` in a thread. GIL: held; the thread raises when it next runs bytecode."""
    ctypes = import_module("ctypes")
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(Stop))


def _wait_into(call_ns: int, begin_ns: int, repeats: int = 1) -> int:
    """Wait for a quarter of a call; return how much is left of one that began then and is `repeats` times as long.

    Where it took longer to wait, it is what is left of the call that is under way by now.
    """
    time.sleep(max(0, begin_ns + _INTO * call_ns - time.perf_counter_ns()) / 1e9)
    long_ns = repeats * call_ns
    return long_ns - (time.perf_counter_ns() - begin_ns) % long_ns
