"""Subinterpreters: a GIL for each worker, inside one process.

`concurrent.interpreters` is public from CPython 3.14 on. 3.13 and 3.12 have the same machinery behind private modules,
which is used here as far as a trial on each of them showed that it works.
"""

import sys
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

from gilscope.results import Unavailable
from gilscope.strategies.base import Channel
from gilscope.strategies.threads import Threads


class Interpreters(Threads):
    """One thread per CPU, each in a subinterpreter with a GIL of its own."""

    name = "interpreters"

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self._errors: dict[int, str] = {}

    @classmethod
    def unavailable(cls) -> Unavailable | None:
        """Return why this interpreter has no subinterpreters with a GIL of their own, or None."""
        if sys.version_info < (3, 12):
            return Unavailable(f"needs CPython >= 3.12; this is {sys.version.split()[0]}")
        return None

    def _host(self, index: int, channel: Channel) -> None:
        thread = threading.Thread(
            target=self._live_in, args=(index, channel), name=f"gilscope-{self.name}-{index}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _live_in(self, index: int, channel: Channel) -> None:
        arguments = (channel.worker_reads, channel.worker_writes, self.memory.fd, self.memory.n_bytes)
        code = (
            "import gc, sys\n"
            "gc.disable()\n"
            f"sys.path[:] = {sys.path!r}\n"
            "from gilscope.worker import serve\n"
            f"serve(*{arguments!r})\n"
        )
        try:
            run_in_new_interpreter(code)
        except Exception as error:  # noqa: BLE001 - reported to the coordinator as this worker's cause of death
            self._errors[index] = f"{type(error).__name__}: {error}"
        finally:
            channel.close_worker_side()

    def _cause_of_death(self, index: int) -> str:
        self._threads[index].join(1.0)
        return self._errors.get(index, super()._cause_of_death(index))


def run_in_new_interpreter(code: str) -> None:
    """Run source code in a new interpreter with its own GIL, then destroy it.

    Raises
    ------
    RuntimeError
        If the code raises; the text names the exception.

    Notes
    -----
    GIL: the calling thread leaves its interpreter's GIL for the new one's until the code ends. Safe from any thread.
    """
    create, execute, destroy = _machinery()
    interpreter = create()
    try:
        execute(interpreter, code)
    finally:
        destroy(interpreter)


def _machinery() -> tuple[Callable[[], Any], Callable[[Any, str], None], Callable[[Any], None]]:
    if sys.version_info >= (3, 14):
        interpreters = import_module("concurrent.interpreters")
        return interpreters.create, lambda interpreter, code: interpreter.exec(code), lambda it: it.close()
    if sys.version_info >= (3, 13):
        raw = import_module("_interpreters")

        def execute(interpreter: Any, code: str) -> None:
            failure = raw.exec(interpreter, code)
            if failure is not None:
                raise RuntimeError(failure.formatted)

        return lambda: raw.create("isolated"), execute, raw.destroy
    raw = import_module("_xxsubinterpreters")
    return lambda: raw.create(isolated=True), raw.run_string, raw.destroy
