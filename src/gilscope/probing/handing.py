"""What it costs to hand a call to a worker: to one that is busy, as from a pool's queue, and to one that sleeps.

A pool hands out one call at a time unless it is told otherwise, most often to workers that have more in their queue.
That cost is as steady as the code that it runs. To wake a sleeping worker is another matter: on a virtual machine that
took from 25 us to some ms, and never the same twice, so nothing is decided by it.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import repeat

from gilscope import shortages
from gilscope.fields import NotNegative, Positive
from gilscope.originals import time
from gilscope.probing.shares import interval_of
from gilscope.probing.workers import Channel

#: Looks at each cost, and orders in a row that do nothing, for each worker: some ms of them.
LOOKS, ORDERS = 15, 50


@dataclass(frozen=True, slots=True)
class Cost:
    """A time in ns, with its interval.

    Parameters
    ----------
    estimate : float
        The median.
    low, high : float
        An end of its interval.
    """

    estimate: NotNegative
    low: NotNegative
    high: NotNegative


@dataclass(frozen=True, slots=True, kw_only=True)
class Handing:
    """What it costs to hand a call to one of several workers, in ns.

    Parameters
    ----------
    n_workers : int
        How many there are.
    busy : Cost
        A call, through the queue of workers that have more to do: of threads `concurrent.futures.ThreadPoolExecutor`'s,
        of processes a pipe each. It overlaps with nothing.
    idle : Cost
        From telling a worker that sleeps to its answer.
    """

    n_workers: Positive
    busy: Cost
    idle: Cost


def hand_to_threads(channels: Sequence[Channel]) -> Handing:
    """Measure with a pool of as many threads; `channels` are sleeping ones.

    Raises
    ------
    CannotRunError
        If the pool may start no thread.
    gilscope.probing.workers.WorkerError
        If a worker does not answer.
    """
    n_workers = len(channels)
    with ThreadPoolExecutor(n_workers) as pool:

        def hand() -> None:
            wait([pool.submit(_nothing) for _ in repeat(None, n_workers * ORDERS)])

        with shortages.named():
            hand()  # the first one starts the threads
        busy = _busy(hand, n_workers)
    return Handing(n_workers=n_workers, busy=busy, idle=_idle(channels[0]))


def hand_to_processes(channels: Sequence[Channel]) -> Handing:
    """Measure with orders that wait in the pipes of these workers."""

    def hand() -> None:
        for channel in channels:
            for _ in repeat(None, ORDERS):
                channel.tell({"calls": 0})
        for channel in channels:
            for _ in repeat(None, ORDERS):
                channel.answer()

    return Handing(n_workers=len(channels), busy=_busy(hand, len(channels)), idle=_idle(channels[0]))


def _nothing() -> None:
    """Do nothing."""


def _busy(hand: Callable[[], None], n_workers: int) -> Cost:
    return _cost(lambda: _wall_ns(hand) / (n_workers * ORDERS))


def _idle(channel: Channel) -> Cost:
    def wake() -> None:
        channel.tell({"calls": 0})
        channel.answer()

    return _cost(lambda: float(_wall_ns(wake)))


def _cost(look: Callable[[], float]) -> Cost:
    found = interval_of([look() for _ in range(LOOKS)])
    return Cost(found.estimate, found.low, found.high)


def _wall_ns(do: Callable[[], None]) -> int:
    begin_ns = time.monotonic_ns()
    do()
    return time.monotonic_ns() - begin_ns
