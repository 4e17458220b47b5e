"""Every experiment's scene for real: each arm is timed, and nothing is left of it, however it ends."""

import os
import signal
from pathlib import Path

import pytest
from leftovers import nothing_left, processes_of, wait_until_gone

from gilscope.errors import KernelError
from gilscope.experiments import EXPERIMENTS
from gilscope.experiments.base import load
from gilscope.experiments.setting import Setting
from gilscope.experiments.stage import StageProcess

SCENES = tuple(name for name in EXPERIMENTS if not load(name).is_run)
SETTING = Setting(effort="fast")


def shared_memory() -> set[str]:
    """Return the named segments of this machine."""
    folder = Path("/dev/shm")
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


@pytest.mark.parametrize("name", SCENES)
def test_every_arm_can_be_timed_and_nothing_is_left(name: str) -> None:
    """Its figures are made of what was measured, and its arms are those that the figures need."""
    before = shared_memory()
    with nothing_left(), StageProcess(name, SETTING) as stage:
        stage.start()
        taken, _, _ = stage.measure(stage.arms)
        session = stage._child.pid
    wait_until_gone(session)
    assert shared_memory() <= before
    design = load(name).design(SETTING)
    for figure in design.figures:
        assert set(figure.arms) <= {*stage.arms, *stage.absent}, figure.name
        if not set(figure.arms) & set(stage.absent):
            value = figure.of_cycle(taken)
            assert value is None or isinstance(value, int | float), figure.name
    assert all(reason.reason for reason in stage.absent.values())


@pytest.mark.parametrize("name", SCENES)
def test_nothing_is_left_of_one_that_is_killed(name: str) -> None:
    """Whatever it has started by then."""
    before = shared_memory()
    with nothing_left():
        with StageProcess(name, SETTING) as stage:
            stage.start()
            session = stage._child.pid
            assert processes_of(session)
            os.kill(session, signal.SIGKILL)
            with pytest.raises(KernelError, match="stopped"):
                stage.measure(stage.arms[:1])
        wait_until_gone(session)
    assert shared_memory() <= before
