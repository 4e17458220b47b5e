"""The GIL ledger against counts and times that are known: nothing is missed, nothing is left behind, nothing invented.

What one place in the code released is counted exactly by that place; a thread's own account also has what Python's
locks and files released around it, so there the kernels of `gilscope._capi` run in bare threads, without bytecode.
"""

import _thread
import os
import re
import subprocess
import sys
import textwrap
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

import gilscope
from gilscope import _capi
from gilscope.accounting import ledger as module
from gilscope.accounting.ledger import Ledger, availability
from gilscope.accounting.log import Log, SiteAccount, ThreadAccount
from gilscope.accounting.reading import difference
from gilscope.errors import CannotRunError
from gilscope.results import Unavailable

if TYPE_CHECKING:
    from gilscope._ledger import Snapshot

_ABSENCE = availability()
pytestmark = pytest.mark.skipif(_ABSENCE is not None, reason=str(_ABSENCE))
_ledger = pytest.importorskip("gilscope._ledger")

needs_own_gil = pytest.mark.skipif(sys.version_info < (3, 12), reason="an own-GIL interpreter needs CPython >= 3.12")

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


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    """No test may leave a hook behind, or have one taken."""
    stolen = _ledger.snapshot()["n_stolen"]
    yield
    assert hooked() == 0
    assert _ledger.snapshot()["n_stolen"] == stolen


# Counts.


def test_a_million_releases_of_one_thread() -> None:
    """Takes, drops, releases and the place's own count are the kernel's count, to the last one."""
    before, _ = _start(), _capi.release_pairs(10**6)
    mine = difference(before, _stop())[0]
    assert mine["takes"] == mine["drops"] == mine["released"]["count"] == 10**6
    with gilscope.ledger() as log:
        _capi.release_pairs(10**6)
    assert pairs_seen(log.log) == 10**6


def test_a_million_releases_of_eight_threads() -> None:
    """The same of threads that fight for the GIL; each has one take and one drop more, at its start and its end."""
    n_threads, n_pairs = 8, 125_000
    with gilscope.ledger() as log:
        for _ in range(n_threads):
            _thread.start_new_thread(_capi.release_pairs, (n_pairs,))
        wait_for(lambda: sum(account["dead"] for account in _ledger.snapshot()["accounts"]) == n_threads)
    others = [thread for thread in log.threads if thread.native_id != threading.get_native_id()]
    assert [(thread.takes, thread.drops) for thread in others] == [(n_pairs + 1, n_pairs + 1)] * n_threads
    assert pairs_seen(log.log) == n_threads * n_pairs
    assert all(thread.waits <= thread.takes for thread in others)


