"""The sampler against times that are known; that it leaves nothing behind; and that it says when it saw too little."""

import gc
import os
import re
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from leftovers import nothing_left

import gilscope
from gilscope.accounting import ledger as ledger_module
from gilscope.accounting import sampler as module
from gilscope.accounting.sampler import PERIOD_NS, availability, sampler
from gilscope.accounting.samples import SampledLog
from gilscope.errors import CannotRunError, Unavailable

if TYPE_CHECKING:
    from gilscope.accounting._sampler import Reading

_ABSENCE = availability()
pytestmark = pytest.mark.skipif(_ABSENCE is not None, reason=str(_ABSENCE))
_sampler = pytest.importorskip("gilscope.accounting._sampler")

needs_gil = pytest.mark.skipif(bool(_sampler.OF_STATES), reason="needs a build with a GIL")
needs_states = pytest.mark.skipif(not _sampler.OF_STATES, reason="needs a free-threaded build")
needs_ledger = pytest.mark.skipif(ledger_module.availability() is not None, reason=str(ledger_module.availability()))
needs_own_gil = pytest.mark.skipif(sys.version_info < (3, 12), reason="an own-GIL interpreter needs CPython >= 3.12")

#: A busy host may let the sampler look too seldom, which it then says; that is no fault of it.
ATTEMPTS = 20
#: Far above what samples err by in the time given here, far below what another state of the GIL would show.
WIDE = 0.15


def sample(work: Callable[[], object]) -> SampledLog:
    """Sample while some work is done, until the host lets it; give up on a host that never does."""
    said = None
    for _ in range(ATTEMPTS):
        with sampler() as samples:
            work()
        if isinstance(samples.log, SampledLog):
            return samples.log
        said = samples.log
    pytest.skip(f"{ATTEMPTS} times: {said}")


def share_of(log: SampledLog, native_id: int) -> float:
    """Return how much of the time a thread held the GIL, or was attached."""
    thread = log.thread(native_id)
    if thread is None:
        return 0.0
    assert (thread.held is None) != (thread.attached is None)
    return thread.held if thread.held is not None else thread.attached or 0.0


def compute(seconds: float) -> None:
    """Hold the GIL in bytecode, or be attached."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def in_thread(work: Callable[[], object]) -> int:
    """Do something on another thread; return its native id."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert thread.native_id is not None
    return thread.native_id


@needs_gil
@needs_ledger
@pytest.mark.parametrize(("hold_us", "release_us"), [(1000, 1000), (100, 900), (900, 100), (30, 270), (10_000, 0)])
def test_agrees_with_the_ledger(hold_us: int, release_us: int) -> None:
    """Patterns of holding and releasing read as the ledger reads them, also where they repeat as often as it looks."""
    from gilscope.accounting import _ledger

    n_pairs, exact = round(300_000 / (hold_us + release_us)), []

    def work() -> None:
        with gilscope.ledger() as ledger:
            _ledger.pattern(n_pairs, hold_us * 1000, release_us * 1000)
        exact.append(ledger.log.thread(threading.get_native_id()))

    log, thread = sample(work), exact[-1]
    assert thread is not None
    assert share_of(log, threading.get_native_id()) == pytest.approx(thread.held_ns / thread.span_ns, abs=WIDE)
    assert log.free is not None
    assert log.free + sum(one.held or 0 for one in log.threads) == pytest.approx(1)


def test_tells_sleeping_from_computing() -> None:
    """A thread that sleeps is without the GIL, or detached; one that computes is not."""
    here = threading.get_native_id()
    assert share_of(sample(lambda: time.sleep(0.2)), here) < WIDE
    assert share_of(sample(lambda: compute(0.2)), here) > 1 - WIDE


def test_names_the_holder() -> None:
    """The figures are the holder's own, by its native id and its name."""
    log = sample(lambda: compute(0.2))
    first = log.threads[0]
    assert (first.native_id, first.name) == (threading.get_native_id(), threading.current_thread().name)


@needs_gil
def test_sees_other_threads() -> None:
    """A thread that has ended is seen with what it held, without its id."""
    log = sample(lambda: in_thread(lambda: compute(0.2)))
    first = log.threads[0]
    assert (first.native_id, first.name) == (0, "threads that have ended")
    assert first.held is not None
    assert first.held > 0.5


@needs_states
def test_says_how_many_it_could_not_watch() -> None:
    """Those that have ended keep their place, so a program that starts many threads has some that nobody watched."""
    refusals: list[RuntimeError] = []

    def ask() -> None:
        try:
            samples.watch()
        except RuntimeError as error:
            refusals.append(error)

    with sampler() as samples:
        for _ in range(1030):
            thread = threading.Thread(target=ask)
            thread.start()
            thread.join()
        log = samples._read(_sampler.peek(samples._handle))
    assert len(refusals) == 1030 - 1023, "the one that opened it is watched too"
    assert f"{len(refusals)} threads for which it had no place" in log.blind_to


@needs_states
def test_watches_who_asks() -> None:
    """Another thread is watched once it asks, also after it has ended; and two at once are seen as two."""
    ids: list[int] = []

    def work() -> None:
        def other() -> None:
            handle[0].watch()
            compute(0.2)

        thread = threading.Thread(target=other)
        thread.start()
        compute(0.2)
        thread.join()
        ids.append(thread.native_id or 0)

    handle: list[Any] = []
    for _ in range(ATTEMPTS):
        with sampler() as samples:
            handle[:] = [samples]
            work()
        if isinstance(samples.log, SampledLog):
            break
    log = samples.log
    if isinstance(log, Unavailable):
        pytest.skip(str(log))
    assert {thread.native_id for thread in log.threads} == {threading.get_native_id(), ids[-1]}
    assert log.free is None
    assert len(log.at_once) == 3
    assert sum(log.at_once) == pytest.approx(1)
    assert log.parallel is not None
    assert log.parallel > 0


