"""Starting a child under a guard, and hearing what becomes of it."""

import os
import select
import selectors
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Self

from gilscope import shortages
from gilscope.errors import CannotRunError
from gilscope.originals import time

_GUARD = str(Path(__file__).with_name("guard.py"))
# A guard takes 7 s at most to end what it has (see `descendants`); one that takes longer is stopped or stuck itself.
_GUARD_SECONDS = 10.0
#: Of what a child printed, the end that is kept, and of what it answered, the most.
OUTPUT_BYTES, ANSWER_BYTES = 4096, 1 << 24
_PIPE_BYTES = 1 << 16


def interpreter(*words: str, python: str = sys.executable, is_safe: bool = True) -> list[str]:
    """Return the command that runs an interpreter with the flags of this one (-X gil=0, -W error ...) and with -P.

    -P keeps the modules of the working folder out of gilscope's own start; see `gilscope.children.start.first_folder`
    for where the user's are found.

    Parameters
    ----------
    *words : str
        What follows the flags.
    python : str
        Another interpreter gets no flags but -P: it may not know these.
    is_safe : bool
        Whether to add -P where this interpreter was started without; then whatever it starts has it too.
    """
    flags = subprocess._args_from_interpreter_flags() if python == sys.executable else []  # type: ignore[attr-defined] # as multiprocessing does
    safe = ["-P"] if is_safe or sys.flags.safe_path else []
    return [python, *(flag for flag in flags if flag != "-P"), *safe, *words]


def first_folder() -> str:
    """Return where Python looks for modules first when it runs no script: the working folder, "" for nowhere."""
    try:
        return "" if sys.flags.safe_path else os.getcwd()
    except OSError:  # it has been removed
        return ""


def search_path(*first: str) -> list[str]:
    """Return folders, and then where this process looks for modules, as a child in any folder finds them.

    Relative ones, "" among them, are nowhere once the working folder has been removed.
    """
    found = []
    for folder in (*first, *sys.path):
        with suppress(FileNotFoundError):
            found.append(os.path.abspath(folder))
    return list(dict.fromkeys(found))


#: Lifelines of this process, which a copy of it has no part in: it would keep them from ending.
_lifelines: set[FileIO] = set()


def _let_go() -> None:
    for lifeline in list(_lifelines):
        lifeline.close()
    _lifelines.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


