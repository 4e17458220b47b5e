"""What a process holds - children, threads, interpreters, descriptors, shared memory - before and after something."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from multiprocessing import forkserver, resource_tracker

# The kernel takes back a process or thread some moments after it has ended; what is still there then, stays.
PATIENCE_SECONDS = 5.0


def held() -> set[str]:
    """Return everything that this process holds, as words."""
    return _descriptors() | _children() | _threads() | _interpreters() | _shared_memory()


@contextmanager
def nothing_left() -> Iterator[None]:
    """Fail if the block leaves anything behind that was not held before it, even when it raises."""
    # CPython's own two helpers are started once in a process and serve it to its end.
    resource_tracker.ensure_running()
    forkserver.ensure_running()
    before = held()
    try:
        yield
    finally:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (left := held() - before) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not left, f"left behind: {sorted(left)}"


def processes_of(session: int) -> list[int]:
    """Return the processes of a session that still run."""
    return [pid for pid, _, in_session in _processes() if in_session == session]


def children_of(parent: int) -> list[int]:
    """Return the processes that a process has started and that still run."""
    names: set[str] = set()
    try:
        for thread in os.listdir(f"/proc/{parent}/task"):
            with open(f"/proc/{parent}/task/{thread}/children") as file:
                names.update(file.read().split())
    except OSError:  # it has ended, or this kernel keeps no such lists: then all processes are asked for their parent
        return [pid for pid, ppid, _ in _processes() if ppid == parent]
    return [pid for pid, ppid, _ in _processes(sorted(names, key=int)) if ppid == parent]


def wait_until_gone(session: int, seconds: float = 30.0) -> None:
    """Wait until no process of a session runs; fail when that takes too long."""
    deadline = time.monotonic() + seconds
    while left := processes_of(session):
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.02)


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something is so; fail when that takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.02)


def _processes(names: Iterable[str] | None = None) -> Iterator[tuple[int, int, int]]:
    """Yield (pid, parent, session) of the processes that run: of these, or of all."""
    for name in filter(str.isdigit, os.listdir("/proc")) if names is None else names:
        with suppress(OSError), open(f"/proc/{name}/stat") as file:
            # "pid (command) state ppid group session ...": a command may hold blanks and brackets
            state, ppid, _, session, *_ = file.read().rpartition(")")[2].split()
            if state not in "ZX":
                yield int(name), int(ppid), int(session)


def _children() -> set[str]:
    return {f"child {pid}" for pid in children_of(os.getpid())}


def _descriptors() -> set[str]:
    found = set()
    for fd in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the one that lists the folder
            found.add(f"descriptor {fd} of {os.readlink(f'/proc/self/fd/{fd}')}")
    return found


def _threads() -> set[str]:
    native = {f"native thread {tid}" for tid in os.listdir("/proc/self/task")}
    return native | {f"thread {thread.name}" for thread in threading.enumerate()}


def _interpreters() -> set[str]:
    if sys.version_info < (3, 12):
        return set()
    raw = import_module("_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters")
    return {f"interpreter {interpreter}" for interpreter in raw.list_all()}


def _shared_memory() -> set[str]:
    try:
        return {f"shared memory {name}" for name in os.listdir("/dev/shm")}
    except OSError:
        return set()
