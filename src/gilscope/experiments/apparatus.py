"""What experiments share to make their arms of: kernels of a known length, threads that meet, a process beside.

kernel = c_kernel("held", 10_000_000)  # a call of about 10 ms that keeps the GIL
with beside(kernel):  # another thread calls it again and again
...
with Crew(2) as crew:
wall_ns = crew.run([kernel, kernel])
"""

import sys
import threading
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import repeat
from queue import SimpleQueue
from statistics import median
from typing import Any, Self

from gilscope.children.conversation import Conversation, answer_requests
from gilscope.children.messages import Message
from gilscope.kernels import _capi
from gilscope.originals import time
from gilscope.showing import named

Work = Callable[[], object]

#: The compute form's chunk: it fits into a first-level cache, so that a kernel is arithmetic and nothing else.
_MOST_ITEMS = 2048
_ITEMS = array("d", range(_MOST_ITEMS))
#: A trial of this many rounds, or numbers, is long enough to tell how many a length takes.
_TRIED_ROUNDS, _TRIED_NUMBERS = 2000, 20_000
#: Calls below this are short: the copy that they make of their items takes a per cent of it.
_SHORT_NS, _TRIALS = 2e5, 3


def timed(work: Work) -> int:
    """Call something once; return the wall time in ns."""
    begin_ns = time.perf_counter_ns()
    work()
    return time.perf_counter_ns() - begin_ns


def c_kernel(gil: str, wall_ns: float, n_items: int = _MOST_ITEMS) -> Work:
    """Return a call of the hand-written C kernel quad, in cache, of about this length.

    Parameters
    ----------
    gil : {"held", "released"}
        For the whole call.
    wall_ns : float
        What one call is to take on a CPU of its own.
    n_items : int, optional
        Items that stay in cache, a multiple of 32; a short call takes few, for it makes a copy of them.

    Notes
    -----
    GIL: as said. Threads: safe from any; what it reads is never written.
    """
    tried = of_rounds(gil, _TRIED_ROUNDS, n_items)
    one_ns = median(timed(tried) for _ in range(5)) / _TRIED_ROUNDS
    rounds = max(1, round(wall_ns / one_ns))
    # Of a short call, what it costs beside its rounds shows: it is tried again with the rounds of the last trial.
    for _ in range(_TRIALS if wall_ns < _SHORT_NS else 0):
        n_calls = round(_SHORT_NS / wall_ns)  # many of them together, or the clock would be in each
        call = partial(again, of_rounds(gil, rounds, n_items), n_calls)
        took_ns = min(timed(call) for _ in range(5)) / n_calls
        rounds = max(1, round(rounds * wall_ns / took_ns))
    return of_rounds(gil, rounds, n_items)


def again(work: Work, n_calls: int) -> None:
    """Call something so often, one call after the other."""
    for _ in range(n_calls):
        work()


def of_rounds(gil: str, rounds: int, n_items: int = _MOST_ITEMS) -> Work:
    """Return a call of the same kernel with so many rounds, in any GIL mode; see `c_kernel`."""
    compute: Callable[..., int] = getattr(_capi, f"quad_compute_{gil}")
    return partial(compute, _ITEMS[:n_items], rounds)


def c_kernels(wall_ns: float, n_items: int = _MOST_ITEMS) -> dict[str, Work]:
    """Return two calls that do exactly the same, one with the GIL held and one with it released; see `c_kernel`."""
    held = c_kernel("held", wall_ns, n_items)
    return {"held": held, "released": of_rounds("released", amount(held), n_items)}


def python_kernel(wall_ns: float) -> Work:
    """Return a call of quad in plain Python of about this length; it runs bytecode and can be asked for the GIL."""
    one_ns = median(timed(partial(quads, _TRIED_NUMBERS)) for _ in range(5)) / _TRIED_NUMBERS
    return partial(quads, max(1, round(wall_ns / one_ns)))


def amount(kernel: Work) -> int:
    """Return how much a kernel of `c_kernel` or `python_kernel` does in a call: rounds over its chunk, or numbers."""
    assert isinstance(kernel, partial)
    return int(kernel.args[-1])


def quads(n_numbers: int) -> int:
    """Raise that many numbers to the fourth power in plain Python; return the last."""
    result = 0
    for number in repeat(7, n_numbers):
        result = number * number * number * number
    return result


