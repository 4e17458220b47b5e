"""The standard streams of a command: one that fails costs what was to be shown there, and nothing else.

A reader may leave (`| head -1`), a disk may be full, and a stream may be closed from the start (`>&-`). None of that
stops a measurement, keeps a file from being written, or hides what was found.
"""

import errno
import io
import os
import selectors
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from gilscope.errors import CANNOT_RUN

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def guarded(work: Callable[[], int]) -> int:
    """Do the work of a command with standard streams that never raise, and return its exit code.

    Parameters
    ----------
    work : callable
        Returns the exit code that its findings deserve.

    Returns
    -------
    int
        That code. Where it is 0 and standard output could not be written, 5: the reason is said on standard error. A
        reader that has left is no reason.
    """
    _open_what_is_closed()
    before = sys.stdout, sys.stderr
    output, errors = sys.stdout, sys.stderr = _guard(before[0], 1), _guard(before[1], 2)
    try:
        code = work()
        lost = _lost(output)
        if lost is None or lost.errno == errno.EPIPE:
            return code
        errors.write(f"gilscope: cannot write the output: {lost.strerror}\n")
        return code or CANNOT_RUN
    finally:
        _lost(output)
        _lost(errors)
        sys.stdout, sys.stderr = before


class _File(io.FileIO):
    """A descriptor that takes everything: what it cannot pass on is dropped, and the first reason is kept."""

    error: OSError | None = None

    def write(self, data: "ReadableBuffer", /) -> int:
        while True:
            try:
                n_bytes: int | None = super().write(data)
            except OSError as error:
                self.error = self.error or error
                return memoryview(data).nbytes
            if n_bytes is not None:
                return n_bytes
            self._wait()

    def _wait(self) -> None:
        """Wait for room: whoever shares a pipe or a terminal may have told it not to wait by itself."""
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_WRITE)
            selector.select()


def _guard(stream: TextIO | None, fd: int) -> TextIO:
    """Return a stream to the same place that never raises; a stream that is no file, as in a test, as it is."""
    if stream is None:  # it was closed when Python started
        file = _File(fd, "w", closefd=False)
        return io.TextIOWrapper(io.BufferedWriter(file), encoding="utf-8", errors="replace")
    raw = _raw(stream)
    if not isinstance(stream, io.TextIOWrapper) or not isinstance(raw, io.FileIO):
        return stream
    with suppress(OSError):
        stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_File(raw.fileno(), "w", closefd=False)),
        encoding=stream.encoding,
        errors="replace" if stream.errors == "strict" else stream.errors,  # without µ and ±, a terminal has the figures
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _lost(stream: TextIO) -> OSError | None:
    """Write what is still held back, and return why something of the stream was lost."""
    stream.flush()
    raw = _raw(stream)
    return raw.error if isinstance(raw, _File) else None


def _raw(stream: TextIO) -> object:
    """Return what is below a stream's buffers; with `python -u` there is but one."""
    buffer = getattr(stream, "buffer", None)
    return getattr(buffer, "raw", buffer)


def _open_what_is_closed() -> None:
    """Give standard descriptors that are closed the null device, or the next file to be opened would be taken for one.

    The processes that a command starts inherit it.
    """
    with suppress(OSError):  # without a null device, a command does without it as well
        while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
            os.set_inheritable(fd, True)  # noqa: FBT003 - its only argument
        os.close(fd)
