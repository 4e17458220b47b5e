"""What more workers give, measured: the same calls on threads, on processes and in interpreters, in paired rounds.

Beside them stands control work, arithmetic that needs a CPU and nothing else: whether the host gives as many CPUs as it
promises changes from minute to minute, and what it does not give, no worker can use.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from random import Random
from typing import Annotated

from gilscope import words
from gilscope.accounting import lock_waits
from gilscope.errors import CannotRunError
from gilscope.fields import Natural, NotNegative, OneOf
from gilscope.originals import threads_are_replaced, time
from gilscope.pairing.intervals import Interval, cross_width_interval, ratio_interval
from gilscope.pairing.rounds import Rounds, in_turns, lead_in
from gilscope.probing.handing import Handing, hand_to_processes, hand_to_threads
from gilscope.probing.workers import Channel, PipeChannel, ThreadChannel, Work, WorkerError
from gilscope.targets.target import Resolved

WAYS = ("threads", "processes", "interpreters")
#: A worker's share of a sample lasts at least so long, for its threads do not begin at the very same moment.
MIN_SAMPLE_NS = 5_000_000
#: Rounds of the control's arithmetic over 2048 items to begin with, some milliseconds' worth on any machine.
SPINS = 4000
FEWEST_ROUNDS, MOST_ROUNDS = 7, 200
#: If the time allows for this many rounds, each sample holds several long calls: workers start together and collide at
#: the GIL once, and 16 calls make that negligible.
GOOD_ROUNDS, MOST_LONG_CALLS = 12, 16
#: What handing a call out costs is measured for shorter calls; of longer ones it is less than matters to anybody.
SHORT_CALL_NS = 2_000_000

SERIAL = "serial"

_Arm = tuple[str, int]
#: An arm whose workers are another one's.
_SAME_WORKERS = {"control": "processes"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """What workers of one kind gave.

    Parameters
    ----------
    way : {"threads", "processes", "interpreters", "control"}
        The last is processes that do control work: what the host gives here and now.
    n_workers : int
        How many.
    speed_up : Interval or None
        Over one thread, or for the control over one process; None where it was not measured.
    of_processes : Interval or None
        The speed of as many processes is 1.
    handing : Handing or None
        What it costs to hand a call to such a worker; None where nobody asked, as of a long call.
    calls_each : int
        How many calls each worker made in a sample, one after the other; 0 for the control.
    lock_waited : float or None
        Of threads: the share of their time in which they blocked on locks of Python's, the GIL apart; None where nobody
        counted that.
    absent : str
        Why it was not measured, or "".
    failed : bool
        Whether that is because workers cannot make the call.
    """

    way: Annotated[str, OneOf("threads", "processes", "interpreters", "control")]
    n_workers: Natural
    speed_up: Interval | None = None
    of_processes: Interval | None = None
    handing: Handing | None = None
    calls_each: Natural = 0
    lock_waited: NotNegative | None = None
    absent: str = ""
    failed: bool = False


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
    with_handing: bool = True,
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
    with_handing : bool, default True
        Whether to measure what handing a call out costs, if calls are short.

    Returns
    -------
    list of Scaling
        For each width and way, and the control; what was not measured says why. A way that fails is alone in that.
    """
    rng = Random(seed)
    calls: Work = {"calls": _calls_each(call_ns, widths, seconds)}
    # At worst the calls of all workers come one after another; before the rounds, each worker makes them once.
    calls_a_sample = calls["calls"] + _lead_in(calls).get("calls", 0)
    longest_s = (FEWEST_ROUNDS + 1) * (1 + len(WAYS) * sum(widths)) * calls_a_sample * call_ns / 1e9
    if longest_s > most_seconds:
        why = f"calls this long could take {words.seconds(round(longest_s))} in all; allow for them with --limit"
        return _Absences(dict.fromkeys(WAYS, why)).scalings(widths)
    absent = _Absences({"processes": alone, "interpreters": alone} if alone else {})
    if isinstance(interpreter, str):
        absent.reasons.setdefault("interpreters", interpreter)
    with ExitStack() as stack:
        kinds = _opened(stack, resolved, interpreter, max(widths), absent)
        single = _greeted(kinds, calls, absent)
        if not single:
            return absent.scalings(widths)
        arms: dict[_Arm, tuple[list[Channel], Work]] = {(SERIAL, 1): (single, calls)}
        arms |= {(way, n): (kinds[way][:n], calls) for n in widths for way in kinds if way not in absent.reasons}
        if "processes" not in absent.reasons:
            spins = _spins(kinds["processes"][0])
            arms |= {("control", n): (kinds["processes"][:n], spins) for n in (1, *widths)}
        counted = _count_lock_waits(stack)
        try:
            rounds, waited = _rounds(arms, seconds, rng, absent)
            handing = _handing(kinds, absent) if with_handing and call_ns < SHORT_CALL_NS else {}
        except WorkerError as error:
            for way in WAYS:
                absent.fail(way, str(error))
            return absent.scalings(widths)
    found = [
        _scaling(rounds, way, n, handing.get(way), 0 if way == "control" else calls["calls"], waited if counted else {})
        for n in widths
        for way in (*kinds, "control")
        if (way, n) in rounds.times
    ]
    return [*found, *absent.scalings(widths)]


