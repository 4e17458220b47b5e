"""From the ledger's accounts to shares: whatever the machine did meanwhile is no part of the call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledgers import account

from gilscope.accounting.belonging import Rest
from gilscope.accounting.log import Log
from gilscope.probing.shares import Share, _Batch, _native, interval_of, parts_of

MS = 1_000_000


def test_an_interval_is_the_median_and_what_encloses_it() -> None:
    """Of many values the sign test's, of few all there is."""
    assert interval_of([0.5]) == Share(0.5, 0.5, 0.5)
    assert interval_of([0.3, 0.1, 0.2]) == Share(0.2, 0.1, 0.3)
    many = interval_of([i / 100 for i in range(101)])
    assert many.estimate == 0.5
    assert 0.35 < many.low < 0.45
    assert 0.55 < many.high < 0.65


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_an_interval_holds_its_median(values: list[float]) -> None:
    """Whatever the values, low <= estimate <= high, and both ends are among them."""
    share = interval_of(values)
    assert share.low <= share.estimate <= share.high
    assert {share.low, share.high} <= set(values)


def test_a_thread_that_never_met_the_gil_held_it() -> None:
    """No account means no drop."""
    assert parts_of(None) == (1.0, 0.0, 0.0)
    assert parts_of(account()) == (1.0, 0.0, 0.0)


def test_shares_add_up_and_leave_out_waiting_for_the_gil() -> None:
    """What other threads took is not the call's own time."""
    parts = parts_of(account(held_ns=2 * MS, computing_ns=3 * MS, blocked_ns=5 * MS, waited_ns=90 * MS))
    assert parts == pytest.approx((0.2, 0.3, 0.5))


def test_being_queued_for_a_cpu_is_not_being_blocked() -> None:
    """A busy machine makes a computing call look blocked; the kernel knows better."""
    busy = account(held_ns=0, computing_ns=5 * MS, blocked_ns=5 * MS, cpu_ns=5 * MS, run_delay_ns=5 * MS)
    assert parts_of(busy) == pytest.approx((0, 1, 0))


def test_being_queued_after_a_sleep_is_not_computing() -> None:
    """Of 10 ms without a CPU, 4 were queued for one: the call still only waits."""
    slept = account(blocked_ns=10 * MS, cpu_ns=0, run_delay_ns=4 * MS)
    assert parts_of(slept) == pytest.approx((0, 0, 1))


def test_being_queued_with_the_gil_does_not_count_either() -> None:
    """Half held and half released stays so when the machine takes half the time away from both."""
    busy = account(held_ns=10 * MS, computing_ns=5 * MS, blocked_ns=5 * MS, cpu_ns=10 * MS, run_delay_ns=10 * MS)
    assert parts_of(busy) == pytest.approx((0.5, 0.5, 0))


def test_threads_of_the_call_hold_the_gil_for_it() -> None:
    """Waiting for a pool of Python threads is not waiting: the call needs the GIL for as long as they have it."""
    waiting = account(held_ns=1 * MS, blocked_ns=9 * MS)
    pool = [account(held_ns=4 * MS, waited_ns=4 * MS), account(held_ns=4 * MS, computing_ns=1 * MS, waited_ns=4 * MS)]
    assert parts_of(waiting, pool) == pytest.approx((0.9, 0.1, 0))


def test_waiting_for_the_gil_of_the_calls_own_threads_is_part_of_it() -> None:
    """The calling thread competes with one that it has started: together they need it all the time."""
    calling = account(held_ns=5 * MS, waited_ns=5 * MS)
    assert parts_of(calling, [account(held_ns=5 * MS, waited_ns=5 * MS)]) == pytest.approx((1, 0, 0))
    assert parts_of(calling) == pytest.approx((1, 0, 0))


def test_a_process_that_the_call_waits_for_computes_for_it() -> None:
    """Its CPU time counts up to the time there is: a second process at once is another matter, `already parallel`."""
    waiting = account(held_ns=1 * MS, blocked_ns=9 * MS)
    assert parts_of(waiting, others_ns=6 * MS) == pytest.approx((0.1, 0.6, 0.3))
    assert parts_of(waiting, others_ns=20 * MS) == pytest.approx((0.1, 0.9, 0))


@given(
    st.lists(st.lists(st.integers(0, 10**10), min_size=6, max_size=6), min_size=2, max_size=3), st.integers(0, 10**10)
)
def test_shares_are_shares_with_helpers_too(all_times: list[list[int]], children_ns: int) -> None:
    """Whatever the accounts of several threads say, the shares add up."""
    names = ("held_ns", "computing_ns", "blocked_ns", "waited_ns", "cpu_ns", "run_delay_ns")
    threads = [account(**dict(zip(names, times, strict=True))) for times in all_times]
    parts = parts_of(threads[0], threads[1:], children_ns)
    assert sum(parts) == pytest.approx(1)
    assert all(-1e-9 <= part <= 1 + 1e-9 for part in parts)


@given(st.lists(st.integers(0, 10**10), min_size=6, max_size=6))
def test_shares_are_shares_whatever_the_clocks_say(times: list[int]) -> None:
    """The kernel's figures come from other moments than the ledger's, and need not fit."""
    names = ("held_ns", "computing_ns", "blocked_ns", "waited_ns", "cpu_ns", "run_delay_ns")
    parts = parts_of(account(**dict(zip(names, times, strict=True))))
    assert sum(parts) == pytest.approx(1)
    assert all(0 <= part <= 1 for part in parts)


def test_a_stranger_that_always_computes_does_not_compute_for_the_call() -> None:
    """What goes on at rest is nobody's help; what begins with the call is."""
    log = Log(mechanism="", cost="", blind_to=(), wall_ns=10 * MS, threads=(), sites=())
    spins = _Batch(log, own_cpu_ns=0, others_cpu_ns=10 * MS)
    assert _native(spins, [], Rest(cpu_share=1.0)) == 0
    assert _native(spins, [], Rest()) == 1
