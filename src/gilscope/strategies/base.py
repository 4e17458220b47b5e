"""What every strategy shares: a crew of workers, each behind its own pair of pipes."""

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from gilscope.errors import KernelError
from gilscope.results import Unavailable
from gilscope.strategies.memory import SharedMemory
from gilscope.worker import COMMAND, NOT_COUNTED, PREPARE, RECORD, TaskSpec, encode, read_exactly


@dataclass(frozen=True, slots=True)
class Timing:
    """One timed task on every worker of a crew.

    Parameters
    ----------
    wall_ns, cpu_ns, run_delay_ns : int
        Wall time from the first worker's start to the last one's end; CPU time and time spent runnable but waiting for
        a CPU, summed over the workers.
    switches : int
        Involuntary context switches, summed over the workers. This and `run_delay_ns` are -1 where not counted.
    checksum : int
        Sum of the workers' checksums modulo 2**64; 0 for the array form.
    """

    wall_ns: int
    cpu_ns: int
    run_delay_ns: int
    switches: int
    checksum: int


class Channel:
    """The two pipes of one worker: commands to it, answers from it."""

    def __init__(self) -> None:
        self.worker_reads, self.start = os.pipe()
        self.done, self.worker_writes = os.pipe()

    def close_worker_side(self) -> None:
        """Close the ends that only the worker may hold, so that its death is seen as the end of the pipe."""
        self._close("worker_reads")
        self._close("worker_writes")

    def close(self) -> None:
        """Close the coordinator's ends; a worker that waits for a command takes it as the order to stop."""
        self._close("start")
        self._close("done")

    def _close(self, name: str) -> None:
        fd = getattr(self, name)
        if fd >= 0:
            setattr(self, name, -1)
            os.close(fd)


class Crew(ABC):
    """The workers of one strategy, started and waiting. Use as a context manager: leaving it leaves nothing behind.

    Subclasses say where a worker lives: `_host` starts one, `_bury` waits for its end.

    Parameters
    ----------
    memory : SharedMemory
        Must outlive the crew.
    n_workers : int
        How many CPUs the strategy may use at once.

    Notes
    -----
    GIL: the coordinator gives it up while it waits. Threads: one coordinator thread only.
    """

    name = ""

    def __init__(self, memory: SharedMemory, n_workers: int) -> None:
        self.memory = memory
        self.n_workers = n_workers
        self.regimes: list[dict[str, object]] = []
        self._channels: list[Channel] = []

    @classmethod
    def unavailable(cls) -> Unavailable | None:
        """Return why this strategy cannot run in this process, or None."""
        return None

    @property
    def n_hosts(self) -> int:
        """How many workers are started: as many as CPUs, but for strategies that use one caller."""
        return self.n_workers

    @abstractmethod
    def _host(self, index: int, channel: Channel) -> None:
        """Start worker number `index` and have it serve `channel`."""

    @abstractmethod
    def _bury(self) -> None:
        """Wait until every worker has ended; end those that do not."""

    def _cause_of_death(self, index: int) -> str:
        """Return what is known of a worker that stopped answering."""
        return "it ended without an answer"

    def start(self) -> None:
        """Start every worker and wait until each has reported its GIL state.

        Raises
        ------
        KernelError
            If a worker ends before it has reported.
        """
        for index in range(self.n_hosts):
            channel = Channel()
            self._channels.append(channel)
            self._host(index, channel)
        for index in range(self.n_hosts):
            _, text = self._receive(index)
            self.regimes.append(json.loads(text))

    def prepare(self, task: int, specs: Sequence[TaskSpec]) -> Unavailable | None:
        """Tell each worker what task number `task` is; return why it cannot be done here, or None."""
        for index, spec in enumerate(specs):
            payload = encode(spec)
            self._send(index, COMMAND.pack(task, PREPARE, len(payload)) + payload)
        refusals = []
        for index in range(len(specs)):
            _, text = self._receive(index)
            if text:
                refusals.append(self._refusal(index, text))
        return refusals[0] if refusals else None

    def run(self, task: int, repeats: int) -> Timing:
        """Run a prepared task on every worker at once and time it.

        Raises
        ------
        KernelError
            If a kernel raises or a worker dies.
        """
        command = COMMAND.pack(task, repeats, 0)
        for index in range(len(self._channels)):
            self._send(index, command)
        records = []
        for index in range(len(self._channels)):
            record, text = self._receive(index)
            if text:
                self._refusal(index, text)
            records.append(record)
        return Timing(
            # Not from when they were told: waking the first worker is the system's time, and it would blur every ratio
            # towards 1. The stamps are of one clock, which all threads and processes of a machine share.
            wall_ns=max(record[1] for record in records) - min(record[0] for record in records),
            cpu_ns=sum(record[2] for record in records),
            run_delay_ns=_sum_if_counted([record[3] for record in records]),
            switches=_sum_if_counted([record[4] for record in records]),
            checksum=sum(record[5] for record in records) % 2**64,
        )

    def close(self) -> None:
        """Stop every worker and wait for its end; safe to call twice."""
        for channel in self._channels:
            channel.close()
        self._bury()
        for channel in self._channels:
            channel.close_worker_side()
        self._channels.clear()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, index: int, data: bytes) -> None:
        try:
            os.write(self._channels[index].start, data)
        except BrokenPipeError:
            self._died(index)

    def _receive(self, index: int) -> tuple[tuple[int, ...], str]:
        fd = self._channels[index].done
        head = read_exactly(fd, RECORD.size)
        if head is None:
            self._died(index)
        record = RECORD.unpack(head or b"")
        text = read_exactly(fd, record[-1]) if record[-1] else b""
        return record, (text or b"").decode()

    def _refusal(self, index: int, text: str) -> Unavailable:
        answer = json.loads(text)
        if "unavailable" in answer:
            return Unavailable(answer["unavailable"])
        raise KernelError(f"worker {index} of strategy {self.name!r} failed: {answer['error']}")

    def _died(self, index: int) -> None:
        raise KernelError(f"worker {index} of strategy {self.name!r} died: {self._cause_of_death(index)}")


def _sum_if_counted(values: list[int]) -> int:
    return NOT_COUNTED if NOT_COUNTED in values else sum(values)
