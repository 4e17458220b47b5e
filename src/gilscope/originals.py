"""Clocks, sleep, threads, locks and queues as Python has them, whatever the user's code has put in their place.

    from gilscope.originals import Thread, time

gevent makes tasks of threads and has them wait in a loop of its own, freezegun stops the clocks, and a library may
replace ``time.monotonic`` by something of its own. Whoever measures needs the real ones: with a stopped clock no limit
ever passes, and a task in the place of a thread never asks for the GIL. So the compiled modules of the standard library
are loaded once more, into copies that nobody else has; that is right also where all was replaced before gilscope came.

A test refuses every other clock, lock, queue and thread in what runs in the user's process.
"""

import importlib.util
from collections.abc import Callable
from types import BuiltinFunctionType, ModuleType
from typing import TYPE_CHECKING, Any


def copy_of(name: str) -> ModuleType:
    """Load a module of the standard library once more, into a copy of one's own."""
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.loader is not None
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    return copy


if TYPE_CHECKING:
    import _thread
    import os
    import select
    import threading
    import time
    from _queue import SimpleQueue
else:
    os, select, time, _thread = copy_of("os"), copy_of("select"), copy_of("time"), copy_of("_thread")
    SimpleQueue = copy_of("_queue").SimpleQueue

__all__ = [
    "REPLACED",
    "Flag",
    "Lock",
    "RLock",
    "SimpleQueue",
    "Thread",
    "copy_of",
    "get_ident",
    "get_native_id",
    "os",
    "select",
    "thread_for_user",
    "threads_are_replaced",
    "time",
]

#: What is said where `threads_are_replaced`.
REPLACED = (
    "what it imports has put tasks in the place of threading's threads, as gevent does, and one task runs at a time; "
    "the threads here are the system's"
)

Lock, RLock = _thread.allocate_lock, _thread.RLock
get_ident, get_native_id = _thread.get_ident, _thread.get_native_id
#: Before 3.13 a thread is waited for by a lock that it makes itself.
_IS_JOINABLE = hasattr(_thread, "start_joinable_thread")


class Flag:
    """Something that has happened or not; `threading.Event` for those who only look."""

    def __init__(self) -> None:
        self._is_set = False

    def is_set(self) -> bool:
        """Tell whether it has happened."""
        return self._is_set

    def set(self) -> None:
        """Have it happened."""
        self._is_set = True


class Thread:
    """A thread of the system that runs gilscope's own code, which `threading` does not list; a daemon.

    Parameters
    ----------
    target : callable
        Takes nothing. What it raises goes where `sys.unraisablehook` sends it.
    name : str
        For whoever shows it.
    """

    def __init__(self, target: Callable[[], object], name: str) -> None:
        self.name = name
        self.native_id: int | None = None
        self._target = target
        self._began = Lock()
        self._began.acquire()
        self._join: Callable[[], object] = lambda: None  # until it has begun

    def start(self) -> None:
        """Start it, and wait until it runs."""
        if _IS_JOINABLE:
            self._join = _thread.start_joinable_thread(self._run, daemon=True).join  # type: ignore[attr-defined] # from 3.13 on
        else:
            _thread.start_new_thread(self._run, ())
        self._began.acquire()

    def _run(self) -> None:
        self.native_id = get_native_id()
        if not _IS_JOINABLE:
            over: Any = _thread._set_sentinel()  # type: ignore[attr-defined] # noqa: SLF001 - released when it is gone
            over.acquire()

            def join() -> None:
                with over:  # and given back at once, for whoever waits too, or waits again after an interrupt
                    pass

            self._join = join
        self._began.release()
        self._target()

    def join(self) -> None:
        """Wait until it has ended, if it has begun."""
        self._join()


def threads_are_replaced() -> bool:
    """Tell whether `threading.Thread` starts something else than threads of the system, as with gevent's patches."""
    import threading

    start = getattr(threading, "_start_joinable_thread", None) or getattr(threading, "_start_new_thread", None)
    is_own = "threading" in {base.__module__ for base in threading.Thread.__mro__}
    return not (is_own and isinstance(start, BuiltinFunctionType))


def thread_for_user(target: Callable[[], object], name: str) -> "Thread | threading.Thread":
    """Return a thread of the system that runs the user's code; of `threading`, where that still makes such threads.

    Parameters
    ----------
    target : callable
    name : str
    """
    import threading

    waits_for_its_start = getattr(threading.Event, "__module__", "") == "threading"
    if threads_are_replaced() or not waits_for_its_start:
        return Thread(target, name)
    return threading.Thread(target=target, name=name, daemon=True)
