"""What there is too little of - descriptors, threads, memory - as an error that says how much, and what to do.

Whatever opens, starts or maps something for gilscope does it within `named`; what a kernel or a user's call runs out of
is found by whoever runs it.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from gilscope.errors import CannotRunError

_FEWER = "or ask for fewer workers"
#: What is short, the limit that decides, its name in a shell and its unit there, and what to do.
_SHORT = {
    errno.EMFILE: ("too many files are open at once", "RLIMIT_NOFILE", "ulimit -n", 1, f"raise it, {_FEWER}"),
    errno.ENFILE: ("too many files are open on this machine", "", "", 1, f"close some, {_FEWER}"),
    errno.EAGAIN: (
        "no further thread or process may be started",
        "RLIMIT_NPROC",
        "ulimit -u",
        1,
        f"end some, raise the limit, a container's too, {_FEWER}",
    ),
    errno.ENOMEM: ("there is not enough memory", "RLIMIT_AS", "ulimit -v", 1024, f"free some, raise it, {_FEWER}"),
    errno.ENOSPC: ("there is no room for temporary files", "", "", 1, "free some, or set TMPDIR to another folder"),
}
_SHORT[errno.EDQUOT] = _SHORT[errno.ENOSPC]


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
    number = getattr(error, "errno", None)
    if isinstance(error, MemoryError):
        number = errno.ENOMEM
    elif type(error) is RuntimeError and "can't start new thread" in str(error):
        number = errno.EAGAIN
    if number not in _SHORT:
        return None
    what, limit, command, unit, advice = _SHORT[number]
    most = _most(limit)
    return f"{what}; {advice}" if most is None else f"{what}: {command} allows {most // unit}; {advice}"


def _most(limit: str) -> int | None:
    """Return what a limit of this process is; None where it has none."""
    try:
        import resource
    except ImportError:  # not POSIX, or an interpreter that it does not load in
        return None
    if not hasattr(resource, limit):
        return None
    soft, _ = resource.getrlimit(getattr(resource, limit))
    return None if soft == resource.RLIM_INFINITY else soft