@pytest.mark.parametrize(("segment_us", "tolerance"), [(1000, 0.001), (100, 0.001), (10, 0.01)])
def test_shares_are_those_of_the_kernel(segment_us: int, tolerance: float) -> None:
    """The released share is what the kernel's own stamps say, held and released in turn for equally long."""
    errors = []
    while not errors or (min(errors) > tolerance and len(errors) < ATTEMPTS):
        _ledger.time_cpu(0)
        before = _start()
        held_ns, released_ns = _ledger.pattern(40_000 // segment_us, segment_us * 1e3, segment_us * 1e3)
        mine = difference(before, _stop())[0]
        read = mine["released"]["ticks"] / (mine["released"]["ticks"] + mine["held"])
        errors.append(abs(read - released_ns / (released_ns + held_ns)))
    assert min(errors) <= tolerance, errors


# Installing and removing.


def test_installs_beside_busy_threads() -> None:
    """Turned on and off 3000 times beside 8 threads: nothing missed while on, the slots as before, none stolen.

    Whoever asks holds the GIL, at the beginning as at the end, so every thread has taken it as often as dropped it.
    The loader binds everything at once here, or it would change slots itself meanwhile.
    """
    run_fresh(
        """
        import threading, time
        from gilscope import _capi, _ledger
        from gilscope.accounting.reading import difference

        busy = True

        def work():
            while busy:
                _capi.release_pairs(20)
                sum(range(100))

        threads = [threading.Thread(target=work, daemon=True) for _ in range(8)]
        for thread in threads:
            thread.start()
        _ledger.start(0)
        _ledger.stop()
        slots, seen = _ledger.slots(), 0
        for turn in range(3000):
            _ledger.start(0)
            before = _ledger.snapshot()
            _capi.release_pairs(10)
            if turn % 30 == 0:
                time.sleep(0.0005)  # so that others take their turn while it is on
            after = _ledger.snapshot()
            assert all(hooked for _, _, hooked in _ledger.slots())
            _ledger.stop()
            assert _ledger.slots() == slots
            accounts = difference(before, after)
            assert all(one["takes"] == one["drops"] for one in accounts), accounts
            (mine,) = (one for one in accounts if one["native_id"] == threading.get_native_id())
            assert 10 <= mine["drops"] <= 14, mine  # and what the eval loop was asked to drop between two calls
            seen += len(accounts) > 1
        assert seen > 50, seen
        assert not any(hooked for _, _, hooked in slots) and not after["n_stolen"]
        busy = False
        for thread in threads:
            thread.join()
        """,
        env={"LD_BIND_NOW": "1", "PATH": ""},
    )


def test_first_starts_of_several_threads_at_once() -> None:
    """Finding the GIL releases it; a thread that starts the ledger meanwhile does no harm."""
    run_fresh("""
        import threading
        from gilscope import _capi, _ledger
        ready = threading.Barrier(4)

        def work():
            ready.wait()
            for _ in range(5):
                _ledger.start(0)
                _capi.release_pairs(10)
                _ledger.stop()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not any(hooked for _, _, hooked in _ledger.slots())
        assert not _ledger.snapshot()["n_stolen"]
    """)


def test_an_exception_takes_the_hooks_away() -> None:
    """However the block is left, the slots are as before and the log is there."""
    log = gilscope.ledger()
    with pytest.raises(KeyError), log:
        _capi.release_pairs(3)
        assert hooked() > 0
        raise KeyError
    assert hooked() == 0
    assert pairs_seen(log.log) == 3


def test_more_stops_than_starts() -> None:
    """The last stop is the last one."""
    with pytest.raises(RuntimeError, match="not on"):
        _ledger.stop()


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
    with gilscope.ledger() as log:
        _capi.release_pairs(5)
        assert pairs_seen(log.log) == 5
        _capi.release_pairs(6)
    assert pairs_seen(log.log) == 11


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
            with gilscope.ledger() as log:
                held_ns, _ = _ledger.pattern(1, 3e5, 1e3)
                _capi.release_pairs(n_pairs)
            mine = here(log.log)
            if mine.drops <= n_pairs or mine.takes != mine.drops or mine.longest_hold_ns < 0.98 * held_ns:
                faults.append(f"{n_pairs} pairs, {held_ns} ns: {mine}")
            if not 0 <= mine.span_ns <= 1.0001 * log.wall_ns + 1000:
                faults.append(f"{mine.span_ns} of {log.wall_ns} ns")

    _in_threads(work, 4)
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
    for log in (outer, inner):
        account = log.log.thread(sleeper.native_id or 0)
        assert account is not None
        assert 0 < account.blocked_ns <= account.span_ns <= log.wall_ns
        assert account.takes == account.drops
        assert account.name == sleeper.name
    woken = [log.log.thread(sleeper.native_id or 0) for log in (outer, inner)]
    assert woken[0] is not None and woken[1] is not None
    assert woken[0].blocked_ns > woken[1].blocked_ns > woken[0].blocked_ns - outer.wall_ns + inner.wall_ns


def test_a_thread_that_ends_inside() -> None:
    """Its time ends with it, however long the log goes on."""
    with gilscope.ledger() as log:
        begin_ns = time.monotonic_ns()
        thread = threading.Thread(target=_capi.release_pairs, args=(10,))
        thread.start()
        thread.join()
        wait_for(lambda: any(account["dead"] for account in _ledger.snapshot()["accounts"]))
        life_ns = time.monotonic_ns() - begin_ns
        time.sleep(0.05)
    account = log.log.thread(thread.native_id or 0)
    assert account is not None
    assert account.takes == account.drops > 10
    assert 0 < account.span_ns <= 1.001 * life_ns
    assert (account.cpu_ns, account.run_delay_ns) == (None, None)


def test_hundreds_of_threads() -> None:
    """Each has an account, also where the kernel gives one id twice, and none is in the next log."""
    with gilscope.ledger() as log:
        for _ in range(300):
            thread = threading.Thread(target=_capi.release_pairs, args=(1,))
            thread.start()
            thread.join()
    assert len(log.threads) == 301
    assert pairs_seen(log.log) == 300
    with gilscope.ledger() as after:
        _capi.release_pairs(1)
    assert [thread.native_id for thread in after.threads] == [threading.get_native_id()]


# Processes and interpreters.


def test_places_of_a_module_that_is_imported_meanwhile() -> None:
    """Its releases have their places as if it had been there, and nobody watches imports afterwards."""
    run_fresh("""
        import sys
        from importlib.machinery import ExtensionFileLoader
        import gilscope
        from gilscope import _ledger
        before = ExtensionFileLoader.create_module
        assert "gilscope._capi" not in sys.modules
        with gilscope.ledger() as log:
            with gilscope.ledger():
                pass
            from gilscope import _capi
            _capi.release_pairs(6)
        assert [site.count for site in log.sites if site.module == _capi.__file__] == [6]
        assert ExtensionFileLoader.create_module is before
    """)


def test_a_fork_while_on() -> None:
    """The child's log goes on with what its one thread did before and after; the parent's is its own."""
    run_fresh("""
        import os, threading, time
        import gilscope
        from gilscope import _capi, _ledger

        def here(log):
            return log.log.thread(threading.get_native_id())

        def pairs(log):
            return sum(site.count for site in log.sites if site.module == _capi.__file__)

        log = gilscope.ledger(1024)
        with log:
            _capi.release_pairs(100)
            held_ns, _ = _ledger.pattern(1, 5e6, 1e3)
            pid = os.fork()
            if pid == 0:
                _capi.release_pairs(20)
                assert pairs(log) == 120, log.log
                assert here(log).held_ns >= 0.99 * held_ns, (here(log), held_ns)
                assert here(log).name == "MainThread"
                with gilscope.ledger() as inner:
                    _capi.release_pairs(3)
                    thread = threading.Thread(target=_capi.release_pairs, args=(4,))
                    thread.start()
                    thread.join()
                assert pairs(inner) == 7 and len(inner.threads) == 2
            else:
                _capi.release_pairs(5)
                assert os.waitpid(pid, 0)[1] == 0
        if pid:
            assert pairs(log) == 105 and here(log).takes == here(log).drops, log.log
        assert not any(hooked for _, _, hooked in _ledger.slots())
        os._exit(0)
    """)


def test_a_fork_while_another_thread_finds_the_gil() -> None:
    """That thread is not in the child, which finds the GIL for itself, and waits for nobody.

    It is found once in a process, in some 100 us; so many processes try, and fork all the while.
    """
    run_fresh("""
        import os, signal, sys, threading, time
        from gilscope import _ledger

        def use_it():
            signal.alarm(30)
            _ledger.start(0)
            assert all(hooked for _, _, hooked in _ledger.slots())
            _ledger.stop()
            assert not any(hooked for _, _, hooked in _ledger.slots())
            os._exit(0)

        def fork():
            while busy:
                pid = os.fork()
                if pid == 0:
                    use_it()
                children.append(pid)

        sys.setswitchinterval(1e-5)
        for _ in range(12):
            trial = os.fork()
            if trial:
                assert os.waitpid(trial, 0)[1] == 0
                continue
            children, busy = [], True
            threads = [threading.Thread(target=fork) for _ in range(3)]
            for thread in threads:
                thread.start()
            time.sleep(0.01)
            _ledger.start(0)
            busy = False
            for thread in threads:
                thread.join()
            _ledger.stop()
            assert {os.waitpid(pid, 0)[1] for pid in children} <= {0}
            os._exit(0)
    """)


def test_a_ledger_in_the_child_only() -> None:
    """What was opened, closed or never tried in the parent does not matter to a child."""
    run_fresh("""
        import os
        import gilscope
        from gilscope import _capi
        for _ in range(2):
            pid = os.fork()
            if pid == 0:
                with gilscope.ledger() as log:
                    _capi.release_pairs(9)
                assert sum(site.count for site in log.sites if site.module == _capi.__file__) == 9
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
            with gilscope.ledger() as log:
                _capi.release_pairs(8)
            assert sum(site.count for site in log.sites if site.module == _capi.__file__) == 8
    """)


@needs_own_gil
def test_an_interpreter_with_a_gil_of_its_own() -> None:
    """Its releases are its own: nobody's account has them, no place does, and they go on undisturbed.

    The thread in which it ran drops the main GIL afterwards, which must not be taken for the other one's last place.
    """
    run_fresh("""
        import sys, threading, time
        import gilscope
        from gilscope import _capi, _ledger
        if sys.version_info >= (3, 14):
            from concurrent import interpreters
            other = interpreters.create().exec
        elif sys.version_info >= (3, 13):
            import _interpreters
            which = _interpreters.create("isolated")
            def other(program):
                failure = _interpreters.exec(which, program)
                assert failure is None, failure.errdisplay
        else:
            import _xxsubinterpreters
            which = _xxsubinterpreters.create(isolated=True)
            def other(program):
                _xxsubinterpreters.run_string(which, program)
        other("from gilscope import _capi")

        def spin():
            while not done:
                pass

        for _ in range(3):
            done = False
            beside = threading.Thread(target=other, args=("_capi.release_pairs(100_000)",))
            spinner = threading.Thread(target=spin)
            with gilscope.ledger() as log:
                beside.start()
                _capi.release_pairs(100)
                beside.join()
                assert sum(site.count for site in log.sites if site.module == _capi.__file__) == 100
                spinner.start()
                for _ in range(3):
                    other("_capi.release_pairs(10)")
                    end = time.monotonic() + 0.02
                    while time.monotonic() < end:
                        pass
                done = True
                spinner.join()
            account = log.log.thread(beside.native_id)
            assert account.drops < 1000, account
            assert sum(site.count for site in log.sites if site.module == _capi.__file__) == 100, log.sites
    """)


@needs_own_gil
def test_it_does_not_load_where_the_gil_is_another() -> None:
    """An interpreter with a GIL of its own cannot load it, and says so as Python does."""
    run_fresh("""
        import sys
        program = '''
        try:
            import gilscope._ledger
        except ImportError as error:
            assert "_ledger" in str(error), error
        else:
            raise SystemError("loaded")
        from gilscope.accounting.ledger import availability
        assert "cannot be loaded here" in availability().reason
        '''.replace("\\n        ", "\\n")
        if sys.version_info >= (3, 14):
            from concurrent import interpreters
            interpreters.create().exec(program)
        elif sys.version_info >= (3, 13):
            import _interpreters
            failure = _interpreters.exec(_interpreters.create("isolated"), program)
            assert failure is None, failure.errdisplay
        else:
            import _xxsubinterpreters
            _xxsubinterpreters.run_string(_xxsubinterpreters.create(isolated=True), program)
    """)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_a_user_without_rights() -> None:
    """Nothing in it needs root: it works for nobody too, who may not even read the files of this Python."""
    run_fresh("""
        import os
        import gilscope, gilscope.accounting.ledger
        from gilscope import _capi, _ledger  # while it still may
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        with gilscope.ledger(100) as log:
            _capi.release_pairs(5)
        assert sum(site.count for site in log.sites if site.module == _capi.__file__) == 5
    """)


# The timeline.


def test_the_timeline_is_in_order() -> None:
    """Times never go back, and each thread drops, is perhaps forced, perhaps waits, and takes, over and over."""
    with gilscope.ledger(1 << 16) as log:
        _in_threads(lambda _: _busy(), 3)
        _in_threads(lambda _: _capi.release_pairs(500), 3)
    events = log.events
    assert log.log.n_lost_events == 0
    assert all(0 <= first.at_ns <= second.at_ns <= log.wall_ns + 1 for first, second in pairwise(events))
    for thread in log.threads:
        mine = [event.kind for event in events if event.native_id == thread.native_id]
        assert re.fullmatch(r"(w?t)?(df?w?t)*(df?w?)?", "".join(kind[0] for kind in mine)), mine
        counted = (thread.takes, thread.drops, thread.waits, thread.forced_switches)
        assert counted == tuple(mine.count(kind) for kind in ("take", "drop", "wait", "forced"))
    for event in events:
        assert event.site is None or (event.kind == "drop" and event.site < len(log.sites))
    drops = [event for event in events if event.site is not None and log.sites[event.site].module == _capi.__file__]
    assert len(drops) == pairs_seen(log.log)


@pytest.mark.parametrize("n_events", [1, 1024, 4096])
def test_a_full_ring_is_counted(n_events: int) -> None:
    """Events that the ring had no room for are lost, the oldest first, and never silently."""
    run_fresh(f"""
        import gilscope
        from gilscope import _capi
        with gilscope.ledger({n_events}) as log:
            _capi.release_pairs(10_000)
        (mine,) = log.threads
        n_all = mine.takes + mine.drops + mine.waits + mine.forced_switches
        assert len(log.events) + log.log.n_lost_events == n_all
        assert log.log.n_lost_events > 0
        assert len(log.events) >= {n_events}
        assert log.events[-1].kind == "take"
    """)


def test_a_larger_ring_keeps_what_the_smaller_one_had() -> None:
    """A ledger that wants more events than one that is open takes nothing from it."""
    run_fresh("""
        import gilscope
        from gilscope import _capi
        with gilscope.ledger(1024) as outer:
            _capi.release_pairs(100)
            with gilscope.ledger(1 << 14) as inner:
                _capi.release_pairs(5000)
        drops = [sum(log.sites[one.site].module == _capi.__file__ for one in log.events if one.site is not None)
                 for log in (outer, inner)]
        assert drops == [5100, 5000], drops
        assert outer.log.n_lost_events == inner.log.n_lost_events == 0
    """)


def test_without_a_timeline_nothing_is_written() -> None:
    """Counters alone stay counters alone after somebody else's timeline."""
    with gilscope.ledger(1024):
        _capi.release_pairs(1)
    before, _ = _start(), _capi.release_pairs(100)
    assert _stop()["n_events"] == before["n_events"]


# Places.


def test_places_that_release() -> None:
    """Compressing computes in zlib, sleeping blocks in time.sleep, and a kernel of ours is in its own module."""
    file, data = getattr(zlib, "__file__", None), bytes(range(256)) * 4096
    share = 0.0
    for _ in range(ATTEMPTS):
        with gilscope.ledger() as log:
            zlib.compress(data)
            _capi.release_pairs(10)
        (ours,) = released_by(log.log, _capi.__file__)
        assert ours.symbol in ("", "release_pairs")
        assert ours.count == 10
        assert ours.offset > 0
        if file is None:
            break  # it is built into the interpreter, which may not call itself through a slot
        (compress,) = released_by(log.log, file)
        assert compress.symbol in ("", "zlib_compress", "zlib_compress_impl")
        assert compress.count == 1
        share = max(share, compress.computing_ns / (compress.released_ns - queued_ns(log.log)))
    assert file is None or share > 0.8
    with gilscope.ledger() as log:
        time.sleep(0.02)
    assert here(log.log).blocked_ns > 10 * here(log.log).computing_ns
    for site in log.sites:
        assert site.symbol in ("", "time_sleep", "pysleep")
        assert site.blocked_ns > 10 * site.computing_ns


def test_computing_and_blocked_are_told_apart() -> None:
    """A kernel that computes without the GIL computes, and a thread that waits is blocked, also while it still does."""
    shares = []
    for _ in range(ATTEMPTS):
        with gilscope.ledger() as log:
            _ledger.pattern(20, 1e3, 1e6)
        shares.append(here(log.log).computing_ns / (here(log.log).released_ns - queued_ns(log.log)))
    assert max(shares) > 0.8, shares
    done = threading.Event()
    sleeper = threading.Thread(target=done.wait)
    with gilscope.ledger() as log:
        sleeper.start()
        time.sleep(0.05)
        account, sites = log.log.thread(sleeper.native_id or 0), log.sites
        done.set()
    sleeper.join()
    assert account is not None
    assert account.blocked_ns > 10 * account.computing_ns
    assert not sites or max(site.blocked_ns for site in sites) > 10_000_000


def test_a_long_wait_after_short_ones_is_blocked() -> None:
    """Reading what is there already is short and computes; that says nothing of the reading that has to wait."""
    reader, writer = os.pipe()
    try:
        with gilscope.ledger() as log:
            for _ in range(50):
                os.write(writer, b"x")
                os.read(reader, 1)
            late = threading.Timer(0.05, os.write, (writer, b"y"))
            late.start()
            os.read(reader, 1)
            late.join()
    finally:
        os.close(reader)
        os.close(writer)
    assert here(log.log).blocked_ns > 10 * here(log.log).computing_ns
    longest = max(log.sites, key=lambda site: site.longest_release_ns, default=None)
    assert longest is None or longest.blocked_ns > 10 * longest.computing_ns


def test_without_the_cpu_clock_long_releases_are_blocked() -> None:
    """Nobody said what they were, and that is what the parameter promises."""
    with gilscope.ledger(cpu_clock=False) as log:
        _ledger.pattern(5, 1e3, 1e6)
    assert here(log.log).blocked_ns >= 4_500_000


# Asking for the GIL.


def test_bytecode_answers_at_once() -> None:
    """A spinner in bytecode drops the GIL as soon as it is asked to."""
    shares = []
    while not any(asked and answered / asked > 0.8 for asked, answered in shares) and len(shares) < ATTEMPTS:
        shares.append(_answers(lambda: _busy(0.2)))
    assert any(asked and answered / asked > 0.8 for asked, answered in shares), shares


def test_a_long_call_does_not_answer() -> None:
    """One call of sorted holds on until it has sorted, however long ago it was asked."""
    data = [(i * 7919) % 1_000_003 / 3 for i in range(200_000)]
    shares = []
    while not any(asked and answered == 0 for asked, answered in shares) and len(shares) < ATTEMPTS:
        shares.append(_answers(lambda: [sorted(data) for _ in range(3)]))
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
    with pytest.raises(CannotRunError, match="forced by a test"), gilscope.ledger():
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
            return held_ns, released_ns * (3 if what == "shares" else 1)

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


def _start() -> "Snapshot":
    _ledger.start(0)
    return _ledger.snapshot()


def _stop() -> "Snapshot":
    after = _ledger.snapshot()
    _ledger.stop()
    return after


def _busy(seconds: float = 0.1) -> None:
    """Run bytecode for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(i for i in range(1000))


def _in_threads(work: Callable[[int], object], n_threads: int) -> None:
    threads = [threading.Thread(target=work, args=(i,)) for i in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _answers(work: Callable[[], object]) -> tuple[int, int]:
    """Return how often somebody asked this thread for the GIL while it worked, and how often it dropped it at once."""
    done = False

    def want() -> None:
        while not done:
            sum(range(10))

    beside = threading.Thread(target=want)
    beside.start()
    with gilscope.ledger() as log:
        work()
        mine = here(log.log)
    done = True
    beside.join()
    return mine.asked, mine.answered_at_once
