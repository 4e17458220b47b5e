"""Scaling with workers that are fakes on a clock of their own: exact ratios, absent kinds, and errors."""

import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest

from gilscope.errors import Unavailable
from gilscope.probing import speed_ups
from gilscope.probing.speed_ups import FEWEST_ROUNDS, Scaling, measure_scaling
from gilscope.probing.workers import Work, WorkerError
from gilscope.targets.target import Resolved, Target

MS = 1_000_000
CALL_NS = 10 * MS
TARGET = Target(text="module:function", kind="module", home="module", attribute="function")
RESOLVED = Resolved(target=TARGET, call=int, function=int)


class Machine:
    """A machine whose clock only work moves; threads share a GIL for so much of each call."""

    def __init__(
        self,
        *,
        held: float = 1.0,
        failing: str = "",
        failing_from: int = 0,
        n_cpus: int = 2,
        waits: float = 0.0,
    ) -> None:
        self.now_ns, self.held, self.n_cpus, self.waits = 0, held, n_cpus, waits
        self.failing, self.failing_from = failing, failing_from
        self.opened: list[Fake] = []
        self.told: list[tuple[Fake, Work]] = []

    def open(self, way: str, *_: object) -> "Fake":
        """Stand in for `scaling._open`."""
        self.opened.append(Fake(self, way))
        return self.opened[-1]

    def finish_ns(self, work: Work) -> int:
        """Return how long all that was told takes together."""
        ways = [fake.way for fake, _ in self.told]
        one_ns = work["spins"] * 2000 if "spins" in work else work["calls"] * CALL_NS
        side_by_side = max(1, len(ways) / self.n_cpus)
        in_turns = len(ways) * self.held if ways[0] == "threads" and "spins" not in work else 0
        return round(one_ns * max(side_by_side, in_turns))


class Fake:
    """A worker; it answers when all have been told, for then their work begins."""

    def __init__(self, machine: Machine, way: str) -> None:
        self.machine, self.way, self.is_open, self.answers = machine, way, True, 0
        self.is_dismissed = False
        self.lock_waited_ns = 0
        self.pending: Work = {}

    def greet(self) -> None:
        if self.way != "threads":
            self.answer()

    def tell(self, work: Work) -> None:
        self.pending = work
        self.machine.told.append((self, work))

    def answer(self) -> tuple[int, int]:
        machine = self.machine
        self.answers += 1
        if machine.failing == self.way and self.answers > machine.failing_from:
            machine.told = [(fake, work) for fake, work in machine.told if fake is not self]
            raise WorkerError(f"{self.way} cannot")
        if not machine.told:
            return machine.now_ns, machine.now_ns  # ready
        begin_ns = machine.now_ns
        end_ns = begin_ns + (machine.finish_ns(self.pending) if self is machine.told[0][0] else 0)
        if self is machine.told[-1][0]:
            end_ns = max(end_ns, begin_ns)
            machine.told = []
        machine.now_ns = max(machine.now_ns, end_ns)
        if self.way == "threads":
            self.lock_waited_ns += round(machine.waits * (machine.now_ns - begin_ns))
        return begin_ns, end_ns

    def dismiss(self) -> None:
        self.is_dismissed = True

    def close(self) -> None:
        assert all(fake.is_dismissed for fake in self.machine.opened), "waits for one before all are told"
        self.is_open = False


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., dict[tuple[str, int], Scaling]]]:
    """Measure on a machine, and make sure that every worker is closed."""
    machines: list[Machine] = []

    def measure(machine: Machine, **how: Any) -> dict[tuple[str, int], Scaling]:
        machines.append(machine)
        monkeypatch.setattr(speed_ups, "_open", machine.open)
        options: dict[str, Any] = {"widths": [2], "seconds": 0.0, "interpreter": lambda _: None} | how
        found = measure_scaling(RESOLVED, CALL_NS, options.pop("widths"), options.pop("seconds"), **options)
        assert len({(one.way, one.n_workers) for one in found}) == len(found)
        return {(one.way, one.n_workers): one for one in found}

    yield measure
    assert all(not fake.is_open for machine in machines for fake in machine.opened)


Measured = Callable[..., dict[tuple[str, int], Scaling]]


def ratio(one: Scaling) -> float:
    assert one.speed_up is not None
    assert not one.absent
    return one.speed_up.estimate


def test_ratios_are_exact(measured: Measured) -> None:
    """Threads that hold the GIL gain nothing; processes, interpreters and the control gain a CPU each."""
    found = measured(Machine(held=1.0))
    assert set(found) == {(way, 2) for way in ("threads", "processes", "interpreters", "control")}
    assert ratio(found["threads", 2]) == pytest.approx(1)
    for way in ("processes", "interpreters", "control"):
        assert ratio(found[way, 2]) == pytest.approx(2)
    beside = found["threads", 2].of_processes
    assert beside is not None
    assert beside.estimate == pytest.approx(0.5)
    assert beside.n == FEWEST_ROUNDS
    assert found["processes", 2].of_processes is None
    assert {one.handing for one in found.values()} == {None}  # it is a long call


@pytest.mark.parametrize(("held", "expected"), [(0.0, 2.0), (0.5, 2.0), (0.8, 1.25)])
def test_threads_gain_what_the_gil_leaves(measured: Measured, held: float, expected: float) -> None:
    """Two calls that need the GIL for so much of their time."""
    assert ratio(measured(Machine(held=held))["threads", 2]) == pytest.approx(expected)


