"""One suite for every strategy: what it starts, computes and reports, and that it leaves nothing, whatever fails."""

import multiprocessing
import os
import signal
import sys
import threading
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import product
from typing import Any
from unittest.mock import patch

import pytest
from leftovers import nothing_left

from gilscope import kernels
from gilscope.errors import CannotRunError, KernelError, Unavailable
from gilscope.running.strategies import STRATEGIES, Crew, SharedMemory, Timing, base, find
from gilscope.running.worker import ANY_CPU, TaskSpec

WIDTH, ITEMS = 2, 96
SENTENCE = "the coordinator's own mistake"
EVERY = pytest.mark.parametrize("strategy", [s.name for s in STRATEGIES])
# Rounds of the compute form that take plain Python minutes: whatever happens to it, happens in the middle.
ENDLESS = 10**6


def available(strategy: str) -> type[Crew]:
    """Return a strategy, or skip the test with the reason why it cannot run here."""
    crew = find(strategy)
    absent = crew.unavailable()
    if absent is not None:
        pytest.skip(str(absent))
    return crew


@contextmanager
def crew_of(strategy: str, dtype: str = "float64", n_items: int = ITEMS) -> Iterator[tuple[Crew, SharedMemory]]:
    """Start a crew over its own memory, and leave nothing when done."""
    kind = available(strategy)
    with nothing_left(), ExitStack() as stack:
        memory = SharedMemory(dtype, WIDTH, n_items)
        stack.callback(memory.close)
        memory.fill_input(WIDTH * n_items)
        yield stack.enter_context(kind(memory, WIDTH)), memory


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
        team = {"implementation": "openmp", "n_items": WIDTH * ITEMS, "n_threads": WIDTH}
        return [task(memory, [0], **(changes | team))]
    shares = [range(WIDTH)] if crew.n_callers == 1 else [[chunk] for chunk in range(WIDTH)]
    return [task(memory, share, **changes) for share in shares]


def implementations(crew: Crew) -> list[tuple[str, str]]:
    """Return the (implementation, GIL mode) pairs that a crew's workers are asked for."""
    if crew.name == "openmp":
        return [("cython", "released")]
    return [(name, gil) for name in kernels.IMPLEMENTATIONS for gil in kernels.gil_modes(name)]


@EVERY
def test_each_worker_reports_its_gil_state(strategy: str) -> None:
    """Before anything is timed, every worker has said who it is, which Python it runs and whether its GIL is on."""
    with crew_of(strategy) as (crew, _):
        assert len(crew.regimes) == crew.n_callers
        enabled = getattr(sys, "_is_gil_enabled", lambda: True)()
        for regime in crew.regimes:
            assert regime["gil_enabled"] is enabled
            assert regime["python"] == sys.version.split()[0]
            assert regime["switch_interval_s"] == pytest.approx(0.005)
        assert len({(regime["pid"], regime["thread"]) for regime in crew.regimes}) == crew.n_callers
        pids = [regime["pid"] for regime in crew.regimes]
        assert os.getpid() not in pids  # no worker shares the coordinator's GIL
        assert len(set(pids)) == (WIDTH if strategy.startswith("processes") else 1)


@EVERY
def test_a_worker_whose_gil_changes_with_its_kernel_is_refused(strategy: str) -> None:
    """Every worker says its GIL state again once its kernel is imported, and must be as it was when it started."""
    with crew_of(strategy) as (crew, memory):
        assert crew.prepare(0, tasks(crew, memory)) is None
        crew.regimes[-1]["switch_interval_s"] = 0.001  # as if it had been so
        with pytest.raises(CannotRunError, match=r"switch interval of 1 ms; now .* has .* of 5 ms"):
            crew.prepare(1, tasks(crew, memory))


@EVERY
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


