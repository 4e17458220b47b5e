"""The assertions on kernels that hold the GIL throughout, or release it once: structure decides, and no duration."""

import importlib
import sys
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from extensions import build_c, build_cython

from gilscope import CannotRunError
from gilscope.accounting.calls import examine_calls
from gilscope.accounting.ledger import availability
from gilscope.kernels import _capi
from gilscope.system.gil import gil_enabled
from gilscope.testing import assert_holds_gil, assert_max_stall, assert_releases_gil, gate

X = array("d", range(2048))
#: Some milliseconds of computing, long beside anything around it.
HELD, RELEASED = partial(_capi.quad_compute_held, X, 10_000), partial(_capi.quad_compute_released, X, 10_000)
# Never a failure of a slow machine: far above what any of these calls lasts.
LONG_MS = 10_000

with_gil = pytest.mark.skipif(not gil_enabled(), reason="does not apply: the GIL is off")


@pytest.fixture
def _ledger() -> None:
    absence = availability()
    if absence is not None:
        pytest.skip(str(absence))


@pytest.mark.usefixtures("_ledger")
def test_releases() -> None:
    """What releases passes; what holds fails."""
    assert_releases_gil(RELEASED)
    with pytest.raises(AssertionError, match=r"0 per call"):
        assert_releases_gil(HELD)


@pytest.mark.usefixtures("_ledger")
def test_holds() -> None:
    """What holds passes; what releases fails, and the failure names the place."""
    assert_holds_gil(HELD)
    with pytest.raises(AssertionError, match=r"1 per call(.|\n)*_capi.*quad_compute_released"):
        assert_holds_gil(RELEASED)


@pytest.mark.usefixtures("_ledger")
def test_blocking_without_the_gil_is_released_time() -> None:
    """Sleeping counts as released as computing does."""
    assert_releases_gil(partial(time.sleep, 0.002))


@pytest.mark.usefixtures("_ledger")
def test_releases_are_counted_per_call() -> None:
    """Each release of a call counts, and those that another thread asked for do not."""
    assert examine_calls(partial(_capi.release_pairs, 3)).releases == 3
    assert examine_calls(HELD).own_releases == 0


LOOPS = """
# Each turn of a loop without the GIL calls a function that may raise, or one that may not.
cdef double total

cdef void add(double x) nogil:
    global total
    total += x

cdef void add_surely(double x) noexcept nogil:
    global total
    total += x

def raising(long n):
    cdef long i
    with nogil:
        for i in range(n):
            add(i)

def sure(long n):
    cdef long i
    with nogil:
        for i in range(n):
            add_surely(i)
"""


@pytest.fixture(scope="module")
def loops(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Build a module of Cython, with its source beside it."""
    folder = tmp_path_factory.mktemp("cython")
    build_cython(folder, "gilscope_loops", LOOPS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        return importlib.import_module("gilscope_loops")


@pytest.mark.usefixtures("_ledger")
def test_a_missing_noexcept_is_named(loops: Any) -> None:
    """A loop that takes the GIL at each turn does not release it in effect; the failure names the function to mend."""
    with pytest.raises(AssertionError, match=r"released the GIL \d+ times, in pieces of .*: too short") as failed:
        assert_releases_gil(partial(loops.raising, 1000), at_least=0.001)
    named = "raising is made by Cython: add (gilscope_loops.pyx:5), called without the GIL, lacks `noexcept`"
    assert named in str(failed.value) and "add_surely" not in str(failed.value)
    with pytest.raises(AssertionError, match="at most 10 times was asked"):
        assert_releases_gil(partial(loops.raising, 1000), at_most=10)
    assert_releases_gil(partial(loops.sure, 2_000_000), at_least=0.5, at_most=1)


TICKER = """
#include <Python.h>
#include <pthread.h>
#include <time.h>

static pthread_t thread;
static int over;

static void *tick(void *unused)
{
    const struct timespec pause = {0, 200000};
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
        nanosleep(&pause, NULL);
        PyGILState_Release(PyGILState_Ensure());
    }
    return unused;
}

static PyObject *start(PyObject *module, PyObject *unused)
{
    over = 0;
    if (pthread_create(&thread, NULL, tick, NULL)) {
        return PyErr_NoMemory();
    }
    Py_RETURN_NONE;
}

static PyObject *stop(PyObject *module, PyObject *unused)
{
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    Py_BEGIN_ALLOW_THREADS
    pthread_join(thread, NULL);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"start", start, METH_NOARGS, ""}, {"stop", stop, METH_NOARGS, ""}, {0}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "gilscope_ticker", "", -1, methods};