def until(deadline_ns: int, work: Work) -> int:
    """Call something again and again until a moment of `time.perf_counter_ns`; return how often."""
    n_calls = 0
    while time.perf_counter_ns() < deadline_ns:
        work()
        n_calls += 1
    return n_calls


@contextmanager
def beside(work: Work) -> Iterator[None]:
    """Have another thread call something again and again while the context lasts; it ends with the call under way."""
    is_over, has_begun = threading.Event(), threading.Event()

    def call() -> None:
        has_begun.set()
        while not is_over.is_set():
            work()

    thread = threading.Thread(target=call, name="beside", daemon=True)
    thread.start()
    try:
        has_begun.wait()
        yield
    finally:
        is_over.set()
        thread.join()


@contextmanager
def receiving_thread() -> Iterator[Callable[[object], None]]:
    """Have a thread receive objects; give what hands one over, as it is, and waits until it is there."""
    there: SimpleQueue[object] = SimpleQueue()
    back: SimpleQueue[int] = SimpleQueue()
    end = object()

    def receive() -> None:
        while there.get() is not end:
            back.put(1)

    def hand_over(some: object) -> None:
        there.put(some)
        back.get()

    thread = threading.Thread(target=receive, daemon=True)
    thread.start()
    try:
        yield hand_over
    finally:
        there.put(end)
        thread.join()


class Crew:
    """Threads that wait for work, and begin it together. Use as a context manager: leaving it ends them.

    Parameters
    ----------
    n_threads : int

    Notes
    -----
    GIL: a waiting thread does not have it. Threads: one gives them work.
    """

    def __init__(self, n_threads: int) -> None:
        self._tasks: list[SimpleQueue[Work | None]] = [SimpleQueue() for _ in range(n_threads)]
        self._ends: SimpleQueue[tuple[int, int] | BaseException] = SimpleQueue()
        self._threads = [threading.Thread(target=self._serve, args=(tasks,), daemon=True) for tasks in self._tasks]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for tasks in self._tasks:
            tasks.put(None)
        for thread in self._threads:
            thread.join()

    def run(self, works: Sequence[Work]) -> int:
        """Have each of the first threads do one piece of work; return the ns from the first's begin to the last's end.

        Parameters
        ----------
        works : sequence of callable
            As many as there are threads, or fewer.
        """
        for tasks, work in zip(self._tasks, works, strict=False):
            tasks.put(work)
        ends = [self._ends.get() for _ in works]
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        times = [end for end in ends if isinstance(end, tuple)]
        return max(end for _, end in times) - min(begin for begin, _ in times)

    def _serve(self, tasks: "SimpleQueue[Work | None]") -> None:
        while (work := tasks.get()) is not None:
            try:
                begin_ns = time.perf_counter_ns()
                work()
                self._ends.put((begin_ns, time.perf_counter_ns()))
            except BaseException as error:  # noqa: BLE001 - who gave the work is to hear of it
                self._ends.put(error)


class Helper(Conversation):
    """Another process of ours that calls functions by their names. Use as a context manager.

    Parameters
    ----------
    environment : mapping, optional
        Variables beside those of this process.
    python : str, optional
        Another interpreter, which has gilscope too.

    Examples
    --------
    >>> with Helper() as helper:
    ...     helper.call("gilscope.experiments.apparatus:quads", 10)
    2401
    """

    def __init__(self, environment: Mapping[str, str] | None = None, python: str = sys.executable) -> None:
        super().__init__("gilscope.experiments.apparatus", "a helping process", environment, python)

    def call(self, function: str, *arguments: Any) -> Any:
        """Call ``"module:function"`` there with plain data, and return what it returns, which is plain data too."""
        self.begin(function, *arguments)
        return self.end()

    def begin(self, function: str, *arguments: Any) -> None:
        """Have a call begun there, and go on here; `end` waits for it."""
        self.tell(function=function, arguments=arguments)

    def end(self) -> Any:
        """Wait for the call that was begun; return what it returned."""
        return self.hear()["returned"]


def compute_for(wall_ns: int) -> int:
    """Compute in C for so long, in calls of about 1 ms that release the GIL; return the calls."""
    return until(time.perf_counter_ns() + wall_ns, c_kernel("released", 1e6))


def _answer(request: Message, _stack: object) -> Message:
    return {"returned": named(request["function"])(*request["arguments"])}


if __name__ == "__main__":
    answer_requests(_answer)