def test_waits_for_locks_are_shares_of_the_threads_time(measured: Measured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all threads together, over all rounds; of other workers nobody knows, and where nobody counts of none."""
    monkeypatch.setattr(speed_ups.lock_waits, "availability", lambda: None)
    monkeypatch.setattr(speed_ups.lock_waits, "LockWaits", nullcontext)
    found = measured(Machine(held=0.0, waits=0.25), widths=[2, 4])
    # The first of several answers when its own work is done, and all the others with it.
    for n in (2, 4):
        assert found["threads", n].lock_waited == pytest.approx(0.25 / n)
    assert {one.lock_waited for (way, _), one in found.items() if way != "threads"} == {None}
    monkeypatch.setattr(speed_ups.lock_waits, "availability", lambda: Unavailable("nobody counts"))
    assert measured(Machine(waits=0.25))["threads", 2].lock_waited is None


def test_a_machine_with_one_cpu_shows_in_the_control(measured: Measured) -> None:
    """Nothing scales, and the control says why."""
    found = measured(Machine(held=0.0, n_cpus=1))
    assert ratio(found["threads", 2]) == ratio(found["control", 2]) == pytest.approx(1)


def test_every_width_is_measured_with_the_same_workers(measured: Measured) -> None:
    """Four of a kind are opened once."""
    machine = Machine(held=0.0, n_cpus=4)
    found = measured(machine, widths=[2, 4])
    assert [ratio(found["processes", n]) for n in (2, 4)] == pytest.approx([2, 4])
    assert len(machine.opened) == 12


def test_without_interpreters_the_reason_stands_in_their_place(measured: Measured) -> None:
    """Nothing is opened for them."""
    machine = Machine()
    found = measured(machine, interpreter="needs CPython >= 3.12")
    assert found["interpreters", 2] == Scaling(way="interpreters", n_workers=2, absent="needs CPython >= 3.12")
    assert {fake.way for fake in machine.opened} == {"threads", "processes"}


def test_what_nobody_else_finds_runs_on_threads_alone(measured: Measured) -> None:
    """No processes, and so no control."""
    machine = Machine()
    found = measured(machine, alone="nobody finds it")
    assert set(found) == {(way, 2) for way in ("threads", "processes", "interpreters")}
    assert found["processes", 2].absent == found["interpreters", 2].absent == "nobody finds it"
    assert found["threads", 2].of_processes is None
    assert {fake.way for fake in machine.opened} == {"threads"}


@pytest.mark.parametrize("way", ["processes", "interpreters"])
def test_a_kind_that_cannot_begin_is_absent(measured: Measured, way: str) -> None:
    """The others are measured."""
    found = measured(Machine(failing=way))
    assert found[way, 2].absent == f"{way} cannot"
    assert ratio(found["threads", 2]) == pytest.approx(1)
    assert (("control", 2) in found) == (way == "interpreters")


def test_without_threads_processes_are_compared_with_one_of_them(measured: Measured) -> None:
    """A call that no other thread may make, as of an object that is its thread's, is a process's own in each."""
    found = measured(Machine(failing="threads"))
    assert (found["threads", 2].absent, found["threads", 2].failed) == ("threads cannot", True)
    assert ratio(found["processes", 2]) == pytest.approx(2)


def test_what_nobody_can_call_has_the_reason_of_each(measured: Measured) -> None:
    """And nothing is measured."""
    found = measured(Machine(failing="threads"), alone="nobody finds it")
    assert {(way, one.absent, one.failed) for (way, _), one in found.items()} == {
        ("threads", "threads cannot", True),
        ("processes", "nobody finds it", False),
        ("interpreters", "nobody finds it", False),
    }


@pytest.mark.parametrize("way", ["processes", "interpreters"])
def test_a_worker_that_fails_later_ends_its_way_alone(measured: Measured, way: str) -> None:
    """A call may go well once, and not the next time; the control's workers are the processes'."""
    found = measured(Machine(failing=way, failing_from=9))
    assert found[way, 2].absent.endswith(f"{way} cannot")
    assert found[way, 2].failed
    assert ratio(found["threads", 2]) == pytest.approx(1)
    assert (("control", 2) in found) == (way == "interpreters")


def test_a_thread_that_fails_alone_leaves_nothing_to_compare_with(measured: Measured) -> None:
    """It is what all are compared with, in every round."""
    found = measured(Machine(failing="threads", failing_from=9))
    assert {(one.absent.rpartition(": ")[2], one.failed) for one in found.values()} == {("threads cannot", True)}


def test_calls_that_are_too_long_for_the_limit_are_not_made(measured: Measured) -> None:
    """Better no speed-up than a hang that is none."""
    machine = Machine()
    found = measured(machine, most_seconds=0.5)
    assert machine.opened == []
    assert {one.absent for one in found.values()} == {
        "calls this long could take 1 s in all; allow for them with --limit"
    }
    assert ratio(measured(Machine(), most_seconds=0.6)["processes", 2]) == pytest.approx(2)


def test_intervals_are_of_the_rounds(measured: Measured) -> None:
    """Exact ratios have intervals without width."""
    one = measured(Machine())["processes", 2].speed_up
    assert one is not None
    assert (one.n, one.n_launches) == (FEWEST_ROUNDS, 1)
    assert math.isclose(one.low, one.high)
