"""Stands between gilscope and a child of it, so that nothing outlives what it was started for, however that ends.

``python -I -S guard.py LIFELINE STATUS KIND DESCRIPTORS UNSET COMMAND...`` starts the command, says on the descriptor
STATUS what became of it, and sends it each signal whose number comes over LIFELINE. That pipe ends when gilscope closes
it, and also when gilscope is killed, for no other process holds it. What is then done depends on KIND:

family
    The command has a session of its own. It is killed, and all that came of it is ended. On Linux the guard is the
    parent of those whose own parent has ended, so none hides in another session or behind another environment.
program
    The command stays in the caller's session and is what it would be without a guard: it is asked to end, then killed.
    What it has started is its own affair, and the guard ends when it does.

It is a process of its own, because one that is stuck, crashed or killed cleans nothing up, and because inside of the
child the target could see, hinder or outlive it. -I and -S keep the user's modules out of it.
"""

import os
import select
import signal
import sys
import time
from contextlib import suppress

# A bare script, to which the package is no more than a folder; last, so that nothing there hides a standard module.
sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from gilscope.children import descendants
from gilscope.system import prctl

# Of a command that cannot be run, as shells have it.
_NOT_FOUND = 127


class Guard:
    """A guard and its one child."""

    def __init__(self, lifeline: int, status: int, *, is_family: bool) -> None:
        self._lifeline, self._status, self._is_family = lifeline, status, is_family
        self._is_running = True
        self._prctl = prctl.load()
        self._wake, wake = os.pipe()
        for fd in (self._wake, wake):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(wake)
        # Without a handler there is no waking; a caller may have it ignored, and a child of its own would inherit that.
        self._on_child = signal.signal(signal.SIGCHLD, lambda *_: None)
        if is_family:
            self._prctl(prctl.SET_CHILD_SUBREAPER, 1)

    def start(self, command: list[str]) -> None:
        """Start the command; nothing but this thread runs here, so that a fork is safe."""
        guard = os.getpid()
        failure, fails = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                if self._is_family:
                    os.setsid()
                # Should the guard itself be killed. The signal comes when the thread that forked ends: its only one.
                self._prctl(prctl.SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
                if os.getppid() == guard:
                    for name in ("SIGPIPE", "SIGXFSZ"):  # which Python ignores, and a program of its own would not
                        signal.signal(getattr(signal, name), signal.SIG_DFL)
                    signal.signal(signal.SIGCHLD, self._on_child)
                    os.execvp(command[0], command)  # noqa: S606 - the caller's own
            except OSError as error:
                os.write(fails, str(error.errno).encode())
            finally:
                os._exit(_NOT_FOUND)
        os.close(fails)
        number = os.read(failure, 16)  # ends without a word when the command begins
        os.close(failure)
        self._say(f"failed {number.decode()}" if number else f"pid {self._pid}")

    def watch(self) -> None:
        """Reap, report and pass signals on until the lifeline ends; of a program also until it has ended."""
        poll = select.poll()
        for fd in (self._lifeline, self._wake):
            poll.register(fd, select.POLLIN)
        while self._is_running or self._is_family:
            ready = {fd for fd, _ in poll.poll()}
            if self._wake in ready:
                self._reap()
            if self._lifeline in ready:
                orders = os.read(self._lifeline, 1024)
                if not orders:
                    return
                for number in orders:
                    self._tell(number)

    def end(self) -> None:
        """End what is still there."""
        if self._is_family:
            self._tell(signal.SIGKILL)  # it may be stuck, and what it has to clean up is what is ended next
            descendants.end_all(self._pid, self._left)
            return
        for number, seconds in (
            (signal.SIGTERM, descendants.ASKED_SECONDS),
            (signal.SIGKILL, descendants.KILLED_SECONDS),
        ):
            self._tell(number)
            deadline = time.monotonic() + seconds
            while self._is_running and (left := deadline - time.monotonic()) > 0:
                select.select([self._wake], [], [], left)
                self._reap()

    def _tell(self, number: int) -> None:
        """Send the child a signal; while it is not reaped, no other process can have its number."""
        with suppress(PermissionError):  # a program may have become another user's
            if self._is_running:
                os.kill(self._pid, number)

    def _left(self) -> set[int]:
        self._reap()
        return descendants.descendants_of(os.getpid())

    def _reap(self) -> None:
        """Take note of every child that has ended: the one, and those that came here when their parent ended."""
        with suppress(BlockingIOError):
            os.read(self._wake, 1024)
        with suppress(ChildProcessError):  # there is none any more
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self._pid:
                    self._is_running = False
                    self._say(f"ended {ended[1]}")

    def _say(self, line: str) -> None:
        with suppress(BrokenPipeError):  # gilscope is gone
            os.write(self._status, f"{line}\n".encode())


def main() -> None:
    """Guard one command."""
    lifeline, status, kind, passed, unset, *command = sys.argv[1:]
    for word in (lifeline, status):
        os.set_inheritable(int(word), False)  # noqa: FBT003 - the child has no part in them
    if unset:
        os.environ.pop(unset, None)
    try:
        guard = Guard(int(lifeline), int(status), is_family=kind == "family")
        guard.start(command)
    except OSError as error:  # no more files or processes
        os.write(int(status), f"failed {error.errno}\n".encode())
        os._exit(_NOT_FOUND)
    # What is meant for everybody, such as a shutdown, would end it before gilscope, which may have something to save.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Whoever reads what the child writes is to see it end with the child.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nowhere, fd)
    for word in passed.split(",") if passed else ():
        os.close(int(word))
    if kind != "family":
        os.setsid()  # out of reach of the terminal, whose signals are for the program
    guard.watch()
    guard.end()
    os._exit(0)


if __name__ == "__main__":
    main()
