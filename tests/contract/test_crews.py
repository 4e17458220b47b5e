"""One suite for every crew: its workers live in processes of their own behind pipes, and may die, hang or not start."""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from leftovers import nothing_left
from strategies_at_work import ITEMS, WIDTH, alarm, at_work, interrupt
from strategies_at_work import available as available_strategy

from gilscope.errors import CannotRunError, KernelError, Unavailable
from gilscope.running.strategies import STRATEGIES, Crew, SharedMemory
from gilscope.running.strategies import crew as module
from gilscope.running.strategies.processes import Processes
from gilscope.running.worker import ANY_CPU, TaskSpec

CREWS = pytest.mark.parametrize("strategy", [one.name for one in STRATEGIES if issubclass(one, Crew)])
# Rounds of the compute form that take plain Python minutes: whatever happens to it, happens in the middle.
ENDLESS = 10**6


def available(strategy: str) -> type[Crew]:
    """Return a crew, or skip the test with the reason why it cannot run here."""
    kind = available_strategy(strategy)
    assert issubclass(kind, Crew)
    return kind


@contextmanager
def crew_of(strategy: str) -> Iterator[tuple[Crew, SharedMemory]]:
    """Start a crew over its own memory, and leave nothing when done."""
    with at_work(strategy) as (crew, memory):
        assert isinstance(crew, Crew)
        yield crew, memory


def task(memory: SharedMemory, chunks: Sequence[int], **changes: Any) -> TaskSpec:
    """Describe a task over some chunks of the memory."""
    n_items = changes.setdefault("n_items", ITEMS)
    offsets = [memory.offsets(chunk, n_items) for chunk in chunks]
    plain = {"kernel": "quad", "implementation": "c", "gil": "released", "form": "array", "dtype": memory.dtype}
    return TaskSpec(
        **{
            **plain,
            "x_offsets": tuple(x for x, _ in offsets),
            "out_offsets": tuple(out for _, out in offsets),
            **changes,
        }
    )


def tasks(crew: Crew, memory: SharedMemory, **changes: Any) -> list[TaskSpec]:
    """Deal the chunks out to a crew's workers; the OpenMP team takes them all in one call."""
    changes = {"cpus": crew.chunk_cpus()} | changes
    if crew.name == "openmp":
        team = {"implementation": "cython", "n_items": WIDTH * ITEMS, "n_threads": WIDTH}
        return [task(memory, [0], **(changes | team))]
    shares = [range(WIDTH)] if crew.n_callers == 1 else [[chunk] for chunk in range(WIDTH)]
    return [task(memory, share, **changes) for share in shares]


@CREWS
def test_no_worker_shares_the_coordinators_gil(strategy: str) -> None:
    """Every worker is a thread of its own in a process that was started for the crew, and says which."""
    with crew_of(strategy) as (crew, _):
        assert len(crew.regimes) == crew.n_callers
        assert len({(regime["pid"], regime["thread"]) for regime in crew.regimes}) == crew.n_callers
        pids = [regime["pid"] for regime in crew.regimes]
        assert os.getpid() not in pids
        assert len(set(pids)) == len(crew.workers_by_process())


@CREWS
def test_a_worker_whose_gil_changes_with_its_kernel_is_refused(strategy: str) -> None:
    """Every worker says its GIL state again once its kernel is imported, and must be as it was when it started."""
    with crew_of(strategy) as (crew, memory):
        assert crew.assign(0, tasks(crew, memory)) is None
        crew.regimes[-1]["switch_interval_s"] = 0.001  # as if it had been so
        with pytest.raises(CannotRunError, match=r"switch interval of 1 ms; now .* has .* of 5 ms"):
            crew.assign(1, tasks(crew, memory))


@CREWS
def test_a_crew_that_needs_every_cpu_gets_one_each(strategy: str) -> None:
    """Workers keep to a CPU of their own where there are no others, and are left to the scheduler where there are."""
    kind = available(strategy)
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("this system cannot keep a thread to a CPU")
    crew = kind(SharedMemory("float64", WIDTH, ITEMS), WIDTH)
    with patch.object(os, "sched_getaffinity", lambda _: {5, 3}):
        assert crew.cpus() == ([3, 5] if crew.n_callers == WIDTH else [ANY_CPU])
        # One caller takes to the same CPUs what the workers of other crews spread over them, for CPUs differ in speed.
        assert crew.chunk_cpus() == ((3, 5) if crew.n_callers == 1 else ())
    with patch.object(os, "sched_getaffinity", lambda _: {5, 3, 7}):
        assert set(crew.cpus()) == {ANY_CPU}
        assert crew.chunk_cpus() == ()
    crew.memory.close()


