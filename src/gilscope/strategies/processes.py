"""Processes: an interpreter and a GIL for each worker, started in one of CPython's three ways."""

import gc
import multiprocessing
import os
import signal
import sys
from multiprocessing import reduction
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess

from gilscope.results import Unavailable
from gilscope.strategies.base import Channel, Crew
from gilscope.strategies.memory import SharedMemory
from gilscope.strategies.threads import STOP_SECONDS, n_native_threads
from gilscope.worker import serve

START_METHODS = ("spawn", "forkserver", "fork")


class Processes(Crew):
    """One process per CPU. The arrays are mapped, not pickled, so that the computing is compared."""

    name = "processes"
    start_method = "spawn"

    def __init__(self, memory: SharedMemory, n_workers: int) -> None:
        super().__init__(memory, n_workers)
        self._context: BaseContext = multiprocessing.get_context(self.start_method)
        self._processes: list[BaseProcess] = []

    @classmethod
    def unavailable(cls) -> Unavailable | None:
        """Return why processes cannot be started in this way here, or None."""
        if sys.platform == "win32":
            return Unavailable("needs POSIX pipes; not yet done for Windows")
        if cls.start_method not in multiprocessing.get_all_start_methods():
            return Unavailable(f"this platform cannot start processes by {cls.start_method}")
        if cls.start_method == "fork" and (n := n_native_threads()) > 1:
            return Unavailable(f"this process has {n} threads; a fork would copy the locks they hold")
        return None

    def _host(self, index: int, channel: Channel) -> None:
        # A forked worker inherits every descriptor; it must drop the other ends, or no death would ever be seen.
        others = [fd for other in self._channels for fd in (other.start, other.done)]
        fds = tuple(_Inherited(fd) for fd in (channel.worker_reads, channel.worker_writes, self.memory.fd))
        process = self._context.Process(  # type: ignore[attr-defined]
            target=_live,
            args=(*fds, self.memory.n_bytes, others if self.start_method == "fork" else []),
            name=f"gilscope-{self.name}-{index}",
            daemon=True,
        )
        process.start()
        self._processes.append(process)
        channel.close_worker_side()

    def _bury(self) -> None:
        for process in self._processes:
            process.join(STOP_SECONDS)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()
        self._processes.clear()

    def _cause_of_death(self, index: int) -> str:
        process = self._processes[index]
        process.join(1.0)
        code = process.exitcode
        if code is None:
            return "it closed its pipes but still runs"
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        return f"exit code {code}"


class ForkedProcesses(Processes):
    """Processes that begin as copies of this one."""

    start_method = "fork"
    name = "processes:fork"


class ForkserverProcesses(Processes):
    """Processes forked by a clean single-threaded server."""

    start_method = "forkserver"
    name = "processes:forkserver"


class _Inherited:
    """A descriptor that arrives under whatever number the child's start method gives it."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __reduce__(self) -> tuple[object, ...]:
        return _adopt, (reduction.DupFd(self.fd),)


def _adopt(duplicate: object) -> _Inherited:
    return _Inherited(duplicate.detach())  # type: ignore[attr-defined]


def _live(start: _Inherited, done: _Inherited, memory: _Inherited, memory_bytes: int, others: list[int]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the coordinator's to handle
    gc.disable()  # a collection in the middle of one arm would be charged to it
    for fd in others:
        os.close(fd)
    serve(start.fd, done.fd, memory.fd, memory_bytes)
