"""From one call, alone on one thread, to the speed-up that threads or processes can give.

Independent calls are not Amdahl's case: while one thread holds the GIL, the others get on with what needs no GIL. That
is the machine repairman's problem, a closed network of one queue (the GIL) and a delay (the rest). Two values enclose
what to expect: the bound, which calls that are all alike come close to, and mean value analysis, which is exact for
times as irregular as exponential ones.

Two cases are other matters. Releases of some microseconds, where threads have to wait for the GIL: the one that
released it is back before a waiting one has woken up, so nothing overlaps and every release costs. Only where each
release is longer than the holds between, and as regular, may two threads never meet. And holds beyond the switch
interval: a thread that has waited so long takes the GIL as soon as the holder is at bytecode again, which may be on its
way to its next release, and then that has to wait for the whole next hold. All threads hold in turn and release
together, and that is Amdahl's case. Holds that end in the release itself are not cut.

References
----------
M. Reiser, S. S. Lavenberg (1980). Mean-value analysis of closed multichain queuing networks. Journal of the ACM 27,
313-322.
P. J. Denning, J. P. Buzen (1978). The operational analysis of queueing network models. ACM Computing Surveys 10,
225-261, the section on bottlenecks: the bound.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

from gilscope.accounting.fine_releases import BREAK_EVEN_NS
from gilscope.fields import Natural, NotNegative, OneOf
from gilscope.pairing.control import SAME
from gilscope.probing.call_profile import HAND_OVER_NS, SHARED_HAND_OVER, CallProfile, check_amounts
from gilscope.words import duration, percent

#: Releases this much longer than the holds between need not meet any: two C threads that did nothing else gave 1.4 to
#: 1.9 with holds of 0.3 to 5 us, and 0.5 to 0.85 where releases were as long as the holds.
ROOM = 1.5
#: How sharply the GIL and too few CPUs take turns in limiting: min() would be infinity, and a fifth too high where both
#: do. With 4, exponential calls simulated on shared CPUs stay below `low` by 7 % at most; on one CPU that holds alone
#: keep busy, they exceed it by a fifth.
KNEE = 4
#: Threads that block on locks for so much of their time lose as much speed, which is what matters to somebody.
LOCKED = 0.05
#: A way pays if it makes calls this much faster.
PAYS = 1.05

NOTHING = "nothing"
THE_GIL = "the GIL"
CPUS = "CPUs"
FINE_RELEASES = "fine releases"
SHIPPING = "shipping"
LIMITS = (NOTHING, THE_GIL, CPUS, FINE_RELEASES, SHIPPING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a number of workers should give.

    Parameters
    ----------
    n_workers : int
        How many.
    low : float
        Speed-up over serial of calls as irregular as exponential times. Where holds last longer than the switch
        interval, it is that of threads that hold in turn and release together.
    high : float
        Speed-up of calls that are all alike.
    limit : {"nothing", "the GIL", "CPUs", "fine releases", "shipping"}
        What keeps `high` from being more; "nothing" if it is `n_workers`. "fine releases" last less than 20 us on
        average. With less than 8 us and no more than the holds between, the speed-up is below 1; else `high` may be
        above 1, for either was measured. Or they are some of a call's releases, and nothing else keeps it from
        `n_workers`.
    """

    n_workers: Natural
    low: NotNegative
    high: NotNegative
    limit: Annotated[str, OneOf(*LIMITS)]


