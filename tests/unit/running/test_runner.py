"""How a run goes, on a fake clock: which arms are timed when, when it stops, and whether its intervals are honest."""

import random
from collections import Counter
from itertools import groupby, pairwise
from typing import Any

import pytest
from fakes import FakeLaunch, FakeMachine, finish, plan, result_of

from gilscope.errors import CannotRunError, KernelError
from gilscope.pairing.control import HEAVIER
from gilscope.pairing.rounds import LEAD_IN_SHARE
from gilscope.pairing.stopping import WARM_UP_ROUNDS
from gilscope.running import verdicts
from gilscope.running.result import Arm, Plan, Result, Round
from gilscope.running.runner import (
    ArmAbsent,
    GroupResolved,
    LaunchEnded,
    LaunchStarted,
    Progress,
    Runner,
)
from gilscope.running.worker import in_words

#: The groups of the small plan.
GROUPS = ("control", "quad/c/held/2", "quad/c/released/2")
QUICK = {"strategies": ("threads",), "effort": "fast"}


def timed(result: Result, group: str, launch: int | None = None) -> list[Round]:
    """Return a group's rounds that count, in the order of time."""
    return [r for r in result.rounds if r.group == group and not r.warm_up and launch in (None, r.launch)]


def arms_of(round_: Round) -> list[str]:
    """Return the arms of a round in the order in which they ran."""
    return [sample.arm for sample in round_.samples]


def verdict(result: Result, strategy: str, gil: str) -> str:
    """Return the verdict on one arm."""
    return next(row.verdict for row in result.rows if (row.arm.strategy, row.arm.gil) == (strategy, gil))


def run(machine: FakeMachine | None = None, **request: Any) -> Result:
    """Run a small plan to its end."""
    return finish((machine or FakeMachine()).runner(plan(**(QUICK | request))))[0]


# Rounds.


def test_every_round_times_every_arm_once() -> None:
    """A round holds one sample of each arm of its group, no more and no fewer."""
    the_plan = plan(**QUICK)
    result, _ = finish(FakeMachine().runner(the_plan))
    arms = {group.id: sorted(arm.id for arm in group.arms) for group in (the_plan.control, *the_plan.groups)}
    assert {round_.group for round_ in result.rounds} == set(arms)
    for round_ in result.rounds:
        assert sorted(arms_of(round_)) == arms[round_.group]


def test_a_block_of_rounds_is_a_williams_square() -> None:
    """Within each block of rounds every arm comes first equally often and follows every other arm equally often."""
    result = run(effort="default", gil_modes=("released",))
    group, n_arms = "control", 4
    for launch in range(3):
        rounds = [arms_of(r) for r in result.rounds if r.group == group and r.launch == launch]
        blocks = [rounds[i : i + n_arms] for i in range(0, len(rounds) - n_arms + 1, n_arms)]
        assert len(blocks) > 3
        for block in blocks:
            for place in range(n_arms):
                assert len({order[place] for order in block}) == n_arms
            assert set(Counter(pair for order in block for pair in pairwise(order)).values()) == {1}


def test_before_each_sample_the_same_arm_leads_in() -> None:
    """Every timed call follows an untimed one of the same arm, of a small share of its work and at least one task."""
    machine = FakeMachine()
    result = run(machine)
    calls = {size.repeats: max(1, round(size.repeats * LEAD_IN_SHARE)) for size in result.work.values()}
    for launch in machine.launches[1:]:  # the first one's orders hold the calibration too
        for order in launch.orders:
            for arm_id, repeats, lead_in in order:
                assert lead_in == calls[round(repeats / launch.arms[arm_id].work)]
                assert 1 <= lead_in <= max(1, 0.2 * repeats)


