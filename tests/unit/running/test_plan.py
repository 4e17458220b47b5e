"""From a request to a plan: which arms there are, what is refused, and with which words."""

import re
from typing import Any

import pytest

from gilscope import kernels
from gilscope.errors import CannotRunError, UsageError
from gilscope.pairing.control import HEAVIER
from gilscope.running.plan import COMPUTE_ITEMS, EFFORTS, MIN_SPAN_S, Request, make_plan
from gilscope.running.result import Plan
from gilscope.running.strategies import ITEM_MULTIPLE, STRATEGIES


def plan(usable_cpus: int = 2, **request: Any) -> Plan:
    """Make a plan for a machine with so many usable CPUs."""
    return make_plan(Request(**request), usable_cpus, "affinity")


def test_by_default_everything_is_compared_at_the_usable_width() -> None:
    """Every kernel is a group in each implementation but NumPy and each GIL mode, as wide as there are usable CPUs."""
    made = plan(usable_cpus=3)
    assert [group.id for group in made.groups] == [
        f"{kernel}/{form}/3"
        for kernel in kernels.KERNELS
        for form in ("python/held", "cython/held", "cython/released", "c/held", "c/released")
    ]
    arms = [arm for group in made.groups for arm in group.arms]
    assert {arm.n_workers for arm in arms} == {3}
    assert len({arm.id for arm in arms}) == len(arms)
    assert {arm.strategy for arm in arms} == {"serial", "threads", "processes", "interpreters", "openmp"}
    assert made.dtype == "float64"
    assert not made.oversubscribed


def test_each_group_has_a_serial_arm_and_a_ceiling() -> None:
    """Whatever strategies are asked for, serial and one kind of processes stand beside them in each group."""
    for strategies in ((), ("threads",), ("openmp",), ("processes:fork",), ("serial", "interpreters")):
        for group in plan(strategies=strategies).groups:
            names = [arm.strategy for arm in group.arms]
            assert names[0] == "serial"
            assert sum(name.startswith("processes") for name in names) == 1
            assert len(names) == len(set(names))
            assert len({arm.gil for arm in group.arms}) == 1


def test_strategies_come_in_the_order_of_the_table() -> None:
    """The order in which a user names strategies changes nothing."""
    order = [strategy.name for strategy in STRATEGIES]
    one = plan(strategies=("openmp", "threads", "processes:forkserver"))
    assert one.groups == plan(strategies=("processes:forkserver", "threads", "openmp")).groups
    for group in one.groups:
        places = [order.index(arm.strategy) for arm in group.arms]
        assert places == sorted(places)


def test_the_chunked_mode_is_measured_on_request_only() -> None:
    """A default plan holds and releases; asked for, the compiled kernels have the third mode."""
    assert {arm.gil for group in plan().groups for arm in group.arms} == {"held", "released"}
    asked = plan(gil_modes=("chunked",)).groups
    assert {(arm.implementation, arm.gil) for group in asked for arm in group.arms} == {
        ("c", "chunked"),
        ("cython", "chunked"),
    }


def test_openmp_stands_beside_cythons_released_form_only() -> None:
    """The prange form is Cython's over the released loops; no other group shows it."""
    found = {(arm.implementation, arm.gil) for g in plan().groups for arm in g.arms if arm.strategy == "openmp"}
    assert found == {("cython", "released")}


def test_names_given_twice_are_measured_once() -> None:
    """Repeating a name or a width gives no second arm of the same id."""
    once = plan(
        kernels=("quad",), implementations=("c",), gil_modes=("held",), workers=(2,), strategies=("threads",), seed=1
    )
    twice = plan(
        kernels=("quad", "quad"),
        implementations=("c", "c"),
        gil_modes=("held", "held"),
        workers=(2, 2),
        strategies=("threads", "threads"),
        seed=1,
    )
    assert once == twice


def test_each_width_is_a_group_of_its_own() -> None:
    """Arms of different width are never compared with each other; the control is as wide as the widest."""
    made = plan(usable_cpus=4, workers=(1, 2, 4), kernels=("quad",), implementations=("c",), gil_modes=("held",))
    assert [group.id for group in made.groups] == ["quad/c/held/1", "quad/c/held/2", "quad/c/held/4"]
    for group in made.groups:
        assert {str(arm.n_workers) for arm in group.arms} == {group.id.rpartition("/")[2]}
    assert {arm.n_workers for arm in made.control.arms} == {4}


def test_the_control_touches_no_memory_and_knows_its_truth() -> None:
    """The control is one arm twice, once more with 1.05 times the work, and on processes; all of the compute form."""
    control = plan().control
    assert control.id == "control"
    assert control.n_items == COMPUTE_ITEMS
    assert [(arm.strategy, arm.work, arm.form, arm.gil) for arm in control.arms] == [
        ("serial", 1.0, "compute", "released"),
        ("serial", 1.0, "compute", "released"),
        ("serial", HEAVIER, "compute", "released"),
        ("processes", 1.0, "compute", "released"),
    ]


def test_efforts_go_from_wide_and_short_to_narrow_and_long() -> None:
    """Fast, default and rigorous are ordered in everything; the default leaves room in a minute."""
    fast, default, rigorous = (plan(effort=name) for name in ("fast", "default", "rigorous"))
    assert fast.target > default.target > rigorous.target
    assert fast.budget_s < default.budget_s < 60 < rigorous.budget_s
    assert fast.n_launches < default.n_launches < rigorous.n_launches
    assert fast.min_rounds < default.min_rounds < rigorous.min_rounds
    assert (default.target, default.n_launches, default.min_rounds) == (0.02, 3, 20)
    assert (fast.target, rigorous.target) == (0.05, 0.005)
    assert {made.min_span_s for made in (fast, default, rigorous)} == {MIN_SPAN_S}
    assert list(EFFORTS) == ["fast", "default", "rigorous"]


