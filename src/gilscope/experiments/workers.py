"""Workers of every kind - a thread, an interpreter, a process by each start method - behind a socket.

    with Worker("spawn", "first_task", 1000) as worker:
        began_ns, imported_ns, computed_ns = worker.hear()

What a worker does is an errand (see `gilscope.experiments.errands`), the same for all kinds.
"""

import multiprocessing
import os
import sys
import threading
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Self

from gilscope import shortages
from gilscope.children.interpreter import run_in_new_interpreter
from gilscope.errors import CannotRunError, KernelError, Unavailable
from gilscope.experiments import errands, fork_server
from gilscope.originals import time
from gilscope.running.strategies.crew import Crew
from gilscope.running.strategies.interpreters import Interpreters
from gilscope.running.strategies.processes import ForkedProcesses, ForkserverProcesses, Processes
from gilscope.system.threads import native_ids

#: What says whether there is a kind here.
_STRATEGIES: dict[str, type[Crew]] = {
    "interpreter": Interpreters,
    "spawn": Processes,
    "forkserver": ForkserverProcesses,
    "fork": ForkedProcesses,
}
KINDS = ("thread", *_STRATEGIES)
PROCESSES = ("spawn", "forkserver", "fork")
#: A worker answers within milliseconds and ends at once; one that does not in this time is stuck.
_ANSWER_SECONDS, _STOP_SECONDS = 60.0, 10.0
#: A thread that was joined is gone from the kernel's list some microseconds later.
_GONE_SECONDS = 1.0


def unavailable(kind: str) -> Unavailable | None:
    """Return why there can be no worker of a kind in this process, or None."""
    if kind == "thread":
        return None
    if kind == "fork":
        wait_until_alone()
    return _STRATEGIES[kind].unavailable()


def context(kind: str) -> Any:
    """Return multiprocessing's context of a start method."""
    return fork_server.context() if kind == "forkserver" else multiprocessing.get_context(kind)


def split(kinds: tuple[str, ...]) -> tuple[list[str], dict[str, Unavailable]]:
    """Return the kinds that there are here, and the others with their reasons."""
    absent = {kind: reason for kind in kinds if (reason := unavailable(kind)) is not None}
    return [kind for kind in kinds if kind not in absent], absent


def quickest() -> str:
    """Return the start method that starts a new process soonest and is safe beside threads."""
    return "forkserver" if unavailable("forkserver") is None else "spawn"


def wait_until_alone() -> None:
    """Wait a moment until threads that have ended are gone, so that a fork copies this one alone."""
    deadline = time.monotonic() + _GONE_SECONDS
    while len(native_ids()) > 1 and time.monotonic() < deadline:
        time.sleep(0.0001)


class Worker:
    """A worker that does an errand. Use as a context manager: leaving it ends the worker.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    errand : str
        See `gilscope.experiments.errands.do`.
    *arguments
        Of the errand, after its descriptor; plain data where it is an interpreter.

    Attributes
    ----------
    process : BaseProcess or None
        Where it is one.
    started_ns : int
        When it was begun to be started, on `time.perf_counter_ns`.

    Raises
    ------
    CannotRunError
        Where it cannot be started.

    Notes
    -----
    GIL: released while it waits for the worker. Threads: one speaks with it.
    """

    def __init__(self, kind: str, errand: str, *arguments: Any) -> None:
        self.kind = kind
        self.process: BaseProcess | None = None
        self._errand, self._arguments = errand, arguments
        self._thread: threading.Thread | None = None
        self._heard = b""

    def __enter__(self) -> Self:
        if self.kind == "fork":
            wait_until_alone()
            if len(native_ids()) > 1:
                raise CannotRunError("this process has threads; a fork would copy the locks they hold")
        with shortages.named():
            self._ours, self._theirs = multiprocessing.Pipe()
            try:
                self.started_ns = time.perf_counter_ns()
                self._start()
            except BaseException:
                self._ours.close()
                self._theirs.close()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """The process that it lives in."""
        return os.getpid() if self.process is None else self.process.pid or 0

    def tell(self, word: str) -> None:
        """Say a word to it."""
        self.send(f"{word}\n".encode())

    def send(self, data: bytes) -> None:
        """Send it bytes, all of them."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._ours.fileno(), rest) :]

    def hear(self) -> tuple[int, ...]:
        """Wait for a line of numbers.

        Raises
        ------
        KernelError
            If the worker has ended, or says nothing for a minute.
        """
        while b"\n" not in self._heard:
            ready = self._ours.poll(_ANSWER_SECONDS)
            data = self._read() if ready else b""
            if not data:
                raise KernelError(f"a worker ({self.kind}) {'ended' if ready else 'gave no answer'}")
            self._heard += data
        line, _, self._heard = self._heard.partition(b"\n")
        return tuple(map(int, line.split()))

    def said_more(self) -> bool:
        """Tell whether it said anything that was not heard, after waiting for its end."""
        while data := self._read():
            self._heard += data
        return bool(self._heard)

    def end(self) -> None:
        """End it, and wait until it is gone; safe to call twice."""
        self._ours.close()
        if self._thread is not None:
            self._thread.join()
        if self.process is not None:
            self.process.join(_STOP_SECONDS)
            if self.process.is_alive():
                self.process.kill()
                self.process.join()
            self.process.close()
            self.process = None

    def _read(self) -> bytes:
        try:
            return os.read(self._ours.fileno(), 4096)
        except ConnectionResetError:
            return b""

    def _start(self) -> None:
        if self.kind in PROCESSES:
            # A fork copies our end too; while it is open there, the worker does not see that it is closed here.
            copied = self._ours if self.kind == "fork" else None
            arguments = (copied, self._theirs, self._errand, *self._arguments)
            process = context(self.kind).Process(target=errands.run, args=arguments)
            process.start()
            self.process = process
            self._theirs.close()  # so that its end is seen
            return
        work = _interpret if self.kind == "interpreter" else _do
        self._thread = threading.Thread(
            target=work, args=(self._theirs, self._errand, *self._arguments), name=self.kind, daemon=True
        )
        self._thread.start()


def _do(connection: Connection, errand: str, *arguments: Any) -> None:
    with connection:
        errands.do(connection.fileno(), errand, *arguments)


def _interpret(connection: Connection, errand: str, *arguments: Any) -> None:
    with connection:
        run_in_new_interpreter(
            f"import sys\nsys.path[:] = {sys.path!r}\n"
            "from gilscope.experiments import errands, fork_server\n"
            f"errands.do(*{(connection.fileno(), errand, *arguments)!r})\n"
        )