def predict_threads(profile: CallProfile, n_workers: int, usable_cpus: int) -> Prediction:
    """Predict the speed-up of threads that share the GIL and each make calls of their own.

    Parameters
    ----------
    profile : CallProfile
    n_workers, usable_cpus : int
        At least 1.

    Returns
    -------
    Prediction
        Never above n, the wall time / held time, and the CPUs / the call's share of one.

    Raises
    ------
    ValueError
        If a number is below 1.

    Notes
    -----
    Taken for granted: memory that feeds all CPUs, and no lock but the GIL.

    Examples
    --------
    >>> call = CallProfile(held_ns=2.5e6, computing_ns=0, blocked_ns=7.5e6, releases=1)
    >>> predicted = predict_threads(call, 4, usable_cpus=4)
    >>> f"{predicted.low:.2f} to {predicted.high:.2f}, limited by {predicted.limit}"
    '3.18 to 4.00, limited by nothing'
    """
    _check_counts(n_workers=n_workers, usable_cpus=usable_cpus)
    if n_workers == 1:
        return Prediction(n_workers=1, low=1.0, high=1.0, limit=NOTHING)  # nobody to hand the GIL to
    if profile.fine_releases:
        at_best, at_worst = (profile.without_fine_releases(hand_over_ns) for hand_over_ns in HAND_OVER_NS)
        best, worst = (predict_threads(call, n_workers, usable_cpus) for call in (at_best, at_worst))
        low, high = worst.low * profile.wall_ns / at_worst.wall_ns, best.high * profile.wall_ns / at_best.wall_ns
        limit = FINE_RELEASES if best.limit == NOTHING else best.limit
        return Prediction(n_workers=n_workers, low=min(low, high), high=high, limit=limit)
    cpu_bound = _ratio(usable_cpus, profile.cpu_share)
    if not profile.held_ns:  # no GIL is in force, so there is nothing to queue for, and nothing to hand over
        bound, limit = _lowest({NOTHING: n_workers, CPUS: cpu_bound})
        low = _irregular(0.0, profile.wall_ns, profile.wall_ns, n_workers, usable_cpus, cpu_bound)
        return Prediction(n_workers=n_workers, low=min(low, bound), high=bound, limit=limit)
    bound, limit = _lowest({NOTHING: n_workers, THE_GIL: _ratio(profile.wall_ns, profile.held_ns), CPUS: cpu_bound})
    contended_ns = profile.held_ns + profile.releases * HAND_OVER_NS[1]
    uncut = _irregular(contended_ns, profile.released_ns, profile.wall_ns, n_workers, usable_cpus, cpu_bound)
    coarse = uncut - profile.cut * max(0.0, uncut - _together(profile, n_workers, usable_cpus))
    mean_ns = profile.mean_release_ns or 0.0
    over_hold = _ratio(profile.released_ns, profile.held_ns) if mean_ns > HAND_OVER_NS[0] else 0.0
    apart = min(1.0, max(0.0, (over_hold - 1) / (ROOM - 1)))  # how far two threads may keep out of each other's way
    at_best_ns = min(HAND_OVER_NS[0], SHARED_HAND_OVER * _ratio(profile.wall_ns, profile.releases))
    high = _with_fine_releases(bound, profile, at_best_ns, max(apart, _counts(mean_ns, BREAK_EVEN_NS[0])))
    low = _with_fine_releases(coarse, profile, HAND_OVER_NS[1], _counts(mean_ns, BREAK_EVEN_NS[1]))
    if profile.releases_shorter_than(BREAK_EVEN_NS[1]):
        limit = FINE_RELEASES
    return Prediction(n_workers=n_workers, low=min(low, high), high=high, limit=limit)


def in_samples(prediction: Prediction, profile: CallProfile, calls_each: int, usable_cpus: int) -> Prediction:
    """Predict what a sample shows in which every thread makes so many calls, all beginning at once.

    At the beginning they meet at the GIL, and the last thread gets it when each other one has had it once; or, where
    they keep it busy, at the end the last release has nothing left to overlap with. Many calls in a row make up for it.

    Parameters
    ----------
    prediction : Prediction
        Of threads that go on for ever.
    profile : CallProfile
    calls_each, usable_cpus : int
        At least 1.

    Returns
    -------
    Prediction
        Never below what it is if all hold in turn and release together each time, unless it was before.

    Raises
    ------
    ValueError
        If a number is below 1.
    """
    _check_counts(calls_each=calls_each, usable_cpus=usable_cpus)
    ramp_ns = min((prediction.n_workers - 1) * profile.held_ns, profile.released_ns)
    alone_ns = prediction.n_workers * calls_each * profile.wall_ns
    together = _together(profile, prediction.n_workers, usable_cpus)
    low, high = (
        max(alone_ns / (alone_ns / end + ramp_ns), min(end, together)) for end in (prediction.low, prediction.high)
    )
    return replace(prediction, low=low, high=high)


def predict_processes(profile: CallProfile, n_workers: int, usable_cpus: int, shipping_ns: float = 0.0) -> Prediction:
    """Predict the speed-up of processes, which share no GIL, over calls in one process, which ship nothing.

    Parameters
    ----------
    profile : CallProfile
    n_workers, usable_cpus : int
        At least 1; the parent is not a worker.
    shipping_ns : float, default 0.0
        The parent's time on a CPU per call, to send the arguments and to receive the result.

    Returns
    -------
    Prediction
        The parent takes the GIL's place as what all queue for. `low`: a worker idles while its call is shipped;
        `high`: the next call is there before the last one is done.

    Raises
    ------
    ValueError
        If a number is below 1, or `shipping_ns` negative or not finite.
    """
    _check_counts(n_workers=n_workers, usable_cpus=usable_cpus)
    check_amounts(shipping_ns=shipping_ns)
    cpu_bound = _ratio(usable_cpus * profile.wall_ns, profile.cpu_ns + shipping_ns)
    bound, limit = _lowest({NOTHING: n_workers, SHIPPING: _ratio(profile.wall_ns, shipping_ns), CPUS: cpu_bound})
    low = _irregular(shipping_ns, profile.wall_ns, profile.wall_ns, n_workers, usable_cpus, cpu_bound)
    return Prediction(n_workers=n_workers, low=min(low, bound), high=bound, limit=limit)


