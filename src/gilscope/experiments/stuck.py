"""Errands of workers that are stuck in a call until something stops them; see `gilscope.experiments.errands`.

It is light to load, because a process is started for every one of them.
"""

import os
import signal
from array import array
from collections.abc import Callable
from functools import partial
from itertools import repeat
from typing import Any

from gilscope.experiments.errands import hear, say
from gilscope.kernels import _capi
from gilscope.originals import time

Work = Callable[[], object]
#: What is stopped at once may be long, and is: a wait for a CPU of some milliseconds is then a small part of it.
REPEATS = {"python": 20, "held": 1, "released": 1}


def work(mode: str, amount: int) -> Work:
    """Return a call that lasts as long as its amount says.

    Parameters
    ----------
    mode : {"python", "held", "released"}
        Plain Python, or C with the GIL held or released.
    amount : int
        Numbers in Python, rounds in C; see `gilscope.experiments.apparatus.amount`.
    """
    if mode == "python":
        return partial(_quads, amount)
    compute = _capi.quad_compute_held if mode == "held" else _capi.quad_compute_released
    return partial(compute, array("d", range(2048)), amount)


def calls(mode: str, amount: int) -> tuple[Work, Work]:
    """Return a call to be timed, and the one to be stuck in, which is `REPEATS` times as long."""
    return work(mode, amount), work(mode, REPEATS[mode] * amount)


def _quads(n_numbers: int) -> None:
    for number in repeat(7, n_numbers):
        number * number * number * number


def be_killed(fd: int, n_rounds: int, lock: Any, segment_name: str) -> None:
    """Take a lock, make a segment, write what is not sent yet, and be stuck in a kernel that holds the GIL.

    Parameters
    ----------
    fd : int
    n_rounds : int
        Of the kernel: as long as it may take to be killed.
    lock : multiprocessing.Lock
    segment_name : str
        Of the segment; "" for none.
    """
    from multiprocessing.shared_memory import SharedMemory

    with lock:
        segment = SharedMemory(segment_name, create=True, size=8) if segment_name else None
        result = os.fdopen(os.dup(fd), "w")
        result.write("1\n")  # in a buffer, as what is printed is
        say(fd, time.perf_counter_ns())
        work("held", n_rounds)()
        result.close()
        if segment is not None:
            segment.unlink()
            segment.close()


def handle_sigterm(fd: int, n_rounds: int) -> None:
    """Be stuck in a kernel that holds the GIL, and end when a handler of one's own has seen SIGTERM."""
    seen: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: seen.append(number))
    kernel = work("held", n_rounds)
    say(fd, *timed(kernel))
    while not seen:
        kernel()


def be_interrupted(fd: int, amounts: dict[str, int]) -> None:
    """Call what is asked for again and again until Ctrl-C; say how long a call takes, and when it began and ended.

    Parameters
    ----------
    fd : int
    amounts : dict of str to int
        Of each mode; ``"nothing MODE"`` makes one call, which nothing is to stop.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    works = {mode: calls(mode, amount) for mode, amount in amounts.items()}
    while word := hear(fd):
        once, doing = works[word.rpartition(" ")[2]]
        if word.startswith("nothing"):
            say(fd, *timed(once))
            doing()
        else:
            try:
                signal.signal(signal.SIGINT, signal.default_int_handler)
                say(fd, *timed(once))
                while True:
                    doing()
            except KeyboardInterrupt:
                pass
        ended_ns = time.perf_counter_ns()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        say(fd, ended_ns)


def timed(doing: Work) -> tuple[int, int]:
    """Return how long a call takes now, and when it had ended, which is when the next one begins."""
    begin_ns = time.perf_counter_ns()
    doing()
    end_ns = time.perf_counter_ns()
    return end_ns - begin_ns, end_ns
