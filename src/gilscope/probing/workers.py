"""Workers that make calls when told to: threads, processes and interpreters, all spoken to in the same way.

A worker is told how many calls to make and answers when it began and when it ended, on a clock that all share. They
wait in a blocking read, and spin never.
"""

import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from gilscope import shortages
from gilscope.accounting.lock_waits import waited_here_ns
from gilscope.children.messages import MOST_BYTES, GarbledError, pack, unpack
from gilscope.children.start import interpreter as command_of
from gilscope.originals import SimpleQueue, Thread, copy_of, os, thread_for_user
from gilscope.probing.worker import GARBLED, timed_calls
from gilscope.system.scheduling import give_way
from gilscope.targets.target import Target
from gilscope.targets.user_code import describe

if TYPE_CHECKING:
    from subprocess import Popen
else:
    _subprocess = copy_of("subprocess")  # from the original gevent takes what it starts processes with
    _subprocess.os = os
    Popen = _subprocess.Popen

Work = dict[str, int]

# gilscope is imported first, so that no file of the working folder hides a module that it needs.
_INTERPRETER = """
import sys
sys.path += {paths!r}
from gilscope.probing.worker import main
sys.path[:] = {paths!r}
main({arguments!r})
"""


class WorkerError(Exception):
    """A worker cannot make the call, and says why."""


class Channel(Protocol):
    """What is told to a worker, and what it answers."""

    lock_waited_ns: int

    def greet(self) -> None:
        """Wait until it is ready, once; raises `WorkerError`."""

    def tell(self, work: Work) -> None:
        """Have work done."""

    def answer(self) -> tuple[int, int]:
        """Return when it began and ended, in ns; raises `WorkerError`."""

    def dismiss(self) -> None:
        """Have the worker end, without waiting for it: to end is as much work as to begin."""

    def close(self) -> None:
        """Have the worker end, and wait until it has."""


class ThreadChannel:
    """A thread of this process.

    Parameters
    ----------
    call : callable

    Attributes
    ----------
    lock_waited_ns : int
        How long its calls have waited for locks of Python's so far, where that was counted.
    """

    def __init__(self, call: Callable[[], object]) -> None:
        self.lock_waited_ns = 0
        self._orders: SimpleQueue[int | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[int, int] | BaseException] = SimpleQueue()
        self._call = call
        self._thread = thread_for_user(self._serve, "gilscope calls")
        shortages.start(self._thread)

    def _serve(self) -> None:
        give_way()
        while (n_calls := self._orders.get()) is not None:
            before_ns = waited_here_ns()
            try:
                answer: tuple[int, int] | BaseException = timed_calls(self._call, n_calls)
            except BaseException as error:  # noqa: BLE001 - whatever it is, the other side raises it
                answer = error
            self.lock_waited_ns += waited_here_ns() - before_ns
            self._answers.put(answer)

    def greet(self) -> None:
        """Return at once: it is ready as soon as it is there."""

    def tell(self, work: Work) -> None:
        """Have calls made."""
        self._orders.put(work["calls"])

    def answer(self) -> tuple[int, int]:
        """Return when they began and ended."""
        answer = self._answers.get()
        if isinstance(answer, BaseException):
            raise WorkerError(f"on a thread it raises {describe(answer)}")
        return answer

    def dismiss(self) -> None:
        """Have the thread end."""
        self._orders.put(None)

    def close(self) -> None:
        """Have the thread end, and wait until it has."""
        self.dismiss()
        self._thread.join()


class PipeChannel:
    """A worker at the other end of two pipes: a process, or an interpreter on a thread of this one.

    Parameters
    ----------
    target : Target
        What it finds for itself.
    interpreter : callable or None
        Runs source code in a new interpreter; None for a process.
    """

    lock_waited_ns = 0  # of what is not in this process and interpreter nobody knows

    def __init__(self, target: Target, interpreter: Callable[[str], None] | None = None) -> None:
        self._token = os.urandom(8).hex()
        with shortages.named(), ExitStack() as ours, ExitStack() as theirs:
            read_orders, self._orders = os.pipe()
            theirs.callback(os.close, read_orders)
            ours.callback(os.close, self._orders)
            self._answers, write_answers = os.pipe()
            theirs.callback(os.close, write_answers)
            ours.callback(os.close, self._answers)
            arguments = [str(read_orders), str(write_answers), self._token]
            if interpreter is None:
                command = command_of("-m", "gilscope.probing.worker", *arguments)
                # Without a guard of its own: this process has one, which ends what came of it.
                process = Popen(command, pass_fds=(read_orders, write_answers))
                self._end: Callable[[], object] = process.wait
            else:
                code = _INTERPRETER.format(paths=[path for path in sys.path if path], arguments=arguments)
                fds = (read_orders, write_answers)

                def live() -> None:
                    with suppress(Exception):  # what went wrong inside comes over the pipe, or not at all
                        interpreter(code)
                    for fd in fds:
                        os.close(fd)

                thread = Thread(live, "gilscope interpreter")
                thread.start()
                theirs.pop_all()  # the thread closes them
                self._end = thread.join
            ours.pop_all()
        self._reader = os.fdopen(self._answers, "rb")
        self._is_ready = False
        self._say(asdict(target))

    def _say(self, message: dict[str, Any]) -> None:
        with suppress(BrokenPipeError):  # it has ended; reading its answer says so
            os.write(self._orders, pack(self._token, message))

    def greet(self) -> None:
        """Wait until it has found the target."""
        if not self._is_ready:
            self._is_ready = True
            self.answer()

    def tell(self, work: Work) -> None:
        """Have calls made, or control work done."""
        self._say(work)

    def answer(self) -> tuple[int, int]:
        """Return when they began and ended; the first answer is that it is ready, which `greet` takes."""
        line = self._reader.readline(MOST_BYTES)
        if not line:
            raise WorkerError("its worker ended without an answer")
        try:
            answer = unpack(self._token, line)
        except GarbledError:
            raise WorkerError(GARBLED) from None
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer["begin_ns"], answer["end_ns"]

    def dismiss(self) -> None:
        """Have the worker end."""
        self._say({"end": 1})  # a process that the target has forked may keep the pipe open

    def close(self) -> None:
        """Have the worker end, and wait until it has."""
        self.dismiss()
        os.close(self._orders)
        self._reader.close()  # first, or one that has written more than a pipe holds would never end
        self._end()
