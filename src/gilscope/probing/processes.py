"""The processes that came of a probe, wherever they have gone: known by a variable in their environment.

A process group loses those that start a session of their own, and a parent loses those whose own parent has ended; what
an environment holds is inherited by both. Linux shows it in /proc; elsewhere none are found.
"""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from gilscope import procfs

# multiprocessing's own helpers clean up what it shares and end by themselves; SIGTERM they ignore, for that reason.
_HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")
# How long processes may take to end when asked, and how long the kernel may take to end them.
_ASKED_SECONDS, _KILLED_SECONDS = 1.0, 5.0
_LOOK_SECONDS = 0.01


def found_by(mark: str) -> set[int]:
    """Return the processes whose environment holds the variable `mark`, set to 1; zombies have no environment."""
    found = set()
    with suppress(OSError):
        for folder in Path("/proc").iterdir():
            text = procfs.read_text(f"{folder}/environ") if folder.name.isdigit() else None
            if text and f"{mark}=1" in text.split("\0"):
                found.add(int(folder.name))
    return found


def await_programs(seconds: float) -> None:
    """Wait until every child of this process can be found: while a program is being loaded it has no environment."""
    deadline = time.monotonic() + seconds
    while _is_loading_one() and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)


def _is_loading_one() -> bool:
    """Tell whether a child of this process has no environment and has not ended, which leaves it without one too."""
    with suppress(OSError):
        for folder in Path("/proc").iterdir():
            stat = procfs.read_text(f"{folder}/stat") if folder.name.isdigit() else None
            state, parent, *_ = (stat or "").rpartition(")")[2].split() or ("", "")
            if parent == str(os.getpid()) and state != "Z" and not procfs.read_text(f"{folder}/environ"):
                return True
    return False


def command(pid: int) -> str | None:
    """Return the command line of a process; None if it has ended or is one of multiprocessing's own helpers."""
    words = (procfs.read_text(f"/proc/{pid}/cmdline") or "").replace("\0", " ").strip()
    return words if words and not any(helper in words for helper in _HELPERS) else None


def end_all(mark: str, group: int) -> None:
    """End the processes of a group, and those found by `mark`: first asked, so that they clean up, then killed."""
    for signum, seconds in ((signal.SIGTERM, _ASKED_SECONDS), (signal.SIGKILL, _KILLED_SECONDS)):
        with suppress(ProcessLookupError, PermissionError):  # macOS says so of a group of zombies
            os.killpg(group, signum)
        told: set[int] = set()
        deadline = time.monotonic() + seconds
        while (left := found_by(mark)) and time.monotonic() < deadline:
            for pid in left - told:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signum)
            told |= left
            time.sleep(_LOOK_SECONDS)
