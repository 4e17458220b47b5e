"""The GIL ledger against counts and times that are known: nothing is missed, nothing is left behind, nothing invented.

What one place in the code released is counted exactly by that place; a thread's own account also has what Python's
locks and files released around it, so there the kernels of `gilscope.kernels._capi` run in bare threads,
without bytecode.
"""

import _thread
import sys
import threading
import time
from array import array

import pytest
from ledgers import (
    ATTEMPTS,
    answers,
    busy,
    here,
    hooked,
    in_threads,
    nothing_stays,
    pairs_seen,
    start,
    stop,
    wait_for,
)

import gilscope
from gilscope.accounting import ledger as module
from gilscope.accounting.ledger import Ledger, availability
from gilscope.accounting.snapshots import difference
from gilscope.errors import CannotRunError, Unavailable
from gilscope.kernels import _capi, load

_ABSENCE = availability()
pytestmark = pytest.mark.skipif(_ABSENCE is not None, reason=str(_ABSENCE))
_ledger = pytest.importorskip("gilscope.accounting._ledger")
_nothing_stays = pytest.fixture(autouse=True)(nothing_stays)


# Counts.


def test_a_million_releases_of_one_thread() -> None:
    """Takes, drops, releases and the place's own count are the kernel's count, to the last one."""
    before, _ = start(), _capi.release_pairs(10**6)
    mine = difference(before, stop())[0]
    assert mine["takes"] == mine["drops"] == mine["released"]["count"] == 10**6
    with gilscope.ledger() as ledger:
        _capi.release_pairs(10**6)
    assert pairs_seen(ledger.log) == 10**6


def test_a_million_releases_of_eight_threads() -> None:
    """The same of threads that fight for the GIL; each has one take and one drop more, at its start and its end."""
    n_threads, n_pairs = 8, 125_000
    with gilscope.ledger() as ledger:
        for _ in range(n_threads):
            _thread.start_new_thread(_capi.release_pairs, (n_pairs,))
        wait_for(lambda: sum(account["dead"] for account in _ledger.snapshot()["accounts"]) == n_threads)
    others = [thread for thread in ledger.threads if thread.native_id != threading.get_native_id()]
    assert [(thread.takes, thread.drops) for thread in others] == [(n_pairs + 1, n_pairs + 1)] * n_threads
    assert pairs_seen(ledger.log) == n_threads * n_pairs
    assert all(thread.waits <= thread.takes for thread in others)


@pytest.mark.parametrize("implementation", ["c", "cython"])
def test_a_chunked_kernel_releases_once_per_block(implementation: str) -> None:
    """Blocks that are full and one that is not, of both forms: each is one release in the books."""
    kernel = load("quad", implementation, "chunked")
    assert not isinstance(kernel, Unavailable)
    x = array("d", [0.5]) * (3 * _capi.BLOCK_ITEMS + 1)
    out, lanes = array("d", x), x[:64]
    for call, n_blocks in (
        (lambda: kernel.apply(x, out), 4),
        (lambda: kernel.apply(x[: _capi.BLOCK_ITEMS], out[: _capi.BLOCK_ITEMS]), 1),
        (lambda: kernel.compute(lanes, 5 * _capi.BLOCK_ROUNDS + 1), 6),
        (lambda: kernel.compute(lanes, 0), 0),
    ):
        before, _ = start(), call()
        mine = difference(before, stop())[0]
        assert mine["released"]["count"] == n_blocks


