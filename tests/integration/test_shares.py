"""What a call's own threads and processes do is the call's, however the calling thread waits for them."""

import ctypes
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from gilscope.accounting.ledger import availability
from gilscope.kernels import _capi
from gilscope.probing.classes import BYTECODE, NATIVE, WAITS, classify
from gilscope.probing.requests import knock
from gilscope.probing.shares import Shares, measure_shares

pytestmark = pytest.mark.skipif(availability() is not None, reason=str(availability()))
X = array("d", range(2048))
MS = 1_000_000


def count() -> int:
    """Work in bytecode."""
    return sum(1 for _ in range(500_000))


def seen(call: Callable[[], object], call_ns: float, seconds: float, shown: Callable[[Shares], bool]) -> Shares:
    """Measure a call, up to five times, until its shares show something: beside others its threads queue for a CPU."""
    for _ in range(5):
        shares = measure_shares(call, call_ns, seconds)
        if shown(shares):
            break
    return shares


def pool(work: object) -> None:
    """Have two threads work, and wait for them without the GIL."""
    with ThreadPoolExecutor(2) as threads:
        for _ in threads.map(lambda _: work(), range(2)):  # type: ignore[operator]
            pass


@pytest.mark.parametrize(
    ("work", "kind"),
    # Far longer than a new thread is queued for a CPU on a busy machine, while nobody has the GIL.
    [(count, BYTECODE), (partial(_capi.quad_compute_held, X, 40_000), NATIVE)],
    ids=["bytecode", "native"],
)
def test_a_pool_that_holds_the_gil_does_not_wait(work: object, kind: str) -> None:
    """The calling thread is blocked all the while, and the GIL is not free for anybody."""
    call = partial(pool, work)
    shares = seen(call, 5 * MS, 0.2, lambda shares: min(shares.held.estimate, shares.helpers_held) > 0.5)
    assert shares.held.estimate > 0.5
    assert shares.helpers_held > 0.5
    assert classify(shares, knock(call, 0.2), already_parallel=False) in {kind, "undecided", "mixed"}


def test_a_thread_that_sleeps_still_waits() -> None:
    """Helpers that need no GIL change nothing."""

    def sleep_in_a_thread() -> None:
        thread = threading.Thread(target=time.sleep, args=(0.005,))
        thread.start()
        thread.join()

    shares = measure_shares(sleep_in_a_thread, 5 * MS, 0.2)
    assert shares.blocked.estimate > 0.5


def test_a_process_that_the_call_waits_for_computes() -> None:
    """It needs a CPU, so a call that waits for it does too; while it is queued for one, nobody knows."""
    program = [sys.executable, "-S", "-E", "-c", "for _ in range(10**6): pass"]
    call = partial(subprocess.run, program, check=True)
    shares = seen(call, 30 * MS, 0.3, lambda shares: shares.native > 0.1)
    assert shares.native > 0.1
    assert classify(shares, None, already_parallel=False) != WAITS


def test_a_native_thread_that_the_call_waits_for_computes() -> None:
    """Python knows nothing of it; the process's CPU clock does."""
    libc = ctypes.CDLL(None)
    text = ctypes.create_string_buffer(b"x" * 100_000_000)
    libc.pthread_create.argtypes = (ctypes.c_void_p,) * 4
    libc.pthread_join.argtypes = (ctypes.c_void_p,) * 2
    measure = ctypes.cast(libc.strlen, ctypes.c_void_p)

    def hand_over() -> None:
        thread = ctypes.c_void_p()
        libc.pthread_create(ctypes.byref(thread), None, measure, text)
        libc.pthread_join(thread, None)

    shares = seen(hand_over, 10 * MS, 0.3, lambda shares: shares.native > 0.2)
    assert shares.native > 0.2
    assert classify(shares, None, already_parallel=False) != WAITS


def test_a_process_that_lives_on_computes_for_the_call() -> None:
    """As a pool's do: it was there before, and nobody waits for its end."""
    program = "import sys\nfor _ in sys.stdin: sum(range(10**5)); print(flush=True)"
    with subprocess.Popen(
        [sys.executable, "-S", "-E", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None

        def ask() -> None:
            worker.stdin.write(b"\n")  # type: ignore[union-attr]
            worker.stdout.readline()  # type: ignore[union-attr]

        ask()
        shares = seen(ask, 2 * MS, 0.3, lambda shares: shares.native > 0.2)
        worker.stdin.close()
    assert shares.native > 0.2
    assert classify(shares, None, already_parallel=False) != WAITS


def test_waiting_with_the_gil_is_told_from_computing() -> None:
    """A call of a library that nobody told to release it."""
    waiting = measure_shares(partial(ctypes.PyDLL(None).usleep, 5000), 5 * MS, 0.2)
    assert waiting.held.estimate > 0.9
    assert waiting.held_waiting.estimate > 0.5
    assert measure_shares(count, 2 * MS, 0.2).held_waiting.estimate < 0.5


def test_what_strangers_do_is_not_the_calls() -> None:
    """A thread that was there before and goes on by itself drops the GIL all the time; the call does once."""
    over = threading.Event()

    def tick() -> None:
        while not over.is_set():
            time.sleep(0.0005)

    ticker = threading.Thread(target=tick, name="ticker")
    ticker.start()
    try:
        shares = measure_shares(partial(_capi.quad_compute_released, X, 4000), 5 * MS, 0.2)
    finally:
        over.set()
        ticker.join()
    assert shares.releases == 1
    assert not any("sleep" in site.symbol for site in shares.sites)
    assert shares.helpers_held == 0
