"""The assertions about the GIL: what they decide from what was seen, and what they say; nothing here is timed."""

import sysconfig
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gilscope import CannotRunError, Unavailable, UsageError, testing
from gilscope.accounting import calls as calls_module
from gilscope.accounting.calls import Calls, calls_in
from gilscope.accounting.log import SiteAccount
from gilscope.testing.gate import Gate
from gilscope.testing.stalls import Stall

SITE = SiteAccount(
    module="/lib/thing.so",
    symbol="compute",
    offset=16,
    count=90,
    computing_ns=1_500_000,
    blocked_ns=500_000,
    longest_release_ns=30_000,
)


def seen(**changes: Any) -> Calls:
    told: dict[str, Any] = {
        "calls": 90,
        "repetitions": 9,
        "released_share": 0.95,
        "gaining_share": 0.95,
        "release_ns": 47_500.0,
        "releases": 1.0,
        "own_releases": 90,
        "wall_ns": 50_000.0,
        "longest_hold_ns": 2_000.0,
        "sites": (SITE,),
    }
    return Calls(**told | changes)


def nothing() -> None:
    pass


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have the assertions see what a test says, on a build with a GIL."""

    def tell(*, calls: Calls | None = None, gate: Gate | None = None, stall_ns: int = 0) -> None:
        stall = Stall(longest_ns=stall_ns, asked=12, calls=40, groups=4)
        monkeypatch.setattr(sysconfig, "get_config_var", lambda name: 0)
        monkeypatch.setattr(testing, "availability", lambda: None if gate is None else Unavailable("no ledger here"))
        monkeypatch.setattr(testing, "examine_calls", lambda call: calls)
        monkeypatch.setattr(testing, "longest_stall", lambda call, limit_ns: stall)
        monkeypatch.setattr(testing, "try_gate", lambda call: gate)

    return tell


def test_releases_compares_the_share(told: Callable[..., None]) -> None:
    """The share that was asked for passes, and one above does not, saying all that was measured."""
    told(calls=seen())
    testing.assert_releases_gil(nothing, at_least=0.95)
    with pytest.raises(AssertionError) as failed:
        testing.assert_releases_gil(nothing, at_least=0.96)
    text = str(failed.value)
    for part in (
        "95 % of its time; at least 96 %",
        "1 per call, in pieces of 47.5 µs",
        "2 µs",
        "50 µs each",
        "thing.so: compute, 90 times",
    ):
        assert part in text
    assert "2 ms in all" in text


def test_holds_counts_releases(told: Callable[..., None]) -> None:
    """One release in any repetition fails, whatever its share; none passes."""
    told(calls=seen(own_releases=0, releases=0.0, sites=()))
    testing.assert_holds_gil(nothing)
    told(calls=seen(own_releases=1, releases=0.0, released_share=0.0))
    with pytest.raises(AssertionError, match="1 time in all"):
        testing.assert_holds_gil(nothing)


def test_max_stall_compares_with_the_limit(told: Callable[..., None]) -> None:
    """A stall up to the limit passes; a longer one fails with its length."""
    told(calls=seen(sites=()), stall_ns=1_500_000)
    testing.assert_max_stall(nothing, ms=1.5)
    with pytest.raises(AssertionError, match=r"unanswered for 1.5 ms; at most 1 ms") as failed:
        testing.assert_max_stall(nothing, ms=1)
    assert "12 in 40 calls, taken in 4 groups" in str(failed.value)
    assert "no known place" in str(failed.value)


def test_many_sites_are_cut(told: Callable[..., None]) -> None:
    """A failure names the longest places, and says how many more there are."""
    told(calls=seen(sites=(SITE,) * 7))
    with pytest.raises(AssertionError, match="and 2 more places"):
        testing.assert_holds_gil(nothing)


@pytest.mark.parametrize("share", [0, -0.1, 1.1, float("nan")])
def test_shares_that_make_no_sense(share: float) -> None:
    """A share is above 0, and 1 at most."""
    with pytest.raises(UsageError, match="at_least"):
        testing.assert_releases_gil(nothing, at_least=share)


@pytest.mark.parametrize("at_most", [0, -1, float("nan")])
def test_limits_of_releases_that_make_no_sense(at_most: float) -> None:
    """None at all is another assertion's."""
    with pytest.raises(UsageError, match="at_most must be above 0"):
        testing.assert_releases_gil(nothing, at_most=at_most)


