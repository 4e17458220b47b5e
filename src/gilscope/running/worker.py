"""The loop that every worker runs, whatever hosts it: a thread, a process or a subinterpreter.

A worker blocks on its start pipe (it never spins), runs what it is told over its own chunks of the shared memory, and
answers on its done pipe with its own time stamps. One loop and one kind of pipe for every strategy: what a dispatch
costs is then the same in all of them, and cancels out of their ratios.

This module is imported in subinterpreters, so it imports nothing that cannot be loaded there.
"""

import json
import mmap
import os
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING

from gilscope import kernels, shortages, words
from gilscope.errors import Unavailable
from gilscope.kernels import with_openmp
from gilscope.system.counters import ThreadMeter
from gilscope.system.gil import gil_enabled
from gilscope.system.scheduling import give_way

if TYPE_CHECKING:
    AnyView = memoryview[int] | memoryview[float]

# What the coordinator sends: task number, repeats (or PREPARE), bytes of JSON that follow.
COMMAND = struct.Struct("<qqq")
PREPARE = -1
ANY_CPU = -1
# What the worker answers: start, end, CPU, run delay (all ns), involuntary switches, checksum, bytes of text that
# follow.
# A wait that this system does not count by thread is NOT_COUNTED.
NOT_COUNTED = -1
RECORD = struct.Struct("<qqqqqQq")


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """What one worker computes in one arm: plain data, for it crosses process and interpreter boundaries.

    Parameters
    ----------
    kernel, implementation, gil : str
        As in `gilscope.kernels.load`.
    form : {"array", "compute"}
        One call over each chunk a repeat, or one call whose rounds are the repeats.
    dtype : str
    n_items : int
        Items in each chunk.
    x_offsets, out_offsets : tuple of int
        Where this worker's chunks begin in the shared memory, in bytes.
    n_threads : int
        How many an OpenMP team has that computes the kernel's prange form; 0: the worker computes alone.
    cpus : tuple of int
        The CPU that each chunk is computed on: by the worker, whose ways from one to the next are not timed, or by its
        OpenMP team. Empty: wherever the scheduler puts them.
    """

    kernel: str
    implementation: str
    gil: str
    form: str
    dtype: str
    n_items: int
    x_offsets: tuple[int, ...]
    out_offsets: tuple[int, ...]
    n_threads: int = 0
    cpus: tuple[int, ...] = ()


def serve(start_fd: int, done_fd: int, memory_fd: int, memory_bytes: int, cpu: int = ANY_CPU) -> None:
    """Answer commands from `start_fd` on `done_fd` until the start pipe closes.

    Parameters
    ----------
    start_fd, done_fd, memory_fd, memory_bytes : int
    cpu : int
        The CPU that this thread keeps to, or `ANY_CPU`.

    Notes
    -----
    GIL: given up while waiting for a command; during a task as the kernel does. Threads: one call per thread; every
    descriptor and the memory mapping belong to this call alone.
    """
    try:
        _serve(start_fd, done_fd, memory_fd, memory_bytes, cpu)
    except Exception as error:  # noqa: BLE001 - whatever it is, the coordinator must hear of it
        traceback.print_exc()
        report_failure(done_fd, error)


def _serve(start_fd: int, done_fd: int, memory_fd: int, memory_bytes: int, cpu: int) -> None:
    if cpu != ANY_CPU:
        os.sched_setaffinity(0, {cpu})
    give_way()
    tasks: dict[int, _Task] = {}
    views: list[AnyView] = []
    with ExitStack() as stack:
        meter = stack.enter_context(ThreadMeter())
        memory = stack.enter_context(mmap.mmap(memory_fd, memory_bytes))
        stack.callback(_release, tasks, views)
        # A coordinator that no longer listens has given this crew up: that too is the order to stop.
        stack.enter_context(suppress(BrokenPipeError))
        os.write(done_fd, _answer(json.dumps(regime() | {"cpu": None if cpu == ANY_CPU else cpu})))
        while (command := read_exactly(start_fd, COMMAND.size)) is not None:
            task, repeats, n_bytes = COMMAND.unpack(command)
            try:
                if repeats == PREPARE:
                    spec = json.loads(read_exactly(start_fd, n_bytes) or b"")
                    tasks[task] = _prepare(TaskSpec(**spec), memory, views)
                    # Said again, for importing a kernel can bring the GIL of a free-threaded build back.
                    answer = _answer(json.dumps(gil_state()))
                else:
                    answer = _timed(tasks[task], repeats, meter)
            except BaseException as error:  # noqa: BLE001 - whatever it is, the coordinator must hear of it
                answer = _answer(_describe(error))
            os.write(done_fd, answer)


def encode(spec: TaskSpec) -> bytes:
    """Return a task as the bytes that follow a PREPARE command."""
    return json.dumps(asdict(spec)).encode()


def read_exactly(fd: int, n_bytes: int) -> bytes | None:
    """Return exactly that many bytes from a pipe, or None where it ends first."""
    data = b""
    while len(data) < n_bytes:
        more = os.read(fd, n_bytes - len(data))
        if not more:
            return None
        data += more
    return data


