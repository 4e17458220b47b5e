"""Do threads share one heap, processes not?

Question
--------
A worker writes a result: does the program see it? What do shared memory, a queue and a returned value change about
that, and do they bring the object itself or a copy? Whose memory grows when a worker leaks, and does it end with the
worker? Has a thread a stack and code of its own?

Prediction
----------
What a thread writes, the whole program sees; what a process or an interpreter writes to its variables, nothing else
does. Shared memory, a queue and a returned value bring a process's result to its parent, the last two as a copy; from a
thread they bring the object itself. A leak in a thread is the program's and stays, and one in a process ends with it. A
thread has a stack of its own, and runs the code that all run. Refuted by a process whose variable is seen, or a
thread's that is not.

Method
------
Workers of each kind do one errand: they append to a list of a module, which is looked at afterwards. A list is sent to
a thread and to a process through a queue, changed there and sent back, and likewise handed to a pool of each and
returned. A worker leaks 8 MiB and ends; the program reads its own memory before and after. The control is the same done
without a worker: it is seen, it takes 8 MiB, and it shares the frames of its caller.

What can fool you
-----------------
A forked process begins with a copy of everything, so that it reads what its parent wrote before, and nothing that is
written after. An object that comes back changed looks like the one that was sent. Memory that Python frees need not go
back to the system: leaked here are pages of the system's own, which are counted whole.

Reading the result
------------------
Most figures are facts: 1 is yes, 0 is no. Those of a leak are shares of the 8 MiB: 1 where the program's memory has
grown by all of it once the worker has ended, 0 where it has not.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from inspect import currentframe
from itertools import count
from multiprocessing.shared_memory import SharedMemory
from queue import SimpleQueue
from types import CodeType, FrameType
from typing import Any

from gilscope.errors import Unavailable
from gilscope.experiments import errands
from gilscope.experiments.claims import Check, Claim, Design, Known, above, always, below, never, within
from gilscope.experiments.figures import fact
from gilscope.experiments.scene import Scene, Take
from gilscope.experiments.setting import Setting
from gilscope.experiments.workers import Worker, context, quickest, unavailable
from gilscope.system import memory

_LEAK = 8 << 20
_HERE, _THREAD, _PROCESS, _INTERPRETER = "here", "thread", "process", "interpreter"
_NUMBERS = count(1)
#: A leak that is mostly there, and one that is mostly gone: an allocator may keep some pages for either.
_STAYS, _GOES = above(0.75), below(0.25)


def design(_setting: Setting) -> Design:
    """Return the figures, claims and controls."""
    figures = [
        *(fact(f"{arm}: written is seen", arm, "seen") for arm in (_HERE, _THREAD, _PROCESS, _INTERPRETER)),
        fact("shared memory: written is seen", "shared memory", "seen"),
        *(
            fact(f"{way} {kind}: {told}", f"{way} {kind}", quantity)
            for way in ("queue to a", "pool of a")
            for kind in (_THREAD, _PROCESS)
            for quantity, told in (("seen", "comes back changed"), ("same", "is the one sent"))
        ),
        fact("leak here: program has grown", "leak here", "left", "the leak"),
        fact("leak in a thread: program has grown", "leak in a thread", "left", "the leak"),
        fact("leak in a process: program has grown", "leak in a process", "left", "the leak"),
        fact("leak in a process: process had grown", "leak in a process", "own", "the leak"),
        fact("called here: frames are shared", "called here", "frames"),
        fact("called in a thread: frames are shared", "called in a thread", "frames"),
        fact("called in a thread: code is shared", "called in a thread", "code"),
    ]
    return Design(
        figures=tuple(figures),
        claims=(
            Claim(
                "What a thread writes is seen by the whole program",
                (always("thread: written is seen"),),
                opposite="process: written is seen",
            ),
            Claim(
                "What a process writes to its variables is not seen by its parent",
                (never("process: written is seen"),),
                opposite="thread: written is seen",
            ),
            Claim(
                "What an interpreter writes to its variables is not seen by the program around it",
                (never("interpreter: written is seen"),),
                opposite="thread: written is seen",
            ),
            Claim(
                "Shared memory, a queue and a returned value bring a process's result to its parent",
                (
                    always("shared memory: written is seen"),
                    always("queue to a process: comes back changed"),
                    always("pool of a process: comes back changed"),
                ),
                opposite="process: written is seen",
            ),
            Claim(
                "An object that comes back is a copy from a process, and itself from a thread",
                (
                    never("queue to a process: is the one sent"),
                    never("pool of a process: is the one sent"),
                    always("queue to a thread: is the one sent"),
                    always("pool of a thread: is the one sent"),
                ),
                opposite="queue to a thread: is the one sent",
            ),
            Claim(
                "A leak in a thread is the program's, and stays when the thread has ended",
                (Check("leak in a thread: program has grown", confirmed=_STAYS, refuted=_GOES),),
                opposite="leak in a process: program has grown",
            ),
            Claim(
                "A leak in a process is its own, and ends with it",
                (
                    Check("leak in a process: process had grown", confirmed=_STAYS, refuted=_GOES),
                    Check("leak in a process: program has grown", confirmed=_GOES, refuted=_STAYS),
                ),
                opposite="leak in a thread: program has grown",
            ),
            Claim(
                "A thread has a stack of its own, and the code of all",
                (never("called in a thread: frames are shared"), always("called in a thread: code is shared")),
                opposite="called here: frames are shared",
            ),
        ),
        controls=(
            Known("here: written is seen", within(0.95, 1.05)),
            Known("called here: frames are shared", within(0.95, 1.05)),
        ),
        # Not what is 0 but for some pages, which would have to be known to a part of them.
        target_figures=("thread: written is seen", "process: written is seen", "leak in a thread: program has grown"),
    )


@contextmanager
def scene(_setting: Setting) -> Iterator[Scene]:
    """Make the arms ready: workers of each kind that wait for an errand."""
    arms: dict[str, Take] = {
        _HERE: _written_here,
        "called here": _called_here,
        "called in a thread": _called_in_a_thread,
    }
    absent: dict[str, Unavailable] = {}
    with ExitStack() as stack:
        process = quickest()
        for arm, kind in ((_THREAD, "thread"), (_PROCESS, process), (_INTERPRETER, "interpreter")):
            reason = unavailable(kind)
            if reason is None:
                worker = stack.enter_context(Worker(kind, "write_to_board"))
                arms[arm] = partial(_written_by, worker)
            else:
                absent[arm] = reason
        _share(stack, process, arms, absent)
        made: Any = context(process)
        queues: tuple[tuple[str, str, Callable[[], Any]], ...] = (
            (_THREAD, "thread", SimpleQueue),
            (_PROCESS, process, made.SimpleQueue),
        )
        for arm, kind, queue in queues:
            inbox, outbox = queue(), queue()
            worker = stack.enter_context(Worker(kind, "pass_on", inbox, outbox))
            arms[f"queue to a {arm}"] = partial(_passed, worker, inbox, outbox)
        for arm, pool in ((_THREAD, ThreadPoolExecutor(1)), (_PROCESS, ProcessPoolExecutor(1, mp_context=made))):
            stack.enter_context(pool)
            arms[f"pool of a {arm}"] = partial(_returned, pool)
        leaks: dict[str, Take] = {
            "leak here": _leak_here,
            "leak in a thread": partial(_leak_in, "thread"),
            "leak in a process": partial(_leak_in, process),
        }
        missing = memory.unavailable()
        arms |= {} if missing else leaks
        absent |= dict.fromkeys(leaks, missing) if missing else {}
        yield Scene(arms, absent)


def _share(stack: ExitStack, process: str, arms: dict[str, Take], absent: dict[str, Unavailable]) -> None:
    """Make the arm in which a process writes to a segment that both map."""
    try:
        segment = SharedMemory(create=True, size=8)
    except OSError as error:
        absent["shared memory"] = Unavailable(f"no segment can be made here: {error.strerror}")
        return
    stack.callback(segment.unlink)
    stack.callback(segment.close)
    worker = stack.enter_context(Worker(process, "write_to_segment", segment.name))

    def take() -> dict[str, float]:
        number = next(_NUMBERS) % 256
        worker.tell(str(number))
        worker.hear()
        buffer = segment.buf
        return {"seen": float(buffer is not None and buffer[0] == number)}

    arms["shared memory"] = take


def _written_here() -> dict[str, float]:
    number = next(_NUMBERS)
    errands.board.append(number)
    return {"seen": _seen(number)}


def _written_by(worker: Worker) -> dict[str, float]:
    number = next(_NUMBERS)
    worker.tell(str(number))
    worker.hear()
    return {"seen": _seen(number)}


def _seen(number: int) -> float:
    """Tell whether a number stands on this program's board, and wipe it."""
    found = errands.board == [number]
    errands.board.clear()
    return float(found)


