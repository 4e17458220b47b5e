"""Workers of a probe, of each kind: that one which is told to begin does not keep the next from being told."""

import os

import pytest

from gilscope.probing.channels import PipeChannel, ThreadChannel
from gilscope.probing.measure import _interpreter
from gilscope.probing.targets import parse_target, resolve

GIVES_WAY = parse_target("assert os.sched_getscheduler(0) == os.SCHED_BATCH", setup="import os", statement=True)


@pytest.mark.parametrize("way", ["threads", "processes", "interpreters"])
def test_no_worker_interrupts_who_tells_the_next_one(way: str) -> None:
    """Woken on the same CPU it would begin at once, and the next one be told late; who opens it stays as it was."""
    if not hasattr(os, "SCHED_BATCH"):
        pytest.skip("this system has no scheduling policy that gives way")
    interpreter = _interpreter()
    if way == "interpreters" and isinstance(interpreter, str):
        pytest.skip(interpreter)
    before = os.sched_getscheduler(0)
    channel = (
        ThreadChannel(resolve(GIVES_WAY).call)
        if way == "threads"
        else PipeChannel(GIVES_WAY, None if way == "processes" or isinstance(interpreter, str) else interpreter)
    )
    try:
        if way != "threads":
            channel.answer()  # ready
        channel.tell({"calls": 1})
        channel.answer()  # raises what the call raises
    finally:
        channel.close()
    assert os.sched_getscheduler(0) == before
