"""The order of the rounds: balanced, shuffled, and the same again from the same seed."""

import random
from collections import Counter
from itertools import pairwise

import pytest

from gilscope.pairing.orders import orders

ARMS = range(1, 13)


@pytest.mark.parametrize("n_arms", ARMS)
def test_every_round_holds_every_arm_once(n_arms: int) -> None:
    """A block has n rounds (2n if n is odd) and each of them is a permutation of the arms."""
    rows = orders(n_arms, random.Random(n_arms))
    assert len(rows) == (2 * n_arms if n_arms % 2 else n_arms)
    assert all(sorted(row) == list(range(n_arms)) for row in rows)


@pytest.mark.parametrize("n_arms", ARMS)
def test_every_arm_follows_every_other_equally_often(n_arms: int) -> None:
    """Each ordered pair of different arms is adjacent once in an even block and twice in an odd one."""
    followed = Counter(pair for row in orders(n_arms, random.Random(n_arms)) for pair in pairwise(row))
    assert len(followed) == n_arms * (n_arms - 1)
    assert set(followed.values()) <= {2 if n_arms % 2 else 1}


@pytest.mark.parametrize("n_arms", ARMS)
def test_every_arm_stands_at_every_place_equally_often(n_arms: int) -> None:
    """Each arm is timed first, second, ... last equally often within a block."""
    places = Counter(place for row in orders(n_arms, random.Random(n_arms)) for place in enumerate(row))
    assert len(places) == n_arms**2
    assert set(places.values()) == {2 if n_arms % 2 else 1}


def test_one_arm_is_timed_alone() -> None:
    """A single arm needs no balance and still makes a block."""
    assert orders(1, random.Random(0)) == [(0,), (0,)]


def test_the_seed_decides_the_block() -> None:
    """The same seed draws the same blocks; another seed, and the next block of one seed, differ."""
    rng = random.Random(17)
    first, second = orders(6, rng), orders(6, rng)
    assert orders(6, random.Random(17)) == first
    assert first != second
    assert orders(6, random.Random(18)) != first


def test_labels_are_permuted_and_rows_shuffled() -> None:
    """Over many blocks each arm opens the block about equally often, and neighbours are not the labels' neighbours."""
    rng = random.Random(3)
    blocks = [orders(4, rng) for _ in range(2000)]
    openers = Counter(block[0][0] for block in blocks)
    assert all(400 < openers[arm] < 600 for arm in range(4))
    assert len({frozenset(block) for block in blocks}) == 6  # 4! labellings of a square with 4 cyclic shifts
    assert len({tuple(block) for block in blocks}) == 6 * 24


@pytest.mark.parametrize("n_arms", [0, -1])
def test_no_arm_is_refused(n_arms: int) -> None:
    """A block without arms is an error that names what was given."""
    with pytest.raises(ValueError, match=f"at least 1, got {n_arms}"):
        orders(n_arms, random.Random(0))
