"""Errors that say that something is short: which are, what is said of them, and that a failed start leaves nothing."""

import errno
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from gilscope import originals, shortages
from gilscope.accounting.asking import Asking
from gilscope.accounting.witness import Witness
from gilscope.accounting.witness import availability as witness_availability
from gilscope.errors import CannotRunError
from gilscope.testing.gate import try_gate


def system_error(number: int) -> OSError:
    """Return the error of a system call."""
    return OSError(number, os.strerror(number))


SHORT = {
    "files": (system_error(errno.EMFILE), r"too many files are open at once: ulimit -n allows \d+; raise it"),
    "files of all": (system_error(errno.ENFILE), "too many files are open on this machine; close some"),
    "processes": (system_error(errno.EAGAIN), "no further thread or process may be started.*; end some"),
    "threads": (RuntimeError("can't start new thread"), "no further thread or process may be started.*; end some"),
    "memory": (system_error(errno.ENOMEM), "there is not enough memory.*; free some"),
    "memory of Python's": (MemoryError(), "there is not enough memory.*; free some"),
    "size": (system_error(errno.EFBIG), "the arrays are too large.*ask for fewer items"),
    "room": (system_error(errno.ENOSPC), "no room for temporary files; free some, or set TMPDIR"),
    "room of the user's": (system_error(errno.EDQUOT), "no room for temporary files; free some, or set TMPDIR"),
}


@pytest.mark.parametrize("name", SHORT)
def test_what_is_short_is_said(name: str) -> None:
    """What it is, how much is allowed where a limit decides, and what to do."""
    error, told = SHORT[name]
    with pytest.raises(CannotRunError, match=told) as caught, shortages.named():
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [system_error(errno.ENOENT), system_error(errno.EPIPE), RuntimeError("another"), ValueError("x"), RecursionError()],
)
def test_another_error_comes_through(error: Exception) -> None:
    """As it is."""
    with pytest.raises(type(error)) as caught, shortages.named():
        raise error
    assert caught.value is error


def fail(*_: Any) -> None:
    """Start no thread, as where there may be no more."""
    raise RuntimeError("can't start new thread")


def use_asking() -> None:
    """Ask for the GIL from another thread."""
    with Asking(int, "asks", 0.001):
        pass


def use_witness() -> None:
    """Have a witness."""
    if witness_availability() is not None:
        pytest.skip(str(witness_availability()))
    with Witness():
        pass


@pytest.mark.parametrize("use", [use_asking, use_witness, lambda: try_gate(int)], ids=["asking", "witness", "gate"])
def test_where_no_thread_may_be_started_nothing_stays_changed(
    use: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is said, and the switch interval is what it was."""
    interval_s = sys.getswitchinterval()
    for thread in (threading.Thread, originals.Thread):
        monkeypatch.setattr(thread, "start", fail)
    with pytest.raises(CannotRunError, match="no further thread"):
        use()
    assert sys.getswitchinterval() == interval_s
