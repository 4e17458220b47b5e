"""From rounds to rows: who is compared with whom, in which pairs, and how items are scaled."""

import dataclasses
import math
import os
from typing import Any

import pytest
from fakes import FakeMachine, finish, plan

from gilscope.errors import Unavailable
from gilscope.running import verdicts
from gilscope.running.evidence import Evidence
from gilscope.running.result import Plan, Result, Round, Row, Sample, WorkSize
from gilscope.system.counters import ticks_per_second
from gilscope.system.cpus import logical_cpus

SECONDS = 1e9


def evidence(the_plan: Plan, walls: dict[str, list[int]], cpus: dict[str, list[int]] | None = None) -> Evidence:
    """Return evidence of rounds with these wall (and CPU) times of each arm, in one launch."""
    made = Evidence(the_plan)
    for group in (the_plan.control, *the_plan.groups):
        arms = [arm for arm in group.arms if arm.id in walls]
        for number in range(max((len(walls[arm.id]) for arm in arms), default=0)):
            samples = tuple(
                Sample(
                    arm=arm.id,
                    wall_ns=walls[arm.id][number],
                    cpu_ns=(cpus or walls)[arm.id][number],
                    run_delay_ns=0,
                    switches=0,
                )
                for arm in arms
            )
            made.add(Round(group=group.id, launch=0, at_ns=number, warm_up=False, samples=samples))
    return made


def row(result: Result, arm_id: str) -> Row:
    """Return the row of an arm."""
    return next(row for row in result.rows if row.arm.id == arm_id)


def run(**request: Any) -> Result:
    """Run a plan on a quiet fake machine."""
    return finish(FakeMachine(noise=0.002).runner(plan(**({"effort": "fast"} | request))))[0]


def test_parallel_arms_are_compared_with_processes_and_narrow_ones_with_serial() -> None:
    """The partner is the ceiling, or serial for an arm that kept one CPU busy."""
    result = run()
    partners = {found.arm.id.removeprefix("quad/c/"): found.partner.removeprefix("quad/c/") for found in result.rows}
    assert partners == {
        "held/2/serial": "",
        "held/2/threads": "held/2/serial",
        "held/2/processes": "",
        "held/2/interpreters": "held/2/processes",
        "released/2/serial": "",
        "released/2/threads": "released/2/processes",
        "released/2/processes": "",
        "released/2/interpreters": "released/2/processes",
    }


def test_the_gil_is_never_blamed_for_a_narrow_openmp_arm() -> None:
    """An OpenMP team that stays on one CPU is called that, for its threads need no GIL."""
    request = {"effort": "fast", "implementations": ("cython",), "gil_modes": ("released",), "strategies": ("openmp",)}
    machine = FakeMachine(noise=0.002, alone=("openmp",))
    result, _ = finish(machine.runner(plan(**request)))
    assert row(result, "quad/cython/released/2/openmp").verdict == verdicts.ONE_WIDE


def test_a_ratio_is_that_of_the_same_round() -> None:
    """Pairs are made within rounds: whatever slows a whole round leaves no trace in the ratio."""
    the_plan = plan(strategies=("threads",), gil_modes=("released",))
    serial, threads, processes = the_plan.groups[0].arms
    slow = [10**6 * (1 + (7 * i) % 13) for i in range(60)]
    made = evidence(
        the_plan,
        {serial.id: [2 * w for w in slow], processes.id: slow, threads.id: [int(w * 1.25) for w in slow]},
        {serial.id: [2 * w for w in slow], processes.id: [2 * w for w in slow], threads.id: [2 * w for w in slow]},
    )
    partner, ratio = made.equal_width(the_plan.groups[0])[threads.id]
    assert partner == processes
    assert ratio.estimate == pytest.approx(0.8)
    assert ratio.low == pytest.approx(ratio.high)


