"""A signal handler that raises, at any moment of opening and closing: nothing stays on, nothing stays in place.

Each program sends itself signals at moments all over the time that one turn takes, and counts how often they hit.
"""

from typing import Any

import pytest
from ledgers import nothing_stays, run_fresh

from gilscope.accounting import lock_waits, sampler, witness
from gilscope.accounting.ledger import availability

_ABSENCE = availability()
pytestmark = pytest.mark.skipif(_ABSENCE is not None, reason=str(_ABSENCE))
pytest.importorskip("gilscope.accounting._ledger")
_nothing_stays = pytest.fixture(autouse=True)(nothing_stays)

#: `interrupted(turn, check)` runs a turn again and again, each with a signal somewhere in it, and checks after each.
INTERRUPTING = """
import random, signal, sys, threading, time
from importlib.machinery import ExtensionFileLoader
import gilscope
from gilscope.accounting import _ledger
from gilscope.accounting.ledger import Ledger

class Interrupt(BaseException):
    pass

armed = False

def handler(*_):
    if armed:
        raise Interrupt

signal.signal(signal.SIGALRM, handler)

def interrupted(turn, check, n_hits, seed=1):
    global armed
    rng, hits = random.Random(seed), 0
    turn()
    begin = time.perf_counter()
    for _ in range(20):
        turn()
    turn_s = (time.perf_counter() - begin) / 20
    while hits < n_hits:
        try:
            armed = True
            signal.setitimer(signal.ITIMER_REAL, 1e-6 + rng.random() * 1.5 * turn_s)
            turn()
            armed = False
        except Interrupt:
            armed = False
            hits += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        check()

def nothing_is_left():
    assert _ledger.opened() == []
    assert not any(is_hooked for _, _, is_hooked in _ledger.slots())
    assert ExtensionFileLoader.create_module is create_module
    assert threading.Thread._bootstrap_inner is bootstrap_inner

create_module, bootstrap_inner = ExtensionFileLoader.create_module, threading.Thread._bootstrap_inner
"""


@pytest.mark.parametrize(
    "turn",
    [
        # The object goes as soon as the exception is caught, or stays: then only leaving it can have closed it.
        "with Ledger(): pass",
        "global kept; kept = Ledger()\n    with kept: pass",
        "global kept; kept = Ledger(100)\n    with kept, Ledger(): pass",
    ],
)
def test_a_ledger_that_is_interrupted(turn: str) -> None:
    """It is off, whether it was interrupted while it was opened, while it was on or while it was closed."""
    run_fresh(f"""{INTERRUPTING}
def turn():
    {turn}

interrupted(turn, nothing_is_left, 400)
""")


@pytest.mark.parametrize(
    ("made", "module"),
    [
        ("LockWaits()", lock_waits),
        ("Sampler()", sampler),
        ("Witness()", witness),
        ("SwitchInterval(0.001)", None),
        ("Asking(pause, 'asks', 0.001)", None),
        ("WithoutCollections()", None),
    ],
)
def test_whatever_else_is_interrupted(made: str, module: Any) -> None:
    """No thread, no hook, no switch interval and no switched-off collector stays behind, though the objects do."""
    if module is not None and module.availability() is not None:
        pytest.skip(str(module.availability()))
    run_fresh(f"""{INTERRUPTING}
import gc
from gilscope.accounting import _locks
from gilscope.accounting import lock_waits
from gilscope.accounting.asking import Asking
from gilscope.accounting.calls import WithoutCollections
from gilscope.system.threads import native_ids
from gilscope.accounting.lock_waits import LockWaits
from gilscope.accounting.sampler import Sampler
from gilscope.accounting.switching import SwitchInterval
from gilscope.accounting.witness import Witness

lock, pause = threading.Lock(), lambda: time.sleep(0.0001)
lock.acquire()
counts_locks = lock_waits.availability() is None
interval_s, threads = sys.getswitchinterval(), native_ids()

def turn():
    global inner, outer
    outer, inner = SwitchInterval(0.002), {made}
    with outer, inner:
        pass

def nothing_is_left():
    assert sys.getswitchinterval() == interval_s, sys.getswitchinterval()
    assert gc.isenabled()
    deadline = time.monotonic() + 60
    while native_ids() != threads:  # one that was told to end takes a moment for it
        assert time.monotonic() < deadline, (native_ids(), threads)
    if counts_locks:
        before = _locks.mine()
        lock.acquire(timeout=1e-6)
        assert _locks.mine() == before

interrupted(turn, nothing_is_left, 300)
""")


def test_one_that_is_interrupted_beside_another() -> None:
    """The other one goes on undisturbed, and counts what it should."""
    run_fresh(f"""{INTERRUPTING}
from gilscope.kernels import _capi

def turn():
    with Ledger():
        pass

n = 0
def check():
    global n
    n += 3
    _capi.release_pairs(3)
    assert _ledger.opened() == [outer]

create_module = ExtensionFileLoader.create_module
with Ledger() as outer:
    interrupted(turn, check, 200)
assert sum(site.count for site in outer.sites if site.module == _capi.__file__) == n
assert "import slots" not in str(outer.log.blind_to)
nothing_is_left()
""")


def test_a_second_exit_does_nothing() -> None:
    """Neither to itself, nor to another one that is open, which would lose its hooks."""
    run_fresh("""
from gilscope.accounting import _ledger
from gilscope.kernels import _capi
from gilscope.accounting.ledger import Ledger
first, second = Ledger(), Ledger()
first.__exit__(None, None, None)  # it was never opened
first.__enter__()
second.__enter__()
for _ in range(3):
    first.__exit__(None, None, None)
log = first.log
_capi.release_pairs(100)
assert _ledger.opened() == [second]
second.__exit__(None, None, None)
assert [thread.drops for thread in second.threads] == [100]
assert first.log is log
assert not any(is_hooked for _, _, is_hooked in _ledger.slots())
""")


def test_one_that_nobody_has_any_more_is_closed() -> None:
    """Also in a cycle, and at the end of the program."""
    run_fresh("""
import gc
from gilscope.accounting import _ledger
from gilscope.accounting.ledger import Ledger
Ledger().__enter__()
assert _ledger.opened() == []
cycle = Ledger().__enter__()
cycle.itself = cycle
del cycle
gc.collect()
assert _ledger.opened() == []
assert not any(is_hooked for _, _, is_hooked in _ledger.slots())
left_open = Ledger().__enter__()
""")
