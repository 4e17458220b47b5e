"""What the tests of the GIL ledger share: reading its accounts, running it in fresh processes, and threads to watch."""

import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

import gilscope
from gilscope.accounting.log import Log, SiteAccount, ThreadAccount
from gilscope.kernels import _capi

if TYPE_CHECKING:
    from gilscope.accounting._ledger import Snapshot

_ledger = pytest.importorskip("gilscope.accounting._ledger")
#: The host may take the CPU away between a stamp of the ledger and that of the kernel, and does so now and then. The
#: best of some attempts shows what the instrument does; all of them would show the host.
ATTEMPTS = 20
PATIENCE_SECONDS = 60.0


def here(log: Log) -> ThreadAccount:
    """Return the calling thread's account."""
    mine = log.thread(threading.get_native_id())
    assert mine is not None
    return mine


def released_by(log: Log, file: str | None) -> list[SiteAccount]:
    """Return the places of one shared object that released the GIL."""
    return [site for site in log.sites if site.module == file]


def pairs_seen(log: Log) -> int:
    """Return how many releases of `release_pairs` a log has; it is the only one of its module that is called here."""
    return sum(site.count for site in released_by(log, _capi.__file__))


def queued_ns(log: Log) -> int:
    """Return how long this thread was queued for a CPU: without the GIL that counts as blocked, as sleep does."""
    return here(log).run_delay_ns or 0


def hooked() -> int:
    """Return how many import slots hold a hook of the ledger."""
    return sum(is_hooked for _, _, is_hooked in _ledger.slots())


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something has come true; fail when that takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def run_fresh(program: str, **options: Any) -> None:
    """Run a program in a fresh process where warnings are errors; fail with what it printed."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr


def start() -> "Snapshot":
    _ledger.start(0)
    return _ledger.snapshot()


def stop() -> "Snapshot":
    after = _ledger.snapshot()
    _ledger.stop()
    return after


def busy(seconds: float = 0.1) -> None:
    """Run bytecode for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(i for i in range(1000))


def in_threads(work: Callable[[int], object], n_threads: int) -> None:
    threads = [threading.Thread(target=work, args=(i,)) for i in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def answers(work: Callable[[], object]) -> tuple[int, int]:
    """Return how often somebody asked this thread for the GIL while it worked, and how often it dropped it at once."""
    done = False

    def want() -> None:
        while not done:
            sum(range(10))

    beside = threading.Thread(target=want)
    beside.start()
    with gilscope.ledger() as ledger:
        work()
        mine = here(ledger.log)
    done = True
    beside.join()
    return mine.asked, mine.answered_at_once


def nothing_stays() -> Iterator[None]:
    """Take a test, which may leave no hook behind, nor have one taken; to be made a fixture."""
    stolen = _ledger.snapshot()["n_stolen"]
    yield
    assert hooked() == 0
    assert _ledger.snapshot()["n_stolen"] == stolen


def account(**times: Any) -> ThreadAccount:
    """Return an account with these times, and nothing else in it."""
    names = (name for name in ThreadAccount.__dataclass_fields__ if name not in {"name", "cpu_ns", "run_delay_ns"})
    return ThreadAccount(**{**dict.fromkeys(names, 0), "name": "", "cpu_ns": None, "run_delay_ns": None, **times})
