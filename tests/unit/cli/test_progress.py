"""What is shown while something is at work: calm figures on a terminal, plain lines elsewhere."""

import io
import math
import re
import sys
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import fakes
import pytest
from rich.progress import Progress

from gilscope.cli import time_left
from gilscope.cli.at_work import Steps, phases
from gilscope.cli.progress import Display
from gilscope.running.runner import LaunchStarted
from gilscope.running.runner import Progress as RoundEnded


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let time pass only when it is told to."""
    clock = Clock()
    init = time_left.TimeLeft.__init__
    monkeypatch.setattr(time_left.TimeLeft, "__init__", lambda self: init(self, clock))
    return clock


def states(clock: Clock, guesses: list[float], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what a run's display shows beside its bar, for a guess a second."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    runner: Any = SimpleNamespace(
        plan=fakes.hand_made().plan,
        evidence=SimpleNamespace(absent={}, rows=lambda work: ()),
        work={},
        elapsed_s=0.0,
    )
    shown = []
    with Display(runner) as display:
        display.show(LaunchStarted(0))
        for i, guess in enumerate(guesses):
            clock.now += 1
            widest = math.inf if math.isnan(guess) else 0.1
            display.show(RoundEnded(0, i + 1, widest, 3, float(i), guess))
            assert display._bar is not None
            shown.append(display._bar.tasks[0].fields["state"])
    return shown


def test_a_run_promises_no_more_than_it_knows(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any interval was looked at there is the budget, and then guesses, which move calmly."""
    shown = states(clock, [math.nan, math.nan, 5, 14, 1, 7, 6, 9, 3], monkeypatch)
    assert shown[0].startswith("1 round, 3 open, ")
    assert shown[0].endswith(" at most")
    left = [int(found[1]) for text in shown if (found := re.search(r"(\d+) s left", text))]
    assert len(left) > 3
    assert max(abs(a - b) for a, b in pairwise(left)) <= 3
    assert "widest ±10 %" in shown[-1]


def test_steps_are_lines_where_there_is_no_terminal(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """One for each tenth, with the time that is left once it is known."""
    with Steps(200, "control", "beside nothing") as steps:
        for i in range(200):
            clock.now += 1
            steps.done(i + 1.0)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "beside nothing: 200 controls"
    assert lines[1] == "beside nothing: 20 of 200, 3 min left"
    assert lines[-1] == "beside nothing: 200 of 200"
    assert len(lines) == 11


def test_few_steps_are_few_lines(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """No line is said twice, and one step is one."""
    with Steps(1, "control", "here") as steps:
        steps.done(1.0)
    assert capsys.readouterr().err.splitlines() == ["here: 1 control", "here: 1 of 1"]


def test_phases_are_one_line_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """What it is, and how long it takes; events add nothing."""
    with phases("Tracing f: about 2 s", {"started": "importing it"}) as show:
        show({"event": "started"})
    assert capsys.readouterr().err == "Tracing f: about 2 s\n"


def test_phases_count_down_on_a_terminal(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the moment when it begins to measure."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    shown: list[Any] = []
    real = Progress.add_task
    monkeypatch.setattr(Progress, "add_task", lambda bar, *a, **k: shown.append(bar) or real(bar, *a, **k))
    with phases("Tracing f", {"started": "importing it", "preflight": "tracing it"}, "preflight", 4.0) as show:
        show({"event": "started"})
        assert str(shown[0].tasks[0].fields["left"]) == ""
        show({"event": "preflight"})
        clock.now += 1
        assert shown[0].tasks[0].description == "tracing it"
        assert str(shown[0].tasks[0].fields["left"]) == "3 s left"
