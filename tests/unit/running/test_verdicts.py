"""Each verdict and its borders: an interval gets a word only if all of it lies where the word is true."""

import dataclasses
import math

import pytest
from fakes import interval

from gilscope.pairing.intervals import Interval
from gilscope.running import verdicts
from gilscope.running.result import Control


def control(*, passed: bool = True, second_cpu: tuple[float, float] | None = (1.8, 1.95)) -> Control:
    """Return a control that read right, on a machine that gives a second CPU, unless told otherwise."""
    read = None if second_cpu is None else interval(sum(second_cpu) / 2, *second_cpu)
    one = interval(1.0, 0.999, 1.001)
    return Control(same=one, heavier=one, heavier_truth=1.05, second_cpu=read, passed=passed)


def ends(low: float, high: float) -> Interval:
    """Return an interval with these ends."""
    return interval(math.sqrt(low * high), low, high)


@pytest.mark.parametrize(
    ("low", "high", "target", "expected"),
    [
        (0.99, 1.01, 0.02, "scales"),
        (0.9, 0.92, 0.02, "scales"),
        (1.2, 1.22, 0.02, "scales"),
        (0.5, 0.51, 0.02, "partly"),
        (0.88, 0.8999, 0.02, "partly"),
        (0.88, 0.9, 0.02, "unresolved (±1.1 %)"),
        (0.895, 0.905, 0.02, "unresolved (±0.6 %)"),
        (0.95, 1.05, 0.02, "unresolved (±5.1 %)"),
        (0.95, 1.05, 0.06, "scales"),
        (0.5, 0.6, 0.02, "unresolved (±9.5 %)"),
        (0.85, 0.95, 0.2, "unresolved (±5.7 %)"),
    ],
)
def test_a_wide_arm_is_judged_by_its_share_of_the_ceiling(
    low: float, high: float, target: float, expected: str
) -> None:
    """From 0.9 of the ceiling an arm scales, below it partly; what is wide or straddles 0.9 is unresolved."""
    assert verdicts.of_wide_arm(ends(low, high), target) == expected


@pytest.mark.parametrize(
    ("to_serial", "to_ceiling", "expected"),
    [
        ((0.97, 0.99), (0.5, 0.6), "GIL-bound"),
        ((0.5, 0.51), (0.2, 0.3), "GIL-bound"),
        ((0.9, 1.0), (0.5, 0.6), "unresolved (±5.4 %)"),
        ((0.97, 0.99), (0.5, 0.8999), "GIL-bound"),
        ((0.97, 0.99), (0.5, 0.9), "unresolved (±1 %)"),
        ((0.97, 0.99), (0.95, 1.05), "unresolved (±1 %)"),
        ((1.09, 1.11), (0.5, 0.6), "GIL-bound"),
        ((1.11, 1.13), (0.5, 0.6), "unresolved (±0.9 %)"),
    ],
)
def test_a_narrow_arm_is_gil_bound_if_it_is_clear_of_the_ceiling(
    to_serial: tuple[float, float], to_ceiling: tuple[float, float], expected: str
) -> None:
    """One CPU wide, narrow against serial and clear of where an arm scales: only then the GIL is blamed."""
    found = verdicts.of_narrow_arm(ends(*to_serial), ends(*to_ceiling), 0.02, gil_enabled=True)
    assert found == expected


def test_without_a_gil_the_gil_is_never_blamed() -> None:
    """On a free-threaded build the same figures say only that the arm is one CPU wide."""
    found = verdicts.of_narrow_arm(ends(0.97, 0.99), ends(0.5, 0.6), 0.02, gil_enabled=False)
    assert found == verdicts.ONE_WIDE
    assert "GIL" not in found


@pytest.mark.parametrize(
    ("low", "high", "target", "expected"),
    [
        (0.99, 1.01, 0.02, "same within 2 %"),
        (0.9805, 1.0195, 0.02, "same within 2 %"),
        (0.999, 1.001, 0.005, "same within 2 %"),
        (0.96, 1.04, 0.05, "same within 5 %"),
        (1.03, 1.05, 0.02, "faster"),
        (0.95, 0.97, 0.02, "slower"),
        (0.97, 0.99, 0.02, "unresolved (±1 %)"),
        (1.01, 1.03, 0.02, "unresolved (±1 %)"),
        (0.9, 1.1, 0.02, "unresolved (±10.6 %)"),
    ],
)
def test_twins_are_the_same_faster_or_slower(low: float, high: float, target: float, expected: str) -> None:
    """Two arms that should take equally long are told apart only where the whole interval is."""
    assert verdicts.of_twins(ends(low, high), target) == expected


