"""Calls in batches: what of a batch's books is the call's, and whatever the machine did meanwhile is not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledgers import account

from gilscope.accounting.belonging import Rest
from gilscope.accounting.calls import Batch, Batches, _fine_share, parts_of
from gilscope.accounting.log import Log, SiteAccount, ThreadAccount

MS = 1_000_000


def log(*threads: ThreadAccount, wall_ns: int = 10 * MS, **rest: Any) -> Log:
    return Log(mechanism="", cost="", blind_to=(), wall_ns=wall_ns, threads=threads, sites=(), **rest)


def batches(*made: Batch, n_calls: int = 1, helpers: tuple[ThreadAccount, ...] = ()) -> Batches:
    """Return batches of calls of thread 1, each with the same helpers."""
    mine = [batch.account_of(1) for batch in made]
    return Batches(1, n_calls, list(made), mine, [list(helpers) for _ in made], Rest())


def test_what_the_log_has_around_the_calls_is_not_theirs() -> None:
    """Opening and closing it holds the GIL and takes CPU time; the rest of the account is as it was."""
    thread = account(native_id=1, held_ns=3 * MS, computing_ns=7 * MS, cpu_ns=10 * MS)
    mine = Batch(log(thread), wall_ns=8 * MS, own_cpu_ns=0, others_cpu_ns=0).account_of(1)
    assert mine is not None
    assert (mine.held_ns, mine.computing_ns, mine.cpu_ns) == (1 * MS, 7 * MS, 8 * MS)
    assert Batch(log(thread), wall_ns=8 * MS, own_cpu_ns=0, others_cpu_ns=0).account_of(2) is None


def test_releases_are_those_of_the_call() -> None:
    """Of its own threads, and less what others have asked for; strangers are left out."""
    mine, helper, stranger = (account(native_id=i, drops=9 + i, asked=i) for i in (1, 2, 3))
    made = batches(Batch(log(mine, helper, stranger), 10 * MS, 0, 0), helpers=(helper,))
    assert made.releases() == [18]


@pytest.mark.parametrize(
    ("drops", "longest_ns", "helper_ns", "found_ns"),
    [(4, 3 * MS, 0, 3 * MS), (3, 1 * MS, 0, 2 * MS), (0, 0, 0, 2 * MS), (4, 1 * MS, 5 * MS, 5 * MS)],
)
def test_the_longest_hold_of_calls_that_do_not_always_drop_is_a_whole_call(
    drops: int, longest_ns: int, helper_ns: int, found_ns: int
) -> None:
    """With fewer drops than calls, some call held the GIL from its first moment to its last; helpers hold it too."""
    mine = account(native_id=1, held_ns=1, drops=drops, longest_hold_ns=longest_ns)
    helper = account(native_id=2, longest_hold_ns=helper_ns)
    made = batches(Batch(log(mine, helper), 8 * MS, 0, 0), n_calls=4, helpers=(helper,))
    assert made.longest_holds_ns() == [found_ns]


def test_fine_releases_are_told_apart_by_their_places() -> None:
    """A place of 3 us releases counts whole, one of long ones not at all, and what has no place is one more."""

    def site(offset: int, count: int, ns: int) -> tuple[int, SiteAccount]:
        rest = {"computing_ns": ns, "blocked_ns": 0, "longest_release_ns": ns}
        return 1, SiteAccount(module="m", symbol="", offset=offset, count=count, **rest)

    thread = account(native_id=1, computing_ns=10 * MS, drops=1002)
    found = log(thread, thread_sites=(site(1, 1000, 3 * MS), site(2, 1, 6 * MS)))
    assert _fine_share(found, thread) == pytest.approx(0.3)
    assert _fine_share(found, None) == _fine_share(found, account(native_id=1)) == 0


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


def test_a_helper_that_is_queued_with_the_gil_keeps_the_call_waiting() -> None:
    """Of 10 ms with the GIL it was on a CPU for 2: the rest is the machine's, in the call's time too."""
    waiting = account(held_ns=1 * MS, blocked_ns=11 * MS)
    helper = account(held_ns=10 * MS, cpu_ns=2 * MS, run_delay_ns=8 * MS)
    assert parts_of(waiting, [helper]) == pytest.approx((3 / 4, 0, 1 / 4))


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
