"""What a worker's record holds, on a clock that only work and moving move."""

import os
import time
from types import SimpleNamespace
from typing import Any

import pytest

from gilscope.running import worker


def test_the_ways_between_cpus_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pieces of 7 ns, each behind a move of 1000: the record ends 14 ns after the first piece began."""
    clock = SimpleNamespace(ns=0, moves=[])

    def move(_: int, cpus: set[int]) -> None:
        clock.ns += 1000
        clock.moves.append(cpus)

    def work(repeats: int) -> int:
        clock.ns += repeats
        return 5

    monkeypatch.setattr(os, "sched_setaffinity", move, raising=False)
    monkeypatch.setattr(time, "perf_counter_ns", lambda: clock.ns)
    meter: Any = SimpleNamespace(read=lambda: (clock.ns, 2 * clock.ns, None))
    record = worker.RECORD.unpack(worker._timed(worker._Task(((3, work), (5, work))), 7, meter))
    assert clock.moves == [{3}, {5}]
    assert record == (1000, 1014, 14, 28, worker.NOT_COUNTED, 10, 0)