def pays_from_ns(
    profile: CallProfile,
    overhead_ns: float,
    n_workers: int,
    usable_cpus: int,
    *,
    way: Callable[[CallProfile, int, int], Prediction] = predict_threads,
) -> float | None:
    """Find how long a call like this one must last before a way pays.

    Parameters
    ----------
    profile : CallProfile
        Only its shares and how fine its releases are matter: a longer call is taken for more of the same.
    overhead_ns : float
        What the way costs per call, whatever the call's length, in time that nothing overlaps.
    n_workers, usable_cpus : int
        At least 1.
    way : callable, default predict_threads
        Or `predict_processes`.

    Returns
    -------
    float or None
        The shortest call, in ns, that gets at least 1.05 times as fast: w with w / (w / s + overhead) = 1.05, where s
        is the low end of the speed-up without overhead. None if no length does.

    Raises
    ------
    ValueError
        If a number is below 1, or `overhead_ns` negative or not finite.
    """
    check_amounts(overhead_ns=overhead_ns)
    saved = 1 / PAYS - 1 / way(profile, n_workers, usable_cpus).low
    return overhead_ns / saved if saved > 0 else None


def shortfall(
    most: float,
    prediction: Prediction,
    profile: CallProfile,
    *,
    memory_bound: bool | None = None,
    one_gil: bool = True,
    falls_short: bool = False,
    lock_waited: float = 0.0,
) -> str:
    """Say why a measured speed-up may have stayed below its prediction.

    Parameters
    ----------
    most : float
        The largest that what was measured allows, were all CPUs there; infinity if it allows everything.
    prediction : Prediction
    profile : CallProfile
    memory_bound : bool or None
        Whether calls side by side are known to fill the memory bus; None if nobody looked.
    one_gil : bool, default True
        Whether the workers share a GIL, so that releases cost them something.
    falls_short : bool, default False
        Whether they are known to fall short of as many processes, so that it is not the machine.
    lock_waited : float, default 0.0
        The share of their time in which they were seen to block on locks of Python's.

    Returns
    -------
    str
        Empty if `most` reaches `prediction.low` within 2 %, which is less than matters to anybody. Else the first
        cause that is known to be there.

    Raises
    ------
    ValueError
        If `most` is negative or not a number.
    """
    if not most >= 0:
        raise ValueError(f"a speed-up is a number from 0 on, got {most}")
    if most >= (1 - SAME) * prediction.low:
        return ""
    if lock_waited >= LOCKED:
        return f"another lock: they block on one of Python's for {percent(lock_waited, 0)} of their time"
    if one_gil and profile.releases_shorter_than(2 * BREAK_EVEN_NS[1]):
        return f"releases too fine: {duration(profile.mean_release_ns)} each"
    if memory_bound:
        return "memory bandwidth"
    if one_gil:
        return "another lock" if falls_short else "another lock, memory, or CPUs that the host did not give"
    return "memory, or CPUs that the host did not give"


def _counts(mean_release_ns: float, break_even_ns: float) -> float:
    """Return how much of what coarse releases would give ones of this length do, 0 to 1."""
    return min(1.0, max(0.0, mean_release_ns / break_even_ns - 1))


def _with_fine_releases(coarse: float, profile: CallProfile, hand_over_ns: float, used: float) -> float:
    """Lead from what fine releases leave, a serial call and its hand-overs, to what coarse ones give."""
    fine = 1.0
    if profile.releases_shorter_than(math.inf):
        fine = profile.wall_ns / (profile.wall_ns + profile.releases * hand_over_ns)
    return (1 - used) * fine + used * coarse


def _irregular(
    queued_ns: float, free_ns: float, wall_ns: float, n_workers: int, usable_cpus: int, cpu_bound: float
) -> float:
    """Return the speed-up of exponential calls that queue for one thing, on so many CPUs."""
    uncapped = wall_ns * _calls_per_ns(queued_ns, free_ns, n_workers)
    if n_workers <= usable_cpus:
        return uncapped  # nobody waits for a CPU
    capped = uncapped / math.pow(1 + math.pow(uncapped / cpu_bound, KNEE), 1 / KNEE)
    return max(capped, wall_ns * _calls_per_ns(queued_ns, free_ns, usable_cpus))  # more workers do not hurt


def _together(profile: CallProfile, n_workers: int, usable_cpus: int) -> float:
    """Return the speed-up of threads that hold the GIL in turn, and then do the rest all at once, on so many CPUs."""
    rest_ns = profile.blocked_ns + profile.computing_ns * max(1.0, n_workers / usable_cpus)
    return n_workers * profile.wall_ns / (n_workers * profile.held_ns + rest_ns)


def _calls_per_ns(queued_ns: float, free_ns: float, n_workers: int) -> float:
    """Apply exact mean value analysis to one queue and a delay."""
    calls_per_ns = queue = 0.0
    for present in range(1, n_workers + 1):
        residence_ns = queued_ns * (1 + queue)  # who arrives finds the queue of a network with one worker less
        calls_per_ns = present / (residence_ns + free_ns)
        queue = calls_per_ns * residence_ns
    return calls_per_ns


def _lowest(bounds: dict[str, float]) -> tuple[float, str]:
    """Return the lowest bound and its name; of equal ones the first."""
    limit = min(bounds, key=bounds.__getitem__)
    return bounds[limit], limit


def _ratio(value: float, part: float) -> float:
    return value / part if part else math.inf


def _check_counts(**counts: int) -> None:
    wrong = [f"{name}={count}" for name, count in counts.items() if count < 1]
    if wrong:
        raise ValueError(f"must be at least 1, got {', '.join(wrong)}")
