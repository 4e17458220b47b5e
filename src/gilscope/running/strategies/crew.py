"""A crew: workers in processes of their own, each behind its own pair of pipes, over memory that all of them map."""

import json
import multiprocessing
import os
import sys
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from typing import NoReturn

from gilscope.children.signals import signal_name
from gilscope.errors import CannotRunError, KernelError, Unavailable
from gilscope.running.strategies.base import Strategy, Timing, Work
from gilscope.running.strategies.host import Inherited, live
from gilscope.running.strategies.memory import SharedMemory
from gilscope.running.worker import (
    ANY_CPU,
    COMMAND,
    PREPARE,
    RECORD,
    TaskSpec,
    encode,
    in_words,
    read_exactly,
    sum_if_counted,
)

# How long a worker that has been told to stop may take before it is ended.
STOP_SECONDS = 10.0


class Channel:
    """The two pipes of one worker: commands to it, answers from it."""

    def __init__(self) -> None:
        self.worker_reads = self.start = self.done = self.worker_writes = -1
        try:
            self.worker_reads, self.start = os.pipe()
            self.done, self.worker_writes = os.pipe()
        except BaseException:
            self.close_worker_side()
            self.close()
            raise

    def close_worker_side(self) -> None:
        """Close the ends that only the worker may hold, so that its death is seen as the end of the pipe."""
        self._close("worker_reads")
        self._close("worker_writes")

    def close(self) -> None:
        """Close the coordinator's ends; a worker that waits for a command takes it as the order to stop."""
        self._close("start")
        self._close("done")

    @property
    def worker_ends(self) -> tuple[int, int]:
        """The ends that the worker holds; -1 once closed here."""
        return self.worker_reads, self.worker_writes

    def _close(self, name: str) -> None:
        fd = getattr(self, name)
        if fd >= 0:
            setattr(self, name, -1)
            os.close(fd)


