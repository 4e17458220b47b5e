"""What more workers give, measured: the same calls on threads, on processes and in interpreters, in paired rounds.

Beside them stands control work, arithmetic that needs a CPU and nothing else: whether the host gives as many CPUs as it
promises changes from minute to minute, and what it does not give, no worker can use.
"""

import itertools
import math
import random
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from gilscope.accounting import lock_waits
from gilscope.inference import cross_width_interval, ratio_interval
from gilscope.probing.channels import PipeChannel, ThreadChannel, Work, WorkerError
from gilscope.probing.targets import Resolved
from gilscope.results import Interval

WAYS = ("threads", "processes", "interpreters")
#: A worker's share of a sample lasts at least so long: telling it takes some 50 us.
MIN_SAMPLE_NS = 5_000_000
#: Rounds of the control's arithmetic over 2048 items to begin with, some milliseconds' worth on any machine.
SPINS = 4000
FEWEST_ROUNDS, MOST_ROUNDS = 7, 200
#: A long call is made several times a sample where the time allows for so many rounds of that, for all workers begin at
#: once and meet at the GIL; with sixteen calls that is forgotten.
GOOD_ROUNDS, MOST_LONG_CALLS = 12, 16
#: Empty orders sent to a worker for the cost of telling it.
TELLINGS = 15