PyMODINIT_FUNC PyInit_gilscope_ticker(void) { return PyModule_Create(&definition); }
"""


@pytest.fixture
def _agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a native thread that is nobody's take the GIL some thousand times a second, as agents of profilers do."""
    build_c(tmp_path, "gilscope_ticker", TICKER)
    monkeypatch.syspath_prepend(str(tmp_path))
    ticker = importlib.import_module("gilscope_ticker")
    ticker.start()
    yield
    ticker.stop()


@pytest.mark.usefixtures("_ledger", "_agent")
def test_the_answers_are_of_the_call_alone() -> None:
    """What a thread of somebody else does meanwhile is no release, no place and no stall of the call's."""
    assert_releases_gil(RELEASED, at_most=1)
    assert_releases_gil(RELEASED)
    assert_holds_gil(HELD)
    assert_max_stall(RELEASED, ms=LONG_MS)
    found = examine_calls(RELEASED)
    assert found.releases == 1
    assert {site.symbol for site in found.sites} == {"quad_compute_released"}


@pytest.mark.usefixtures("_ledger")
def test_a_thread_that_wants_the_gil_makes_no_release() -> None:
    """Bytecode drops the GIL when asked to; that is nothing the call did."""
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            time.sleep(0.0001)

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        assert_holds_gil(HELD)
    finally:
        over.set()
        asker.join()


@pytest.mark.usefixtures("_ledger")
def test_stalls() -> None:
    """A call that holds the GIL does not answer, whatever else the machine does; a limit far above passes."""
    longer = partial(_capi.quad_compute_held, X, 100_000)
    with pytest.raises(AssertionError, match="unanswered"):
        assert_max_stall(longer, ms=0.2)
    assert_max_stall(HELD, ms=LONG_MS)


@pytest.mark.usefixtures("_ledger")
def test_settings_are_put_back() -> None:
    """The switch interval and the threads are as they were, also when an assertion fails."""
    interval_s, threads = sys.getswitchinterval(), threading.active_count()
    with pytest.raises(AssertionError):
        assert_max_stall(partial(_capi.quad_compute_held, X, 100_000), ms=0.2)
    gate.try_gate(HELD)
    assert (sys.getswitchinterval(), threading.active_count()) == (interval_s, threads)


@with_gil
def test_gate_lets_nobody_through_while_a_call_holds() -> None:
    """No other thread can run while a call holds the GIL, in any try."""
    assert gate.try_gate(HELD).passed == 0


@with_gil
def test_gate_lets_another_thread_through() -> None:
    """A thread gets through while the GIL is released: one that sleeps leaves it time even on a loaded machine."""
    assert gate.try_gate(partial(time.sleep, 0.05)).passed > 0


@pytest.mark.skipif(gil_enabled(), reason="a build with a GIL")
def test_free_threaded_builds_cannot_be_asked() -> None:
    """It is neither a pass nor a failure."""
    with pytest.raises(CannotRunError, match="does not apply"):
        assert_releases_gil(RELEASED)


def _in_a_thread(work: Callable[[], object]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


@pytest.mark.usefixtures("_ledger")
def test_a_thread_that_the_call_starts_is_part_of_the_call() -> None:
    """Waiting for it is not releasing the GIL while it holds it, and it stalls others as the call would."""
    # Far longer than a new thread is queued for a CPU on a busy machine, while nobody has the GIL; and than either
    # thread keeps the GIL while it is queued itself, because the other has just woken in its place.
    released = partial(_in_a_thread, partial(_capi.quad_compute_released, X, 200_000))
    held = partial(_in_a_thread, partial(_capi.quad_compute_held, X, 200_000))
    assert_releases_gil(released, at_least=0.5)
    with pytest.raises(AssertionError, match="released the GIL for"):
        assert_releases_gil(held, at_least=0.5)
    assert_max_stall(partial(_in_a_thread, RELEASED), ms=LONG_MS)
    with pytest.raises(AssertionError, match="unanswered for"):
        assert_max_stall(held, ms=0.2)


@pytest.mark.usefixtures("_ledger")
def test_a_pool_that_was_there_before_works_for_the_call() -> None:
    """A call that hands its work to it holds the GIL while the pool does, as for a probe."""
    with ThreadPoolExecutor(1) as pool:
        held = partial(_capi.quad_compute_held, X, 100_000)
        pool.submit(held).result()

        def hand_over() -> None:
            pool.submit(held).result()

        with pytest.raises(AssertionError, match="released the GIL for"):
            assert_releases_gil(hand_over, at_least=0.5)
        assert examine_calls(hand_over).longest_hold_ns > examine_calls(HELD).longest_hold_ns
