"""What does a worker cost to start?

Question
--------
A worker has to be created, imports what it needs, does its first task and is ended. What does each of these steps take,
of a thread, of an interpreter with a GIL of its own, and of a process by each start method? After how many calls has a
second CPU repaid it?

Prediction
----------
A thread costs a tenth of a millisecond, a process that is spawned some tens of milliseconds: 50 times as much at least.
A fork server starts one in less than half of that time, and an interpreter is cheaper than a spawned process. Tasks of
1 ms repay a thread with the first, and a spawned process after 20 or more. Refuted by a process that starts in less
than 5 times what a thread takes, or that 10 such tasks repay.

Method
------
Each round starts one worker of every kind and ends it. It imports four modules of the standard library and a kernel,
computes for 1 ms, and says when each step was done; both sides read one clock. The parent has loaded all that is
imported. Calls until a worker is repaid: k calls on two CPUs and the start take as long as k calls on one, which gives
k as twice the start, divided by a call. The control is a thread's first task, as long as the same call here.

What can fool you
-----------------
A main module that imports much makes a spawned process slower: here it imports nothing. The fork server was started
beforehand, which takes as long as to spawn a process, once. It has loaded nothing of what the task imports. A fork
copies what is loaded, and is quick in a small process; with threads beside it is not safe. Interpreters are started in
another process, because each leaves memory behind.

Reading the result
------------------
To create: until the worker's first line. To end: from its last line until it is gone. The start is all but the task.
Calls until it is repaid hold where the second CPU is a whole one, which the control of every run shows.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module

from gilscope.experiments import errands
from gilscope.experiments.apparatus import amount, c_kernel, timed
from gilscope.experiments.claims import Check, Claim, Design, Known, above, below, within
from gilscope.experiments.figures import Cycle, Figure, level, ratio
from gilscope.experiments.hosts import Host
from gilscope.experiments.scene import Scene, Take
from gilscope.experiments.setting import Setting
from gilscope.experiments.workers import KINDS, Worker, split
from gilscope.originals import time

_TASK_NS = 1e6
_HERE = "here"
_STEPS = (("create_ns", "to create"), ("import_ns", "to import"), ("task_ns", "first task"), ("end_ns", "to end"))


def _repaid(kind: str) -> Figure:
    """Return after how many tasks a second CPU has repaid the start of a worker."""

    def calls(cycle: Cycle) -> float:
        return 2 * cycle[kind]["start_ns"] / cycle[_HERE]["wall_ns"]

    return Figure(f"{kind}: calls of 1 ms until repaid", calls, "count", "", (kind, _HERE))


def design(_setting: Setting) -> Design:
    """Return the figures, claims and controls."""
    figures = [
        ratio("spawn's start to a thread's", "thread", over="spawn", compared_with="thread", quantity="start_ns"),
        ratio(
            "spawn's start to forkserver's", "forkserver", over="spawn", compared_with="forkserver", quantity="start_ns"
        ),
        ratio(
            "spawn's start to an interpreter's",
            "interpreter",
            over="spawn",
            compared_with="interpreter",
            quantity="start_ns",
        ),
        Figure(
            "thread's first task",
            lambda cycle: cycle["thread"]["task_ns"] / cycle[_HERE]["wall_ns"],
            "",
            "the same call here",
            ("thread", _HERE),
        ),
        *map(_repaid, KINDS),
    ]
    for kind in KINDS:
        figures += [level(f"{kind}: {told}", kind, quantity) for quantity, told in _STEPS]
    return Design(
        figures=tuple(figures),
        claims=(
            Claim(
                "Starting a process takes 50 times what a thread takes, or more",
                # A quarter of what a quiet machine shows. Where a new thread waits some milliseconds for a CPU, it
                # takes an order of magnitude longer, and that is no property of threads: hence the distance to 5.
                (Check("spawn's start to a thread's", confirmed=above(50), refuted=below(5)),),
                opposite="fork: to create",
            ),
            Claim(
                "A fork server starts a process in half of the time that spawning one takes",
                # Half is the claim; a fifth less is not worth a server of one's own.
                (Check("spawn's start to forkserver's", confirmed=above(2), refuted=below(1.2)),),
                opposite="forkserver: to create",
            ),
            Claim(
                "An interpreter with a GIL of its own starts sooner than a spawned process",
                # Both do much the same work, one in two processes that a busy machine runs side by side.
                (Check("spawn's start to an interpreter's", confirmed=above(1.2), refuted=below(0.7)),),
                opposite="interpreter: to create",
            ),
            Claim(
                "A thread is repaid by its first task of 1 ms",
                # A whole call, since a part of one is no answer. On a busy machine a new thread waits some
                # milliseconds for a CPU, which is 4 to 8 calls; 20 are no delay of that kind.
                (Check("thread: calls of 1 ms until repaid", confirmed=below(1), refuted=above(20)),),
                opposite="spawn: calls of 1 ms until repaid",
                needs_second_cpu=True,
            ),
            Claim(
                "A spawned process is repaid by 20 tasks of 1 ms or more",
                (Check("spawn: calls of 1 ms until repaid", confirmed=above(20), refuted=below(10)),),
                opposite="thread: calls of 1 ms until repaid",
                needs_second_cpu=True,
            ),
        ),
        # One call in a new thread, on a CPU that may have slept, beside one here: never twice as long in the median.
        controls=(Known("thread's first task", within(0.7, 1.5)),),
    )


@contextmanager
def scene(_setting: Setting) -> Iterator[Scene]:
    """Make the arms ready: this process has loaded what workers import, and the fork server runs."""
    for name in errands.MODULES:
        import_module(name)
    task = c_kernel("released", _TASK_NS)
    n_rounds = amount(task)
    kinds, absent = split(KINDS)
    if "forkserver" in kinds:
        _start("forkserver", n_rounds)
    with ExitStack() as stack:
        arms: dict[str, Take] = {_HERE: lambda: timed(task)}
        for kind in kinds:
            if kind == "interpreter":
                arms[kind] = partial(_start_interpreter, stack.enter_context(Host()), n_rounds)
            else:
                arms[kind] = partial(_start, kind, n_rounds)
        yield Scene(arms, absent)


def _start(kind: str, n_rounds: int) -> dict[str, float]:
    """Start a worker, have it do its first task, and end it; return what each step took."""
    with Worker(kind, "first_task", n_rounds) as worker:
        said_ns = worker.hear()
        worker.end()
        return _steps(worker.started_ns, *said_ns, time.perf_counter_ns())


def _start_interpreter(host: Host, n_rounds: int) -> dict[str, float]:
    """Do the same with an interpreter of another process, which has loaded as little as a new one."""
    host.renew()
    said_ns = host.start("first_task", n_rounds)
    return _steps(*said_ns, host.end())


def _steps(*stamps_ns: int) -> dict[str, float]:
    """Return what each step took, from when it was started to when it was gone."""
    started_ns, began_ns, imported_ns, computed_ns, ended_ns = stamps_ns
    steps_ns = {
        "create_ns": began_ns - started_ns,
        "import_ns": imported_ns - began_ns,
        "end_ns": ended_ns - computed_ns,
    }
    return {**steps_ns, "task_ns": computed_ns - imported_ns, "start_ns": sum(steps_ns.values())}
