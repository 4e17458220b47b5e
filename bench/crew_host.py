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
from gilscope.running.strategies import ITEM_MULTIPLE, Crew, SharedMemory
from gilscope.running.worker import TaskSpec

DTYPE = "float64"
TASK = 0


def deal(crew: Crew, memory: SharedMemory) -> list[TaskSpec]:
    """Give every worker the smallest chunk there is, as `gilscope.running.launch` deals larger ones."""
    chunks = list(range(crew.n_workers))
    openmp = crew.name == "openmp"
    shares = [[0]] if openmp else [chunks] if crew.n_callers == 1 else [[chunk] for chunk in chunks]
    n_items = ITEM_MULTIPLE * crew.n_workers if openmp else ITEM_MULTIPLE
    offsets = [[memory.offsets(chunk, n_items) for chunk in share] for share in shares]
    return [
        TaskSpec(
            kernel="square",
            implementation="openmp" if openmp else "c",
            gil="released" if openmp else "held",
            form="array",
            dtype=DTYPE,
            n_items=n_items,
            x_offsets=tuple(x for x, _ in share),
            out_offsets=tuple(out for _, out in share),
            n_threads=crew.n_workers,
            cpus=crew.chunk_cpus(),
        )
        for share in offsets
    ]


def start_and_stop(strategy: type[Crew], memory: SharedMemory, n_workers: int) -> dict[str, object]:
    """Time a crew's start, until every worker has reported, and its end, until every worker is gone."""
    crew = strategy(memory, n_workers)
    begin_ns = time.perf_counter_ns()
    with crew:
        started_ns = time.perf_counter_ns()
    return {"start_ns": started_ns - begin_ns, "stop_ns": time.perf_counter_ns() - started_ns}


def dispatch(crew: Crew, n: int) -> dict[str, object]:
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
        crew: Crew | None = None
        for line in sys.stdin:
            request = json.loads(line)
            answer: dict[str, object]
            if isinstance(absent, Unavailable):
                answer = {"unavailable": absent.reason}
            elif request["op"] == "start":
                answer = start_and_stop(strategy, memory, n_workers)
            elif request["op"] == "open":
                crew = stack.enter_context(strategy(memory, n_workers))
                absent = crew.prepare(TASK, deal(crew, memory))
                answer = {} if absent is None else {"unavailable": absent.reason}
            else:
                assert crew is not None  # "open" comes first
                answer = dispatch(crew, request["n"])
            answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
