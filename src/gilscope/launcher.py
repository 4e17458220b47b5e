"""Starting a launch in a fresh interpreter, and speaking with it."""

import json
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Self

from gilscope import errors
from gilscope.errors import KernelError
from gilscope.results import Arm, Sample, Unavailable
from gilscope.words import seconds

# A round takes some 100 ms; a launch that says nothing for this long is stuck.
ANSWER_SECONDS = 120.0
STOP_SECONDS = 10.0

# One thread for each native pool, because every arm says itself how many CPUs it uses. OpenMP's team is that of an arm,
# and set up in its worker alone (see `gilscope.kernels.with_openmp`).
_POOL_LIMITS = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMEXPR_NUM_THREADS": "1"}


class LaunchProcess:
    """A launch in an interpreter of its own, with a hash seed of its own. Use as a context manager.

    Takes the same calls as `gilscope.launch.Launch`. Leaving it ends the interpreter and every worker it started: they
    form a session of their own, which Ctrl-C in the terminal does not reach and one signal ends.

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

    def __enter__(self) -> Self:
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, *_interpreter_flags(), "-P", "-m", "gilscope.launch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, **_POOL_LIMITS, "PYTHONHASHSEED": str(self._hash_seed)},
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        try:
            with suppress(BrokenPipeError):
                process.stdin.close()  # the order to stop
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
        finally:
            # Workers end when their pipes do; what is left by now is stuck, and its session ends with it.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()
            self._errors.close()

    def start(self) -> list[dict[str, object]]:
        """Start every crew; see `gilscope.launch.Launch.start`."""
        return list(self._ask(op="start", **self._setup)["workers"])

    def prepare(self, arm_ids: Sequence[str], n_items: int) -> dict[str, Unavailable]:
        """Prepare and verify arms; see `gilscope.launch.Launch.prepare`."""
        absent = self._ask(op="prepare", arms=list(arm_ids), n_items=n_items)["unavailable"]
        return {arm: Unavailable(reason) for arm, reason in absent.items()}

    def measure(self, order: Sequence[tuple[str, int, int]]) -> tuple[list[Sample], int, int]:
        """Time one round; see `gilscope.launch.Launch.measure`."""
        answer = self._ask(op="measure", order=list(order))
        return [Sample(**sample) for sample in answer["samples"]], answer["steal_ticks"], answer["throttled"]

    def _ask(self, **request: object) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            ready, _, _ = select.select([self._process.stdout], [], [], ANSWER_SECONDS)
            line = self._process.stdout.readline() if ready else b""
        except BrokenPipeError:
            ready, line = [self._process.stdout], b""
        if not line.endswith(b"\n"):  # nothing, or the half of an answer that it was killed in
            what = "stopped" if ready else f"gave no answer for {seconds(ANSWER_SECONDS)}"
            raise KernelError(f"the measuring process {what}{self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise getattr(errors, answer["kind"])(answer["error"])
        return answer

    def _last_words(self) -> str:
        """Return the end of what the launch wrote to standard error, for whoever has to find out why."""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"; its last words: {' | '.join(lines[-3:])}" if lines else ""


def _interpreter_flags() -> list[str]:
    """Return the flags this interpreter was started with (-X gil=0, -W error ...), so that launches run under them."""
    return subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined,no-any-return] # as multiprocessing does
