"""Interpreters in a process of their own, because each one leaves memory behind that only a process gives back.

    with Host() as host:
        started_ns, *line = host.start("first_task", 1000)
        ended_ns = host.end()

Where the measuring process had them itself, it would grow by some MiB with each, and a fork of it with it.
"""

from typing import Self

from gilscope.experiments.errands import hear, say
from gilscope.experiments.workers import Worker
from gilscope.originals import time

#: A host ends after this many: by then it has grown by 100 MiB or less, as CPython 3.12 and 3.13 were seen to do.
_MOST = 16


class Host:
    """A process that has one interpreter at a time, with a GIL of its own. Use as a context manager.

    Notes
    -----
    GIL: released while it waits. Threads: one speaks with it.
    """

    def __enter__(self) -> Self:
        self._process = Worker("spawn", f"{__name__}:serve").__enter__()
        # The first one loads what all need.
        self._ask("start", "hold_memory", "0")
        self._ask("end")
        self._n_started = 1
        return self

    def __exit__(self, *_: object) -> None:
        self._process.end()

    @property
    def pid(self) -> int:
        """The process, of which the interpreter is a part."""
        return self._process.pid

    def renew(self) -> None:
        """Replace the process where it has had enough interpreters; before what is measured of the next."""
        if self._n_started >= _MOST:
            self._process.end()
            self.__enter__()

    def start(self, errand: str, *arguments: int) -> tuple[int, ...]:
        """Start an interpreter that does an errand; return when that began, in ns, and the first line that it says."""
        self._n_started += 1
        return self._ask("start", errand, *map(str, arguments))

    def ask(self, word: str) -> tuple[int, ...]:
        """Tell it a word; return the line that it says."""
        return self._ask("tell", word)

    def end(self) -> int:
        """End the interpreter; return when it was gone, in ns."""
        return self._ask("end")[0]

    def _ask(self, *words: str) -> tuple[int, ...]:
        self._process.tell(" ".join(words))
        return self._process.hear()


def serve(fd: int) -> None:
    """Start, ask and end interpreters as told, one at a time: the host's side."""
    worker = Worker("interpreter", "hold_memory", 0)
    while order := hear(fd):
        verb, _, rest = order.partition(" ")
        if verb == "start":
            errand, *arguments = rest.split()
            worker = Worker("interpreter", errand, *map(int, arguments)).__enter__()
            say(fd, worker.started_ns, *worker.hear())
        elif verb == "tell":
            worker.tell(rest)
            say(fd, *worker.hear())
        else:
            worker.end()
            say(fd, time.perf_counter_ns())
