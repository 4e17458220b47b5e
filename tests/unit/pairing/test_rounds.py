"""The one loop: balanced orders, equally many rounds, groups in turns, all on a clock that only the arms move."""

import random
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from math import log

import pytest

from gilscope.pairing.intervals import ratio_interval
from gilscope.pairing.rounds import Order, Rounds, in_turns, one_by_one, warm_up
from gilscope.pairing.stopping import WARM_UP_ROUNDS


class Clock:
    """Time that passes only while an arm is timed; an arm may be slower after another one."""

    def __init__(self, costs: dict[str, float], after: dict[tuple[str, str], float] | None = None) -> None:
        self.costs, self.after = costs, after or {}
        self.now, self.timed = 0.0, [""]

    def time(self, arm: str) -> float:
        took = self.costs[arm] * self.after.get((self.timed[-1], arm), 1.0)
        self.now += took
        self.timed.append(arm)
        return took

    def rounds(self, seed: int = 1) -> Rounds[str]:
        def measure(order: Sequence[str]) -> dict[str, float]:
            return {arm: self.time(arm) for arm in order}

        return Rounds(list(self.costs), measure, random.Random(seed))


def test_every_arm_is_timed_once_a_round() -> None:
    """Equally many values for each, and the ratio of the known costs."""
    rounds = Clock({"one": 1.0, "other": 0.5}).rounds()
    for _ in range(20):
        rounds.take()
    assert len(rounds) == 20
    assert {arm: len(times) for arm, times in rounds.times.items()} == {"one": 20, "other": 20}
    assert ratio_interval([rounds.log_ratios("one", "other")]).estimate == pytest.approx(2)


def test_a_warm_up_leaves_no_trace() -> None:
    """A round that is not kept costs its time, and is in no ratio."""
    clock = Clock({"one": 1.0, "other": 1.0})
    rounds = clock.rounds()
    rounds.take(keep=False)
    assert (len(rounds), clock.now) == (0, 2.0)


@pytest.mark.parametrize("n_arms", [2, 3, 4, 5])
def test_what_an_arm_suffers_from_its_predecessor_cancels(n_arms: int) -> None:
    """Inside rounds each arm follows each other one equally often, so that equal arms read as equal."""
    names = [f"arm {i}" for i in range(n_arms)]
    order = Order(names, random.Random(3))
    pairs = Counter(pair for _ in range(2 * n_arms) for pair in pairwise(order.next()))
    assert len(set(pairs.values())) == 1 and len(pairs) == n_arms * (n_arms - 1)


def test_a_seed_gives_the_same_orders_again() -> None:
    """A recorded run can be repeated; another seed is another run."""
    orders = [[Order("abcd", random.Random(seed)).next() for _ in range(9)] for seed in (5, 5, 6)]
    assert orders[0] == orders[1] != orders[2]


def test_an_arm_that_fails_is_left_out_and_the_rest_goes_on() -> None:
    """What it gave goes with it, and the rounds of the others stay whole and balanced."""
    clock = Clock({"a": 1.0, "b": 2.0, "c": 4.0})

    def measure(order: Sequence[str]) -> dict[str, float]:
        return {arm: clock.time(arm) for arm in order if arm != "b" or clock.now < 20}

    rounds = Rounds("abc", measure, random.Random(1))
    for _ in range(10):
        rounds.take()
    assert {arm: len(times) for arm, times in rounds.times.items()} == {"a": 10, "c": 10}
    assert rounds.log_ratios("c", "a") == [pytest.approx(log(4))] * 10


def test_groups_take_turns_until_each_has_enough() -> None:
    """One round of each a cycle, as long as it needs more; what is done is told once."""
    clock = Clock({"a": 1.0})
    groups = {"few": clock.rounds(), "many": clock.rounds()}
    enough = {"few": 2, "many": 5}
    told = list(
        in_turns(
            groups,
            lambda name: groups[name].take(),
            lambda name: len(groups[name]) >= enough[name],
            lambda: False,
            random.Random(2),
        )
    )
    assert Counter(told) == {("few", False): 2, ("many", False): 5, ("few", True): 1, ("many", True): 1}
    assert {name for name, _ in told[:2]} == {"few", "many"}


def test_time_that_is_up_ends_it_within_a_cycle() -> None:
    """What has enough by then is still told."""
    clock = Clock({"a": 1.0})
    groups = [clock.rounds(), clock.rounds()]
    told = list(in_turns(groups, Rounds.take, lambda rounds: len(rounds) > 1, lambda: clock.now >= 3, random.Random(1)))
    assert [done for _, done in told] == [False, False, False, True]


def test_warm_up_ends_when_every_group_rests() -> None:
    """The one that drifts takes rounds by itself; none counts."""
    drifts = {"rests": iter([0.0] * 99), "drifts": iter([0.5, 0.4, 0.3, 0.2] + [0.0] * 99)}
    taken = list(warm_up(list(drifts), lambda group: next(drifts[group]), 0.01, lambda: False, lambda: False))
    assert Counter(taken)["rests"] == WARM_UP_ROUNDS < Counter(taken)["drifts"]


def test_warm_up_has_its_fewest_rounds_and_no_more_than_its_time() -> None:
    """Noise never looks at rest: after its share of the time it counts for enough, but not before four rounds."""
    rng = random.Random(4)
    taken = list(warm_up(["noisy"], lambda _: rng.gauss(0, 1), 1e-9, lambda: True, lambda: False))
    assert len(taken) == WARM_UP_ROUNDS
    assert not list(warm_up(["late"], lambda _: 0.0, 0.01, lambda: True, lambda: True))


def test_arms_of_a_call_each_are_timed_in_the_order_given() -> None:
    """`one_by_one` asks each in turn."""
    clock = Clock({"a": 1.0, "b": 2.0})
    measure = one_by_one({"a": lambda: clock.time("a"), "b": lambda: clock.time("b")})
    assert measure(["b", "a"]) == {"a": 1.0, "b": 2.0}
    assert clock.timed[1:] == ["b", "a"]