class _Absences:
    """Ways that are not measured, and why; those among them whose workers cannot make the call have failed."""

    def __init__(self, reasons: dict[str, str]) -> None:
        self.reasons, self._failed = reasons, set[str]()

    def fail(self, way: str, why: str) -> None:
        """Take note that workers of this way cannot make the call; the first reason stays."""
        if way not in self.reasons:
            self.reasons[way] = why
            self._failed.add(way)

    def scalings(self, widths: Sequence[int]) -> list[Scaling]:
        """Return what is to be said of them."""
        return [
            Scaling(way=way, n_workers=n, absent=why, failed=way in self._failed)
            for n in widths
            for way, why in self.reasons.items()
        ]


def _opened(
    stack: ExitStack, resolved: Resolved, interpreter: Callable[[str], None] | str, n_workers: int, absent: _Absences
) -> dict[str, list[Channel]]:
    """Start so many workers of each way, all at once; leaving the stack ends them all at once too."""
    kinds: dict[str, list[Channel]] = {way: [] for way in WAYS}
    for _ in range(n_workers):
        for way, channels in kinds.items():
            if way in absent.reasons:
                continue
            try:
                channels.append(_open(way, resolved, interpreter))
                stack.callback(channels[-1].close)
            except CannotRunError as error:  # too few files or threads, and maybe enough for another way
                absent.reasons[way] = str(error)
    stack.callback(_dismiss, kinds)
    return kinds


def _greeted(kinds: dict[str, list[Channel]], calls: Work, absent: _Absences) -> list[Channel]:
    """Have workers make their calls once, one alone and then all at once; return one of a way that can, as a list.

    It is what all are compared with: a thread where threads can make the call, which is what a program has.
    """
    single: list[Channel] = []
    for way, channels in kinds.items():
        if way in absent.reasons:
            continue
        try:
            _greet(channels[:1], calls, way)
            single = single or channels[:1]
            _greet(channels, calls, way)
        except WorkerError as error:
            absent.fail(way, str(error))
    return single