def test_width_and_time_override_the_effort() -> None:
    """What is asked for in figures goes before what a preset says."""
    made = plan(effort="fast", target=0.01, budget_s=7.5)
    assert (made.target, made.budget_s, made.n_launches, made.effort) == (0.01, 7.5, 2, "fast")


def test_a_seed_is_kept_and_else_drawn() -> None:
    """A given seed, 0 too, is the plan's; without one, two plans differ."""
    assert plan(seed=0).seed == 0
    assert plan(seed=7) == plan(seed=7)
    assert plan().seed != plan().seed


@pytest.mark.parametrize(("asked", "given"), [(1, 32), (32, 32), (33, 64), (1000, 1024)])
def test_items_are_rounded_up_to_whole_cache_lines(asked: int, given: int) -> None:
    """Chunks share no cache line, so items come in multiples of 32, and never fewer than asked for."""
    assert ITEM_MULTIPLE == 32
    assert {group.n_items for group in plan(n_items=asked).groups} == {given}


def test_a_chosen_size_means_arrays() -> None:
    """Who chooses the size of a call asks about arrays; else rounds over a cached chunk are measured, but for NumPy."""
    everything = plan(implementations=kernels.IMPLEMENTATIONS)
    forms = {arm.implementation: arm.form for group in everything.groups for arm in group.arms}
    assert forms == {"python": "compute", "numpy": "array", "cython": "compute", "c": "compute"}
    for chosen in (plan(n_items=64), plan(task_ns=10**6), plan(form="array")):
        assert {arm.form for group in chosen.groups for arm in group.arms} == {"array"}
    assert {arm.form for group in plan(form="compute").groups for arm in group.arms} == {"compute"}


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"kernels": ("quad", "cube")}, ["unknown kernel 'cube'", "square, quad"]),
        ({"implementations": ("C",)}, ["unknown implementation 'C'", "python, numpy, cython, c"]),
        ({"gil_modes": ("free",)}, ["unknown GIL mode 'free'", "held, released"]),
        ({"strategies": ("fork",)}, ["unknown strategy 'fork'", "processes:fork", "openmp"]),
        ({"dtype": "int8"}, ["unknown dtype 'int8'", "uint32"]),
        ({"effort": "slow"}, ["unknown effort 'slow'", "fast, default, rigorous"]),
        ({"form": "list"}, ["unknown form 'list'", "array, compute"]),
        ({"n_items": 0}, ["items must be above 0", "got 0"]),
        ({"n_items": -5}, ["items must be above 0", "got -5"]),
        ({"task_ns": 0}, ["task time must be above 0"]),
        ({"budget_s": 0.0}, ["max time must be above 0"]),
        ({"budget_s": -1.0}, ["max time must be above 0", "got -1"]),
        ({"target": 0.0}, ["between 0 and 1", "got 0.0"]),
        ({"target": 1.0}, ["between 0 and 1", "got 1.0"]),
        ({"target": float("nan")}, ["between 0 and 1", "got nan"]),
        ({"workers": (0, 2)}, ["workers must be 1 or more", "got 0, 2"]),
        ({"n_items": 64, "task_ns": 1000}, ["items and task time", "one of them"]),
        ({"implementations": ("python",), "gil_modes": ("released",)}, ["no kernel is left"]),
        ({"form": "compute", "n_items": COMPUTE_ITEMS + 1}, ["at most 2048 items"]),
    ],
)
def test_a_wrong_request_says_what_was_given_and_what_is_allowed(request_: dict[str, Any], words: list[str]) -> None:
    """Every refusal is a usage error with both in its text."""
    with pytest.raises(UsageError) as caught:
        plan(**request_)
    for word in words:
        assert word in str(caught.value)


def test_more_workers_than_usable_cpus_are_refused_unless_insisted_on() -> None:
    """The refusal names both numbers and the limit that decided; --oversubscribe is recorded."""
    with pytest.raises(CannotRunError, match=r"3 workers .* may use 2 \(affinity\); .*--oversubscribe"):
        plan(workers=(1, 3))
    assert plan(workers=(1, 3), oversubscribe=True).oversubscribed
    assert not plan(workers=(1, 2), oversubscribe=True).oversubscribed


def test_one_usable_cpu_has_nothing_to_compare_unless_a_width_is_asked_for() -> None:
    """With one CPU the default run is refused with the reason; a run of width 1 is not."""
    with pytest.raises(CannotRunError, match=r"1 CPU only \(affinity\)"):
        plan(usable_cpus=1)
    assert {arm.n_workers for group in plan(usable_cpus=1, workers=(1,)).groups for arm in group.arms} == {1}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"kernels": "quad"}, """kernels takes a tuple of str, for example ("quad",); got 'quad'"""),
        ({"strategies": (1,)}, """strategies takes a tuple of str, for example ("quad",); got (1,)"""),
        ({"workers": 2}, "workers takes a tuple of int, for example (1, 2); got 2"),
        ({"workers": ("2",)}, "workers takes a tuple of int, for example (1, 2); got ('2',)"),
    ],
)
def test_a_request_of_the_wrong_type_is_refused(request_: dict[str, Any], message: str) -> None:
    """A bare name is not spelt out letter by letter: the message says what to write."""
    with pytest.raises(UsageError, match=re.escape(message)):
        plan(**request_)
