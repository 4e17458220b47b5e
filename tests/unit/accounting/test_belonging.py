"""Whose doing is it: what is started since, or works only while the call does, is the call's."""

import pytest
from ledgers import account

from gilscope.accounting.belonging import Rest, assigned_ns, helpers_in
from gilscope.accounting.log import Log, ThreadAccount

ME, POOL, TICKER, SELDOM, NEW = 1, 2, 3, 4, 5


def log(*native_ids: int) -> Log:
    """Return a log in which these threads met the GIL, and the calling one."""
    threads = tuple(account(native_id=one, takes=1) for one in (ME, *native_ids))
    return Log(mechanism="", cost="", blind_to=(), wall_ns=1, threads=threads, sites=())


def ids(helpers: list[list[ThreadAccount]]) -> list[list[int]]:
    """Return who they are."""
    return [[thread.native_id for thread in theirs] for theirs in helpers]


def test_threads_that_go_on_at_rest_are_strangers() -> None:
    """And so are those that were there before and meet the GIL now and then; a pool of an earlier call is not."""
    logs = [log(POOL, TICKER), log(POOL, TICKER, SELDOM), log(POOL, TICKER, NEW)]
    found = helpers_in(logs, ME, {ME, POOL, TICKER, SELDOM}, Rest(busy=frozenset({TICKER})))
    assert ids(found) == [[POOL], [POOL], [POOL, NEW]]


def test_who_never_took_the_gil_works_for_nobody() -> None:
    """An account without a take says only that the thread is there."""
    idle = account(native_id=POOL)
    one = Log(mechanism="", cost="", blind_to=(), wall_ns=1, threads=(account(native_id=ME, takes=1), idle), sites=())
    assert ids(helpers_in([one, one], ME, {ME, POOL}, Rest())) == [[], []]


def test_what_nobody_does_at_rest_is_all_the_calls() -> None:
    """Less what accounts of threads explain."""
    assert assigned_ns(10.0, 4.0, Rest(), 100.0) == (6.0, 6.0)
    assert assigned_ns(3.0, 4.0, Rest(), 100.0) == (0.0, 0.0)


def test_what_goes_on_at_rest_leaves_a_range() -> None:
    """A thread that always spins is a stranger; where there is more of it, some may be the call's."""
    least, most = assigned_ns(100.0, 0.0, Rest(cpu_share=1.0), 100.0)
    assert (least, most) == (0.0, pytest.approx(100 / 3))
    least, most = assigned_ns(100.0, 0.0, Rest(cpu_share=0.5), 100.0)
    assert (least, most) == (pytest.approx(25), pytest.approx(200 / 3))