@EVERY
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
            assert crew.prepare(number, tasks(crew, memory, form="compute", cpus=where)) is None
        moved, stayed = crew.run(0, 50), crew.run(1, 50)
        assert moved.checksum == stayed.checksum
        assert min(moved.wall_ns, moved.cpu_ns) > 0
        assert os.sched_getaffinity(int(str(crew.regimes[0]["thread"]))) == {cpus[-1]}


def test_a_worker_that_dies_in_the_middle_of_an_answer_is_dead() -> None:
    """Half of an answer is none: it is neither read as a result without words nor as broken JSON."""
    with crew_of("threads") as (crew, _):
        channel = base.Channel()
        os.write(channel.worker_writes, base.RECORD.pack(0, 0, 0, 0, 0, 0, 7) + b"{}")
        channel.close_worker_side()
        crew._channels[0], alive = channel, crew._channels[0]
        try:
            with pytest.raises(KernelError, match="worker 0 of strategy 'threads' died"):
                crew._receive(0)
        finally:
            crew._channels[0] = alive
            channel.close()


@EVERY
@pytest.mark.parametrize("dtype", ["float64", "float32", "int32", "uint64"])
def test_results_equal_plain_python(strategy: str, dtype: str) -> None:
    """Every kernel writes, chunk by chunk, exactly what plain Python computes; or says why it cannot run there."""
    with crew_of(strategy, dtype) as (crew, memory):
        ran = set()
        for number, (kernel, (implementation, gil)) in enumerate(product(kernels.KERNELS, implementations(crew))):
            if implementation == "numpy" and dtype != "float64":
                continue  # importing it in every worker takes longer than all the rest
            specs = tasks(crew, memory, kernel=kernel, implementation=implementation, gil=gil)
            absent = crew.prepare(number, specs)
            if absent is not None:
                assert implementation == "numpy" or crew.name == "openmp", absent
                continue
            memory.poison_output(WIDTH * ITEMS)
            crew.run(number, 1)
            assert memory.first_wrong_item(kernel, WIDTH * ITEMS) is None
            ran.add(implementation)
        if crew.name == "openmp" and not ran:
            pytest.skip("built with a compiler that has no OpenMP")
        assert "cython" in ran


@EVERY
def test_checksums_equal_plain_python(strategy: str) -> None:
    """The compute form's checksums add up to those of plain Python over the same chunks."""
    with crew_of(strategy) as (crew, memory):
        for number, (kernel, (implementation, gil)) in enumerate(product(kernels.KERNELS, implementations(crew))):
            specs = tasks(crew, memory, kernel=kernel, implementation=implementation, gil=gil, form="compute")
            if crew.prepare(number, specs) is None:
                expected = memory.reference_checksum(kernel, WIDTH, ITEMS, 7)
                assert crew.run(number, 7).checksum == expected
            else:
                assert implementation == "numpy" or crew.name == "openmp"


@EVERY
def test_a_timing_is_whole_nanoseconds(strategy: str) -> None:
    """A timing holds whole numbers: wall time above zero, CPU time, and waits that are counted or said not to be."""
    with crew_of(strategy) as (crew, memory):
        if crew.prepare(0, tasks(crew, memory)) is not None:
            pytest.skip("built with a compiler that has no OpenMP")
        timing = crew.run(0, 200)
        assert isinstance(timing, Timing)
        figures = (timing.wall_ns, timing.cpu_ns, timing.run_delay_ns, timing.switches, timing.checksum)
        assert [type(figure) for figure in figures] == [int] * 5
        assert timing.wall_ns > 0
        assert timing.cpu_ns >= 0
        assert timing.run_delay_ns >= -1
        assert timing.switches >= -1


