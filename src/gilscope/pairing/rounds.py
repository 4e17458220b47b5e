"""Balanced rounds: every arm timed once a round, in turns, until enough is known. All comparisons use this one loop.

    rounds = Rounds(["one", "other"], one_by_one({"one": time_one, "other": time_other}), Random(seed))
    rounds.take(keep=False)  # a warm-up
    for _ in range(50):
        rounds.take()
    ratio_interval([rounds.log_ratios("one", "other")])

An arm is any value that names what is timed, and a sample is what timing it gave: both are the caller's, and so is the
clock. Nothing here knows what an arm does.
"""

from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from math import log
from random import Random
from typing import Generic, TypeVar

from gilscope.pairing.orders import orders
from gilscope.pairing.stopping import WARM_UP_ROUNDS, settled

#: The untimed lead-in before each sample does this share of its work, one call at least: enough to take what the arm
#: before has left in caches and among sleeping workers. In 40 trials of 24 rounds on two busy CPUs, two equal arms
#: read each other within 15 % with it and within 49 % without (copies of 8 MB), within 15 and 30 % (bytecode).
LEAD_IN_SHARE = 0.05

Arm = TypeVar("Arm", bound=Hashable)
Group = TypeVar("Group")


class Order(Generic[Arm]):
    """The order of the arms in the next round, block after block of `gilscope.pairing.orders.orders`.

    Parameters
    ----------
    arms : sequence
    rng : Random
        A recorded seed gives the same orders again.
    """

    def __init__(self, arms: Sequence[Arm], rng: Random) -> None:
        self.arms = list(arms)
        self._rng = rng
        self._rows: deque[tuple[int, ...]] = deque()

    def next(self) -> list[Arm]:
        """Return every arm once; a new block is drawn when one is used up."""
        if not self._rows:
            self._rows.extend(orders(len(self.arms), self._rng))
        return [self.arms[i] for i in self._rows.popleft()]

    def leave_out(self, arms: Collection[Arm]) -> None:
        """Go on without some arms, in a block of its own: the one under way is balanced for more of them."""
        self.arms = [arm for arm in self.arms if arm not in arms]
        self._rows.clear()


class Rounds(Generic[Arm]):
    """The times of some arms, round by round.

    Parameters
    ----------
    arms : sequence
    measure : callable
        Times the arms it is given, in this order, and returns the time of each that could be timed. The unit is the
        caller's. An arm without a time is left out from there on.
    rng : Random
        Source of the orders.

    Attributes
    ----------
    times : dict of arm to list of float
        One value for each round that was kept, and equally many for every arm.
    """

    def __init__(
        self, arms: Sequence[Arm], measure: Callable[[Sequence[Arm]], Mapping[Arm, float]], rng: Random
    ) -> None:
        self.times: dict[Arm, list[float]] = {arm: [] for arm in arms}
        self._measure = measure
        self._order = Order(arms, rng)

    def __len__(self) -> int:
        """Return how many rounds were kept."""
        return max(map(len, self.times.values()), default=0)

    def take(self, *, keep: bool = True) -> None:
        """Time every arm once; a round that is not kept is a warm-up."""
        given = self._measure(self._order.next())
        if gone := [arm for arm in self.times if arm not in given]:
            self._order.leave_out(gone)
            self.times = {arm: times for arm, times in self.times.items() if arm in given}
        for arm, times in self.times.items() if keep else ():
            times.append(given[arm])

    def log_ratios(self, reference: Arm, arm: Arm) -> list[float]:
        """Return ln(reference time / arm time) of every round: above 0, the arm was the faster one."""
        return [log(base / time) for base, time in zip(self.times[reference], self.times[arm], strict=True)]


def one_by_one(timers: Mapping[Arm, Callable[[], float]]) -> Callable[[Sequence[Arm]], dict[Arm, float]]:
    """Return what measures arms that are timed by a call each."""
    return lambda order: {arm: timers[arm]() for arm in order}


def lead_in(amount: float) -> int:
    """Return how much of the same work goes before so much of it, untimed."""
    return max(1, round(LEAD_IN_SHARE * amount))


def warm_up(
    groups: Collection[Group],
    take: Callable[[Group], float],
    tolerance: float,
    is_enough: Callable[[], bool],
    is_over: Callable[[], bool],
) -> Iterator[Group]:
    """Take rounds that count for nothing until every group has settled; yield the group after each round.

    Parameters
    ----------
    groups : collection
    take : callable
        Takes a round of a group and returns a log ratio of it, any that shows a drift.
    tolerance : float
        Drift that is still rest, in log units.
    is_enough, is_over : callable
        Whether the time for warming up, or for all, is gone. The first ends it once each unsettled group has had
        `WARM_UP_ROUNDS` rounds: where pairs scatter by more than the tolerance, chance decides when they look at rest.
    """
    drift: dict[int, list[float]] = {i: [] for i in range(len(groups))}
    unsettled, n_rounds = dict(enumerate(groups)), 0
    while unsettled and (n_rounds < WARM_UP_ROUNDS or not is_enough()) and not is_over():
        for i, group in unsettled.items():
            drift[i].append(take(group))
            yield group
        n_rounds += 1
        unsettled = {i: group for i, group in unsettled.items() if not settled(drift[i], tolerance)}


def in_turns(
    groups: Iterable[Group],
    take: Callable[[Group], object],
    is_done: Callable[[Group], bool],
    is_over: Callable[[], bool],
    rng: Random,
) -> Iterator[tuple[Group, bool]]:
    """Take rounds of the groups in turns until each has enough: what slows the machine for a while slows all of them.

    Parameters
    ----------
    groups : iterable
        Arms of one group are compared with each other, those of two are not.
    take : callable
        Takes a round of a group.
    is_done : callable
        Whether a group has enough; asked of each after every cycle.
    is_over : callable
        Whether the time is up; asked after every round.
    rng : Random
        Source of the order of the groups, another one in each cycle.

    Yields
    ------
    group, bool
        A group and whether it is done: False after each of its rounds, and True once.
    """
    pending = list(groups)
    while pending and not is_over():
        order = list(pending)
        rng.shuffle(order)
        for group in order:
            take(group)
            yield group, False
            if is_over():
                break
        for group in [group for group in pending if is_done(group)]:
            pending.remove(group)
            yield group, True
