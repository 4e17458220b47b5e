"""A fork server that leaves nothing: where the process that it serves is killed, it removes the folder of its socket.

multiprocessing removes that folder as a process ends, unless it is killed. The server sees the end of the process, and
ends too; it has loaded this module.
"""

import atexit
import multiprocessing
import os
import shutil
import signal
from functools import cache
from multiprocessing import forkserver, util
from typing import Any

_FOLDER = "GILSCOPE_FORK_SERVER_FOLDER"


_loads = [__name__]


def preload(module: str) -> None:
    """Have the server load a module before it forks anything; one that runs already loads no more."""
    _loads.append(module)


@cache
def context() -> Any:
    """Return multiprocessing's context for the fork server of this process, which runs.

    Returns
    -------
    multiprocessing.context.ForkServerContext
    """
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(_loads)
    os.environ[_FOLDER] = util.get_temp_dir()
    try:
        forkserver.ensure_running()
    finally:
        del os.environ[_FOLDER]
    return made


def _watch(folder: str) -> None:
    """Remove a folder when this process ends; what it forks ends otherwise, and is not to."""
    server = os.getpid()

    def remove() -> None:
        if os.getpid() == server:
            shutil.rmtree(folder, ignore_errors=True)

    # A guard that ends all that came of the killed process asks the server too, which is ending by itself.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))
    atexit.register(remove)


if _FOLDER in os.environ:
    _watch(os.environ.pop(_FOLDER))