@EVERY
def test_tasks_can_be_run_many_times_and_in_turns(strategy: str) -> None:
    """A crew keeps several tasks prepared, runs them in any order and as often as asked, and holds no more for it."""
    with crew_of(strategy) as (crew, memory):
        kernels_in_turn = ("square", "quad")
        for number, kernel in enumerate(kernels_in_turn):
            if crew.prepare(number, tasks(crew, memory, kernel=kernel)) is not None:
                pytest.skip("built with a compiler that has no OpenMP")
        crew.run(0, 1)  # an OpenMP team starts with its first task, and stays
        with nothing_left():
            for turn in range(100):
                crew.run(turn % 2, 1 + turn % 3)
        for number, kernel in enumerate(kernels_in_turn):
            memory.poison_output(WIDTH * ITEMS)
            crew.run(number, 1)
            assert memory.first_wrong_item(kernel, WIDTH * ITEMS) is None


@EVERY
def test_closing_twice_is_closing_once(strategy: str) -> None:
    """A crew that is closed has no worker left, and closing it again does nothing."""
    with crew_of(strategy) as (crew, _), nothing_left():
        crew.close()
        crew.close()


@EVERY
def test_a_task_that_cannot_be_understood_is_a_kernel_error(strategy: str) -> None:
    """A worker that is asked for an unknown kernel says so by name, and the crew still ends cleanly."""
    with crew_of(strategy) as (crew, memory):
        specs = [task(memory, [0], kernel="cube")] * crew.n_callers
        with pytest.raises(KernelError, match="unknown kernel 'cube'") as caught:
            crew.prepare(0, specs)
        assert repr(strategy) in str(caught.value)


@EVERY
def test_a_kernel_that_raises_is_a_kernel_error(strategy: str) -> None:
    """A kernel whose buffers overlap raises inside the worker; the coordinator hears what it said."""
    with crew_of(strategy) as (crew, memory):
        overlapping = {"x_offsets": (0,), "out_offsets": (8,)}
        if crew.prepare(0, [task(memory, [0], **overlapping)] * crew.n_callers) is None:
            with pytest.raises(KernelError, match=r"worker 0 .* failed: ValueError: .*overlap"):
                crew.run(0, 1)


@EVERY
def test_running_what_was_not_prepared_is_a_kernel_error(strategy: str) -> None:
    """A task number that no worker knows is an answer, not a death."""
    with crew_of(strategy) as (crew, _), pytest.raises(KernelError, match="KeyError: 17"):
        crew.run(17, 1)


@EVERY
def test_an_exception_in_the_coordinator_leaves_nothing(strategy: str) -> None:
    """Whatever is raised inside the with-block comes out of it, and the workers are gone."""
    with pytest.raises(ZeroDivisionError, match=SENTENCE), crew_of(strategy) as (crew, memory):
        crew.prepare(0, tasks(crew, memory))
        raise ZeroDivisionError(SENTENCE)


@EVERY
def test_an_interrupt_in_the_middle_of_a_task_leaves_nothing(strategy: str) -> None:
    """Ctrl-C while workers compute comes out as it is; they finish their task, find nobody listening, and end."""
    complaints: list[object] = []
    before, threading.excepthook = threading.excepthook, complaints.append
    try:
        with pytest.raises(KeyboardInterrupt), crew_of(strategy) as (crew, memory):
            if crew.name == "openmp":
                long, repeats = tasks(crew, memory, form="compute"), 30_000_000
            else:
                long, repeats = tasks(crew, memory, form="compute", implementation="python", gil="held"), 6000
            if crew.prepare(0, long) is not None:
                pytest.skip("built with a compiler that has no OpenMP")
            with alarm(0.02, interrupt):
                crew.run(0, repeats)
    finally:
        threading.excepthook = before
    assert not complaints


def endless_tasks(crew: Crew, memory: SharedMemory) -> list[TaskSpec]:
    """Describe tasks that `ENDLESS` rounds of take minutes, whatever happens; the OpenMP team's take as long."""
    return tasks(crew, memory, form="compute", implementation="python", gil="held")