def test_here_and_now_is_serial_over_the_arm() -> None:
    """Twice as fast as serial reads 2, and the serial arm itself has no such ratio."""
    result = run()
    processes = row(result, "quad/c/held/2/processes").here_and_now
    assert processes is not None
    assert processes.low <= 2 <= processes.high
    assert row(result, "quad/c/held/2/serial").here_and_now is None


def test_plain_python_is_compared_item_for_item() -> None:
    """Groups of different work are compared per item: the true ratio comes out, whatever the sizes of the samples."""
    result = run(implementations=("python", "c"), form="array", strategies=("threads",))
    compared = row(result, "quad/c/released/2/threads").versus_python
    python, fast = result.work["quad/python/held/2"], result.work["quad/c/released/2"]
    assert (python.n_items, python.repeats) != (fast.n_items, fast.repeats)
    # 8 ms for 4096 items on each of two chunks in sequence, against 50 us for 524288 on both at once
    truth = (2 * 8e6 / python.n_items) / (50e3 / fast.n_items)
    assert compared is not None
    assert compared.low <= truth <= compared.high
    assert row(result, "quad/python/held/2/serial").versus_python is None
    python_processes = row(result, "quad/python/held/2/processes").versus_python
    assert python_processes is not None
    assert python_processes.low <= 2 <= python_processes.high


def test_plain_python_is_not_compared_across_forms_or_where_it_is_missing() -> None:
    """Rounds in cache and passes over arrays are different work; a plan without Python has nothing to compare with."""
    mixed = run(implementations=("python", "numpy"), strategies=("threads",))
    assert row(mixed, "quad/numpy/released/2/threads").versus_python is None
    assert all(found.versus_python is None for found in run().rows)


def test_warm_ups_are_paired_with_nothing() -> None:
    """A warm-up round is kept in the evidence and counts in no sample, ratio or number of rounds."""
    the_plan = plan(strategies=("threads",), gil_modes=("released",))
    made = Evidence(the_plan)
    group = the_plan.groups[0]
    samples = tuple(Sample(arm=a.id, wall_ns=5, cpu_ns=5, run_delay_ns=0, switches=0) for a in group.arms)
    made.add(Round(group=group.id, launch=0, at_ns=0, warm_up=True, samples=samples))
    assert (len(made.rounds), made.n_timed, made.n_rounds(group, 0), made.samples(group, group.arms[0])) == (
        1,
        0,
        0,
        [],
    )
    assert made.equal_width(group) == {}


def test_a_launch_without_rounds_of_a_group_keeps_its_place() -> None:
    """Ratios are grouped by launch number, also when a group was first timed in a later launch."""
    the_plan = plan(strategies=("threads",), gil_modes=("released",))
    made, group = Evidence(the_plan), plan(strategies=("threads",), gil_modes=("released",)).groups[0]
    samples = tuple(Sample(arm=a.id, wall_ns=5, cpu_ns=5, run_delay_ns=0, switches=0) for a in group.arms)
    made.add(Round(group=group.id, launch=2, at_ns=0, warm_up=False, samples=samples))
    assert [made.n_rounds(group, launch) for launch in range(4)] == [0, 0, 1, 0]
    assert made.log_ratios(group, group.arms[0], group.arms[1]) == [[], [], [0.0]]


def test_all_verdict_ratios_of_a_table_hold_together() -> None:
    """Each is computed at a level shared among all of them, the two of the control too."""
    the_plan = plan()
    result = finish(FakeMachine(noise=0.002).runner(the_plan))[0]
    compared = sum(1 for found in result.rows if found.equal_width is not None) + 2
    assert Evidence(the_plan).n_ratios == compared


def test_arms_that_cannot_run_take_no_part_in_the_level() -> None:
    """A table's intervals need to hold together with those that there are."""
    made = Evidence(plan(strategies=("threads", "interpreters")))
    before = made.n_ratios
    absent = [arm.id for group in made.plan.groups for arm in group.arms if arm.strategy == "interpreters"]
    made.absent |= dict.fromkeys(absent, Unavailable("not here"))
    assert made.n_ratios == before - len(absent)


