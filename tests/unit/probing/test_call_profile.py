"""Profiles of calls: what they say of themselves, and which there cannot be."""

import math

import pytest

from gilscope.probing.call_profile import CallProfile


def test_a_profile_knows_its_shares() -> None:
    """Shares are of the wall time; the time with the GIL is on a CPU."""
    call = CallProfile(held_ns=10, computing_ns=30, blocked_ns=60, releases=3)
    assert call.wall_ns == 100
    assert call.released_share == 0.9
    assert call.cpu_share == 0.4
    assert call.mean_release_ns == 30
    assert CallProfile(held_ns=1, computing_ns=0, blocked_ns=0, releases=0).mean_release_ns is None


@pytest.mark.parametrize(
    ("held_ms", "releases", "interval_ms", "cut"),
    [
        (3.9, 1, 5, 0),
        (4.5, 1, 5, 0.5),
        (5, 1, 5, 1),
        (7.5, 1, 5, 1),
        (7.5, 2, 5, 0),
        (7.5, 1, 50, 0),
        (7.5, 1, math.inf, 0),
        (7.5, 1, 0, 1),
        (7.5, 0, 5, 0),
    ],
)
def test_holds_are_cut_from_the_switch_interval_on(
    held_ms: float, releases: int, interval_ms: float, cut: float
) -> None:
    """Each hold for itself, and not before; what never releases waits for no release."""
    call = CallProfile(
        held_ns=held_ms * 1e6,
        computing_ns=0,
        blocked_ns=1e6 * min(1, releases),
        releases=releases,
        switch_interval_ns=interval_ms * 1e6,
    )
    assert call.cut == pytest.approx(cut)


@pytest.mark.parametrize("wrong", [-1.0, math.inf, math.nan])
@pytest.mark.parametrize("name", ["held_ns", "computing_ns", "blocked_ns", "releases"])
def test_a_profile_takes_only_amounts(name: str, wrong: float) -> None:
    """A wrong value is named with what it was."""
    values = {"held_ns": 1.0, "computing_ns": 1.0, "blocked_ns": 1.0, "releases": 1.0}
    with pytest.raises(ValueError, match=f"got {name}={wrong}"):
        CallProfile(**values | {name: wrong})


def test_a_profile_that_cannot_be_is_refused() -> None:
    """No time at all, a sum beyond all numbers, released time without a release, or a part above the whole."""
    for held_ns, computing_ns in ((0, 0), (1e308, 1e308)):
        with pytest.raises(ValueError, match="a call takes time"):
            CallProfile(held_ns=held_ns, computing_ns=computing_ns, blocked_ns=0, releases=1)
    with pytest.raises(ValueError, match="needs a release"):
        CallProfile(held_ns=1, computing_ns=1, blocked_ns=0, releases=0)
    with pytest.raises(ValueError, match="part of all"):
        CallProfile(held_ns=1, computing_ns=1, blocked_ns=0, releases=1, fine_ns=2, fine_releases=1)
    for wrong in (-1.0, math.nan):
        with pytest.raises(ValueError, match="switch interval"):
            CallProfile(held_ns=1, computing_ns=1, blocked_ns=0, releases=1, switch_interval_ns=wrong)
