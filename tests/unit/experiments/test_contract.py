"""What holds of every experiment: headings, a control, and verdicts that come out each way where the truth is known."""

import random
from dataclasses import replace
from math import log
from typing import Any

import pytest
from worlds import cycles, world

from gilscope.errors import UsageError
from gilscope.experiments import EXPERIMENTS
from gilscope.experiments.base import HEADINGS, load, read
from gilscope.experiments.claims import judge
from gilscope.experiments.document import EXPERIMENT
from gilscope.experiments.result import CANNOT_TELL, CONFIRMED, REFUTED, Finding
from gilscope.experiments.setting import EFFORTS, Setting
from gilscope.pairing.intervals import Interval, ratio_interval
from gilscope.running.result import Control

SCENES = tuple(name for name in EXPERIMENTS if not load(name).is_run)
SETTING = Setting(effort="default", n_cpus=2)


def known(truth: float, noise: float = 0.002) -> Interval:
    """Return what 40 rounds read of a ratio."""
    rng = random.Random(3)
    return ratio_interval([[rng.gauss(log(truth), noise) for _ in range(40)]])


def control(**changes: Any) -> Control:
    """Return what the method's control read on a machine of two CPUs."""
    read = {"same": known(1), "heavier": known(1.05), "second_cpu": known(1.9), "passed": True} | changes
    return Control(heavier_truth=1.05, **read)


def judged(name: str, truth: Any, noise: float = 0.005, gil_enabled: bool = True, **changes: Any) -> list[Finding]:
    """Return what an experiment finds in a world."""
    design = load(name).design(SETTING)
    some = cycles(truth, noise=noise)
    arms = {arm for figure in design.figures for arm in figure.arms}
    assert arms <= set(truth), f"the world lacks {arms - set(truth)}"
    estimates = {figure.name: figure.estimate(some, len(design.judged)) for figure in design.figures}
    return list(judge(design, estimates, {}, control(**changes), gil_enabled=gil_enabled))


def verdicts(findings: list[Finding]) -> list[str]:
    return [finding.verdict for finding in findings]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_has_its_five_headings(name: str) -> None:
    """Question, prediction, method, what can fool you, and how to read it: none is empty."""
    experiment = load(name)
    assert tuple(experiment.sections) == HEADINGS
    assert all(experiment.sections.values()) and "refuted" in experiment.sections["Prediction"].lower()


@pytest.mark.parametrize("name", SCENES)
def test_a_control_is_declared_and_every_verdict_can_come_out_each_way(name: str) -> None:
    """Regions leave a gap, so that two honest runs never contradict each other."""
    design = load(name).design(SETTING)
    assert design.controls and design.claims
    for claim in design.claims:
        for check in claim.checks:
            confirmed, refuted = check.confirmed, check.refuted
            assert confirmed.high < refuted.low or refuted.high < confirmed.low, check


@pytest.mark.parametrize("name", SCENES)
def test_claims_are_confirmed_where_they_are_true(name: str) -> None:
    assert set(verdicts(judged(name, world(name).CONFIRMED))) == {CONFIRMED}


@pytest.mark.parametrize("name", SCENES)
def test_claims_are_refuted_where_they_are_false(name: str) -> None:
    found = verdicts(judged(name, world(name).REFUTED))
    for number, truth in getattr(world(name), "REFUTED_ALONE", {}).items():
        found[number] = verdicts(judged(name, truth))[number]
    assert set(found) == {REFUTED}


@pytest.mark.parametrize("name", [name for name in SCENES if not getattr(world(name), "IS_EXACT", False)])
def test_noise_cannot_tell(name: str) -> None:
    """Where values scatter tenfold no claim is decided against the truth. Counts that are exact have no noise."""
    for truth, opposite in ((world(name).CONFIRMED, REFUTED), (world(name).REFUTED, CONFIRMED)):
        found = verdicts(judged(name, truth, noise=2.0))
        assert CANNOT_TELL in found
        assert opposite not in found or truth is world(name).REFUTED


@pytest.mark.parametrize("name", SCENES)
def test_no_claim_is_decided_without_its_control(name: str) -> None:
    """Neither where the method's own read wrong, nor where the experiment's did."""
    for findings in (
        judged(name, world(name).CONFIRMED, passed=False),
        judged(name, world(name).CONFIRMED, same=None),
        judged(name, world(name).SABOTAGED),
    ):
        assert set(verdicts(findings)) == {CANNOT_TELL}
        assert all("control" in finding.why for finding in findings)


@pytest.mark.parametrize("name", SCENES)
def test_what_needs_a_second_cpu_or_a_gil_is_not_told_without(name: str) -> None:
    """The reason stands in the place of a verdict."""
    claims = load(name).design(SETTING).claims
    alone = judged(name, world(name).CONFIRMED, second_cpu=known(1.0))
    free = judged(name, world(name).CONFIRMED, gil_enabled=False)
    for claim, without_cpu, without_gil in zip(claims, alone, free, strict=True):
        assert (without_cpu.verdict == CANNOT_TELL) == claim.needs_second_cpu
        assert (without_gil.verdict == CANNOT_TELL) == claim.needs_gil
        assert without_cpu.is_barred == claim.needs_second_cpu and without_gil.is_barred == claim.needs_gil


@pytest.mark.parametrize("name", SCENES)
def test_an_arm_that_cannot_run_here_is_said_to_be_so(name: str) -> None:
    """It is no number, and its reason is the claim's."""
    design = load(name).design(SETTING)
    figures = {figure.name: figure for figure in design.figures}
    some = cycles(world(name).CONFIRMED)
    for claim in design.claims:
        arms = {arm for check in claim.checks for arm in figures[check.figure].arms}
        absent = dict.fromkeys(arms, "not built here")
        estimates = {
            figure.name: None if set(figure.arms) & arms else figure.estimate(some, len(design.judged))
            for figure in design.figures
        }
        found = judge(design, estimates, absent, control(), gil_enabled=True)
        mine = found[design.claims.index(claim)]
        assert mine.verdict == CANNOT_TELL and "not built here" in mine.why and mine.is_barred


@pytest.mark.parametrize("name", SCENES)
def test_a_second_cpu_that_may_be_there_is_a_matter_of_time(name: str) -> None:
    """Where the control leaves it open nothing is decided, and the machine is not blamed."""
    wide = replace(known(1.9), low=0.9)
    claims = load(name).design(SETTING).claims
    for claim, finding in zip(claims, judged(name, world(name).CONFIRMED, second_cpu=wide), strict=True):
        assert (finding.verdict == CANNOT_TELL) == claim.needs_second_cpu
        assert not finding.is_barred and ("leaves open" in finding.why) == claim.needs_second_cpu


def test_a_docstring_without_its_headings_is_a_slip() -> None:
    """A new experiment that forgets one does not load."""
    with pytest.raises(AssertionError, match="What can fool you"):
        read("A title.\n\nQuestion\n--------\nWhy?")


def test_an_unknown_experiment_is_refused_by_name() -> None:
    """With those that there are."""
    with pytest.raises(UsageError, match="unknown experiment 'convoi'; choose from: .*held_versus_released"):
        load("convoi")


def test_efforts_are_as_long_as_they_say() -> None:
    """5 s, 20 s, and as long as it takes for ±1 %."""
    assert [(effort.budget_s, effort.target) for effort in EFFORTS.values()][::2] == [(5.0, 0.10), (600.0, 0.01)]
    assert EFFORTS["default"].budget_s == 20.0
    assert EXPERIMENT.version == 1
