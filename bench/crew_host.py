"""One strategy's crew in a process of its own, started and timed when told: the far side of bench/overhead.py.

A process of its own, because a crew of forks needs one without threads, and because whatever one crew leaves in memory
would be seen in the next one's start. Requests and answers are JSON, one a line: {"op": "start"} starts a crew and ends
it again, {"op": "open"} starts the one that {"op": "dispatch", "n": 50} then gives its tasks to.
"""

import gc
import json
import os
import sys
import time
from contextlib import ExitStack
from statistics import median

from gilscope.errors import Unavailable
from gilscope.running import strategies
from gilscope.running.strategies import ITEM_MULTIPLE, SharedMemory, Strategy, Work

DTYPE = "float64"
TASK = 0


def smallest(strategy: type[Strategy]) -> Work:
    """Return work on the smallest chunks there are, in C where the strategy takes that."""
    kernels = (("c", "held"), ("cython", "released"))
    implementation, gil = next(kernel for kernel in kernels if strategy.takes(*kernel))
    return Work(kernel="square", implementation=implementation, gil=gil, form="array", n_items=ITEM_MULTIPLE)


def start_and_stop(strategy: type[Strategy], memory: SharedMemory, n_workers: int) -> dict[str, object]:
    """Time a crew's start, until every worker has reported, and its end, until every worker is gone."""
    crew = strategy(memory, n_workers)
    begin_ns = time.perf_counter_ns()
    with crew:
        started_ns = time.perf_counter_ns()
    return {"start_ns": started_ns - begin_ns, "stop_ns": time.perf_counter_ns() - started_ns}


def dispatch(crew: Strategy, n: int) -> dict[str, object]:
    """Time n tasks: what one takes all in all, and the part of it that gilscope's samples contain."""
    for _ in range(max(1, n // 10)):
        crew.run(TASK, 1)
    begin_ns = time.perf_counter_ns()
    timings = [crew.run(TASK, 1) for _ in range(n)]
    end_ns = time.perf_counter_ns()
    return {"task_ns": (end_ns - begin_ns) / n, "sample_ns": median(timing.wall_ns for timing in timings)}


def main() -> None:
    """Answer requests from standard input until it ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints must not land among the answers
    gc.disable()
    name, n_workers = sys.argv[1], int(sys.argv[2])
    strategy = strategies.find(name)
    with ExitStack() as stack:
        memory = SharedMemory(DTYPE, n_workers, ITEM_MULTIPLE)
        stack.callback(memory.close)
        memory.fill_input(n_workers * ITEM_MULTIPLE)
        absent = strategy.unavailable()
        crew: Strategy | None = None
        for line in sys.stdin:
            request = json.loads(line)
            answer: dict[str, object]
            if isinstance(absent, Unavailable):
                answer = {"unavailable": absent.reason}
            elif request["op"] == "start":
                answer = start_and_stop(strategy, memory, n_workers)
            elif request["op"] == "open":
                crew = stack.enter_context(strategy(memory, n_workers))
                absent = crew.prepare(TASK, smallest(strategy))
                answer = {} if absent is None else {"unavailable": absent.reason}
            else:
                assert crew is not None  # "open" comes first
                answer = dispatch(crew, request["n"])
            answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