class Channel(Protocol):
    """A worker; see `gilscope.probing.channels`."""

    lock_waited_ns: int

    def tell(self, work: Work) -> None:
        """Have work done."""

    def answer(self) -> tuple[int, int]:
        """Return when it began and ended, in ns; raises `WorkerError`."""

    def dismiss(self) -> None:
        """Have the worker end, without waiting for it: to end is as much work as to begin."""

    def close(self) -> None:
        """Have the worker end, and wait until it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """What workers of one kind gave.

    Parameters
    ----------
    way : {"threads", "processes", "interpreters", "control"}
        The last is processes that do control work: what the host gives here and now.
    n_workers : int
    speed_up : Interval or None
        Over one thread, or for the control over one process; None where it was not measured.
    of_processes : Interval or None
        The speed of as many processes is 1.
    telling_ns : float or None
        From telling one worker to do nothing to its answer.
    calls_each : int
        How many calls each worker made in a sample, one after the other; 0 for the control.
    lock_waited : float or None
        Of threads: the share of their time in which they blocked on locks of Python's, the GIL apart; None where nobody
        counted that.
    absent : str
        Why it was not measured, or "".
    """

    way: str
    n_workers: int
    speed_up: Interval | None = None
    of_processes: Interval | None = None
    telling_ns: float | None = None
    calls_each: int = 0
    lock_waited: float | None = None
    absent: str = ""


def measure_scaling(
    resolved: Resolved,
    call_ns: float,
    widths: Sequence[int],
    seconds: float,
    *,
    interpreter: Callable[[str], None] | str,
    alone: str = "",
    seed: int = 0,
    most_seconds: float = math.inf,
) -> list[Scaling]:
    """Measure what threads, processes and interpreters give.

    Parameters
    ----------
    resolved : Resolved
    call_ns : float
        About how long one call takes.
    widths : sequence of int
        Numbers of workers, each above 1; at least one.
    seconds : float
        For all rounds; at least `FEWEST_ROUNDS` are made.
    interpreter : callable or str
        Runs source code in a new interpreter with a GIL of its own; or why there is none.
    alone : str
        Why nothing but threads can find the target, or "".
    seed : int
    most_seconds : float, default infinity
        Nothing is measured that could take longer.

    Returns
    -------
    list of Scaling
        For each width and way, and the control; what was not measured says why.
    """
    rng = random.Random(seed)
    calls: Work = {"calls": _calls_each(call_ns, widths, seconds)}
    # At worst the calls of all workers come one after another; before the rounds, each worker makes them once.
    longest_s = (FEWEST_ROUNDS + 1) * (1 + len(WAYS) * sum(widths)) * calls["calls"] * call_ns / 1e9
    if longest_s > most_seconds:
        return _absent(widths, f"calls this long could take {longest_s:.0f} s in all; allow for them with --limit")
    absent = {"processes": alone, "interpreters": alone} if alone else {}
    if isinstance(interpreter, str):
        absent.setdefault("interpreters", interpreter)
    with ExitStack() as stack:
        kinds: dict[str, list[Channel]] = {way: [] for way in WAYS}
        for _ in range(max(widths)):
            for way, channels in kinds.items():
                if way not in absent:
                    channels.append(_open(way, resolved, interpreter))
                    stack.callback(channels[-1].close)
        stack.callback(_dismiss, kinds)
        for way, channels in kinds.items():
            if way in absent:
                continue
            try:
                _greet(channels, calls, way)
            except WorkerError as error:
                absent[way] = str(error)
        if "threads" in absent:
            return _absent(widths, absent["threads"])
        ways = [way for way in kinds if way not in absent]
        arms: dict[tuple[str, int], tuple[list[Channel], Work]] = {("serial", 1): (kinds["threads"][:1], calls)}
        arms |= {(way, n): (kinds[way][:n], calls) for n in widths for way in ways}
        if "processes" in ways:
            spins = _spins(kinds["processes"][0])
            arms |= {("control", n): (kinds["processes"][:n], spins) for n in (1, *widths)}
        counted = _count_lock_waits(stack)
        try:
            walls, waited = _rounds(arms, seconds, rng)
            telling = {way: _telling(kinds[way][0]) for way in ways}
        except WorkerError as error:  # it went well once, and does not always
            return _absent(widths, str(error))
    found = [
        _scaling(walls, way, n, telling, 0 if way == "control" else calls["calls"], waited if counted else {})
        for n in widths
        for way in (*ways, "control")
        if (way, n) in walls
    ]
    return [*found, *(Scaling(way=way, n_workers=n, absent=why) for n in widths for way, why in absent.items())]


def _calls_each(call_ns: float, widths: Sequence[int], seconds: float) -> int:
    """Return how many calls of a worker make a sample."""
    # In a round one thread makes them alone, and for each width, at worst, threads take turns and the others do not.
    round_ns = call_ns * (1 + sum(n + len(WAYS) - 1 for n in widths))
    affordable = min(MOST_LONG_CALLS, int(seconds * 1e9 / (GOOD_ROUNDS * round_ns)))
    return max(1, round(MIN_SAMPLE_NS / call_ns), affordable)


def _absent(widths: Sequence[int], why: str) -> list[Scaling]:
    return [Scaling(way=way, n_workers=n, absent=why) for n in widths for way in WAYS]


def _count_lock_waits(stack: ExitStack) -> bool:
    """Have waits for locks counted until the stack is left, and tell whether that can be."""
    if lock_waits.availability() is not None:
        return False
    stack.enter_context(lock_waits.LockWaits())
    return True


def _dismiss(kinds: dict[str, list[Channel]]) -> None:
    for channel in itertools.chain.from_iterable(kinds.values()):
        channel.dismiss()


def _open(way: str, resolved: Resolved, interpreter: Callable[[str], None] | str) -> Channel:
    if way == "threads":
        return ThreadChannel(resolved.call)
    return PipeChannel(resolved.target, None if way == "processes" or isinstance(interpreter, str) else interpreter)


def _greet(channels: Sequence[Channel], calls: Work, way: str) -> None:
    """Wait until workers are ready, and have each make its calls once, so that nothing is done for the first time."""
    if way != "threads":
        for channel in channels:
            channel.answer()
    _wall_ns(channels, calls)


def _wall_ns(channels: Sequence[Channel], work: Work) -> int:
    """Have all workers do as much each; return the time from the first one's beginning to the last one's end."""
    for channel in channels:
        channel.tell(work)
    answers, errors = [], []
    for channel in channels:
        try:
            answers.append(channel.answer())
        except WorkerError as error:  # the others answer nevertheless
            errors.append(error)
    if errors:
        raise errors[0]
    return max(end for _, end in answers) - min(begin for begin, _ in answers)


def _spins(channel: Channel) -> Work:
    """Return how much control work makes a sample."""
    work: Work = {"spins": SPINS}
    while (wall_ns := _wall_ns([channel], work)) < MIN_SAMPLE_NS:
        work = {"spins": max(work["spins"] * 2, round(work["spins"] * 1.1 * MIN_SAMPLE_NS / max(wall_ns, 1)))}
    return work


def _rounds(
    arms: dict[tuple[str, int], tuple[list[Channel], Work]], seconds: float, rng: random.Random
) -> tuple[dict[tuple[str, int], list[int]], dict[tuple[str, int], int]]:
    """Time every arm once a round, in an order drawn anew each time; add up what its workers waited for locks."""
    walls: dict[tuple[str, int], list[int]] = {arm: [] for arm in arms}
    waited = dict.fromkeys(arms, 0)
    deadline, n_rounds = time.monotonic() + seconds, 0
    while n_rounds < FEWEST_ROUNDS or (n_rounds < MOST_ROUNDS and time.monotonic() < deadline):
        for arm in rng.sample(list(arms), len(arms)):
            before_ns = _waited_ns(arms[arm][0])
            walls[arm].append(_wall_ns(*arms[arm]))
            waited[arm] += _waited_ns(arms[arm][0]) - before_ns
        n_rounds += 1
    return walls, waited


def _waited_ns(channels: Sequence[Channel]) -> int:
    return sum(channel.lock_waited_ns for channel in channels)


def _telling(channel: Channel) -> float:
    """Return the time from telling a worker to do nothing to its answer, in ns."""
    times = []
    for _ in range(TELLINGS):
        begin_ns = time.monotonic_ns()
        channel.tell({"calls": 0})
        channel.answer()
        times.append(time.monotonic_ns() - begin_ns)
    return float(median(times))


def _scaling(
    walls: dict[tuple[str, int], list[int]],
    way: str,
    n_workers: int,
    telling: dict[str, float],
    calls_each: int,
    waited: dict[tuple[str, int], int],
) -> Scaling:
    alone = walls["control" if way == "control" else "serial", 1]
    mine, processes = walls[way, n_workers], walls.get(("processes", n_workers))
    pairs = [math.log(n_workers * one / several) for one, several in zip(alone, mine, strict=True)]
    compared = processes is not None and way in ("threads", "interpreters")
    return Scaling(
        way=way,
        n_workers=n_workers,
        speed_up=cross_width_interval([pairs]),
        of_processes=ratio_interval([[math.log(a / b) for a, b in zip(processes or (), mine, strict=True)]])
        if compared
        else None,
        telling_ns=telling.get(way),
        calls_each=calls_each,
        lock_waited=waited[way, n_workers] / (n_workers * sum(mine)) if waited and way == "threads" else None,
    )
