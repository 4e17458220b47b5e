"""Processes: an interpreter and a GIL for each worker, started in one of CPython's three ways."""

import multiprocessing
import threading

from gilscope.errors import Unavailable
from gilscope.running.strategies.crew import Crew
from gilscope.system.threads import native_ids


class Processes(Crew):
    """One process per CPU. The arrays are mapped, not pickled, so that the computing is compared."""

    name = "processes"
    is_ceiling = True

    @classmethod
    def unavailable(cls) -> Unavailable | None:
        """Return why processes cannot be started in this way here, or None."""
        if cls.start_method not in multiprocessing.get_all_start_methods():
            return Unavailable(f"this platform cannot start processes by {cls.start_method}")
        if cls.start_method == "fork" and (n := len(native_ids()) or threading.active_count()) > 1:
            return Unavailable(f"this process has {n} threads; a fork would copy the locks they hold")
        return super().unavailable()

    def workers_by_process(self) -> list[list[int]]:
        """Return which workers share a process: none."""
        return [[index] for index in range(self.n_callers)]


class ForkedProcesses(Processes):
    """Processes that begin as copies of this one."""

    name = "processes:fork"
    is_default = False
    start_method = "fork"


class ForkserverProcesses(Processes):
    """Processes forked by a clean single-threaded server."""

    name = "processes:forkserver"
    is_default = False
    start_method = "forkserver"
