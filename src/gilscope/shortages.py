"""What there is too little of - descriptors, threads, memory - as an error that says how much, and what to do.

Whatever opens, starts or maps something for gilscope does it within `named`; what a kernel or a user's call runs out of
is found by whoever runs it.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from gilscope.errors import CannotRunError


class _Short(NamedTuple):
    """What is short, what to do, and the limit that decides: its name after RLIMIT_, its option of ulimit, its unit."""

    what: str
    advice: str
    limit: str = ""
    option: str = ""
    unit: int = 1


_FEWER = "or ask for fewer workers"
_MEMORY = _Short("there is not enough memory", f"free some, raise it, {_FEWER} or items", "AS", "-v", 1024)
_STARTS = _Short(
    "no further thread or process may be started",
    f"end some, raise the limit, a container's too, {_FEWER}",
    "NPROC",
    "-u",
)
_ROOM = _Short("there is no room for temporary files", "free some, or set TMPDIR to another folder")
_BY_NUMBER = {
    errno.EMFILE: _Short("too many files are open at once", f"raise it, {_FEWER}", "NOFILE", "-n"),
    errno.ENFILE: _Short("too many files are open on this machine", f"close some, {_FEWER}"),
    errno.EAGAIN: _STARTS,
    errno.ENOMEM: _MEMORY,
    # The arrays that workers share are a file to the system.
    errno.EFBIG: _Short("the arrays are too large", "raise it, or ask for fewer items", "FSIZE", "-f", 1024),
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
}


@contextmanager
def named() -> Iterator[None]:
    """Raise `CannotRunError` in place of an error that says that something is short.

    Raises
    ------
    CannotRunError
    """
    try:
        yield
    except (OSError, MemoryError, RuntimeError) as error:
        told = told_of(error)
        if told is None:
            raise
        raise CannotRunError(told) from error


class Startable(Protocol):
    """A thread, of Python's or of `gilscope.originals`."""

    def start(self) -> None:
        """Start it."""


def start(thread: Startable) -> None:
    """Start a thread of gilscope's own; raise `CannotRunError` where no more may be started."""
    with named():
        thread.start()


def told_of(error: BaseException) -> str | None:
    """Return what is short, where that is what an error says; else None."""
    short = _BY_NUMBER.get(getattr(error, "errno", None) or 0)
    if isinstance(error, MemoryError):
        short = _MEMORY
    elif type(error) is RuntimeError and "can't start new thread" in str(error):
        short = _STARTS
    if short is None:
        return None
    most = _most(short.limit)
    allowed = "" if most is None else f": ulimit {short.option} allows {most // short.unit}"
    return f"{short.what}{allowed}; {short.advice}"


def _most(limit: str) -> int | None:
    """Return what a limit of this process is; None where it has none."""
    try:
        import resource
    except ImportError:  # not POSIX, or an interpreter that it does not load in
        return None
    number = getattr(resource, f"RLIMIT_{limit}", None)
    if number is None:
        return None
    soft, _ = resource.getrlimit(number)
    return None if soft == resource.RLIM_INFINITY else soft