class Crew(Strategy):
    """The workers of one strategy, each behind its own pair of pipes.

    Every worker lives in a process started for the crew (see `gilscope.running.strategies.host`); strategies
    differ in how many share one, and whether each has an interpreter of its own.

    Parameters
    ----------
    memory : SharedMemory
        Must outlive the crew.
    n_workers : int

    Notes
    -----
    GIL: the coordinator gives it up while it waits, and shares it with no worker. Threads: one coordinator thread only.
    """

    start_method = "spawn"
    in_interpreters = False

    def __init__(self, memory: SharedMemory, n_workers: int) -> None:
        super().__init__(memory, n_workers)
        self._channels: list[Channel] = []
        self._hosts: list[tuple[BaseProcess, list[int]]] = []

    @classmethod
    def unavailable(cls) -> Unavailable | None:
        """Return why this strategy cannot run in this process, or None."""
        if sys.platform == "win32":
            return Unavailable("needs POSIX pipes; not yet done for Windows")
        return super().unavailable()

    @property
    def n_callers(self) -> int:
        """How many workers call the kernel: as many as CPUs, but for strategies with one caller."""
        return self.n_workers

    def cpus(self) -> list[int]:
        """Return the CPU that each worker keeps to, or `ANY_CPU`.

        Left to the scheduler, two threads that hand each other the GIL as they start are woken onto one CPU whenever
        anything else runs, and two processes are not: the ratio between them would be the scheduler's.
        """
        return one_each(self.n_callers)

    def chunk_cpus(self) -> tuple[int, ...]:
        """Return the CPU that each chunk of one caller is computed on; none, for where a worker is, it stays."""
        return ()

    def workers_by_process(self) -> list[list[int]]:
        """Return which workers share a process; all of them, unless a strategy says otherwise."""
        return [list(range(self.n_callers))]

    def start(self) -> None:
        """Start every worker, without waiting for any."""
        cpus = self.cpus()
        context = multiprocessing.get_context(self.start_method)
        for _ in range(self.n_callers):  # one by one, so that those there are get closed where there are too few
            self._channels.append(Channel())
        for workers in self.workers_by_process():
            process = context.Process(  # type: ignore[attr-defined] # every context has it
                target=live,
                args=(
                    [(*self._worker_side(index), cpus[index]) for index in workers],
                    Inherited(self.memory.fd),
                    self.memory.n_bytes,
                ),
                kwargs={
                    "in_interpreters": self.in_interpreters,
                    "not_ours": self._not_for(workers) if self.start_method == "fork" else [],
                },
                name=f"gilscope-{self.name}-{workers[0]}",
                daemon=True,
            )
            process.start()
            self._hosts.append((process, workers))
            for index in workers:
                self._channels[index].close_worker_side()

    def wait_until_ready(self) -> None:
        """Wait until every worker has reported its GIL state; one that gives up by itself before is a shortage."""
        for index in range(self.n_callers):
            regime = json.loads(self._receive(index)[1])
            if "error" in regime:
                raise self._failure(index, "did not start", regime)
            self.regimes.append(regime)

    def deal(self, work: Work) -> list[TaskSpec]:
        """Deal the chunks out: one to each worker, or all of them to the only one."""
        chunks = range(self.n_workers)
        return [self.spec(work, share) for share in ([chunks] if self.n_callers == 1 else [[one] for one in chunks])]

    def spec(self, work: Work, chunks: Sequence[int], n_threads: int = 0) -> TaskSpec:
        """Return what one worker computes: those chunks, by itself or on an OpenMP team of so many threads."""
        offsets = [self.memory.offsets(chunk, work.n_items) for chunk in chunks]
        return TaskSpec(
            kernel=work.kernel,
            implementation=work.implementation,
            gil=work.gil,
            form=work.form,
            dtype=self.memory.dtype,
            n_items=work.n_items,
            x_offsets=tuple(x for x, _ in offsets),
            out_offsets=tuple(out for _, out in offsets),
            n_threads=n_threads,
            cpus=() if work.stays else self.chunk_cpus(),
        )

    def prepare(self, task: int, work: Work) -> Unavailable | None:
        """Tell the workers what task number `task` is; return why it cannot be done here, or None."""
        return self.assign(task, self.deal(work))

    def assign(self, task: int, specs: Sequence[TaskSpec]) -> Unavailable | None:
        """Tell each worker its part of task number `task`; return why it cannot be done here, or None.

        Raises
        ------
        CannotRunError
            If a worker's GIL is no longer in the state that it reported when it started.
        """
        for index, spec in enumerate(specs):
            payload = encode(spec)
            self._send(index, COMMAND.pack(task, PREPARE, len(payload)) + payload)
        refusals = []
        for index in range(len(specs)):
            _, text = self._receive(index)
            now = json.loads(text)
            if "gil_enabled" not in now:
                refusals.append(self._refusal(index, text))
            elif any(self.regimes[index][name] != value for name, value in now.items()):
                raise CannotRunError(
                    f"worker {index} of strategy {self.name!r} started with {in_words(self.regimes[index])}; now that "
                    f"it has imported its kernel it has {in_words(now)}. `gilscope doctor --imports` says who does that"
                )
        return refusals[0] if refusals else None

    def run(self, task: int, repeats: int) -> Timing:
        """Run a prepared task on every worker at once and time it."""
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
            run_delay_ns=sum_if_counted([record[3] for record in records]),
            switches=sum_if_counted([record[4] for record in records]),
            checksum=sum(record[5] for record in records) % 2**64,
        )

    def close(self) -> None:
        """Stop every worker and wait for its end; safe to call twice."""
        for channel in self._channels:
            channel.close()
            channel.close_worker_side()
        for process, _ in self._hosts:
            process.join(STOP_SECONDS)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()
        self._hosts.clear()
        self._channels.clear()

    def _worker_side(self, index: int) -> tuple[Inherited, Inherited]:
        channel = self._channels[index]
        return Inherited(channel.worker_reads), Inherited(channel.worker_writes)

    def _not_for(self, workers: list[int]) -> list[int]:
        """Return the descriptors that a forked copy of this process would hold beside its own workers' ends."""
        return [
            fd
            for index, channel in enumerate(self._channels)
            for fd in (channel.start, channel.done, *(() if index in workers else channel.worker_ends))
            if fd >= 0
        ]

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
        record = RECORD.unpack(head)
        text = read_exactly(fd, record[-1]) if record[-1] else b""
        if text is None:
            self._died(index)
        return record, text.decode()

    def _refusal(self, index: int, text: str) -> Unavailable:
        answer = json.loads(text)
        if "unavailable" in answer:
            return Unavailable(answer["unavailable"])
        raise self._failure(index, "failed", answer)

    def _failure(self, index: int, how: str, answer: dict[str, str]) -> CannotRunError | KernelError:
        who = f"worker {index} of strategy {self.name!r} {how}"
        return (
            CannotRunError(f"{who}: {answer['short']}") if answer["short"] else KernelError(f"{who}: {answer['error']}")
        )

    def _died(self, index: int) -> NoReturn:
        process = next(process for process, workers in self._hosts if index in workers)
        process.join(1.0)
        code = process.exitcode
        if code is None:
            cause = "it closed its pipes but still runs"
        elif code < 0:
            cause = f"killed by {signal_name(-code)}"
        else:
            cause = f"exit code {code}"
        if index >= len(self.regimes) and code is not None and code > 0:  # it gave up by itself, before any kernel
            raise CannotRunError(f"worker {index} of strategy {self.name!r} ended before it was ready: {cause}")
        raise KernelError(f"worker {index} of strategy {self.name!r} died: {cause}")


def one_each(n: int) -> list[int]:
    """Return the usable CPUs if they are as many as are needed and more than one; else `ANY_CPU` as often.

    Who leaves CPUs free is left free.
    """
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return allowed if len(allowed) == n > 1 else [ANY_CPU] * n