@pytest.mark.parametrize(
    ("speed_up", "width", "n_workers", "form", "second_cpu", "expected"),
    [
        ((1.8, 1.9), 1.95, 2, "array", (1.8, 1.95), verdicts.CEILING),
        ((1.15, 1.9), 1.95, 2, "array", (1.8, 1.95), verdicts.CEILING),
        ((1.1499, 1.9), 1.95, 2, "array", (1.8, 1.95), verdicts.GAIN_OPEN),
        ((0.96, 2.01), 1.95, 2, "compute", None, verdicts.GAIN_OPEN),
        ((0.99, 1.1499), 1.95, 2, "compute", (0.99, 1.14), verdicts.NO_SECOND_CPU),
        ((0.99, 1.01), 1.0, 2, "array", (0.9, 1.6), verdicts.NO_SECOND_CPU),
        ((0.99, 1.01), 1.0, 2, "array", (1.8, 1.95), verdicts.NO_GAIN),
        ((0.99, 1.01), 1.95, 2, "array", (0.99, 1.01), verdicts.NO_SECOND_CPU),
        ((0.99, 1.01), 1.95, 2, "array", None, verdicts.NO_SECOND_CPU),
        ((1.05, 1.1), 1.95, 2, "array", (1.8, 1.95), verdicts.MEMORY_BOUND),
        ((1.05, 1.85), 1.95, 2, "array", (1.8, 1.95), verdicts.GAIN_OPEN),
        ((1.05, 1.1), 1.95, 2, "compute", (1.8, 1.95), verdicts.NO_GAIN),
        ((1.3, 1.35), 1.49, 2, "array", (1.8, 1.95), verdicts.CPUS_TAKEN),
        ((1.3, 1.35), 1.5, 2, "array", (1.8, 1.95), verdicts.CEILING),
        ((2.0, 2.1), 2.4, 4, "array", (1.8, 1.95), verdicts.CPUS_TAKEN),
        ((0.9, 1.1), 0.99, 1, "array", None, verdicts.CEILING),
    ],
)
def test_the_ceiling_is_judged_before_anything_under_it(
    speed_up: tuple[float, float],
    width: float,
    n_workers: int,
    form: str,
    second_cpu: tuple[float, float] | None,
    expected: str,
) -> None:
    """A ceiling that shows no second CPU, or only full memory, says so, and no arm under it can get a verdict."""
    read = control(second_cpu=second_cpu)
    assert verdicts.of_ceiling(ends(*speed_up), width, n_workers, form, read, gave_cpu=False) == expected


def test_a_second_cpu_that_another_arm_got_is_not_denied() -> None:
    """Where OpenMP or another kernel got one, "this machine gave no second CPU" would be wrong."""
    read = control(second_cpu=None)
    assert verdicts.of_ceiling(ends(1.0, 1.1), 1.9, 2, "compute", read, gave_cpu=True) == verdicts.NO_GAIN


def test_without_a_right_control_there_is_no_verdict() -> None:
    """Whatever the figures, a control that read wrong takes the verdict from them."""
    found = verdicts.of_ceiling(ends(1.8, 1.9), 1.95, 2, "array", control(passed=False), gave_cpu=True)
    assert found == verdicts.CONTROL_FAILED
    unread = dataclasses.replace(control(passed=False), same=None)
    assert verdicts.of_ceiling(ends(1.8, 1.9), 1.95, 2, "array", unread, gave_cpu=True) == verdicts.CONTROL_UNREAD


@pytest.mark.parametrize(
    ("arm", "ceiling", "n_workers", "expected"),
    [
        (1.1, 1.5, 2, True),
        (1.11, 2.0, 2, False),
        (1.0, 1.49, 2, False),
        (1.0, 2.5, 4, True),
        (1.0, 2.49, 4, False),
        (1.0, 1.001, 1, False),
    ],
)
def test_an_arm_is_narrow_only_beside_a_wide_ceiling(
    arm: float, ceiling: float, n_workers: int, expected: bool
) -> None:
    """A machine that gave fewer than half of the further CPUs makes every arm narrow, and says nothing of any."""
    assert verdicts.is_one_cpu_wide(arm, ceiling, n_workers) is expected


def test_an_endless_interval_is_unresolved_for_want_of_rounds() -> None:
    """Too few rounds for any interval are called that, not a width in per cent."""
    endless = dataclasses.replace(ends(0.9, 1.1), low=0.0, high=math.inf)
    for found in (
        verdicts.of_wide_arm(endless, 0.02),
        verdicts.of_narrow_arm(endless, ends(0.5, 0.6), 0.02, gil_enabled=True),
        verdicts.of_twins(endless, 0.02),
    ):
        assert found == "unresolved (too few rounds)"


@pytest.mark.parametrize("target", [0.005, 0.02, 0.05])
def test_no_two_words_fit_overlapping_intervals(target: float) -> None:
    """Two honest intervals of one truth overlap, and then their verdicts are equal or one is unresolved."""
    steps = [0.8 + 0.004 * i for i in range(70)]
    for judge in (verdicts.of_wide_arm, verdicts.of_twins):
        words = {
            (low, low * (1 + target)): word
            for low in steps
            if not (word := judge(ends(low, low * (1 + target)), target)).startswith(verdicts.UNRESOLVED)
        }
        overlapping = [(a, b) for a in words for b in words if a[0] <= b[0] <= a[1] and words[a] != words[b]]
        assert not overlapping
        assert len(set(words.values())) > 1


def test_a_verdict_needs_no_narrower_interval_than_a_quick_run_aims_at() -> None:
    """A run that aimed at ±2 % and got ±4 % says as much as one that aimed at ±5 %; at ±6 % neither says anything."""
    near, far = interval(0.99, 0.95, 1.03), interval(0.99, 0.94, 1.05)
    assert verdicts.of_wide_arm(near, 0.02) == verdicts.of_wide_arm(near, 0.05) == "scales"
    assert verdicts.of_wide_arm(far, 0.02).startswith("unresolved")
    below = interval(0.6, 0.5, 0.7)
    assert verdicts.of_narrow_arm(near, below, 0.02, gil_enabled=True) == "GIL-bound"
    assert verdicts.of_narrow_arm(far, below, 0.02, gil_enabled=True).startswith("unresolved")
