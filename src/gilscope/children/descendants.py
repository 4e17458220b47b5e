"""The processes that came of a child of ours, wherever they have gone: found, and ended.

Two ways find them. Descendants are followed from parent to child; a guard (see `gilscope.children.guard`) is the parent
of those whose own parent has ended, so it finds them all, in sessions of their own and without an environment too. A
variable in the environment is inherited as well, and whoever is no guard finds by it. Linux shows both in /proc;
elsewhere none are found.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress

from gilscope.originals import time
from gilscope.system import procfs

# multiprocessing's own helpers clean up what it shares and end by themselves; SIGTERM they ignore, for that reason.
_HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")
# How long processes may take to end when asked, and how long the kernel may take to end them.
ASKED_SECONDS, KILLED_SECONDS = 1.0, 5.0
_LOOK_SECONDS = 0.01


def found_by(mark: str) -> set[int]:
    """Return the processes whose environment holds the variable `mark`, set to 1; zombies have no environment."""
    return {pid for pid in _pids() if f"{mark}=1" in (procfs.read_text(f"/proc/{pid}/environ") or "").split("\0")}


def descendants_of(ancestor: int) -> set[int]:
    """Return the processes that came of a process and have not ended."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        state, parent = _state_and_parent(pid)
        if state not in "ZX":
            children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    todo = [ancestor]
    while todo:
        new = set(children.get(todo.pop(), ())) - found
        found |= new
        todo += new
    return found


def await_programs(seconds: float) -> None:
    """Wait until every child of this process can be found: while a program is being loaded it has no environment."""
    deadline = time.monotonic() + seconds
    while _is_loading_one() and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)


def _is_loading_one() -> bool:
    """Tell whether a child of this process has no environment and has not ended, which leaves it without one too."""
    for pid in _pids():
        state, parent = _state_and_parent(pid)
        if parent == os.getpid() and state not in "ZX" and not procfs.read_text(f"/proc/{pid}/environ"):
            return True
    return False


def command(pid: int) -> str | None:
    """Return the command line of a process; None if it has ended or is one of multiprocessing's own helpers."""
    words = (procfs.read_text(f"/proc/{pid}/cmdline") or "").replace("\0", " ").strip()
    return words if words and not any(helper in words for helper in _HELPERS) else None


def end_all(group: int, find: Callable[[], set[int]]) -> None:
    """End the processes of a group, and those that `find` finds: first asked, so that they clean up, then killed.

    Those that clean up after others, which takes them until these have ended, are killed last.
    """
    for signum, seconds, is_last in (
        (signal.SIGTERM, ASKED_SECONDS, True),
        (signal.SIGKILL, KILLED_SECONDS, False),
        (signal.SIGKILL, ASKED_SECONDS, True),
    ):
        if is_last:
            with suppress(ProcessLookupError, PermissionError):  # macOS says so of a group of zombies
                os.killpg(group, signum)
        told: set[int] = set()
        deadline = time.monotonic() + seconds
        while (left := find()) and time.monotonic() < deadline:
            for pid in left - told:
                if is_last or command(pid) is not None:
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, signum)
            told |= left
            time.sleep(_LOOK_SECONDS)


def _pids() -> Iterator[int]:
    with suppress(OSError):
        yield from map(int, filter(str.isdigit, os.listdir("/proc")))


def _state_and_parent(pid: int) -> tuple[str, int]:
    """Return a process's state, as one letter, and its parent; one that is gone counts as dead."""
    # "pid (command) state parent ...": a command may hold blanks and brackets
    state, parent, *_ = (procfs.read_text(f"/proc/{pid}/stat") or "").rpartition(")")[2].split() or ("X", "0")
    return state, int(parent)
