"""Threads of this process, and plain sequence as the crew of one thread that does all the work."""

import os
import threading

from gilscope.errors import KernelError
from gilscope.strategies.base import Channel, Crew
from gilscope.worker import serve

# How long a worker that has been told to stop may take before it is reported as stuck.
STOP_SECONDS = 10.0


class Threads(Crew):
    """One thread per CPU in one interpreter: they share its GIL."""

    name = "threads"

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._threads: list[threading.Thread] = []
        self._errors: dict[int, str] = {}

    def _host(self, index: int, channel: Channel) -> None:
        thread = threading.Thread(
            target=self._live, args=(index, channel), name=f"gilscope-{self.name}-{index}", daemon=True
        )
        thread.start()
        self._threads.append(thread)

    def _live(self, index: int, channel: Channel) -> None:
        try:
            self._serve(channel)
        except Exception as error:  # noqa: BLE001 - reported to the coordinator as this worker's cause of death
            self._errors[index] = f"{type(error).__name__}: {error}"
        finally:
            channel.close_worker_side()

    def _serve(self, channel: Channel) -> None:
        """Run the worker's loop in this thread."""
        serve(channel.worker_reads, channel.worker_writes, self.memory.fd, self.memory.n_bytes)

    def _cause_of_death(self, index: int) -> str:
        self._threads[index].join(1.0)
        return self._errors.get(index, super()._cause_of_death(index))

    def _bury(self) -> None:
        for thread in self._threads:
            thread.join(STOP_SECONDS)
            if thread.is_alive():
                raise KernelError(f"{thread.name} did not stop within {STOP_SECONDS:.0f} s of being told to")
        self._threads.clear()


class Serial(Threads):
    """All the work on one thread, one chunk after another: what using neither threads nor processes gives.

    The thread stands behind the same pipes as every other worker, so that the cost of being told is the same.
    """

    name = "serial"

    @property
    def n_hosts(self) -> int:
        """One, whatever the width that it is compared at."""
        return 1


class OpenMP(Serial):
    """One calling thread whose kernel spreads over an OpenMP team of native threads, GIL released."""

    name = "openmp"


def n_native_threads() -> int:
    """Return how many threads this process has, Python's or not; Python's alone where the system does not say."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()