def test_width_one_compares_twins() -> None:
    """On one worker there is nothing to scale to: threads and processes are told same, faster or slower."""
    result = run(workers=(1,), strategies=("threads",))
    assert row(result, "quad/c/held/1/threads").verdict == "same within 5 %"
    assert row(result, "quad/c/held/1/processes").verdict == verdicts.CEILING


def test_a_free_threaded_run_blames_no_gil() -> None:
    """With the GIL off everywhere, an arm that is one CPU wide is called that."""
    machine = FakeMachine(noise=0.002, gil_enabled=lambda strategy: False)
    result = finish(machine.runner(plan(effort="fast", strategies=("threads",))))[0]
    assert row(result, "quad/c/held/2/threads").verdict == verdicts.ONE_WIDE
    assert "GIL-bound" not in {found.verdict for found in result.rows}


def test_an_absent_arm_has_no_figures() -> None:
    """Its row holds the reason and nothing that could be taken for a measurement."""
    the_plan = plan(strategies=("threads",), gil_modes=("released",))
    made = Evidence(the_plan)
    absent = the_plan.groups[0].arms[1]
    made.absent[absent.id] = Unavailable("not here")
    found = next(r for r in made.rows({}) if r.arm == absent)
    assert found == Row(arm=absent, unavailable=Unavailable("not here"), verdict="unavailable: not here")


def test_interference_is_shares_of_the_measured_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run delay is over CPU time, steal over all logical CPUs; waits that were not counted are not negative time."""
    # What PYTHON_CPU_COUNT does to it; the host takes its time from the CPUs that there are.
    monkeypatch.setattr(os, "cpu_count", lambda: 1_000_000)
    the_plan = plan(strategies=("threads",), gil_modes=("released",))
    made = Evidence(the_plan)
    group = the_plan.groups[0]
    counted = Sample(arm=group.arms[0].id, wall_ns=100, cpu_ns=150, run_delay_ns=30, switches=2)
    uncounted = dataclasses.replace(counted, run_delay_ns=-1, switches=-1)
    for launch, sample in enumerate((counted, uncounted)):
        made.add(
            Round(group=group.id, launch=launch, at_ns=0, warm_up=False, samples=(sample,), steal_ticks=3, throttled=2)
        )
    found = made.interference(10.0)
    assert found.run_delay == pytest.approx(30 / 300)
    assert found.throttled == 4
    expected = 6 / ticks / (10 * logical_cpus()) if (ticks := ticks_per_second()) else None
    assert found.steal == (None if expected is None else pytest.approx(expected))
    assert Evidence(the_plan).interference(0.0).run_delay == 0


def test_a_work_size_counts_items_times_repeats() -> None:
    """A sample of twice the items, or of twice the repeats, is twice the work when compared with plain Python."""
    the_plan = plan(implementations=("python", "c"), form="array", strategies=("threads",), gil_modes=())
    walls = {arm.id: [10**7] * 60 for group in the_plan.groups for arm in group.arms}
    walls |= {arm.id: [10**7 * (21 if "heavier" in arm.id else 20) // 20] * 60 for arm in the_plan.control.arms}
    made = evidence(the_plan, walls)
    for python, fast, ratio in (((64, 10), (64, 10), 1), ((64, 10), (128, 10), 2), ((64, 10), (64, 30), 3)):
        work = {
            "quad/python/held/2": WorkSize(n_items=python[0], repeats=python[1]),
            "quad/c/released/2": WorkSize(n_items=fast[0], repeats=fast[1]),
        }
        found = next(r for r in made.rows(work) if r.arm.id == "quad/c/released/2/serial").versus_python
        assert found is not None
        assert found.estimate == pytest.approx(ratio)
        assert not math.isnan(found.low)
