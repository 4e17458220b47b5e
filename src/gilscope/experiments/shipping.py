"""What does it cost to send the data?

Question
--------
A worker needs its input. What does it take to hand it a payload of one byte, of kilobytes, of hundreds of megabytes:
to a process by pickle through a pipe or a queue, to a process through shared memory, to a thread as a copy or as it
is? How long must a task be, so that nine tenths of the time go into it?

Prediction
----------
A byte costs a process tens of microseconds, and more than a thread. From a megabyte on the copying decides: pickle
through a pipe takes twice as long as one copy, or more, and shared memory one copy. A thread gets any object in the
time of a byte. Refuted by a pipe as fast as shared memory, or a thread that waits longer for more bytes.

Method
------
Each arm hands over a payload and waits until the other side says that it has it. The process is spawned once. Shared
memory is one file that both map: the payload is copied into it here and read there in place. The control is a copy made
twice, which must take twice as long as one.

What can fool you
-----------------
Bytes are the cheapest thing to pickle: lists and objects cost many times more. A first touch of new memory costs more
than a copy, so buffers are used again, but pickle takes new memory for each payload. A queue has a thread that sends,
and so a switch more.

Reading the result
------------------
A time is there and an acknowledgement back. The least task is nine times that time: then nine tenths of all go into the
task. Bytes a second are the payload divided by the time.
"""

import mmap
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.queues import Queue
from typing import Self

from gilscope import words
from gilscope.errors import Unavailable
from gilscope.experiments.apparatus import receiving_thread, timed
from gilscope.experiments.claims import Check, Claim, Design, Known, above, below, within
from gilscope.experiments.figures import Cycle, Figure, level, ratio
from gilscope.experiments.scene import Scene, Take
from gilscope.experiments.setting import Setting
from gilscope.running.strategies.host import Inherited
from gilscope.running.strategies.memory import anonymous_file
from gilscope.system.room import available_bytes

_MIB = 2**20
#: Payloads in bytes. Where memory is slow, a pipe takes a second for 256 MiB, for which only ten minutes have room.
_SIZES = {
    "fast": (1, 2**16, 4 * _MIB),
    "default": (1, 2**16, 4 * _MIB, 64 * _MIB),
    "rigorous": (1, 2**10, 2**16, _MIB, 16 * _MIB, 256 * _MIB),
}
_WAYS = ("pipe", "queue", "shared memory", "copy to a thread", "object to a thread")
_TWICE = "two copies to a thread"
#: Nine tenths of the time are the task's where it lasts this many times what the shipping takes.
_NINE_TENTHS = 9
#: As much memory as the largest payload takes in all its copies: here, pickled, in the pipe's reader, shared.
_COPIES = 6
_STOP_S = 10.0


def design(setting: Setting) -> Design:
    """Return the figures, claims and controls."""
    sizes = _SIZES[setting.effort]
    least, most = sizes[0], sizes[-1]
    figures: list[Figure] = []
    for n_bytes in sizes:
        for way in _WAYS:
            arm = _arm(way, n_bytes)
            figures.append(level(f"{arm}: time", arm))
            if n_bytes > 1 and way != _WAYS[-1]:  # an object is not moved, however large
                figures.append(_bytes_a_second(arm, n_bytes))
        figures.append(_least_task(n_bytes))
    pipe, shared, copied, object_ = (_arm(_WAYS[i], most) for i in (0, 2, 3, 4))
    return Design(
        figures=(
            ratio("a byte: thread beside pipe", _arm("object to a thread", least), over=_arm("pipe", least)),
            ratio("most bytes: copy beside pipe", copied, over=pipe),
            ratio("most bytes: shared memory beside pipe", shared, over=pipe),
            ratio("objects: most bytes beside one", object_, over=_arm("object to a thread", least)),
            ratio(_TWICE, copied, over=_TWICE),
            *figures,
        ),
        claims=(
            Claim(
                "A byte costs a process more than a thread",
                (Check("a byte: thread beside pipe", confirmed=above(1.1), refuted=below(0.95)),),
                opposite="objects: most bytes beside one",
            ),
            Claim(
                f"{words.size(most)} by pickle through a pipe cost more than a copy",
                (Check("most bytes: copy beside pipe", confirmed=above(1.5), refuted=below(1.1)),),
                opposite="most bytes: shared memory beside pipe",
            ),
            Claim(
                f"Shared memory costs a process less than a pipe for {words.size(most)}",
                (Check("most bytes: shared memory beside pipe", confirmed=above(1.3), refuted=below(1.0)),),
                opposite="most bytes: copy beside pipe",
            ),
            Claim(
                "A thread gets an object of any size in the time of a byte",
                # Waking a thread scatters by half; four thousand times the bytes would take far more than five times.
                (Check("objects: most bytes beside one", confirmed=within(0.5, 2.0), refuted=below(0.2)),),
                opposite="most bytes: copy beside pipe",
            ),
        ),
        controls=(Known(_TWICE, within(1.7, 2.3)),),
    )