@pytest.mark.parametrize(("segment_us", "tolerance"), [(1000, 0.001), (100, 0.001), (10, 0.01)])
def test_shares_are_those_of_the_kernel(segment_us: int, tolerance: float) -> None:
    """The released share is what the kernel's own stamps say, held and released in turn for equally long."""
    errors = []
    while not errors or (min(errors) > tolerance and len(errors) < ATTEMPTS):
        _ledger.time_cpu(0)
        before = start()
        held_ns, released_ns = _ledger.pattern(40_000 // segment_us, segment_us * 1e3, segment_us * 1e3)
        mine = difference(before, stop())[0]
        read = mine["released"]["ticks"] / (mine["released"]["ticks"] + mine["held"])
        errors.append(abs(read - released_ns / (released_ns + held_ns)))
    assert min(errors) <= tolerance, errors


# Several at once.


def test_overlapping_ledgers_have_their_own_part() -> None:
    """Each of two that overlap has what happened between its own beginning and its own end."""
    first, second = gilscope.ledger(), gilscope.ledger()
    first.__enter__()
    _capi.release_pairs(100)
    second.__enter__()
    _capi.release_pairs(10)
    first.__exit__(None, None, None)
    assert hooked() > 0
    _capi.release_pairs(1000)
    second.__exit__(None, None, None)
    _capi.release_pairs(7)
    assert [pairs_seen(one.log) for one in (first, second)] == [110, 1010]


def test_a_ledger_can_be_read_before_its_end() -> None:
    """What it says on the way is what happened until then."""
    with gilscope.ledger() as ledger:
        _capi.release_pairs(5)
        assert pairs_seen(ledger.log) == 5
        _capi.release_pairs(6)
    assert pairs_seen(ledger.log) == 11


def test_longest_times_are_not_lost_to_other_ledgers() -> None:
    """A longest hold stays in a log however many others begin and end before its end."""
    with gilscope.ledger() as outer:
        held_ns, _ = _ledger.pattern(1, 5e6, 1e3)
        for _ in range(3):
            with gilscope.ledger() as inner:
                _capi.release_pairs(1)
            assert max(here(inner.log).longest_hold_ns, here(inner.log).longest_release_ns) <= inner.wall_ns
            assert all(site.longest_release_ns <= inner.wall_ns for site in inner.sites)
    assert here(outer.log).longest_hold_ns >= 0.99 * held_ns


def test_ledgers_of_several_threads() -> None:
    """Threads that open and close ledgers at will each find their own counts and their own longest hold."""
    faults: list[str] = []

    def work(seed: int) -> None:
        for turn in range(15):
            n_pairs = 10 * seed + turn + 1
            with gilscope.ledger() as ledger:
                held_ns, _ = _ledger.pattern(1, 3e5, 1e3)
                _capi.release_pairs(n_pairs)
            mine = here(ledger.log)
            if mine.drops <= n_pairs or mine.takes != mine.drops or mine.longest_hold_ns < 0.98 * held_ns:
                faults.append(f"{n_pairs} pairs, {held_ns} ns: {mine}")
            if not 0 <= mine.span_ns <= 1.0001 * ledger.wall_ns + 1000:
                faults.append(f"{mine.span_ns} of {ledger.wall_ns} ns")

    in_threads(work, 4)
    assert not faults


# Threads that come and go.


def test_a_thread_that_was_asleep_before() -> None:
    """Who slept before a log began and wakes in it was without the GIL until then, since that log began."""
    gate, awake = threading.Lock(), threading.Lock()
    gate.acquire()
    awake.acquire()

    def work() -> None:
        with gate:
            awake.release()

    sleeper = threading.Thread(target=work)
    sleeper.start()
    with gilscope.ledger() as outer:
        time.sleep(0.02)
        with gilscope.ledger() as inner:
            time.sleep(0.02)
            gate.release()
            awake.acquire()
            sleeper.join()
    for ledger in (outer, inner):
        account = ledger.log.thread(sleeper.native_id or 0)
        assert account is not None
        assert 0 < account.blocked_ns <= account.span_ns <= ledger.wall_ns
        assert account.takes == account.drops
        assert account.name == sleeper.name
    woken = [ledger.log.thread(sleeper.native_id or 0) for ledger in (outer, inner)]
    assert woken[0] is not None and woken[1] is not None
    assert woken[0].blocked_ns > woken[1].blocked_ns > woken[0].blocked_ns - outer.wall_ns + inner.wall_ns


def test_a_thread_that_ends_inside() -> None:
    """Its time ends with it, however long the log goes on."""
    with gilscope.ledger() as ledger:
        begin_ns = time.monotonic_ns()
        thread = threading.Thread(target=_capi.release_pairs, args=(10,))
        thread.start()
        thread.join()
        wait_for(lambda: any(account["dead"] for account in _ledger.snapshot()["accounts"]))
        life_ns = time.monotonic_ns() - begin_ns
        time.sleep(0.05)
    account = ledger.log.thread(thread.native_id or 0)
    assert account is not None
    assert account.takes == account.drops > 10
    assert 0 < account.span_ns <= 1.001 * life_ns
    assert account.name == thread.name
    assert account.cpu_ns is not None
    assert 0 < account.cpu_ns <= life_ns
    assert account.run_delay_ns is None or 0 <= account.run_delay_ns <= life_ns


def test_hundreds_of_threads() -> None:
    """Each has an account, also where the kernel gives one id twice, and none is in the next log."""
    with gilscope.ledger() as ledger:
        for _ in range(300):
            thread = threading.Thread(target=_capi.release_pairs, args=(1,))
            thread.start()
            thread.join()
    assert len(ledger.threads) == 301
    assert pairs_seen(ledger.log) == 300
    with gilscope.ledger() as after:
        _capi.release_pairs(1)
    assert [thread.native_id for thread in after.threads] == [threading.get_native_id()]


# Asking for the GIL.


def test_bytecode_answers_at_once() -> None:
    """A spinner in bytecode drops the GIL as soon as it is asked to."""
    shares = []
    while not any(asked and answered / asked > 0.8 for asked, answered in shares) and len(shares) < ATTEMPTS:
        shares.append(answers(lambda: busy(0.2)))
    assert any(asked and answered / asked > 0.8 for asked, answered in shares), shares


def test_a_long_call_does_not_answer() -> None:
    """One call of sorted holds on until it has sorted, however long ago it was asked."""
    data = [(i * 7919) % 1_000_003 / 3 for i in range(200_000)]
    shares = []
    while not any(asked and answered == 0 for asked, answered in shares) and len(shares) < ATTEMPTS:
        shares.append(answers(lambda: [sorted(data) for _ in range(3)]))
    assert any(asked and answered == 0 for asked, answered in shares), shares


# The context manager.


def test_it_counts_once() -> None:
    """A ledger cannot be entered twice, at the same time or later, and not be read before it has begun."""
    log = gilscope.ledger()
    with pytest.raises(RuntimeError, match="has not begun"):
        log.threads  # noqa: B018
    with log, pytest.raises(RuntimeError, match="counts once"):
        log.__enter__()
    with pytest.raises(RuntimeError, match="counts once"):
        log.__enter__()


def test_bad_numbers_of_events() -> None:
    """Fewer than none is refused, and so is what no memory could hold."""
    with pytest.raises(ValueError, match="n_events"):
        Ledger(-1)
    for bad in (-1, 1 << 33):
        with pytest.raises(ValueError, match="n_events"):
            _ledger.start(bad)


def test_absence_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it cannot work, entering raises with the reason, and nothing is on."""
    monkeypatch.setattr(module, "_verdict", [Unavailable("no GIL ledger: forced by a test")])
    with pytest.raises(CannotRunError, match="forced by a test"), Ledger():
        pass


@pytest.mark.parametrize("what", ["shares", "counts"])
def test_disagreement_is_said(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """A self-test that reads wrong makes the ledger unavailable, and says what it read."""
    monkeypatch.setattr(module, "_verdict", [])

    class Wrong:
        def __getattr__(self, name: str) -> object:
            return getattr(_ledger, name)

        def pattern(self, count: float, hold_ns: float, release_ns: float) -> tuple[float, float]:
            if what == "counts":
                count += 1
            held_ns, released_ns = _ledger.pattern(count, hold_ns, release_ns)
            return held_ns, released_ns * (1000 if what == "shares" else 1)  # far off on a busy machine too

    monkeypatch.setattr(module, "_books", Wrong)
    absence = availability()
    assert absence is not None
    assert {"shares": "by its own clock", "counts": "it saw 11"}[what] in absence.reason


def test_both_ways_of_finding_the_gil_agree() -> None:
    """The condition variables that a release signals are those behind the word that follows the switch interval."""
    interval_s = sys.getswitchinterval()
    found = _ledger.find()
    assert found["cond"] == found["record_cond"] != 0
    assert found["switch_cond"] > found["cond"] > found["record"]
    assert sys.getswitchinterval() == interval_s
