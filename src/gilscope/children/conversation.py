"""A child of this interpreter that answers requests, one at a time, over pipes of its own.

    with Conversation("gilscope.running.launch", "the measuring process") as child:
        child.ask(op="start", arms=[...])

The child runs ``python -m MODULE REQUESTS ANSWERS TOKEN`` and hands `answer_requests` what answers one.
"""

import gc
import os
import secrets
import selectors
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Self

from gilscope import errors, shortages
from gilscope.children.messages import GarbledError, Lines, Message, pack, unpack
from gilscope.children.start import OUTPUT_BYTES, Child, interpreter
from gilscope.errors import CannotRunError, GilscopeError, KernelError
from gilscope.originals import time
from gilscope.words import seconds

#: An answer takes some 100 ms; a child that says nothing for this long is stuck.
ANSWER_SECONDS = 120.0
STOP_SECONDS = 10.0
_PIPE_BYTES = 1 << 16


class Conversation:
    """A module of gilscope in an interpreter of its own, which answers. Use as a context manager.

    Leaving it ends the interpreter and all that came of it: they are in a session of their own, which Ctrl-C in the
    terminal does not reach, and under a guard.

    Parameters
    ----------
    module : str
        What ``python -m`` runs.
    name : str
        What an error calls it: ``"the measuring process"``.
    environment : mapping, optional
        Variables beside those of this process.
    python : str, optional
        Another interpreter, which has gilscope too.
    """

    def __init__(
        self, module: str, name: str, environment: Mapping[str, str] | None = None, python: str = sys.executable
    ) -> None:
        self._module, self._name, self._environment, self._python = module, name, environment or {}, python
        self._token = secrets.token_hex(8)
        self._answers = Lines(self._token)
        self._heard: list[Message] = []
        self._printed = b""
        self._is_started = False

    def __enter__(self) -> Self:
        # The ends are the child's; this process keeps none of them.
        with shortages.named(), ExitStack() as stack, ExitStack() as ends:
            self._selector = stack.enter_context(selectors.DefaultSelector())
            answers = self._pipe(stack, ends, self._take_answers)
            printed = self._pipe(stack, ends, self._take_printed)
            requests, self._requests = os.pipe()
            ends.callback(os.close, requests)
            stack.callback(self._stop_asking)
            fds = (requests, answers)
            self._child = Child(
                interpreter("-m", self._module, *map(str, fds), self._token, python=self._python),
                stdout=printed,
                stderr=printed,
                pass_fds=fds,
                environment={**os.environ, **self._environment},
            )
            self._selector.register(self._child, selectors.EVENT_READ, self._child.poll)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        with self._stack:
            try:
                self._stop_asking()  # the order to stop
                deadline = time.monotonic() + STOP_SECONDS
                while self._child.returncode is None and (left := deadline - time.monotonic()) > 0:
                    self._listen(left)
            finally:
                # What it started ends when its pipes do; what is left by now is stuck.
                self._selector.unregister(self._child)
                self._child.close()

    def ask(self, **request: object) -> Message:
        """Ask the child, and wait for its answer; see `hear`."""
        self.tell(**request)
        return self.hear()

    def tell(self, **request: object) -> None:
        """Ask the child, and wait for nothing; its answer is to be heard before it is asked again."""
        with suppress(BrokenPipeError):  # it has ended; that no answer comes says so
            os.write(self._requests, pack(self._token, request))

    def hear(self) -> Message:
        """Wait for the answer to what was asked.

        Raises
        ------
        CannotRunError
            If it gave up before its first answer.
        KernelError
            If it stopped later, or gave no answer in time.
        GilscopeError
            That it answered with, whichever that is.
        """
        deadline = time.monotonic() + ANSWER_SECONDS
        try:
            while not self._heard and self._child.returncode is None and (left := deadline - time.monotonic()) > 0:
                self._listen(left)
            self._listen(0.0)  # what it may have said before it ended
        except GarbledError:
            raise KernelError(
                f"something in {self._name} writes to gilscope's own descriptors{self._last_words()}"
            ) from None
        if not self._heard:
            stuck = self._child.returncode is None
            what = f"gave no answer for {seconds(ANSWER_SECONDS)}" if stuck else "stopped"
            # Before its first answer it has computed nothing, and gives up where the interpreter itself cannot start.
            gave_up = not self._is_started and (self._child.returncode or 0) > 0
            raise (CannotRunError if gave_up else KernelError)(f"{self._name} {what}{self._last_words()}")
        self._is_started = True
        answer = self._heard.pop()
        if "error" in answer:
            raise getattr(errors, answer["kind"])(answer["error"])
        return answer

    def _pipe(self, stack: ExitStack, ends: ExitStack, take: Callable[[bytes], None]) -> int:
        """Have what comes through a new pipe taken by a method; return the end for the child."""
        ours, theirs = os.pipe()
        stack.callback(os.close, ours)
        ends.callback(os.close, theirs)
        self._selector.register(ours, selectors.EVENT_READ, partial(self._read, ours, take))
        return theirs

    def _listen(self, wait_s: float) -> None:
        for key, _ in self._selector.select(wait_s):
            key.data()

    def _read(self, fd: int, take: Callable[[bytes], None]) -> None:
        data = os.read(fd, _PIPE_BYTES)
        if data:
            take(data)
        else:
            self._selector.unregister(fd)

    def _take_answers(self, data: bytes) -> None:
        self._heard += self._answers.take(data)

    def _take_printed(self, data: bytes) -> None:
        self._printed = (self._printed + data)[-OUTPUT_BYTES:]

    def _stop_asking(self) -> None:
        if self._requests >= 0:
            os.close(self._requests)
            self._requests = -1

    def _last_words(self) -> str:
        """Return the end of what the child printed, which may say why."""
        lines = self._printed.decode(errors="replace").strip().splitlines()
        return f"; its last words: {' | '.join(lines[-3:])}" if lines else ""


def answer_requests(answer: Callable[[Message, ExitStack], Message]) -> None:
    """Answer requests until there are no more: the child's side of a conversation.

    Parameters
    ----------
    answer : callable
        Takes a request, and a stack for what is to be closed at the end; a `GilscopeError` that it raises is answered.
    """
    requests_fd, answers_fd = map(int, sys.argv[1:3])
    token = sys.argv[3]
    for fd in (requests_fd, answers_fd):
        os.set_inheritable(fd, False)  # noqa: FBT003 - workers have pipes of their own
    gc.disable()  # a collection in the middle of one arm would be charged to it
    with ExitStack() as stack:
        requests = stack.enter_context(os.fdopen(requests_fd, "rb"))
        answers = stack.enter_context(os.fdopen(answers_fd, "wb"))
        _stand_somewhere()
        _let_nothing_be_imported_again()
        for line in requests:
            try:
                with shortages.named():
                    answered = answer(unpack(token, line), stack)
            except GilscopeError as error:
                answered = {"error": str(error), "kind": type(error).__name__}
            answers.write(pack(token, answered))
            answers.flush()


def _let_nothing_be_imported_again() -> None:
    """Have processes that are spawned from here import what they are given, and not this main module before it."""
    main = sys.modules["__main__"]
    main.__spec__ = None
    if hasattr(main, "__file__"):
        del main.__file__


def _stand_somewhere() -> None:
    """Leave a working folder that has been removed: multiprocessing asks for it, and nothing is looked for there."""
    try:
        Path.cwd()
    except FileNotFoundError:
        os.chdir("/")
