"""Workers of a probe, of each kind: that one which is told to begin does not keep the next from being told."""

import os
import time

import pytest

from gilscope.accounting import lock_waits
from gilscope.accounting.lock_waits import LockWaits
from gilscope.probing.handing import hand_to_processes, hand_to_threads
from gilscope.probing.job import _interpreter
from gilscope.probing.workers import Channel, PipeChannel, ThreadChannel
from gilscope.targets.target import parse_target, resolve

SETUP = "import threading; lock = threading.Lock(); lock.acquire()"
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


@pytest.mark.skipif(lock_waits.availability() is not None, reason=str(lock_waits.availability()))
def test_a_thread_counts_what_its_calls_wait_for_locks() -> None:
    """And not what it waits for orders."""
    wait = parse_target("lock.acquire(timeout=0.02)", setup=SETUP, statement=True)
    with LockWaits():
        channel = ThreadChannel(resolve(wait).call)
        try:
            time.sleep(0.02)
            channel.tell({"calls": 0})
            channel.answer()
            assert channel.lock_waited_ns == 0
            channel.tell({"calls": 2})
            begin_ns, end_ns = channel.answer()
        finally:
            channel.close()
    assert 0.9 * 0.04e9 < channel.lock_waited_ns <= end_ns - begin_ns


@pytest.mark.parametrize("way", ["threads", "processes"])
def test_handing_calls_out_leaves_the_workers_as_they_were(way: str) -> None:
    """Every order is answered once, so that the next answer is the next order's."""
    nothing = parse_target("None", statement=True)
    channels: list[Channel] = [
        ThreadChannel(resolve(nothing).call) if way == "threads" else PipeChannel(nothing) for _ in range(2)
    ]
    try:
        for channel in channels:
            channel.greet()
        handing = (hand_to_threads if way == "threads" else hand_to_processes)(channels)
        before_ns = time.monotonic_ns()
        for channel in channels:
            channel.tell({"calls": 1})
            begin_ns, end_ns = channel.answer()
            assert before_ns < begin_ns <= end_ns
    finally:
        for channel in channels:
            channel.close()
    assert handing.n_workers == 2
    for cost in (handing.busy, handing.idle):
        assert 0 < cost.low <= cost.estimate <= cost.high