@CREWS
def test_no_worker_interrupts_who_tells_it_to_start(strategy: str) -> None:
    """Or the second one of a crew would be told late, and what is timed would be the scheduler."""
    if not hasattr(os, "SCHED_BATCH"):
        pytest.skip("this system has no scheduling policy that gives way")
    with crew_of(strategy) as (crew, _):
        threads = [int(str(regime["thread"])) for regime in crew.regimes]
        assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_BATCH}


def test_a_serial_worker_goes_to_the_cpu_of_each_chunk() -> None:
    """It computes there what it computes where it stays, and is afterwards where its last chunk was."""
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(allowed) < WIDTH:
        pytest.skip("this system cannot keep a thread to a CPU, or has one only")
    with crew_of("serial") as (crew, memory):
        cpus = tuple(reversed(allowed[:WIDTH]))
        for number, where in enumerate((cpus, ())):
            assert crew.assign(number, tasks(crew, memory, form="compute", cpus=where)) is None
        moved, stayed = crew.run(0, 50), crew.run(1, 50)
        assert moved.checksum == stayed.checksum
        assert min(moved.wall_ns, moved.cpu_ns) > 0
        assert os.sched_getaffinity(int(str(crew.regimes[0]["thread"]))) == {cpus[-1]}


def test_a_worker_that_dies_in_the_middle_of_an_answer_is_dead() -> None:
    """Half of an answer is none: it is neither read as a result without words nor as broken JSON."""
    with crew_of("threads") as (crew, _):
        channel = module.Channel()
        os.write(channel.worker_writes, module.RECORD.pack(0, 0, 0, 0, 0, 0, 7) + b"{}")
        channel.close_worker_side()
        crew._channels[0], alive = channel, crew._channels[0]
        try:
            with pytest.raises(KernelError, match="worker 0 of strategy 'threads' died"):
                crew._receive(0)
        finally:
            crew._channels[0] = alive
            channel.close()


@CREWS
def test_a_task_that_cannot_be_understood_is_a_kernel_error(strategy: str) -> None:
    """A worker that is asked for an unknown kernel says so by name, and the crew still ends cleanly."""
    with crew_of(strategy) as (crew, memory):
        specs = [task(memory, [0], kernel="cube")] * crew.n_callers
        with pytest.raises(KernelError, match="unknown kernel 'cube'") as caught:
            crew.assign(0, specs)
        assert repr(strategy) in str(caught.value)


@CREWS
def test_a_kernel_that_raises_is_a_kernel_error(strategy: str) -> None:
    """A kernel whose buffers overlap raises inside the worker; the coordinator hears what it said."""
    with crew_of(strategy) as (crew, memory):
        overlapping = {"x_offsets": (0,), "out_offsets": (8,)}
        if crew.assign(0, [task(memory, [0], **overlapping)] * crew.n_callers) is None:
            with pytest.raises(KernelError, match=r"worker 0 .* failed: ValueError: .*overlap"):
                crew.run(0, 1)


@CREWS
def test_running_what_was_not_prepared_is_a_kernel_error(strategy: str) -> None:
    """A task number that no worker knows is an answer, not a death."""
    with crew_of(strategy) as (crew, _), pytest.raises(KernelError, match="KeyError: 17"):
        crew.run(17, 1)


def endless_tasks(crew: Crew, memory: SharedMemory) -> list[TaskSpec]:
    """Describe tasks that `ENDLESS` rounds of take minutes, whatever happens; the OpenMP team's take as long."""
    return tasks(crew, memory, form="compute", implementation="python", gil="held")


@CREWS
def test_a_killed_worker_is_named_with_its_signal(strategy: str) -> None:
    """SIGKILL in the middle of a task is a KernelError that names the worker and the signal, and nothing is left."""
    with crew_of(strategy) as (crew, memory):
        specs = endless_tasks(crew, memory)
        if isinstance(crew, Processes):
            specs[0] = task(memory, [0], form="compute")  # done long before the other one dies
        if crew.assign(0, specs) is not None:
            pytest.skip("built with a compiler that has no OpenMP")
        death = alarm(0.1, lambda *_: os.kill(int(str(crew.regimes[-1]["pid"])), signal.SIGKILL))
        worker = 1 if isinstance(crew, Processes) else 0
        with death, pytest.raises(KernelError, match=rf"worker {worker} .* died: killed by SIGKILL"):
            crew.run(0, 1000 * ENDLESS if strategy == "openmp" else ENDLESS)