@EVERY
def test_a_killed_worker_is_named_with_its_signal(strategy: str) -> None:
    """SIGKILL in the middle of a task is a KernelError that names the worker and the signal, and nothing is left."""
    with crew_of(strategy) as (crew, memory):
        specs = endless_tasks(crew, memory)
        if strategy.startswith("processes"):
            specs[0] = task(memory, [0], form="compute")  # done long before the other one dies
        if crew.prepare(0, specs) is not None:
            pytest.skip("built with a compiler that has no OpenMP")
        death = alarm(0.1, lambda *_: os.kill(int(str(crew.regimes[-1]["pid"])), signal.SIGKILL))
        worker = 1 if strategy.startswith("processes") else 0
        with death, pytest.raises(KernelError, match=rf"worker {worker} .* died: killed by SIGKILL"):
            crew.run(0, 1000 * ENDLESS if strategy == "openmp" else ENDLESS)


@EVERY
def test_a_worker_killed_while_idle_is_noticed(strategy: str) -> None:
    """A worker that died between two tasks is found dead at the next one."""
    with crew_of(strategy) as (crew, memory):
        crew.prepare(0, tasks(crew, memory))
        os.kill(int(str(crew.regimes[0]["pid"])), signal.SIGKILL)
        with pytest.raises(KernelError, match=r"worker 0 .* died: killed by SIGKILL"):
            crew.run(0, 1)


@EVERY
def test_a_stuck_worker_is_ended(strategy: str) -> None:
    """A worker that computes on after it was told to stop is killed, with its process, when its time is up."""
    patience, base.STOP_SECONDS = base.STOP_SECONDS, 0.1
    try:
        with pytest.raises(KeyboardInterrupt), crew_of(strategy) as (crew, memory):
            if crew.prepare(0, endless_tasks(crew, memory)) is not None:
                pytest.skip("built with a compiler that has no OpenMP")
            with alarm(0.05, interrupt):
                crew.run(0, 1000 * ENDLESS if strategy == "openmp" else ENDLESS)
    finally:
        base.STOP_SECONDS = patience


@EVERY
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


@EVERY
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

    kind_hosts = WIDTH if strategy.startswith("processes") else 1
    with nothing_left(), ExitStack() as stack:
        memory = SharedMemory("float64", WIDTH, ITEMS)
        stack.callback(memory.close)
        host.start = refuse
        try:
            with pytest.raises(RuntimeError, match="can't start new process"), kind(memory, WIDTH):
                pass
        finally:
            host.start = start


@EVERY
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
        absent = crew.prepare(0, tasks(crew, memory, implementation="numpy"))
        assert isinstance(absent, Unavailable)
        assert "numpy cannot be imported here" in absent.reason
        # The crew goes on with what can run.
        assert crew.prepare(1, tasks(crew, memory)) is None
        assert crew.run(1, 1).wall_ns > 0


def test_an_unavailable_strategy_says_what_it_needs() -> None:
    """Subinterpreters before 3.12, and a fork beside threads, are refused with a reason and never replaced."""
    if sys.version_info < (3, 12):
        assert "needs CPython >= 3.12" in str(find("interpreters").unavailable())
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert "threads; a fork would copy the locks they hold" in str(find("processes:fork").unavailable())
    finally:
        done.set()
        thread.join()


def interrupt(*_: object) -> None:
    """Do what Python does on Ctrl-C."""
    raise KeyboardInterrupt


@contextmanager
def alarm(seconds: float, handler: Any) -> Iterator[None]:
    """Have a handler called in this thread after so long, without another thread."""
    before = signal.signal(signal.SIGALRM, handler)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, before)


def test_the_suite_compares_with_an_independent_reference() -> None:
    """The poison that marks unwritten output is no result, so a kernel that writes nothing is found wrong."""
    memory = SharedMemory("float64", 1, 32)
    try:
        memory.fill_input(32)
        memory.poison_output(32)
        assert memory.first_wrong_item("square", 32) == 0
        assert array("d", b"\xa5" * 8)[0] != 0
    finally:
        memory.close()
