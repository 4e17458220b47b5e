"""Waits for Python's locks, counted by hooks in the interpreter's import slots."""

import os
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from gilscope.accounting import lock_waits
from gilscope.accounting.lock_waits import LockAccount, LockWaits, availability
from gilscope.errors import CannotRunError, Unavailable

pytestmark = pytest.mark.skipif(availability() is not None, reason=str(availability()))
HELD_S = 0.02
HELD_NS = 20_000_000


def wait_once(lock: threading.Lock) -> None:
    """Wait for a lock that is held, and give it back."""
    with lock:
        pass


def mine(locks: LockWaits, native_id: int | None = None) -> LockAccount | None:
    """Return a thread's account, by default the calling thread's."""
    wanted = native_id or threading.get_native_id()
    return next((one for one in locks.threads if one.native_id == wanted), None)


def test_a_wait_is_counted_once_and_in_full() -> None:
    """A thread that finds a lock held waits once, until that is given back; what goes on counts already."""
    lock, waits = threading.Lock(), []

    def work() -> None:  # what a thread waits for on its way in and out is not its work's
        before = lock_waits._module().mine()
        waits.append(before)
        wait_once(lock)
        waits.append(lock_waits._module().mine())

    with LockWaits() as locks:
        with lock:
            thread = threading.Thread(target=work)
            thread.start()
            while not waits or (one := mine(locks, thread.native_id)) is None or one.waited_ns < waits[0][1] + HELD_NS:
                time.sleep(0.001)
        thread.join()
    (count_before, before_ns), (count, ns) = waits
    assert count - count_before == 1
    assert ns - before_ns >= 0.9 * HELD_NS
    account = mine(locks, thread.native_id)
    assert account is not None
    assert account.waits >= count
    assert account.waited_ns >= ns


def test_sleeping_is_no_wait() -> None:
    """A thread that is blocked by something else waits for no lock."""
    with LockWaits() as locks:
        time.sleep(0.01)
    assert mine(locks) is None


def test_a_free_lock_is_no_wait() -> None:
    """Nobody waits for what nobody holds."""
    lock = threading.Lock()
    with LockWaits() as locks:
        for _ in range(1000):
            wait_once(lock)
    assert mine(locks) is None


def test_a_limited_wait_ends() -> None:
    """A wait whose time is up is one, and as long as it was."""
    lock = threading.Lock()
    with lock, LockWaits() as locks:
        begin_ns = time.monotonic_ns()
        assert not lock.acquire(timeout=HELD_S)
        wall_ns = time.monotonic_ns() - begin_ns
    account = mine(locks)
    assert account is not None
    assert account.waits == 1
    assert 0.9 * HELD_NS < account.waited_ns <= wall_ns


def test_only_what_happens_inside_counts() -> None:
    """What a thread waited before the block, and after it, is not in the block's account; blocks may overlap."""
    lock = threading.Lock()

    def wait() -> None:
        lock.acquire(timeout=0.001)

    with lock:
        with LockWaits() as outer:
            wait()
            with LockWaits() as inner:
                wait()
            wait()
        wait()
    accounts = [mine(inner), mine(outer)]
    assert [one and one.waits for one in accounts] == [1, 3]


def test_threads_that_end_leave_their_account() -> None:
    """The account of a thread that has ended stays to the end of the block."""
    lock = threading.Lock()
    with lock, LockWaits() as locks:
        threads = [threading.Thread(target=lock.acquire, kwargs={"timeout": HELD_S}) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    accounts = [mine(locks, thread.native_id) for thread in threads]
    assert all(account is not None and account.waited_ns >= 0.9 * HELD_NS for account in accounts)


def test_it_counts_once() -> None:
    """A block is read inside and after, and neither before nor twice."""
    locks = LockWaits()
    with pytest.raises(RuntimeError, match="has not begun"):
        _ = locks.threads
    with locks:
        pass
    with pytest.raises(RuntimeError, match="counts once"):
        locks.__enter__()


def test_it_says_why_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the slots are not found, entering raises with the reason."""
    monkeypatch.setattr(lock_waits, "_verdict", [Unavailable("no slots")])
    with pytest.raises(CannotRunError, match="no slots"), LockWaits():
        pass


def test_a_second_exit_does_nothing() -> None:
    """Neither to itself nor to another one that is open."""
    lock, first, second = threading.Lock(), LockWaits(), LockWaits()
    lock.acquire()
    first.__enter__()
    second.__enter__()
    for _ in range(3):
        first.__exit__(None, None, None)
    lock.acquire(timeout=0.001)
    second.__exit__(None, None, None)
    assert mine(first) is None
    counted = mine(second)
    assert counted is not None
    assert counted.waits == 1


@pytest.mark.parametrize("n_threads", [8])
def test_it_comes_and_goes_under_load(n_threads: int) -> None:
    """Installed and removed again and again beside threads that wait for each other, it loses and breaks nothing."""
    lock, over = threading.Lock(), threading.Event()
    done = [0] * n_threads

    def work(i: int) -> None:
        while not over.is_set():
            with lock:
                done[i] += 1
            lock.acquire(timeout=1e-5) and lock.release()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(n_threads)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(300):
            with LockWaits() as locks:
                sum(done)
            assert all(0 <= one.waited_ns < 60e9 for one in locks.threads)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert all(done)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_counts_its_own() -> None:
    """After a fork while it is on, the child counts for itself."""
    program = """
        import os, threading, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        from gilscope.accounting.lock_waits import LockWaits
        lock = threading.Lock()
        lock.acquire()
        with LockWaits():
            lock.acquire(timeout=0.001)
            threading.Thread(target=lock.acquire, kwargs={"timeout": 0.2}).start()
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    with LockWaits() as locks:
                        lock.acquire(timeout=0.001)
                    found = [(one.native_id, one.waits) for one in locks.threads]
                    code = 0 if found == [(threading.get_native_id(), 1)] else 2
                finally:
                    os._exit(code)
            assert os.waitpid(child, 0)[1] == 0
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