def test_the_heavier_twin_does_exactly_its_share_more() -> None:
    """The control's third arm is asked for 1.05 times the repeats of the first, to the last repeat."""
    machine = FakeMachine()
    result = run(machine)
    repeats = result.work["control"].repeats
    assert repeats % 20 == 0
    heavier = [
        call for launch in machine.launches[1:] for order in launch.orders for call in order if "heavier" in call[0]
    ]
    assert {call[1] for call in heavier} == {repeats * 21 // 20}


def test_all_groups_take_turns() -> None:
    """While several groups are open, none is timed twice before every other has been timed once."""
    result = run(kernels=("square", "quad"))
    counted = [round_.group for round_ in result.rounds if not round_.warm_up and round_.launch == 0]
    for turn in range(8):
        assert len(set(counted[5 * turn : 5 * turn + 5])) == 5


def test_no_round_is_dropped() -> None:
    """Every round that a launch measured is in the result, however long it took."""
    machine = FakeMachine(spikes=0.05)
    result = run(machine)
    measured = [order for launch in machine.launches for order in launch.orders]
    asked = [[arm_id for arm_id, _, _ in order] for order in measured]
    calibrating = len(asked) - len(result.rounds)  # only the first launch calibrates, before its first round
    assert calibrating >= 2 * len(result.work)
    assert asked[calibrating:] == [arms_of(round_) for round_ in result.rounds]
    longest = max(sample.wall_ns for round_ in result.rounds for sample in round_.samples)
    assert longest > 5 * min(sample.wall_ns for round_ in result.rounds for sample in round_.samples)


def test_warm_up_rounds_are_kept_and_flagged_and_not_used() -> None:
    """Each launch begins with rounds that are in the file but in no estimate."""
    slow = FakeMachine()
    begin: dict[int, int] = {}

    def cold(arm: Arm) -> float:
        # The first rounds of each launch take three times as long for threads: warming up is real here.
        launch = len(slow.launches)
        begin[launch] = begin.get(launch, 0) + 1
        return 3.0 if arm.strategy == "threads" and begin[launch] < 40 else 1.0

    slow.cost = cold
    result = run(slow, gil_modes=("released",))
    for launch in range(2):
        for group in ("control", "quad/c/released/2"):
            flags = [r.warm_up for r in result.rounds if r.group == group and r.launch == launch]
            n_warm = flags.index(False)
            assert n_warm >= WARM_UP_ROUNDS
            assert not any(flags[n_warm:])
    threads = next(row for row in result.rows if row.arm.strategy == "threads")
    assert threads.equal_width is not None
    assert threads.equal_width.n == len(timed(result, "quad/c/released/2"))


def test_the_same_seed_gives_the_same_orders() -> None:
    """A recorded seed repeats every order and hash seed of a run; another seed does not."""
    machines = [FakeMachine(), FakeMachine(), FakeMachine()]
    for machine, seed in zip(machines, (5, 5, 6), strict=True):
        run(machine, seed=seed)
    orders = [[launch.orders for launch in machine.launches] for machine in machines]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    seeds = [[launch.hash_seed for launch in machine.launches] for machine in machines]
    assert seeds[0] == seeds[1] != seeds[2]
    assert len(set(seeds[0])) == len(seeds[0])


# Launches.


@pytest.mark.parametrize(("effort", "n_launches"), [("fast", 2), ("default", 3), ("rigorous", 5)])
def test_a_run_is_several_launches_each_closed_before_the_next(effort: str, n_launches: int) -> None:
    """Three fresh launches by default, fewer for --fast and more for --rigorous; one at a time."""
    machine = FakeMachine(noise=0.003)
    closed_before: list[list[bool]] = []
    open_launch = machine.open_launch

    def watch(*arguments: Any) -> FakeLaunch:
        closed_before.append([launch.closed for launch in machine.launches])
        return open_launch(*arguments)

    machine.open_launch = watch  # type: ignore[method-assign]
    the_plan = plan(**(QUICK | {"effort": effort}))
    runner = machine.runner(the_plan)
    result, events = finish(runner)
    assert len(machine.launches) == n_launches
    assert all(all(before) for before in closed_before)
    assert all(launch.closed for launch in machine.launches)
    assert [e.launch for e in events if isinstance(e, LaunchStarted)] == list(range(n_launches))
    assert [e.launch for e in events if isinstance(e, LaunchEnded)] == list(range(n_launches))
    assert {round_.launch for round_ in result.rounds} == set(range(n_launches))
    assert len(result.workers) == n_launches * len({arm.strategy for g in the_plan.groups for arm in g.arms})


def test_a_work_size_is_found_once_and_kept_in_every_launch() -> None:
    """The first launch calibrates; the later ones measure the very same work."""
    machine = FakeMachine()
    result = run(machine)
    sizes = {group: size.repeats for group, size in result.work.items()}
    for round_, order in zip((r for r in result.rounds if r.launch == 1), machine.launches[1].orders, strict=True):
        assert {repeats for arm, repeats, _ in order if "heavier" not in arm} == {sizes[round_.group]}


def test_absent_arms_are_left_out_of_rounds_and_shown() -> None:
    """An arm that cannot run here is announced once, timed never, and stands in the table with its reason."""
    machine = FakeMachine(absent={"interpreters": "needs CPython >= 3.12; this is 3.11.7"})
    result, events = finish(machine.runner(plan(effort="fast", gil_modes=("held",))))
    absent = [event.arm.id for event in events if isinstance(event, ArmAbsent)]
    assert absent == ["quad/c/held/2/interpreters"]
    assert all("interpreters" not in " ".join(arms_of(round_)) for round_ in result.rounds)
    row = next(row for row in result.rows if row.arm.strategy == "interpreters")
    assert str(row.unavailable) == row.verdict == "unavailable: needs CPython >= 3.12; this is 3.11.7"
    assert (row.wall_ns, row.equal_width) == (None, None)


def test_a_group_without_arms_is_shown_and_the_others_measured() -> None:
    """When an implementation is missing altogether, its rows say so and the rest of the table stands."""
    machine = FakeMachine(absent={"numpy": "no NumPy here"})
    result = run(machine, implementations=("numpy", "c"))
    found = {row.arm.implementation: row.verdict for row in result.rows if row.arm.strategy == "processes"}
    assert found == {"numpy": "unavailable: no NumPy here", "c": verdicts.CEILING}
    assert "quad/numpy/released/2" not in result.work


def test_a_run_without_any_arm_is_refused() -> None:
    """When nothing of the table can run, the run ends with the reason instead of an empty table."""
    with pytest.raises(CannotRunError, match="none of the arms"):
        run(FakeMachine(absent={"numpy": "no NumPy here"}), implementations=("numpy",))


def test_no_processes_means_no_verdict_on_anything_parallel() -> None:
    """Without the ceiling nothing is judged, and nothing is reported as found."""
    result = run(FakeMachine(absent={"processes": "none here"}))
    assert verdict(result, "threads", "held") == "unresolved (no processes to compare with)"
    assert result.control is not None
    assert result.control.second_cpu is None


def test_workers_whose_gil_states_differ_are_refused() -> None:
    """Some workers with the GIL and some without it: nothing is timed."""
    machine = FakeMachine(gil_enabled=lambda strategy: strategy != "threads")
    runner = machine.runner(plan(**QUICK))
    with pytest.raises(CannotRunError, match="'threads' has the GIL off .* where the GIL on .* was expected"):
        list(runner.events())
    assert not runner.evidence.rounds
    assert all(launch.closed for launch in machine.launches)


@pytest.mark.parametrize("change", [{"gil_enabled": False}, {"switch_interval_s": 0.001}])
def test_workers_that_are_not_as_expected_are_refused(change: dict[str, object]) -> None:
    """Workers that all agree, but not with what was expected of them, are refused, and both states are named."""
    machine = FakeMachine()
    expected = {"gil_enabled": True, "switch_interval_s": 0.005} | change
    runner = Runner(plan(**QUICK), machine.open_launch, machine.clock, expected)
    with pytest.raises(CannotRunError) as caught:
        list(runner.events())
    assert in_words(expected) in str(caught.value)
    assert "has the GIL on and a switch interval of 5 ms" in str(caught.value)
    assert not runner.evidence.rounds


def test_a_kernel_error_leaves_the_launch_closed_and_the_rounds_kept() -> None:
    """A worker that dies ends the run with its error; what was measured is in a partial result."""
    machine = FakeMachine(dies_at_round=40)
    runner = machine.runner(plan(**QUICK))
    with pytest.raises(KernelError, match="SIGKILL"):
        list(runner.events())
    result = result_of(runner)
    assert all(launch.closed for launch in machine.launches)
    assert result.state == "partial"
    assert result.stop_reason == "failed: worker 1 of strategy 'processes' died: killed by SIGKILL"
    assert len(result.rounds) > 20
    assert len(result.rows) == 6


def test_a_driver_that_stops_listening_closes_the_launch() -> None:
    """When the events are no longer drawn, the launch is closed with them."""
    machine = FakeMachine()
    events = machine.runner(plan(**QUICK)).events()
    next(events)
    assert not machine.launches[0].closed
    del events
    assert machine.launches[0].closed


# When to stop.


def test_a_run_stops_when_every_ratio_is_narrow() -> None:
    """With little noise it stops long before the budget, resolved, at about the fewest rounds."""
    machine = FakeMachine(noise=0.001)
    result, events = finish(machine.runner(plan(strategies=("threads",))))
    assert result.stop_reason == "every interval narrow enough"
    assert result.state == "complete"
    assert result.duration_s < 0.5 * result.plan.budget_s
    for row in result.rows:
        assert row.equal_width is None or row.equal_width.half_width <= result.plan.target
    assert {event.group.id for event in events if isinstance(event, GroupResolved)} == set(GROUPS)
    assert [event.resolved for event in events if isinstance(event, LaunchEnded)] == [True] * 3


def test_no_launch_stops_before_its_fewest_rounds() -> None:
    """However narrow the intervals, each launch gives each group at least the plan's fewest rounds."""
    result = run(FakeMachine(noise=0.0001), effort="default")
    for launch in range(3):
        for group in GROUPS:
            assert len(timed(result, group, launch)) >= 20


def test_no_group_stops_before_its_shortest_span() -> None:
    """Rounds that all fall into one moment prove little: the last launch goes on until they span some seconds."""
    result = run(FakeMachine(noise=0.0001))
    assert result.stop_reason == "every interval narrow enough"
    for group in GROUPS:
        rounds = timed(result, group)
        assert rounds[-1].at_ns - rounds[0].at_ns >= 3e9


def test_a_run_stops_at_its_budget() -> None:
    """When the noise never lets the intervals close, it ends at the budget and says unresolved, with the width."""
    machine = FakeMachine(noise=0.3)
    result, events = finish(machine.runner(plan(strategies=("threads",), budget_s=20.0)))
    assert result.stop_reason == "time budget spent"
    assert result.state == "complete"
    assert [event.resolved for event in events if isinstance(event, LaunchEnded)][-1] is False
    longest = max(b.at_ns - a.at_ns for a, b in pairwise(result.rounds)) / 1e9
    assert 20.0 - longest <= result.duration_s <= 20.0 + longest
    for gil in ("held", "released"):
        assert verdict(result, "threads", gil).startswith(("unresolved (±", verdicts.CONTROL_FAILED))
    assert {round_.launch for round_ in result.rounds} == {0, 1, 2}


def test_the_budget_is_shared_by_the_launches() -> None:
    """A run that spends its whole budget gives each launch about a third of it."""
    result = finish(FakeMachine(noise=0.5).runner(plan(strategies=("threads",), budget_s=30.0)))[0]
    first = {launch: next(r.at_ns for r in result.rounds if r.launch == launch) / 1e9 for launch in range(3)}
    assert first[1] == pytest.approx(10.0, abs=1.0)
    assert first[2] == pytest.approx(20.0, abs=1.0)


def test_a_resolved_group_leaves_the_time_to_the_others() -> None:
    """A quiet group ends early and the noisy one gets the rest of the rounds."""
    machine = FakeMachine(noise=0.0)
    lots = random.Random(3)
    machine.cost = lambda arm: lots.lognormvariate(0, 0.12) if arm.kernel == "square" and arm.form == "array" else 1.0
    result = run(machine, kernels=("square", "quad"), target=0.02, form="array", gil_modes=("held",))
    assert len(timed(result, "square/c/held/2")) > 2 * len(timed(result, "quad/c/held/2"))


def test_progress_never_promises_more_than_the_budget() -> None:
    """Each round is announced with the rounds so far, and a remaining time between zero and what the budget leaves."""
    machine = FakeMachine(noise=0.05)
    runner = machine.runner(plan(**QUICK))
    seen = 0
    for event in runner.events():
        if isinstance(event, Progress):
            assert 0 <= event.remaining_s <= max(0.0, runner.plan.budget_s - event.elapsed_s)
            assert event.n_rounds >= seen
            assert 1 <= event.n_open <= len(GROUPS)
            seen = event.n_rounds
    assert seen == sum(1 for round_ in runner.evidence.rounds if not round_.warm_up)


def test_the_time_of_an_ended_run_stands_still() -> None:
    """However late the result is asked for, its duration is that of the run."""
    machine = FakeMachine()
    runner = machine.runner(plan(**QUICK))
    result, _ = finish(runner)
    machine.clock.now_ns += 10**12
    assert result_of(runner) == result


def test_an_untimed_run_is_partial_and_finds_nothing() -> None:
    """Before the first timed round, the table says not measured and the finding says why."""
    runner = FakeMachine().runner(plan(**QUICK))
    next(runner.events())
    result = result_of(runner)
    assert (result.state, result.stop_reason) == ("partial", "interrupted")
    assert {row.verdict for row in result.rows} == {"unresolved (not measured)"}
    assert len(result.findings) == 1
    assert "No round was timed" in result.findings[0]


# What it finds.


def test_what_is_true_is_found() -> None:
    """GIL-bound threads, scaling released threads and interpreters: verdicts and findings say what the truth is."""
    result = finish(FakeMachine(noise=0.004).runner(plan()))[0]
    assert verdict(result, "serial", "held") == verdicts.REFERENCE
    assert verdict(result, "serial", "released") == verdicts.REFERENCE
    assert verdict(result, "threads", "held") == verdicts.GIL_BOUND
    assert verdict(result, "processes", "held") == verdicts.CEILING
    assert verdict(result, "interpreters", "held") == verdicts.SCALES
    assert verdict(result, "threads", "released") == verdicts.SCALES
    text = " ".join(result.findings)
    assert "2 threads are no faster than one" in text
    assert "With the GIL released, 2 threads reach" in text
    assert "with the GIL held, 2 interpreters reach" in text


def test_a_lying_control_gives_no_verdict() -> None:
    """When an arm that must read 1.05 reads 1.2, no verdict is given for anything, and that is the finding."""
    machine = FakeMachine(noise=0.002, cost=lambda arm: 1.2 / HEAVIER if arm.id == "control/heavier" else 1.0)
    result = run(machine)
    assert result.control is not None
    assert not result.control.passed
    assert {row.verdict for row in result.rows} == {verdicts.CONTROL_FAILED}
    assert len(result.findings) == 1
    assert "read wrong" in result.findings[0]


def test_memory_that_is_full_is_not_a_missing_cpu() -> None:
    """When work without memory scales and this kernel does not, the ceiling says memory-bound, not "no second CPU"."""
    result = run(FakeMachine(noise=0.002, memory_bound=True), gil_modes=("released",), form="array")
    assert verdict(result, "processes", "released") == verdicts.MEMORY_BOUND
    assert verdict(result, "threads", "released") == verdicts.MEMORY_BOUND


def test_one_cpu_gives_no_verdict_on_threads() -> None:
    """A machine that gives no second CPU at all says so in every parallel row."""
    result = run(FakeMachine(noise=0.002, second_cpu=lambda seconds: 0.0))
    parallel = {row.verdict for row in result.rows if row.arm.strategy != "serial"}
    assert parallel == {verdicts.NO_SECOND_CPU}
    assert "no second CPU" in " ".join(result.findings)


def settled(found: str) -> bool:
    """Tell whether a verdict says something about the arm."""
    return verdicts.decides(found) or found == verdicts.CEILING


@pytest.mark.parametrize(
    ("share", "strategy_cost"), [(0.0, 1.0), (0.2, 1.3), (0.35, 1.0), (0.5, 1.3), (0.65, 1.0), (0.8, 1.3)]
)
def test_ten_runs_on_a_restless_machine_never_contradict_each_other(share: float, strategy_cost: float) -> None:
    """With a second CPU that comes and goes, ten runs give each arm one verdict, or none: never two different ones."""
    found: dict[str, set[str]] = {}
    for number in range(10):
        moods = random.Random(100 + number)
        # Each few seconds the host decides anew; some of its decisions are halves.
        timetable = [moods.choice([share, 1.0, moods.random()]) for _ in range(200)]
        machine = FakeMachine(
            seed=number,
            noise=0.02,
            spikes=0.02,
            load=0.2,
            second_cpu=lambda seconds, t=timetable: t[int(seconds / 2.5)],
            cost=lambda arm: strategy_cost if arm.strategy == "interpreters" else 1.0,
        )
        result = run(machine, strategies=("threads", "interpreters"), seed=number)
        for row in result.rows:
            if settled(row.verdict):
                found.setdefault(row.arm.id, set()).add(row.verdict)
    assert found
    contradictions = {arm: said for arm, said in found.items() if len(said) > 1}
    assert not contradictions
    for strategy in ("interpreters", "processes"):
        assert not found.get(f"quad/c/held/2/{strategy}", set()) & {verdicts.GIL_BOUND}
    assert not found.get("quad/c/held/2/threads", set()) - {verdicts.GIL_BOUND}
    assert not found.get("quad/c/released/2/threads", set()) - {verdicts.SCALES}


@pytest.mark.parametrize("share", [0.0, 0.05, 0.1, 0.2, 0.3, 0.4])
def test_a_starved_machine_never_blames_the_gil(share: float) -> None:
    """Where processes get little more than one CPU, held threads are neither GIL-bound nor partly scaling."""
    result = run(FakeMachine(noise=0.003, second_cpu=lambda seconds: share))
    told = verdicts.NO_SECOND_CPU if share < 0.15 else verdicts.CPUS_TAKEN
    assert verdict(result, "threads", "held") == told
    assert verdict(result, "threads", "released") == told


# Whether its intervals are honest.


def misses(n_runs: int, **disturbance: Any) -> tuple[int, int, int]:
    """Return (ratios, those whose interval misses the truth, runs with at least one miss) of many runs."""
    the_plan: Plan = plan(gil_modes=("released",), effort="fast", strategies=("threads", "interpreters"))
    costs = {"threads": 1.07, "interpreters": 0.98}
    truth = {"threads": 1 / 1.07, "interpreters": 1 / 0.98}
    n_ratios = n_missed = n_runs_missed = 0
    for seed in range(n_runs):
        machine = FakeMachine(seed=seed, cost=lambda arm: costs.get(arm.strategy, 1.0), **disturbance)
        result = finish(machine.runner(the_plan))[0]
        control = result.control
        assert control is not None
        pairs = [(control.same, 1.0), (control.heavier, HEAVIER)]
        pairs += [(row.equal_width, truth[row.arm.strategy]) for row in result.rows if row.arm.strategy in truth]
        missed = sum(1 for read, true in pairs if read is None or not read.low <= true <= read.high)
        n_ratios, n_missed, n_runs_missed = n_ratios + len(pairs), n_missed + missed, n_runs_missed + bool(missed)
    return n_ratios, n_missed, n_runs_missed


@pytest.mark.parametrize(
    "disturbance",
    [{"noise": 0.02}, {"noise": 0.02, "spikes": 0.1}, {"noise": 0.05, "load": 0.3}],
    ids=["quiet", "spikes", "loaded"],
)
def test_intervals_hold_the_truth(disturbance: dict[str, Any]) -> None:
    """Of many runs with known truth, stopped on width, at most one in twenty has an interval that misses it."""
    n_runs = 80
    n_ratios, n_missed, n_runs_missed = misses(n_runs, **disturbance)
    assert n_ratios == 4 * n_runs
    # All ratios of a table hold together in 95 runs of 100: binomial, four standard deviations.
    assert n_runs_missed <= 0.05 * n_runs + 4 * (n_runs * 0.05 * 0.95) ** 0.5
    assert n_missed <= 0.05 * n_runs + 4 * (n_runs * 0.05 * 0.95) ** 0.5


def test_rounds_are_grouped_by_launch_in_time() -> None:
    """The rounds stand in the file in the order in which they were taken."""
    result = run()
    assert [r.at_ns for r in result.rounds] == sorted(r.at_ns for r in result.rounds)
    assert [launch for launch, _ in groupby(result.rounds, key=lambda r: r.launch)] == [0, 1]