class Child:
    """A process of ours under a guard, which ends it when this is closed or this process ends, however that happens.

    Use as a context manager. `fileno` becomes readable when there is something for `poll` to hear.

    Parameters
    ----------
    command : sequence of str
    stdin, stdout, stderr : int or None
        As for `subprocess.Popen`, but no pipe of its making.
    pass_fds : sequence of int
        Further descriptors for the child, under the same numbers.
    environment : mapping, optional
        All of its variables.
    is_program : bool
        Whether it is the user's own program, which stays in this session, and whose processes are its own affair; else
        it gets a session of its own, and all that came of it is ended with it.

    Attributes
    ----------
    pid : int
    returncode : int or None
        As of `subprocess.Popen`.

    Raises
    ------
    CannotRunError
        If it cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        stdin: int | None = subprocess.DEVNULL,
        stdout: int | None = None,
        stderr: int | None = None,
        pass_fds: Sequence[int] = (),
        environment: Mapping[str, str] | None = None,
        is_program: bool = False,
    ) -> None:
        self.pid = 0
        self.returncode: int | None = None
        self._heard = b""
        self._failure = 0
        try:
            self._start(command, (stdin, stdout, stderr), pass_fds, environment, is_program=is_program)
        except OSError as error:
            raise CannotRunError(_not_started(command, error)) from error
        try:
            while not self.pid and not self._failure and self.returncode is None:
                self._hear(None)
        except BaseException:
            self.close()
            raise
        if self._failure:
            self.close()
            raise CannotRunError(_not_started(command, OSError(self._failure, os.strerror(self._failure))))

    def _start(
        self,
        command: Sequence[str],
        streams: tuple[int | None, int | None, int | None],
        pass_fds: Sequence[int],
        environment: Mapping[str, str] | None,
        *,
        is_program: bool,
    ) -> None:
        with ExitStack() as ours, ExitStack() as theirs:
            self._status, status = os.pipe()
            ours.callback(os.close, self._status)
            theirs.callback(os.close, status)
            os.set_blocking(self._status, False)
            # An interrupt may come when the guard has begun and its number is not known yet: it is waited for even so.
            ours.callback(self._await_guard)
            ends, lifeline = os.pipe()
            theirs.callback(os.close, ends)
            self._lifeline = ours.enter_context(FileIO(lifeline, "w"))
            kind = "program" if is_program else "family"
            # In the C locale Python sets LC_CTYPE for whatever it starts, which without a guard nobody would have done.
            unset = "" if "LC_CTYPE" in (os.environ if environment is None else environment) else "LC_CTYPE"
            words = [str(ends), str(status), kind, ",".join(map(str, pass_fds)), unset, *command]
            stdin, stdout, stderr = streams
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", "-B", _GUARD, *words],
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                env=environment,
                pass_fds=(ends, status, *pass_fds),
                start_new_session=not is_program,
            )
            _lifelines.add(self._lifeline)
            ours.pop_all()

    def _await_guard(self) -> None:
        """Wait until nobody has the other end of the guard's pipe: until it has ended, if it has begun at all."""
        poll = select.poll()
        poll.register(self._status, select.POLLIN)
        deadline = time.monotonic() + _GUARD_SECONDS
        while (left := deadline - time.monotonic()) > 0 and poll.poll(left * 1e3):
            if not os.read(self._status, _PIPE_BYTES):
                return

    def fileno(self) -> int:
        """Return the descriptor over which the guard speaks."""
        return self._status

    def poll(self) -> int | None:
        """Return how it ended, None while it runs; waits for nothing."""
        self._hear(0.0)
        return self.returncode

    def wait(self, seconds: float | None = None) -> int | None:
        """Wait for its end, not longer than said; return as `poll`."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while self.returncode is None:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                break
            self._hear(left)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        with suppress(BrokenPipeError, ValueError):  # the guard has ended, and so has it; or this is closed
            self._lifeline.write(bytes([number]))

    def close(self) -> None:
        """End it, and all that came of it unless it is a program, and wait until that is done; safe to call twice."""
        _lifelines.discard(self._lifeline)
        self._lifeline.close()
        try:
            self._guard.wait(_GUARD_SECONDS)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
            with suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, signal.SIGKILL)
        finally:
            if self._status >= 0:
                self._hear(0.0)
                os.close(self._status)
                self._status = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hear(self, seconds: float | None) -> None:
        """Hear what the guard says, waiting for it for so long; None for as long as it takes."""
        if self.returncode is not None or self._status < 0:
            return
        poll = select.poll()
        poll.register(self._status, select.POLLIN)
        if not poll.poll(None if seconds is None else max(0.0, seconds) * 1e3):
            return
        data = os.read(self._status, _PIPE_BYTES)
        if not data:  # something has ended the guard, and the kernel the child with it
            self.returncode = self._guard.wait() or -signal.SIGKILL
            return
        *lines, self._heard = (self._heard + data).split(b"\n")
        for line in lines:
            what, number = line.decode().split()
            if what == "pid":
                self.pid = int(number)
            elif what == "ended":
                self.returncode = os.waitstatus_to_exitcode(int(number))
            else:
                self._failure = int(number)


def _not_started(command: Sequence[str], error: OSError) -> str:
    return f"{command[0]} cannot be started: {shortages.told_of(error) or error.strerror or error}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question to a child.

    Parameters
    ----------
    status : int or None
        As of `subprocess.Popen`; None if it had to be ended for taking too long.
    told : bytes
        What it wrote to the descriptor it was given.
    printed : bytes
        The end of what it, or anything that it loaded, wrote to its standard streams.
    """

    status: int | None
    told: bytes
    printed: bytes


def ask(
    command: Sequence[str], arguments: Sequence[str], seconds: float, environment: Mapping[str, str] | None = None
) -> Answer:
    """Run something that answers on a descriptor of its own, for anything may print.

    Parameters
    ----------
    command : sequence of str
        The number of the descriptor is its first argument.
    arguments : sequence of str
        Its other ones.
    seconds : float
        After these it is ended.
    environment : mapping, optional
        All of its variables.

    Raises
    ------
    CannotRunError
        If it cannot be started.
    """
    taken = {"told": b"", "printed": b""}
    with shortages.named(), ExitStack() as stack, selectors.DefaultSelector() as selector:
        ends = {}
        with ExitStack() as theirs:
            for name in taken:
                ours, ends[name] = os.pipe()
                stack.callback(os.close, ours)
                theirs.callback(os.close, ends[name])
                os.set_blocking(ours, False)
                selector.register(ours, selectors.EVENT_READ, name)
            child = Child(
                [*command, str(ends["told"]), *arguments],
                stdout=ends["printed"],
                stderr=ends["printed"],
                pass_fds=[ends["told"]],
                environment=environment,
            )
        with child:
            selector.register(child, selectors.EVENT_READ)
            deadline = time.monotonic() + seconds
            while child.poll() is None and (left := deadline - time.monotonic()) > 0:
                _take(selector, left, taken)
            status = child.returncode
            selector.unregister(child)
        _take(selector, 0.0, taken)  # what lies in the pipes
    return Answer(status, taken["told"], taken["printed"])


def _take(selector: selectors.BaseSelector, seconds: float, taken: dict[str, bytes]) -> None:
    """Read from the pipes that have something, and leave those that ended."""
    for key, _ in selector.select(seconds):
        if key.data is None:  # the child itself, which is asked next
            continue
        data = os.read(key.fd, _PIPE_BYTES)
        if not data:
            selector.unregister(key.fileobj)
        elif key.data == "told":
            taken["told"] = (taken["told"] + data)[:ANSWER_BYTES]
        else:
            taken["printed"] = (taken["printed"] + data)[-OUTPUT_BYTES:]
