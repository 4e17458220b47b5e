"""What workers of experiments do. It is light to load, because loading it is a part of what starting them costs.

An errand is a function that begins with a socket's descriptor. It says numbers there in lines, and hears words; where
the other end is closed, it ends. All kinds of workers do the same errands (see `gilscope.experiments.workers`).
"""

import gc
import mmap
import os
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

#: Some of the standard library, as a program's first lines import it. It loads in an interpreter with its own GIL.
MODULES = ("argparse", "csv", "json", "logging")


def say(fd: int, *numbers: float) -> None:
    """Say whole numbers."""
    os.write(fd, (" ".join(str(round(number)) for number in numbers) + "\n").encode())


def hear(fd: int) -> str:
    """Wait for a word; return "" where there will be none any more. GIL: released while it waits."""
    try:
        word = b""
        while not word.endswith(b"\n"):
            byte = os.read(fd, 1)
            if not byte:
                return ""
            word += byte
        return word.decode().strip()
    except ConnectionResetError:
        return ""


def run(copied: Any, connection: Any, errand: str, *arguments: Any) -> None:
    """Do an errand over a connection, in a new process, after closing what a fork has copied."""
    if copied is not None:
        copied.close()
    do(connection.fileno(), errand, *arguments)


def do(fd: int, errand: str, *arguments: Any) -> None:
    """Do an errand, ``"module:function"``, or one of this module by its name alone."""
    module, _, function = errand.rpartition(":")
    doing: Callable[..., None] = getattr(import_module(module or __name__), function)
    doing(fd, *arguments)


def first_task(fd: int, n_rounds: int) -> None:
    """Import some modules, compute once, and say when it began, had imported and had computed.

    Parameters
    ----------
    fd : int
    n_rounds : int
        Of the C kernel quad, with the GIL released.
    """
    began_ns = time.perf_counter_ns()
    for name in MODULES:
        import_module(name)
    from array import array

    from gilscope.kernels import _capi

    imported_ns = time.perf_counter_ns()
    _capi.quad_compute_released(array("d", range(2048)), n_rounds)
    say(fd, began_ns, imported_ns, time.perf_counter_ns())


#: Rows that a fork copies and threads share: what a process that is started otherwise has to make for itself.
rows: list[list[float]] = []


def make_rows(n_rows: int) -> list[list[float]]:
    """Return lists of a number each, about 120 bytes a row: a collection visits the lists and not the numbers."""
    return [[float(i)] for i in range(n_rows)]


def hold_memory(fd: int, n_rows: int) -> None:
    """Take memory as told, and say when it is done.

    ``collect`` collects garbage; ``touch`` reads every row, after making them where there are none; ``fill N`` writes
    to N bytes that were not there before.

    Parameters
    ----------
    fd : int
    n_rows : int
    """
    kept: list[object] = []
    say(fd, 0)
    while word := hear(fd):
        if word == "collect":
            gc.collect()
        elif word == "touch":
            mine = rows or make_rows(n_rows)
            sum(row[0] for row in mine)
            kept.append(mine)
        else:
            kept.append(b"x" * int(word.removeprefix("fill ")))
        say(fd, 0)


#: What workers write their results to; each process and each interpreter has one of its own.
board: list[int] = []
#: What `changed` appends.
CHANGE = 7
_leaked: list[mmap.mmap] = []


def write_to_board(fd: int) -> None:
    """Append each number that is told to `board`."""
    while word := hear(fd):
        board.append(int(word))
        say(fd, 0)


def write_to_segment(fd: int, name: str) -> None:
    """Write each number that is told to the first byte of a shared segment."""
    from multiprocessing.shared_memory import SharedMemory

    segment = SharedMemory(name)
    try:
        while word := hear(fd):
            buffer = segment.buf
            if buffer is not None:
                buffer[0] = int(word)
            del buffer
            say(fd, 0)
    finally:
        segment.close()


def changed(sent: list[int]) -> list[int]:
    """Append to a list, and return it."""
    sent.append(CHANGE)
    return sent


def pass_on(fd: int, inbox: Any, outbox: Any) -> None:
    """Take a list from one queue, append to it, and put it into the other, each time that it is told to."""
    while hear(fd):
        outbox.put(changed(inbox.get()))


def receive(fd: int) -> None:
    """Unpickle each object that comes, behind its length in eight bytes, and say when it is there."""
    import pickle
    import struct

    while head := _exactly(fd, 8):
        pickle.loads(_exactly(fd, struct.unpack("q", head)[0]))  # noqa: S301 - from the experiment itself
        say(fd, 0)


def _exactly(fd: int, n_bytes: int) -> bytes:
    """Read so many bytes; return b"" where there will be none any more."""
    parts = []
    while n_bytes:
        try:
            part = os.read(fd, min(n_bytes, 1 << 20))
        except ConnectionResetError:
            part = b""
        if not part:
            return b""
        parts.append(part)
        n_bytes -= len(part)
    return b"".join(parts)


def leak(n_bytes: int) -> None:
    """Take pages of the system's own, write to each, and keep them."""
    block = mmap.mmap(-1, n_bytes)
    for i in range(0, n_bytes, mmap.PAGESIZE):
        block[i] = 1
    _leaked.append(block)


def mend() -> None:
    """Give back what was leaked in this process."""
    while _leaked:
        _leaked.pop().close()


def leak_once(fd: int, n_bytes: int) -> None:
    """Leak when told to, and end when told to."""
    say(fd, 0)
    if hear(fd):
        leak(n_bytes)
        say(fd, 0)
        hear(fd)
