"""The work of a sample: one size for all arms of a group, long enough for the fastest and short for the slowest."""

import random

import pytest
from fakes import FakeMachine, plan

from gilscope.pairing.rounds import LEAD_IN_SHARE
from gilscope.running.calibration import (
    MAX_SAMPLE_NS,
    MIN_SAMPLE_NS,
    calibrate,
    call_of,
    items_for,
    max_items,
)
from gilscope.running.result import Sample


@pytest.mark.parametrize("chunk_scale", [1e-4, 1e-3, 1e-2, 0.1, 1.0, 3.0, 20.0])
@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_the_fastest_arm_takes_five_milliseconds_twice_in_a_row(chunk_scale: float, noise: float) -> None:
    """The size found was tried twice in a row, and both times the fastest arm took long enough."""
    arms = plan(gil_modes=("held",)).groups[0].arms
    machine = FakeMachine(noise=noise, cost=lambda arm: chunk_scale)
    launch = machine.open_launch(arms, "float64", 4096, random.Random(1))
    measured: list[list[Sample]] = []
    measure = launch.measure

    def watch(order: list[tuple[str, int, int]]) -> tuple[list[Sample], int, int]:
        answer = measure(order)
        measured.append(answer[0])
        return answer

    launch.measure = watch  # type: ignore[method-assign,assignment]
    size = calibrate(launch, arms, 4096)
    assert size.n_items == 4096
    assert [{call[1] for call in order} for order in launch.orders[-2:]] == [{size.repeats}] * 2
    for samples in measured[-2:]:
        assert min(sample.wall_ns for sample in samples) >= MIN_SAMPLE_NS
        assert max(sample.wall_ns for sample in samples) <= MAX_SAMPLE_NS
    assert MIN_SAMPLE_NS == 5_000_000


def test_the_slowest_arm_stays_below_a_quarter_second() -> None:
    """Where one arm is a thousand times slower than another, the limit of the slowest comes first."""
    arms = plan(gil_modes=("held",)).groups[0].arms
    machine = FakeMachine(noise=0.0, cost=lambda arm: 1000.0 if arm.strategy == "threads" else 1.0)
    launch = machine.open_launch(arms, "float64", 4096, random.Random(1))
    size = calibrate(launch, arms, 4096)
    slowest_ns = max(machine.wall_ns(arm)[0] for arm in arms) * size.repeats
    assert 0.3 * MAX_SAMPLE_NS <= slowest_ns <= MAX_SAMPLE_NS
    assert MAX_SAMPLE_NS == 250_000_000


def test_a_task_that_takes_longer_than_that_is_run_once() -> None:
    """Work that cannot be made smaller is measured as it is, in one task."""
    arms = plan(gil_modes=("held",)).groups[0].arms
    machine = FakeMachine(noise=0.0, cost=lambda arm: 1e6)
    launch = machine.open_launch(arms, "float64", 4096, random.Random(1))
    assert calibrate(launch, arms, 4096).repeats == 1


def test_a_control_has_repeats_that_its_heavier_twin_can_share() -> None:
    """The control's repeats are a multiple of 20, of which 1.05 times is a whole number."""
    control = plan().control
    machine = FakeMachine(noise=0.0)
    launch = machine.open_launch(control.arms, "float64", control.n_items, random.Random(1))
    size = calibrate(launch, control.arms, control.n_items)
    assert size.repeats % 20 == 0
    for arm in control.arms:
        _, repeats, lead_in = call_of(arm, size.repeats)
        assert repeats == (size.repeats * 21 // 20 if "heavier" in arm.id else size.repeats)
        assert lead_in == max(1, round(size.repeats * LEAD_IN_SHARE))


@pytest.mark.parametrize("task_ns", [10_000, 1_000_000, 50_000_000])
def test_items_are_chosen_for_the_length_of_a_serial_call(task_ns: int) -> None:
    """With a task time, a chunk has as many items as one serial call takes that long for, in whole cache lines."""
    the_plan = plan(task_ns=task_ns)
    arms = the_plan.groups[0].arms
    machine = FakeMachine(noise=0.0, cost=lambda arm: 10.0)
    launch = machine.open_launch(arms, "float64", max_items(the_plan), random.Random(1))
    n_items = items_for(launch, arms, the_plan.groups[0].n_items, the_plan)
    serial = next(arm for arm in arms if arm.strategy == "serial")
    item_ns = machine.wall_ns(serial)[0] / serial.n_workers / the_plan.groups[0].n_items
    assert n_items % 32 == 0
    assert n_items == pytest.approx(task_ns / item_ns, abs=32)
    assert n_items <= max_items(the_plan)


def test_without_a_task_time_the_items_are_the_plans() -> None:
    """Nothing is measured and nothing changed where the user gave no task time, or there is no serial arm."""
    for the_plan, arms in (
        (plan(n_items=640), plan().groups[0].arms),
        (plan(task_ns=10**6), plan().groups[0].arms[1:2]),
    ):
        launch = FakeMachine().open_launch(arms, "float64", 4096, random.Random(1))
        assert items_for(launch, arms, 640, the_plan) == 640
        assert not launch.orders
