"""The time that is left, on a clock that only moves when told to."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilscope.cli.time_left import FASTEST, TimeLeft


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def shown(guesses: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return when something was shown, and what, for guesses after so many seconds each."""
    clock = Clock()
    left, found = TimeLeft(clock), []
    for passed, guess in guesses:
        clock.now += passed
        left.guess(guess)
        if left.seconds is not None:
            found.append((clock.now, left.seconds))
    return found


_GUESSES = st.lists(
    st.tuples(st.floats(min_value=0.01, max_value=10), st.floats(min_value=-10, max_value=1e5)), max_size=50
)


@given(_GUESSES)
def test_it_never_jumps(guesses: list[tuple[float, float]]) -> None:
    """Whatever is guessed, what is left rises by half a second a second at worst, and falls by 2.5."""
    found = shown(guesses)
    for (before, was), (now, is_) in pairwise(found):
        passed = now - before
        assert is_ >= 0
        assert is_ - was <= (FASTEST - 1) * passed + 1e-6
        assert was - is_ <= (FASTEST + 1) * passed + 1e-6


@given(_GUESSES)
def test_no_text_flickers(guesses: list[tuple[float, float]]) -> None:
    """What is written changes only when what it stands for has moved, by most of a step."""
    clock = Clock()
    left, before = TimeLeft(clock), ("", 0.0)
    for passed, guess in guesses:
        clock.now += passed
        left.guess(guess)
        text, seconds = str(left), left.seconds
        assert (text == "") == (seconds is None)
        if before[0] and text != before[0]:
            assert abs((seconds or 0.0) - before[1]) > 0.2
        before = (text, seconds or 0.0) if text != before[0] else before


def test_what_was_seen_in_a_run_is_calm() -> None:
    """Guesses of 5, 14, 1 and 7 s, one a second, which were shown as they came."""
    found = [seconds for _, seconds in shown([(1.0, guess) for guess in (5, 14, 1, 7, 6, 9, 2, 5)])]
    assert max(abs(a - b) for a, b in pairwise(found)) <= FASTEST + 1


@pytest.mark.parametrize("total", [5.0, 60.0, 3600.0])
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_it_comes_true(total: float, noise: float) -> None:
    """From guesses that scatter by half about the truth, it is near the truth once some have been made."""
    rng, clock = random.Random(1), Clock()
    left, begin = TimeLeft(clock), clock.now
    while (truth := total - (clock.now - begin)) > 0:
        left.guess(truth * (1 + noise * rng.uniform(-1, 1)))
        if clock.now - begin > total / 5 and left.seconds is not None:
            assert abs(left.seconds - truth) <= 0.05 + noise * 0.6 * truth + noise * 2
        clock.now += min(0.5, total / 100)


@pytest.mark.parametrize("first", [2.0, 600.0])
def test_a_wrong_beginning_is_caught_up_with(first: float) -> None:
    """A first guess that knew nothing does not stand for long against all that follow."""
    clock = Clock()
    left, begin, total = TimeLeft(clock), clock.now, 60.0
    left.guess(first)
    while clock.now - begin < 58:
        clock.now += 0.5
        left.guess(total - (clock.now - begin))
        if first < total and clock.now - begin > 45:
            assert left.seconds == pytest.approx(total - (clock.now - begin), abs=5)
    if first > total:  # it falls as fast as it may
        assert (left.seconds or 0.0) < first - 2.5 * 58 + 300


def test_it_counts_down_between_guesses() -> None:
    """A call of half a minute does not stop the clock."""
    clock = Clock()
    left = TimeLeft(clock)
    assert (left.seconds, str(left)) == (None, "")
    left.guess(30)
    texts = []
    for _ in range(36):
        clock.now += 1
        texts.append(str(left))
    assert texts[0] == "30 s left"
    assert texts[-1] == "nearly done"
    assert list(dict.fromkeys(texts))[:5] == ["30 s left", "25 s left", "20 s left", "15 s left", "10 s left"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "nearly done"),
        (3.4, "3 s left"),
        (47, "45 s left"),
        (100, "100 s left"),
        (125, "2 min left"),
        (3700, "60 min left"),
    ],
)
def test_it_is_as_coarse_as_it_deserves(seconds: float, text: str) -> None:
    """Nobody needs the second of an hour."""
    clock = Clock()
    left = TimeLeft(clock)
    left.guess(seconds + 1)
    clock.now += 1
    assert text in str(left)