def _calls_each(call_ns: float, widths: Sequence[int], seconds: float) -> int:
    """Return how many calls of a worker make a sample."""
    # In a round one thread makes them alone, and for each width, at worst, threads take turns and the others do not.
    round_ns = call_ns * (1 + sum(n + len(WAYS) - 1 for n in widths))
    affordable = min(MOST_LONG_CALLS, int(seconds * 1e9 / (GOOD_ROUNDS * round_ns)))
    return max(1, round(MIN_SAMPLE_NS / call_ns), affordable)


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
    for channel in channels:
        channel.greet()
    try:
        _wall_ns(channels, calls)
    except WorkerError as error:
        raise WorkerError(f"{len(channels)} {way} at once: {error}" if len(channels) > 1 else str(error)) from None


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
    arms: dict[_Arm, tuple[list[Channel], Work]], seconds: float, rng: Random, absent: _Absences
) -> tuple[Rounds[_Arm], dict[_Arm, int]]:
    """Time every arm once a round, each after a lead-in; add up what its workers waited for locks.

    A way that fails is left out from there on, for the reason that `absent` then has.
    """
    waited = dict.fromkeys(arms, 0)

    def measure(order: Sequence[_Arm]) -> dict[_Arm, float]:
        walls: dict[_Arm, float] = {}
        failed: set[str] = set()
        for arm in order:
            channels, work = arms[arm]
            way = _SAME_WORKERS.get(arm[0], arm[0])
            if way in failed:  # another width of it, in this round
                continue
            try:
                if before := _lead_in(work):
                    _wall_ns(channels, before)
                before_ns = _waited_ns(channels)
                walls[arm] = _wall_ns(channels, work)
            except WorkerError as error:  # it went well once, and does not always
                if arm[0] == SERIAL:
                    raise
                absent.fail(way, f"{arm[1]} {way} at once: {error}")
                failed.add(way)
            else:
                waited[arm] += _waited_ns(channels) - before_ns
        return {arm: ns for arm, ns in walls.items() if _SAME_WORKERS.get(arm[0], arm[0]) not in failed}

    rounds = Rounds(list(arms), measure, rng)
    deadline = time.monotonic() + seconds
    for _ in in_turns(
        [rounds],
        Rounds.take,
        lambda rounds: len(rounds) >= MOST_ROUNDS,
        lambda: len(rounds) >= FEWEST_ROUNDS and time.monotonic() >= deadline,
        rng,
    ):
        pass
    return rounds, waited


def _lead_in(work: Work) -> Work:
    """Return the work of a lead-in; none where a sample is a single call, which there is no time to make twice."""
    return {name: lead_in(amount) for name, amount in work.items() if amount > 1}


def _waited_ns(channels: Sequence[Channel]) -> int:
    return sum(channel.lock_waited_ns for channel in channels)


def _handing(kinds: dict[str, list[Channel]], absent: _Absences) -> dict[str, Handing]:
    """Return what handing calls to the most workers costs, for those ways that a program would hand them to."""
    measure = {"threads": hand_to_threads, "processes": hand_to_processes}
    if threads_are_replaced():  # a pool of them is none
        del measure["threads"]
    found = {}
    for way, hand in measure.items():
        if way not in absent.reasons:
            with suppress(CannotRunError):  # a pool needs threads of its own, and there may be no more
                found[way] = hand(kinds[way])
    return found


def _scaling(
    rounds: Rounds[_Arm],
    way: str,
    n_workers: int,
    handing: Handing | None,
    calls_each: int,
    waited: dict[_Arm, int],
) -> Scaling:
    mine, alone, processes = (way, n_workers), ("control" if way == "control" else SERIAL, 1), ("processes", n_workers)
    # So many workers make so many times the calls of one.
    speed_up = [math.log(n_workers) + log_ratio for log_ratio in rounds.log_ratios(alone, mine)]
    compared = processes in rounds.times and way in ("threads", "interpreters")
    share_ns = n_workers * sum(rounds.times[mine])
    return Scaling(
        way=way,
        n_workers=n_workers,
        speed_up=cross_width_interval([speed_up]),
        of_processes=ratio_interval([rounds.log_ratios(processes, mine)]) if compared else None,
        handing=handing if handing is not None and handing.n_workers == n_workers else None,
        calls_each=calls_each,
        lock_waited=waited[mine] / share_ns if waited and way == "threads" else None,
    )