def test_threads_may_end_at_any_moment() -> None:
    """Threads that come and go while they are watched leave nothing that a look could stumble over."""
    with sampler(20_000) as samples:
        for _ in range(50):
            in_thread(samples.watch)


def test_leaves_nothing_behind() -> None:
    """Its thread has ended when the block ends, also by an exception, and when a handle is forgotten."""
    with nothing_left():
        with pytest.raises(ZeroDivisionError), sampler():
            raise ZeroDivisionError
        with sampler(), sampler():
            pass
        _sampler.start(PERIOD_NS)
        gc.collect()


def test_reads_while_it_runs() -> None:
    """The log may be read at any time; after the end it stays as it is."""
    with sampler() as samples:
        first = samples._read(_sampler.peek(samples._handle))
        time.sleep(0.01)
        second = samples._read(_sampler.peek(samples._handle))
    assert second.wall_ns > first.wall_ns
    assert second.n_looks >= first.n_looks
    assert samples.log == samples.log


def test_counts_each_look_once() -> None:
    """What was seen adds up to the looks, and there is no look without a slot."""
    with sampler() as samples:
        compute(0.05)
        time.sleep(0.05)
    reading: Reading = _sampler.stop(samples._handle)
    seen = reading["seen"]
    n_seen = sum(seen["n_at_once"]) if _sampler.OF_STATES else seen["n_free"] + sum(n for _, n in seen["threads"])
    assert n_seen == reading["n_looks"] <= reading["n_slots"] + 1


def test_refuses_when_it_could_not_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the host did not let it look, the log is the reason and not a figure."""
    reading = {"wall_ns": 10**9, "n_slots": 10_000, "n_looks": 1, "longest_gap_ns": 10**9, "seen": {"threads": []}}
    samples = sampler()
    samples._log = samples._read(reading)  # type: ignore[arg-type]
    assert isinstance(samples.log, Unavailable)
    assert samples.mechanism.startswith("sampler of ")
    with pytest.raises(CannotRunError, match="look 1 time"):
        _ = samples.threads


def test_says_why_it_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it cannot work, entering the block raises the reason."""
    monkeypatch.setattr(module, "availability", lambda: Unavailable("a test says so"))
    with pytest.raises(CannotRunError, match="a test says so"), sampler():
        pass


@pytest.mark.parametrize("period_ns", [0, 19_999, 20_000_001, -1])
def test_refuses_impossible_periods(period_ns: int) -> None:
    """Periods too short to sleep, or too long to wait for at the end, are refused."""
    with pytest.raises(ValueError, match="20 us to 20 ms"), sampler(period_ns):
        pass


def test_looks_once_only() -> None:
    """A sampler cannot be entered twice, nor read before it has begun."""
    samples = sampler()
    with pytest.raises(RuntimeError, match="not begun"):
        _ = samples.log
    with samples, pytest.raises(RuntimeError, match="looks once"):
        samples.__enter__()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_none() -> None:
    """The child is told that the sampler stayed with its parent, and may start another; the parent's goes on."""
    run_fresh("""
        import gc, os, time, warnings
        from gilscope.accounting import _sampler
        warnings.simplefilter("ignore", DeprecationWarning)  # it has threads: the sampler, and that is the point
        handle = _sampler.start(100_000)
        child = os.fork()
        if child == 0:
            try:
                for method in (_sampler.stop, _sampler.peek):
                    try:
                        method(handle)
                    except RuntimeError as error:
                        assert "forked" in str(error), error
                    else:
                        raise AssertionError("it should have been refused")
                del handle
                gc.collect()
                other = _sampler.start(100_000)
                while not _sampler.peek(other)["n_looks"]:
                    time.sleep(0.01)
                _sampler.stop(other)
                assert len(os.listdir("/proc/self/task")) == 1
            except BaseException:
                import traceback
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        before = _sampler.peek(handle)["n_looks"]
        while _sampler.peek(handle)["n_looks"] == before:
            time.sleep(0.01)
        _sampler.stop(handle)
    """)


@needs_own_gil
def test_a_subinterpreter_is_told_that_it_cannot() -> None:
    """An interpreter with a GIL of its own cannot load it, and gets the reason; the sampler outside goes on."""
    program = """
        from gilscope.accounting.sampler import availability
        absence = availability()
        assert absence is not None and "cannot be loaded" in absence.reason, absence
    """
    run_fresh(
        "from gilscope.accounting.sampler import sampler\n"
        "from gilscope.children.interpreter import run_in_new_interpreter\n"
        f"with sampler():\n    run_in_new_interpreter({textwrap.dedent(program)!r})"
    )


def test_the_process_may_end_while_it_samples() -> None:
    """A program that ends without ending its sampler ends as usual."""
    run_fresh("import builtins; from gilscope.accounting import _sampler; builtins.kept = _sampler.start(100_000)")


def test_says_what_it_cannot_see() -> None:
    """The mechanism has a name, and what it is blind to is said."""
    log = sample(lambda: time.sleep(0.05))
    assert re.fullmatch(r"sampler of (\(locked, holder\)|thread states), 10 kHz", log.mechanism)
    assert log.blind_to


def run_fresh(program: str) -> None:
    """Run a program in a fresh process where warnings are errors; fail with what it printed."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
