"""One text that a program's process hands over as it ends, over a pipe that was opened before the program began.

What rights, folders, limits and descriptors the program has left at its end matters no more, and neither does a disk
that is full. The token on both sides of the text tells it from what the program itself may have written there.
"""

from contextlib import suppress

from gilscope.originals import os

try:
    import fcntl
    import resource
except ImportError:  # Windows, where no program is started
    pass

# Programs take the lowest descriptors for their own, and some count on which those are.
_HIGH, _ROOM = 1000, 8


class Delivery:
    """The program's side.

    Parameters
    ----------
    fd : int
        The end of the pipe; it is moved out of the program's way.
    token : str
    """

    def __init__(self, fd: int, token: str) -> None:
        self._fd = _moved(fd)
        self._token = token
        self._pipe = _identity(self._fd)

    def send(self, text: str) -> None:
        """Hand a text over, unless the program has closed the pipe; another file may have its number by now."""
        data = memoryview(f"{self._token}{text}{self._token}".encode())
        with suppress(OSError):  # closed, or gilscope is gone
            if _identity(self._fd) == self._pipe:
                while data:
                    data = data[os.write(self._fd, data) :]


def delivered(data: bytes, token: str) -> str | None:
    """Return the text among what came out of the pipe; None if it did not come, or not to its end."""
    text, end, _ = data.partition(token.encode())[2].partition(token.encode())
    return text.decode() if end else None


def _moved(fd: int) -> int:
    """Return another number for a descriptor, which no process that the program starts has a part in."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    lowest = _HIGH if limit == resource.RLIM_INFINITY else min(_HIGH, limit - _ROOM)
    try:
        moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, lowest)
    except OSError:  # there are hardly any
        os.set_inheritable(fd, False)  # noqa: FBT003 - its only argument
        return fd
    os.close(fd)
    return moved


def _identity(fd: int) -> tuple[int, int]:
    found = os.fstat(fd)
    return found.st_dev, found.st_ino
