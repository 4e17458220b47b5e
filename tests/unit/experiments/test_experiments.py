"""Experiments that `gilscope run` measures come out either way on machines whose truth is known."""

import random
from dataclasses import replace

import fakes
import pytest
import results

from gilscope.experiments.base import load
from gilscope.experiments.result import CANNOT_TELL, CONFIRMED, REFUTED, ExperimentResult, Finding
from gilscope.experiments.setting import Setting
from gilscope.experiments.view import blocks, sentence
from gilscope.report.blocks import Answer, Heading
from gilscope.running.plan import make_plan


def conduct(name: str, machine: fakes.FakeMachine) -> ExperimentResult:
    """Conduct an experiment on a fake machine."""
    module = load(name).module
    request = replace(module.request(Setting(effort="fast")), seed=machine.seed + 1)
    runner = machine.runner(make_plan(request, 2, "a test"))
    for _ in runner.events():
        pass
    return results.of_run(name, runner.result(tool="gilscope", started="", argv=(), machine={}))


def verdicts(result: ExperimentResult) -> list[str]:
    return [finding.verdict for finding in result.findings]


def test_held_versus_released_is_confirmed_where_the_gil_works() -> None:
    """Held threads stay on one CPU, released ones reach the ceiling."""
    result = conduct("held_versus_released", fakes.FakeMachine(noise=0.002))
    assert verdicts(result) == [CONFIRMED, CONFIRMED]
    assert {reading.compared_with for reading in result.findings[0].readings} == {"serial"}


def test_held_versus_released_is_refuted_where_releasing_gains_nothing() -> None:
    """Threads that give the GIL up and stay at half of the ceiling."""
    slow = fakes.FakeMachine(
        noise=0.002, cost=lambda arm: 1.6 if (arm.strategy, arm.gil) == ("threads", "released") else 1.0
    )
    assert verdicts(conduct("held_versus_released", slow)) == [CONFIRMED, REFUTED]


@pytest.mark.parametrize(
    ("machine", "why"),
    [
        (fakes.FakeMachine(noise=0.002, second_cpu=lambda _: 0.0), "this machine gave no second CPU"),
        (fakes.FakeMachine(noise=0.002, gil_enabled=lambda _: False), "this interpreter has no GIL"),
        (fakes.FakeMachine(noise=0.5), "more time may tell"),
    ],
)
def test_what_a_machine_cannot_answer_is_not_answered(machine: fakes.FakeMachine, why: str) -> None:
    """A host that gives no second CPU, no GIL, noise: the reason stands in the place of a number."""
    result = conduct("held_versus_released", machine)
    assert set(verdicts(result)) == {CANNOT_TELL}
    assert all(why in finding.why for finding in result.findings)


def test_the_answers_stand_last_and_say_what_the_findings_say() -> None:
    """The view is a heading, the method, and one answer for each claim."""
    result = conduct("held_versus_released", fakes.FakeMachine(noise=0.002))
    made = blocks(result)
    assert isinstance(made[0], Heading)
    answers = [block.text for block in made if isinstance(block, Answer)]
    assert answers == [sentence(finding) for finding in result.findings] == [block.text for block in made[-2:]]
    assert answers[0] == "Confirmed: threads that hold the GIL together take as long as one."


def test_a_reason_stands_before_its_claim() -> None:
    """It cannot be overlooked."""
    finding = Finding("Threads help", CANNOT_TELL, "one CPU", "processes", ())
    assert sentence(finding) == "Cannot tell here (one CPU): threads help."
    named = {"OpenMP helps": "OpenMP helps", "BLAS helps": "BLAS helps", "A call ends": "a call ends", "": ""}
    for claim, told in named.items():
        assert sentence(Finding(claim, CONFIRMED, "", "processes", ())) == f"Confirmed: {told}."


def test_twenty_runs_never_contradict_each_other() -> None:
    """They may differ in how much they say, never in what."""
    rng = random.Random(5)
    for _ in range(10):
        found = verdicts(conduct("held_versus_released", fakes.FakeMachine(seed=rng.randrange(10**6), noise=0.02)))
        assert REFUTED not in found
