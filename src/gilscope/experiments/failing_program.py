"""A program in which a worker fails, for a process of its own: what it can say about itself afterwards.

It is loaded once by the fork server that such processes come of; see `gilscope.experiments.fork_server`.
"""

import os
import signal
from contextlib import suppress

from gilscope.errors import KernelError
from gilscope.experiments.errands import say
from gilscope.experiments.failures import LEAK, ROOM, can_work
from gilscope.experiments.workers import Worker
from gilscope.system import prctl
from gilscope.system.procfs import as_int, read_text

try:
    import resource
except ImportError:  # Windows, where there is no limit either
    resource = None  # type: ignore[assignment]

#: The end of the whole program, which is no failure of a worker.
KILLED = "killed"
_prctl = prctl.load()


def address_space() -> int | None:
    """Return how much this process has mapped, in bytes; None where that cannot be told."""
    pages = as_int((read_text("/proc/self/statm") or "").partition(" ")[0])
    return None if pages is None else pages * os.sysconf("SC_PAGE_SIZE")


def run(fd: int, kind: str, failure: str) -> None:
    """Have one of two workers fail, and say who of this program and the other worker can still work: 1 or 0 for each.

    Before that it says whether the other worker could work at first.

    Parameters
    ----------
    fd : int
    kind : str
        Of both workers; see `gilscope.experiments.workers.KINDS`.
    failure : str
        One of those of `gilscope.experiments.failures`, or `KILLED`.
    """
    _leave_no_trace()
    if failure == LEAK:
        _limit_memory()
    with (
        Worker(kind, "gilscope.experiments.failures:work") as sibling,
        Worker(kind, "gilscope.experiments.failures:fail", failure) as victim,
    ):
        say(fd, _works(sibling))  # a program that ends before this has failed by itself
        if failure == KILLED:
            os.kill(os.getpid(), signal.SIGKILL)
        victim.tell("fail")
        with suppress(KernelError):  # it has ended
            victim.hear()
        say(fd, can_work(), _works(sibling))


def _works(worker: Worker) -> bool:
    """Tell whether a worker does what it is told to."""
    try:
        worker.tell("work")
        return worker.hear() == (1,)
    except (KernelError, BrokenPipeError):
        return False


def _leave_no_trace() -> None:
    """Have a crash leave no core file and start nothing that looks at one, and what is printed go nowhere."""
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    _prctl(prctl.SET_DUMPABLE, 0)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _limit_memory() -> None:
    """Have this process, and each that it starts, take little more than it has."""
    mapped = address_space()
    assert mapped is not None and resource is not None  # else there is no such arm
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = mapped + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