def test_releases_may_be_limited(told: Callable[..., None]) -> None:
    """As many as were asked for pass; one more does not."""
    told(calls=seen(releases=10.0))
    testing.assert_releases_gil(nothing, at_most=10)
    with pytest.raises(
        AssertionError, match=r"released the GIL 10 times, in pieces of 47.5 µs; at most 9 times was asked"
    ):
        testing.assert_releases_gil(nothing, at_most=9)


def test_releases_too_short_to_gain_by_are_none(told: Callable[..., None]) -> None:
    """Fine releases fail, saying how many, how short and why; a limit that they keep to lets them pass."""
    many = replace(
        SITE, symbol="__pyx_pw_5thing_1compute", count=7034 * 90, computing_ns=7034 * 90 * 3700, blocked_ns=0
    )
    told(calls=seen(releases=7034.0, release_ns=3_700.0, gaining_share=0.0, sites=(many,)))
    with pytest.raises(AssertionError) as failed:
        testing.assert_releases_gil(nothing)
    text = str(failed.value)
    assert text.startswith("the call released the GIL 7034 times, in pieces of 3.7 µs: too short for another thread")
    assert "7034 per call, in pieces of 3.7 µs" in text and "compute is made by Cython" in text and "`noexcept`" in text
    testing.assert_releases_gil(nothing, at_most=7034)


def test_releases_are_told_apart(told: Callable[..., None]) -> None:
    """Of a call that releases in both ways, what is long enough counts, and the failure says what was left out."""
    told(calls=seen(gaining_share=0.6, releases=4.0, release_ns=11_900.0))
    testing.assert_releases_gil(nothing, at_least=0.6)
    testing.assert_releases_gil(nothing, at_most=4)
    with pytest.raises(AssertionError, match=r"for 60 % of its time, without releases below 8 µs, and at least 90 %"):
        testing.assert_releases_gil(nothing)


@pytest.mark.parametrize("limit_ms", [0, 0.1, -1, float("nan")])
def test_stalls_too_short_to_tell(limit_ms: float) -> None:
    """A limit below what can be told is refused."""
    with pytest.raises(UsageError, match="at least 0.2"):
        testing.assert_max_stall(nothing, ms=limit_ms)


def test_without_a_ledger_the_gate_tells(told: Callable[..., None]) -> None:
    """One thread that got through shows a release; none, in calls long enough, shows that there was none."""
    told(gate=Gate(passed=1, tries=20, wall_ns=1_000_000))
    testing.assert_releases_gil(nothing)
    with pytest.raises(AssertionError, match="1 of 20 calls"):
        testing.assert_holds_gil(nothing)
    told(gate=Gate(passed=0, tries=20, wall_ns=1_000_000))
    testing.assert_holds_gil(nothing)
    with pytest.raises(AssertionError, match="never released"):
        testing.assert_releases_gil(nothing)


def test_without_a_ledger_some_things_cannot_be_told(told: Callable[..., None]) -> None:
    """Neither a short call in which nobody got through nor a stall is a pass or a failure."""
    told(gate=Gate(passed=0, tries=20, wall_ns=50_000))
    for assertion in (testing.assert_holds_gil, testing.assert_releases_gil):
        with pytest.raises(CannotRunError, match=r"50 µs is too short.*no ledger here"):
            assertion(nothing)
    with pytest.raises(CannotRunError, match="no ledger here"):
        testing.assert_max_stall(nothing, ms=1)
    told(gate=Gate(passed=1, tries=20, wall_ns=1_000_000))
    with pytest.raises(CannotRunError, match=r"how often a call releases cannot be counted.*no ledger here"):
        testing.assert_releases_gil(nothing, at_most=10)


def test_a_free_threaded_build_is_neither_a_pass_nor_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The question does not apply where no call needs to release the GIL."""
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: 1)
    for ask in (testing.assert_releases_gil, testing.assert_holds_gil, lambda call: testing.assert_max_stall(call, 1)):
        with pytest.raises(CannotRunError, match="does not apply"):
            ask(nothing)


def test_short_calls_are_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A repetition holds as many calls as last long enough, and one of a long call."""
    ticks = iter([0, 30, 100, 1100])
    monkeypatch.setattr(calls_module.time, "perf_counter_ns", lambda: next(ticks))
    assert calls_in(nothing, 100) == 4
    assert calls_in(nothing, 100) == 1