@CREWS
def test_a_worker_killed_while_idle_is_noticed(strategy: str) -> None:
    """A worker that died between two tasks is found dead at the next one."""
    with crew_of(strategy) as (crew, memory):
        crew.assign(0, tasks(crew, memory))
        os.kill(int(str(crew.regimes[0]["pid"])), signal.SIGKILL)
        with pytest.raises(KernelError, match=r"worker 0 .* died: killed by SIGKILL"):
            crew.run(0, 1)


@CREWS
def test_a_stuck_worker_is_ended(strategy: str) -> None:
    """A worker that computes on after it was told to stop is killed, with its process, when its time is up."""
    patience, module.STOP_SECONDS = module.STOP_SECONDS, 0.1
    try:
        with pytest.raises(KeyboardInterrupt), crew_of(strategy) as (crew, memory):
            if crew.assign(0, endless_tasks(crew, memory)) is not None:
                pytest.skip("built with a compiler that has no OpenMP")
            with alarm(0.05, interrupt):
                crew.run(0, 1000 * ENDLESS if strategy == "openmp" else ENDLESS)
    finally:
        module.STOP_SECONDS = patience


@CREWS
def test_a_start_that_fails_half_way_leaves_nothing(strategy: str) -> None:
    """When the last worker cannot be started, those before it are ended and the error comes out."""
    kind = available(strategy)

    class Failing(kind):  # type: ignore[misc,valid-type]
        """The strategy on a system that is out of threads and processes."""

        def _worker_side(self, index: int) -> Any:
            if index == self.n_callers - 1:
                raise OSError(11, "Resource temporarily unavailable")
            return super()._worker_side(index)

    with nothing_left(), ExitStack() as stack:
        memory = SharedMemory("float64", WIDTH, ITEMS)
        stack.callback(memory.close)
        with pytest.raises(OSError, match="temporarily unavailable"), Failing(memory, WIDTH):
            pass


@CREWS
def test_a_host_that_does_not_start_leaves_nothing(strategy: str) -> None:
    """When the system refuses a process itself, its error comes out and nothing is left."""
    kind = available(strategy)
    host: Any = multiprocessing.get_context(kind.start_method).Process  # type: ignore[attr-defined]
    started, start = [], host.start

    def refuse(self: object) -> None:
        started.append(self)
        if len(started) == kind_hosts:
            raise RuntimeError("can't start new process")
        start(self)

    kind_hosts = WIDTH if issubclass(kind, Processes) else 1
    with nothing_left(), ExitStack() as stack:
        memory = SharedMemory("float64", WIDTH, ITEMS)
        stack.callback(memory.close)
        host.start = refuse
        try:
            with pytest.raises(RuntimeError, match="can't start new process"), kind(memory, WIDTH):
                pass
        finally:
            host.start = start


@CREWS
def test_a_worker_that_dies_before_it_reports_is_a_kernel_error(strategy: str) -> None:
    """A worker that cannot map the memory says so in place of its report, and all are ended."""
    kind = available(strategy)
    with nothing_left(), ExitStack() as stack:
        memory = SharedMemory("float64", WIDTH, ITEMS)
        stack.callback(memory.close)
        memory.n_bytes *= 1000  # more than the file has
        quiet = os.open(os.devnull, os.O_WRONLY)
        stack.callback(os.close, quiet)
        stderr = os.dup(2)
        stack.callback(os.close, stderr)
        os.dup2(quiet, 2)  # a dying process writes its traceback there
        try:
            with (
                pytest.raises(KernelError, match=r"worker 0 .* did not start: .*mmap"),
                kind(memory, WIDTH),
            ):
                pass
        finally:
            os.dup2(stderr, 2)


@pytest.mark.parametrize("strategy", ["interpreters"])
def test_numpy_is_unavailable_in_an_interpreter_with_its_own_gil(strategy: str) -> None:
    """What cannot be imported in the worker is unavailable there, with the reason, and nothing stands in for it."""
    with crew_of(strategy) as (crew, memory):
        absent = crew.assign(0, tasks(crew, memory, implementation="numpy"))
        assert isinstance(absent, Unavailable)
        assert "numpy cannot be imported here" in absent.reason
        # The crew goes on with what can run.
        assert crew.assign(1, tasks(crew, memory)) is None
        assert crew.run(1, 1).wall_ns > 0
