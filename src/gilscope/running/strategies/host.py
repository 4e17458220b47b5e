"""The processes that workers live in.

Every worker lives in a process that was started for its crew, threads and interpreters too: one that shared a process
with the coordinator would share its GIL, and be woken by it onto one and the same CPU.
"""

import gc
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing import reduction

from gilscope.children.interpreter import run_in_new_interpreter
from gilscope.running.worker import report_failure, serve


class Inherited:
    """A descriptor that arrives under whatever number the child's start method gives it."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __reduce__(self) -> tuple[object, ...]:
        return _adopt, (reduction.DupFd(self.fd),)


def _adopt(duplicate: object) -> Inherited:
    return Inherited(duplicate.detach())  # type: ignore[attr-defined]


def live(
    channels: list[tuple[Inherited, Inherited, int]],
    memory: Inherited,
    memory_bytes: int,
    *,
    in_interpreters: bool,
    not_ours: list[int],
) -> None:
    """Serve every channel in a thread of its own, the only one in this thread, until their ends close.

    Parameters
    ----------
    channels : list of (Inherited, Inherited, int)
        Where each worker reads commands, where it answers, and the CPU it keeps to.
    memory : Inherited
    memory_bytes : int
    in_interpreters : bool
        Whether each worker gets an interpreter with a GIL of its own.
    not_ours : list of int
        Descriptors that a fork copied here; kept open, they would hide from others that a worker has died.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the coordinator's to handle
    gc.disable()  # a collection in the middle of one arm would be charged to it
    for fd in not_ours:
        os.close(fd)
    work = _work_in_interpreter if in_interpreters else serve
    arguments = [(start.fd, done.fd, memory.fd, memory_bytes, cpu) for start, done, cpu in channels]
    if len(arguments) == 1 and not in_interpreters:
        _work(work, *arguments[0])
        return
    threads = [threading.Thread(target=_work, args=(work, *each)) for each in arguments]
    for thread, (start_fd, done_fd, *_) in zip(threads, arguments, strict=True):
        try:
            thread.start()
        except RuntimeError as error:  # no more may be started; the others serve until they are told to stop
            report_failure(done_fd, error)
            os.close(start_fd)
            os.close(done_fd)
    for thread in threads:
        if thread.ident is not None:
            thread.join()


def _work(work: Callable[[int, int, int, int, int], None], start_fd: int, done_fd: int, *rest: int) -> None:
    try:
        work(start_fd, done_fd, *rest)
    except Exception as error:  # noqa: BLE001 - there is no interpreter to serve in, and the coordinator must hear of it
        traceback.print_exc()
        report_failure(done_fd, error)
    finally:
        os.close(start_fd)
        os.close(done_fd)


def _work_in_interpreter(*arguments: int) -> None:
    run_in_new_interpreter(
        "import gc, sys\n"
        "gc.disable()\n"
        f"sys.path[:] = {sys.path!r}\n"
        "from gilscope.running.worker import serve\n"
        f"serve(*{arguments!r})\n"
    )