def gil_state() -> dict[str, object]:
    """Return whether the GIL of the calling interpreter is in force, and how long a thread may keep it when asked."""
    return {"gil_enabled": gil_enabled(), "switch_interval_s": sys.getswitchinterval()}


def regime() -> dict[str, object]:
    """Return what the calling thread says of itself as a worker, before anything is timed."""
    who = {"pid": os.getpid(), "thread": threading.get_native_id(), "python": sys.version.split()[0]}
    return who | gil_state()


def in_words(state: Mapping[str, object]) -> str:
    """Return a GIL state as words; what else a worker says of itself is left out."""
    interval = state["switch_interval_s"]
    told = words.seconds(interval) if isinstance(interval, float) else str(interval)
    return f"the GIL {'on' if state['gil_enabled'] else 'off'} and a switch interval of {told}"


def report_failure(done_fd: int, error: BaseException) -> None:
    """Answer with an error in place of whatever the coordinator waits for, if it still waits."""
    with suppress(OSError):
        os.write(done_fd, _answer(_describe(error)))


class _Refused(Exception):
    """A kernel is not to be had in this worker; the text is the reason."""


@dataclass(frozen=True, slots=True)
class _Task:
    """What a worker runs, by the CPU that it is run on."""

    pieces: tuple[tuple[int, Callable[[int], int]], ...]
    uses_team: bool = False


def _timed(task: _Task, repeats: int, meter: ThreadMeter) -> bytes:
    """Run a task; its record ends as much later than it starts as its pieces took, without the ways between them."""
    # An OpenMP team's threads are not this worker's own: its CPU time is the whole process's, all else being idle.
    team_before = time.process_time_ns() if task.uses_team else 0
    first_ns = wall_ns = cpu_ns = checksum = 0
    delays, switches = [], []
    for cpu, run in task.pieces:
        if cpu != ANY_CPU:
            os.sched_setaffinity(0, {cpu})
        cpu_before, delay_before, switches_before = meter.read()
        start_ns = time.perf_counter_ns()
        checksum += run(repeats)
        wall_ns += time.perf_counter_ns() - start_ns
        cpu_after, delay_after, switches_after = meter.read()
        first_ns = first_ns or start_ns
        cpu_ns += cpu_after - cpu_before
        delays.append(_since(delay_before, delay_after))
        switches.append(_since(switches_before, switches_after))
    if task.uses_team:
        cpu_ns = time.process_time_ns() - team_before
    waits = (sum_if_counted(delays), sum_if_counted(switches))
    return RECORD.pack(first_ns, first_ns + wall_ns, cpu_ns, *waits, checksum % 2**64, 0)


def _since(before: int | None, after: int | None) -> int:
    return NOT_COUNTED if before is None or after is None else after - before


def sum_if_counted(values: Sequence[int]) -> int:
    """Return the sum of waits, or `NOT_COUNTED` if one of them was not."""
    return NOT_COUNTED if NOT_COUNTED in values else sum(values)


def _prepare(spec: TaskSpec, memory: mmap.mmap, views: list["AnyView"]) -> _Task:
    n_bytes = spec.n_items * kernels.ITEM_BYTES[spec.dtype]
    whole = memoryview(memory)
    views.append(whole)

    def chunk(offset: int) -> "AnyView":
        piece = whole[offset : offset + n_bytes]
        typed = piece.cast(kernels.FORMATS[spec.dtype])
        views.extend((piece, typed))
        return typed

    pairs = [(chunk(x), chunk(out)) for x, out in zip(spec.x_offsets, spec.out_offsets, strict=True)]
    uses_team = spec.n_threads > 0
    if uses_team:
        kernel = with_openmp.load(spec.kernel, spec.n_threads, spec.cpus)
    else:
        kernel = kernels.load(spec.kernel, spec.implementation, spec.gil)
    if isinstance(kernel, Unavailable):
        raise _Refused(kernel.reason)
    run = _compute if spec.form == "compute" else _apply
    if uses_team or not spec.cpus:
        return _Task(((ANY_CPU, partial(run, kernel, pairs)),), uses_team)
    return _Task(tuple((cpu, partial(run, kernel, [pair])) for cpu, pair in zip(spec.cpus, pairs, strict=True)))


def _compute(kernel: kernels.Kernel, pairs: "Sequence[tuple[AnyView, AnyView]]", rounds: int) -> int:
    return sum(kernel.compute(x, rounds) for x, _ in pairs)


def _apply(kernel: kernels.Kernel, pairs: "Sequence[tuple[AnyView, AnyView]]", repeats: int) -> int:
    apply = kernel.apply
    for x, out in pairs:
        for _ in repeat(None, repeats):
            apply(x, out)
    return 0


def _describe(error: BaseException) -> str:
    if isinstance(error, _Refused):
        return json.dumps({"unavailable": str(error)})
    text = "".join(traceback.format_exception_only(error)).strip()
    return json.dumps({"error": text, "short": shortages.told_of(error)})


def _answer(text: str = "") -> bytes:
    payload = text.encode()
    return RECORD.pack(0, 0, 0, 0, 0, 0, len(payload)) + payload


def _release(tasks: dict[int, _Task], views: list["AnyView"]) -> None:
    """Let go of the memory: a mapping closes only when nothing points into it."""
    tasks.clear()
    for view in reversed(views):
        view.release()
