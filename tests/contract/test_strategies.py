"""One suite for every strategy: what it computes and reports, and that it leaves nothing, whatever fails."""

import sys
import threading
from array import array
from itertools import product

import pytest
from leftovers import nothing_left
from strategies_at_work import ITEMS, WIDTH, alarm, at_work, interrupt, work

from gilscope import kernels
from gilscope.running.names import SERIAL
from gilscope.running.strategies import STRATEGIES, SharedMemory, Strategy, Timing, find

SENTENCE = "the coordinator's own mistake"
EVERY = pytest.mark.parametrize("strategy", [s.name for s in STRATEGIES])


def implementations(crew: Strategy) -> list[tuple[str, str]]:
    """Return the (implementation, GIL mode) pairs that a strategy is asked for."""
    every = [(name, gil) for name in kernels.IMPLEMENTATIONS for gil in kernels.gil_modes(name)]
    return [one for one in every if crew.takes(*one)]


def test_what_plans_and_verdicts_rest_on() -> None:
    """Names are unique; one strategy is the serial reference, and one at least stands for the machine, by default."""
    names = [one.name for one in STRATEGIES]
    assert len(set(names)) == len(names)
    assert names[0] == SERIAL
    assert [one.name for one in STRATEGIES if one.is_ceiling and one.is_default]


@EVERY
def test_each_worker_reports_its_gil_state(strategy: str) -> None:
    """Before anything is timed, every worker has said who it is, which Python it runs and whether its GIL is on."""
    with at_work(strategy) as (crew, _):
        assert crew.regimes
        enabled = getattr(sys, "_is_gil_enabled", lambda: True)()
        for regime in crew.regimes:
            assert regime["gil_enabled"] is enabled
            assert regime["python"] == sys.version.split()[0]
            assert regime["switch_interval_s"] == pytest.approx(0.005)


@EVERY
@pytest.mark.parametrize("dtype", ["float64", "float32", "int32", "uint64"])
def test_results_equal_plain_python(strategy: str, dtype: str) -> None:
    """Every kernel writes, chunk by chunk, exactly what plain Python computes; or says why it cannot run there."""
    with at_work(strategy, dtype) as (crew, memory):
        ran = set()
        for number, (kernel, (implementation, gil)) in enumerate(product(kernels.KERNELS, implementations(crew))):
            if implementation == "numpy" and dtype != "float64":
                continue  # importing it in every worker takes longer than all the rest
            absent = crew.prepare(number, work(crew, kernel=kernel, implementation=implementation, gil=gil))
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
    with at_work(strategy) as (crew, memory):
        for number, (kernel, (implementation, gil)) in enumerate(product(kernels.KERNELS, implementations(crew))):
            asked = work(crew, kernel=kernel, implementation=implementation, gil=gil, form="compute")
            if crew.prepare(number, asked) is None:
                expected = memory.reference_checksum(kernel, WIDTH, ITEMS, 7)
                assert crew.run(number, 7).checksum == expected
            else:
                assert implementation == "numpy" or crew.name == "openmp"


@EVERY
def test_a_timing_is_whole_nanoseconds(strategy: str) -> None:
    """A timing holds whole numbers: wall time above zero, CPU time, and waits that are counted or said not to be."""
    with at_work(strategy) as (crew, _):
        if crew.prepare(0, work(crew)) is not None:
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
    with at_work(strategy) as (crew, memory):
        kernels_in_turn = ("square", "quad")
        for number, kernel in enumerate(kernels_in_turn):
            if crew.prepare(number, work(crew, kernel=kernel)) is not None:
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
    with at_work(strategy) as (crew, _), nothing_left():
        crew.close()
        crew.close()


@EVERY
def test_an_exception_in_the_coordinator_leaves_nothing(strategy: str) -> None:
    """Whatever is raised inside the with-block comes out of it, and the workers are gone."""
    with pytest.raises(ZeroDivisionError, match=SENTENCE), at_work(strategy) as (crew, _):
        crew.prepare(0, work(crew))
        raise ZeroDivisionError(SENTENCE)


@EVERY
def test_an_interrupt_in_the_middle_of_a_task_leaves_nothing(strategy: str) -> None:
    """Ctrl-C while workers compute comes out as it is; they finish their task, find nobody listening, and end."""
    complaints: list[object] = []
    before, threading.excepthook = threading.excepthook, complaints.append
    try:
        with pytest.raises(KeyboardInterrupt), at_work(strategy) as (crew, _):
            if crew.takes("python", "held"):
                long, repeats = work(crew, form="compute", implementation="python", gil="held"), 6000
            else:
                long, repeats = work(crew, form="compute"), 30_000_000
            if crew.prepare(0, long) is not None:
                pytest.skip("built with a compiler that has no OpenMP")
            with alarm(0.02, interrupt):
                crew.run(0, repeats)
    finally:
        threading.excepthook = before
    assert not complaints


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