def _passed(worker: Worker, inbox: Any, outbox: Any) -> dict[str, float]:
    """Send a list through a queue, and take it back."""
    sent: list[int] = []
    inbox.put(sent)
    worker.tell("pass on")
    return _compared(sent, outbox.get())


def _returned(pool: Executor) -> dict[str, float]:
    """Hand a list to a pool, and take what it returns."""
    sent: list[int] = []
    return _compared(sent, pool.submit(errands.changed, sent).result())


def _compared(sent: list[int], back: list[int]) -> dict[str, float]:
    return {"seen": float(back == [errands.CHANGE]), "same": float(back is sent and sent == [errands.CHANGE])}


def _own_bytes() -> int:
    return memory.memory_of(os.getpid()).own_bytes


def _leak_here() -> dict[str, float]:
    before = _own_bytes()
    errands.leak(_LEAK)
    try:
        return {"left": (_own_bytes() - before) / _LEAK}
    finally:
        errands.mend()


def _leak_in(kind: str) -> dict[str, float]:
    """Have a worker leak; return what its process has grown by meanwhile, and this one when it has ended."""
    before = _own_bytes()
    try:
        with Worker(kind, "leak_once", _LEAK) as worker:
            worker.hear()
            begun = memory.memory_of(worker.pid).own_bytes
            worker.tell("leak")
            worker.hear()
            own_bytes = memory.memory_of(worker.pid).own_bytes - begun
        return {"own": own_bytes / _LEAK, "left": (_own_bytes() - before) / _LEAK}
    finally:
        errands.mend()


def _called_here() -> dict[str, float]:
    return _stack_facts(lambda call: call())


def _called_in_a_thread() -> dict[str, float]:
    def in_a_thread(call: Callable[[], None]) -> None:
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()

    return _stack_facts(in_a_thread)


def _stack_facts(run: Callable[[Callable[[], None]], None]) -> dict[str, float]:
    """Tell whether a call, run in some way, has this function's frame below it, and which code it ran."""
    mine = currentframe()
    seen: list[tuple[bool, CodeType]] = []

    def look() -> None:
        chain = _chain(currentframe())
        seen.append((mine in chain, chain[0].f_code))

    run(look)
    ((frames, code),) = seen
    return {"frames": float(frames), "code": float(code is look.__code__)}


def _chain(frame: FrameType | None) -> Sequence[FrameType]:
    """Return a frame and all below it."""
    found = []
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    return found
