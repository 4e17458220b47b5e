"""What a call's own threads and processes do is the call's, however the calling thread waits for them."""

import subprocess
import sys
import threading
import time
from array import array
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from gilscope import _capi
from gilscope.accounting.ledger import availability
from gilscope.probing.classes import BYTECODE, NATIVE, classify
from gilscope.probing.knocks import knock
from gilscope.probing.shares import measure_shares

pytestmark = pytest.mark.skipif(availability() is not None, reason=str(availability()))
X = array("d", range(2048))
MS = 1_000_000


def count() -> int:
    """Work in bytecode."""
    return sum(1 for _ in range(50_000))


def pool(work: object) -> None:
    """Have two threads work, and wait for them without the GIL."""
    with ThreadPoolExecutor(2) as threads:
        for _ in threads.map(lambda _: work(), range(2)):  # type: ignore[operator]
            pass


@pytest.mark.parametrize(
    ("work", "kind"),
    [(count, BYTECODE), (partial(_capi.quad_compute_held, X, 4000), NATIVE)],
    ids=["bytecode", "native"],
)
def test_a_pool_that_holds_the_gil_does_not_wait(work: object, kind: str) -> None:
    """The calling thread is blocked all the while, and the GIL is not free for anybody."""
    call = partial(pool, work)
    shares = measure_shares(call, 5 * MS, 0.2)
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
    """It needs a CPU, so a call that waits for it does too."""
    program = [sys.executable, "-S", "-E", "-c", "for _ in range(10**6): pass"]
    shares = measure_shares(partial(subprocess.run, program, check=True), 30 * MS, 0.3)
    assert shares.computing.estimate > shares.blocked.estimate
