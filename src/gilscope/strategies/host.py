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
from multiprocessing import reduction

from gilscope.strategies.interpreter import run_in_new_interpreter
from gilscope.worker import report_failure, serve


class Inherited:
    """A descriptor that arrives under whatever number the child's start method gives it."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __reduce__(self) -> tuple[object, ...]:
        return _adopt, (reduction.DupFd(self.fd),)


def _adopt(duplicate: object) -> Inherited:
    return Inherited(duplicate.detach())  # type: ignore[attr-defined]


def live(
    channels: list[tuple[Inherited, Inherited]],
    memory: Inherited,
    memory_bytes: int,
    in_interpreters: bool,
    not_ours: list[int],
) -> None:
    """Serve every channel in a thread of its own, the only one in this thread, until their ends close.

    Parameters
    ----------
    channels : list of (Inherited, Inherited)
        Where each worker reads commands and where it answers.
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
    if len(channels) == 1 and not in_interpreters:
        _work(channels[0][0].fd, channels[0][1].fd, memory.fd, memory_bytes, in_interpreters)
        return
    threads = [
        threading.Thread(target=_work, args=(start.fd, done.fd, memory.fd, memory_bytes, in_interpreters))
        for start, done in channels
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _work(start_fd: int, done_fd: int, memory_fd: int, memory_bytes: int, in_interpreter: bool) -> None:
    try:
        if in_interpreter:
            run_in_new_interpreter(
                "import gc, sys\n"
                "gc.disable()\n"
                f"sys.path[:] = {sys.path!r}\n"
                "from gilscope.worker import serve\n"
                f"serve({start_fd}, {done_fd}, {memory_fd}, {memory_bytes})\n"
            )
        else:
            serve(start_fd, done_fd, memory_fd, memory_bytes)
    except Exception as error:  # noqa: BLE001 - whatever it is, the coordinator must hear of it
        traceback.print_exc()
        report_failure(done_fd, error)
    finally:
        os.close(start_fd)
        os.close(done_fd)