def _arm(way: str, n_bytes: int) -> str:
    return f"{way}, {words.size(n_bytes)}"


def _bytes_a_second(arm: str, n_bytes: int) -> Figure:
    return Figure(arm, lambda cycle: n_bytes / cycle[arm]["wall_ns"] * 1e9, "bytes per second", "", (arm,))


def _least_task(n_bytes: int) -> Figure:
    """Return how long a task must be, so that nine tenths of the time go into it."""
    arm = _arm("pipe", n_bytes)

    def least_ns(cycle: Cycle) -> float:
        return _NINE_TENTHS * cycle[arm]["wall_ns"]

    return Figure(f"least task for {words.size(n_bytes)} through a pipe", least_ns, "ns", "", (arm,))


@contextmanager
def scene(setting: Setting) -> Iterator[Scene]:
    """Start processes and a thread that receive, and make the payloads."""
    sizes = _SIZES[setting.effort]
    room = available_bytes()
    fitting = [n_bytes for n_bytes in sizes if room is None or _COPIES * n_bytes <= room]
    absent = {
        _arm(way, n_bytes): Unavailable(
            f"needs {words.size(_COPIES * n_bytes)} of memory; {words.size(room or 0)} are free"
        )
        for n_bytes in sizes
        if n_bytes not in fitting
        for way in _WAYS
    }
    arms: dict[str, Take] = {}
    with ExitStack() as stack:
        there = stack.enter_context(_Processes(fitting[-1]))
        to_thread = stack.enter_context(receiving_thread())
        buffer = bytearray(fitting[-1])
        payload = os.urandom(_MIB) * (fitting[-1] // _MIB or 1)
        for n_bytes in fitting:
            some = payload[:n_bytes]
            for way, ship in {
                "pipe": partial(there.by_pipe, some),
                "queue": partial(there.by_queue, some),
                "shared memory": partial(there.by_memory, some),
                "copy to a thread": partial(_copy, to_thread, buffer, some, 1),
                "object to a thread": partial(to_thread, some),
            }.items():
                arms[_arm(way, n_bytes)] = partial(timed, ship)
        if fitting == list(sizes):
            arms[_TWICE] = partial(timed, partial(_copy, to_thread, buffer, payload, 2))
        else:
            absent[_TWICE] = next(iter(absent.values()))
        yield Scene(arms, absent)


def _copy(hand_over: Callable[[object], None], buffer: bytearray, payload: bytes, n_copies: int) -> None:
    """Copy a payload, into memory that was touched before, and hand it to a thread."""
    for _ in range(n_copies):
        buffer[: len(payload)] = payload
    hand_over(buffer)


class _Processes:
    """Two processes that receive: one through a pipe and shared memory, one through a queue. A context manager.

    Parameters
    ----------
    most_bytes : int
        The largest payload.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._acknowledged, acknowledges = context.Pipe(duplex=False)
        self._queue: Queue[bytes | None] = context.Queue()
        fd = anonymous_file(self._most_bytes)
        self._memory = mmap.mmap(fd, self._most_bytes)
        self._processes = [
            context.Process(target=_receive, args=(theirs, Inherited(fd), self._most_bytes), daemon=True),
            context.Process(target=_receive_queued, args=(self._queue, acknowledges), daemon=True),
        ]
        for process in self._processes:
            process.start()
        os.close(fd)
        theirs.close()
        acknowledges.close()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._queue.put(None)
        self._queue.close()
        for process in self._processes:
            process.join(_STOP_S)
            if process.is_alive():
                process.kill()
                process.join()
        self._acknowledged.close()
        self._memory.close()

    def by_pipe(self, payload: bytes) -> None:
        """Pickle a payload into a pipe."""
        self._pipe.send(payload)
        self._pipe.recv()

    def by_memory(self, payload: bytes) -> None:
        """Copy a payload to where the process reads it in place, and say how long it is."""
        self._memory[: len(payload)] = payload
        self._pipe.send(len(payload))
        self._pipe.recv()

    def by_queue(self, payload: bytes) -> None:
        """Pickle a payload into a queue, which a thread of its own writes to a pipe."""
        self._queue.put(payload)
        self._acknowledged.recv()


def _receive(pipe: Connection, memory: Inherited, n_bytes: int) -> None:
    """Receive payloads, or the lengths of payloads in shared memory, until the pipe is closed."""
    with mmap.mmap(memory.fd, n_bytes) as shared, suppress(EOFError):
        while True:
            got = pipe.recv()
            pipe.send(shared[got - 1] if isinstance(got, int) else len(got))


def _receive_queued(queue: "Queue[bytes | None]", acknowledges: Connection) -> None:
    """Receive payloads until there is none."""
    while (got := queue.get()) is not None:
        acknowledges.send(len(got))
