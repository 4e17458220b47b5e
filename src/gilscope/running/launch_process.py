"""Starting a launch in a fresh interpreter, and speaking with it."""

import os
import random
import secrets
import selectors
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from functools import partial
from typing import Any, Self

from gilscope import errors, shortages
from gilscope.children.messages import GarbledError, Lines, pack
from gilscope.children.start import OUTPUT_BYTES, Child, interpreter
from gilscope.errors import CannotRunError, KernelError, Unavailable
from gilscope.originals import time
from gilscope.running.result import Arm, Sample
from gilscope.words import seconds

# A round takes some 100 ms; a launch that says nothing for this long is stuck.
ANSWER_SECONDS = 120.0
STOP_SECONDS = 10.0
_PIPE_BYTES = 1 << 16

# One thread for each native pool, because every arm says itself how many CPUs it uses. OpenMP's team is that of an arm,
# and set up in its worker alone (see `gilscope.kernels.with_openmp`).
_POOL_LIMITS = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMEXPR_NUM_THREADS": "1"}


class LaunchProcess:
    """A launch in an interpreter of its own, with a hash seed of its own. Use as a context manager.

    Takes the same calls as `gilscope.running.launch.Launch`. Leaving it ends the interpreter and every worker it
    started: they are in a session of their own, which Ctrl-C in the terminal does not reach, and under a guard.

    Parameters
    ----------
    arms : sequence of Arm
    dtype : str
    max_items : int
    rng : random.Random
        Where the hash seed comes from.
    """

    def __init__(self, arms: Sequence[Arm], dtype: str, max_items: int, rng: random.Random) -> None:
        self._setup = {"arms": [asdict(arm) for arm in arms], "dtype": dtype, "max_items": max_items}
        self._hash_seed = rng.randrange(2**32)
        self._token = secrets.token_hex(8)
        self._answers = Lines(self._token)
        self._heard: list[dict[str, Any]] = []
        self._printed = b""
        self._is_started = False

    def __enter__(self) -> Self:
        # The ends are the launch's; this process keeps none of them.
        with shortages.named(), ExitStack() as stack, ExitStack() as ends:
            self._selector = stack.enter_context(selectors.DefaultSelector())
            answers = self._pipe(stack, ends, self._take_answers)
            printed = self._pipe(stack, ends, self._take_printed)
            requests, self._requests = os.pipe()
            ends.callback(os.close, requests)
            stack.callback(self._stop_asking)
            fds = (requests, answers)
            self._child = Child(
                interpreter("-m", "gilscope.running.launch", *map(str, fds), self._token),
                stdout=printed,
                stderr=printed,
                pass_fds=fds,
                environment={**os.environ, **_POOL_LIMITS, "PYTHONHASHSEED": str(self._hash_seed)},
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
                # Workers end when their pipes do; what is left by now is stuck.
                self._selector.unregister(self._child)
                self._child.close()

    def start(self) -> list[dict[str, object]]:
        """Start every crew; see `gilscope.running.launch.Launch.start`."""
        return list(self._ask(op="start", **self._setup)["workers"])

    def prepare(self, arm_ids: Sequence[str], n_items: int) -> dict[str, Unavailable]:
        """Prepare and verify arms; see `gilscope.running.launch.Launch.prepare`."""
        absent = self._ask(op="prepare", arms=list(arm_ids), n_items=n_items)["unavailable"]
        return {arm: Unavailable(reason) for arm, reason in absent.items()}

    def measure(self, order: Sequence[tuple[str, int, int]]) -> tuple[list[Sample], int, int]:
        """Time one round; see `gilscope.running.launch.Launch.measure`."""
        answer = self._ask(op="measure", order=list(order))
        return [Sample(**sample) for sample in answer["samples"]], answer["steal_ticks"], answer["throttled"]

    def _ask(self, **request: object) -> dict[str, Any]:
        with suppress(BrokenPipeError):  # it has ended; that no answer comes says so
            os.write(self._requests, pack(self._token, request))
        deadline = time.monotonic() + ANSWER_SECONDS
        try:
            while not self._heard and self._child.returncode is None and (left := deadline - time.monotonic()) > 0:
                self._listen(left)
            self._listen(0.0)  # what it may have said before it ended
        except GarbledError:
            raise KernelError(
                f"something in the measuring process writes to gilscope's own descriptors{self._last_words()}"
            ) from None
        if not self._heard:
            stuck = self._child.returncode is None
            what = f"gave no answer for {seconds(ANSWER_SECONDS)}" if stuck else "stopped"
            # Before its first answer it has computed nothing, and gives up where the interpreter itself cannot start.
            gave_up = not self._is_started and (self._child.returncode or 0) > 0
            raise (CannotRunError if gave_up else KernelError)(f"the measuring process {what}{self._last_words()}")
        self._is_started = True
        answer = self._heard.pop()
        if "error" in answer:
            raise getattr(errors, answer["kind"])(answer["error"])
        return answer

    def _pipe(self, stack: ExitStack, ends: ExitStack, take: Callable[[bytes], None]) -> int:
        """Have what comes through a new pipe taken by a method; return the end for the launch."""
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
        """Return the end of what the launch printed, which may say why."""
        lines = self._printed.decode(errors="replace").strip().splitlines()
        return f"; its last words: {' | '.join(lines[-3:])}" if lines else ""
