"""All experiments one after another: failures are gone past, what is done stays, and the syllabus tells of both."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import trials
from worlds import world

from gilscope.errors import KernelError, UsageError
from gilscope.experiments import EXPERIMENTS, course, syllabus
from gilscope.experiments.course import Closed, Course, Opened
from gilscope.experiments.course_view import blocks
from gilscope.experiments.document import SYLLABUS
from gilscope.experiments.result import ExperimentResult
from gilscope.experiments.setting import Setting
from gilscope.report.text import render

FAST = Setting(effort="fast")


class Session:
    """What conducts an experiment in no time; one called failing does not come to its end."""

    def __init__(self, name: str) -> None:
        self.name = name

    def events(self) -> Iterator[str]:
        yield "measured"
        if self.name == "failing":
            raise KernelError("a worker died; its last words: /home/me")

    def result(self) -> ExperimentResult:
        found = trials.result("responsiveness", world("responsiveness").CONFIRMED)
        return replace(found, experiment=self.name)


@pytest.fixture(autouse=True)
def _sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    class Loaded:
        def __init__(self, name: str) -> None:
            self.name = name

        def conduct(self, *_: Any, **__: Any) -> Session:
            return Session(self.name)

    monkeypatch.setattr(course, "load", Loaded)


def test_a_failure_is_said_and_gone_past() -> None:
    """Without what a process wrote last, which may name folders and people."""
    conducted = Course(("one", "failing", "other"), FAST)
    events = [event for event in conducted.events() if isinstance(event, Opened | Closed)]
    assert [(event.name, type(event)) for event in events] == [
        (name, kind) for name in ("one", "failing", "other") for kind in (Opened, Closed)
    ]
    assert [event.n_left for event in events if isinstance(event, Closed)] == [2, 1, 0]
    found = conducted.result()
    assert [one.experiment for one in found.experiments] == ["one", "other"]
    assert found.failures == {"failing": "a worker died"} and found.state == "complete"


def test_what_is_complete_is_not_done_again() -> None:
    """What was cut short, or has failed, is."""
    conducted = Course(("one", "failing", "other"), FAST)
    events = conducted.events()
    for event in events:
        if isinstance(event, Opened) and event.name == "other":
            next(events)
            break
    cut = conducted.result()
    assert cut.state == "partial" and [one.state for one in cut.experiments] == ["complete", "partial"]
    again = Course(("one", "failing", "other"), FAST, done=SYLLABUS.loads(SYLLABUS.dumps(cut)))
    assert again.names_left == ("failing", "other")
    for _ in again.events():
        pass
    assert again.result().started == cut.started and len(again.result().experiments) == 2


def test_it_goes_on_with_the_same_effort_only() -> None:
    """Verdicts of 5 s and of 20 s do not belong in one table."""
    with pytest.raises(UsageError, match="conducted with effort 'fast', and 'default' was asked for"):
        Course(EXPERIMENTS, Setting(), done=trials.course())


def test_every_experiment_stands_in_the_syllabus() -> None:
    """Behind a claim of the article, or among the questions; none twice behind one claim."""
    told = [name for lesson in syllabus.ARTICLE for name in lesson.experiments]
    assert {*told, *syllabus.QUESTIONS} == set(EXPERIMENTS)
    assert not set(told) & set(syllabus.QUESTIONS)


def test_the_syllabus_tells_predictions_and_what_was_found() -> None:
    """Before anything is measured it says how to; after it the verdicts stand under their claims."""
    empty = render(blocks(Course(EXPERIMENTS, FAST).result()))
    assert "Prediction:" in empty and "gilscope experiment --all" in empty and "Here:" not in empty
    told = render(blocks(trials.course()))
    assert "Here: Confirmed: beside plain Python every answer waits for the switch interval." in told
    assert "Here: failed: a worker died" in told
    assert "3 claims: 3 confirmed, 0 refuted and 0 that cannot be told here. Failed: held_versus_released." in told
