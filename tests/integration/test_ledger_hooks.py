"""Putting the ledger's hooks in place and taking them away: under load, in forks, beside other interpreters."""

import os
import sys

import pytest
from ledgers import hooked, nothing_stays, pairs_seen, run_fresh

import gilscope
from gilscope.accounting.ledger import availability
from gilscope.kernels import _capi

_ABSENCE = availability()
pytestmark = pytest.mark.skipif(_ABSENCE is not None, reason=str(_ABSENCE))
_ledger = pytest.importorskip("gilscope.accounting._ledger")
_nothing_stays = pytest.fixture(autouse=True)(nothing_stays)

needs_own_gil = pytest.mark.skipif(sys.version_info < (3, 12), reason="an own-GIL interpreter needs CPython >= 3.12")


# Installing and removing.


def test_installs_beside_busy_threads() -> None:
    """Turned on and off 3000 times beside 8 threads: nothing missed while on, the slots as before, none stolen.

    Whoever asks holds the GIL, at the beginning as at the end, so every thread has taken it as often as dropped it.
    The loader binds everything at once here, or it would change slots itself meanwhile.
    """
    run_fresh(
        """
        import threading, time
        from gilscope.accounting import _ledger
        from gilscope.kernels import _capi
        from gilscope.accounting.snapshots import difference

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
        from gilscope.accounting import _ledger
        from gilscope.kernels import _capi
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
    ledger = gilscope.ledger()
    with pytest.raises(KeyError), ledger:
        _capi.release_pairs(3)
        assert hooked() > 0
        raise KeyError
    assert hooked() == 0
    assert pairs_seen(ledger.log) == 3


def test_more_stops_than_starts() -> None:
    """The last stop is the last one."""
    with pytest.raises(RuntimeError, match="not on"):
        _ledger.stop()


# Processes and interpreters.


def test_places_of_a_module_that_is_imported_meanwhile() -> None:
    """Its releases have their places as if it had been there, and nobody watches imports afterwards."""
    run_fresh("""
        import sys
        from importlib.machinery import ExtensionFileLoader
        import gilscope
        from gilscope.accounting import _ledger
        before = ExtensionFileLoader.create_module
        assert "gilscope.kernels._capi" not in sys.modules
        with gilscope.ledger() as ledger:
            with gilscope.ledger():
                pass
            from gilscope.kernels import _capi
            _capi.release_pairs(6)
        assert [site.count for site in ledger.sites if site.module == _capi.__file__] == [6]
        assert ExtensionFileLoader.create_module is before
    """)


def test_a_fork_while_on() -> None:
    """The child's log goes on with what its one thread did before and after; the parent's is its own."""
    run_fresh("""
        import os, threading, time
        import gilscope
        from gilscope.accounting import _ledger
        from gilscope.kernels import _capi

        def here(ledger):
            return ledger.log.thread(threading.get_native_id())

        def pairs(ledger):
            return sum(site.count for site in ledger.sites if site.module == _capi.__file__)

        ledger = gilscope.ledger(1024)
        with ledger:
            _capi.release_pairs(100)
            held_ns, _ = _ledger.pattern(1, 5e6, 1e3)
            pid = os.fork()
            if pid == 0:
                _capi.release_pairs(20)
                assert pairs(ledger) == 120, ledger.log
                assert here(ledger).held_ns >= 0.99 * held_ns, (here(ledger), held_ns)
                assert here(ledger).name == "MainThread"
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
            assert pairs(ledger) == 105 and here(ledger).takes == here(ledger).drops, ledger.log
        assert not any(hooked for _, _, hooked in _ledger.slots())
        os._exit(0)
    """)


def test_a_fork_while_another_thread_finds_the_gil() -> None:
    """That thread is not in the child, which finds the GIL for itself, and waits for nobody.

    It is found once in a process, in some 100 us; so many processes try, and fork all the while.
    """
    run_fresh("""
        import os, signal, sys, threading, time
        from gilscope.accounting import _ledger

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
        from gilscope.kernels import _capi
        for _ in range(2):
            pid = os.fork()
            if pid == 0:
                with gilscope.ledger() as ledger:
                    _capi.release_pairs(9)
                assert sum(site.count for site in ledger.sites if site.module == _capi.__file__) == 9
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
            with gilscope.ledger() as ledger:
                _capi.release_pairs(8)
            assert sum(site.count for site in ledger.sites if site.module == _capi.__file__) == 8
    """)


@needs_own_gil
def test_an_interpreter_with_a_gil_of_its_own() -> None:
    """Its releases are its own: nobody's account has them, no place does, and they go on undisturbed.

    The thread in which it ran drops the main GIL afterwards, which must not be taken for the other one's last place.
    """
    run_fresh("""
        import sys, threading, time
        import gilscope
        from gilscope.accounting import _ledger
        from gilscope.kernels import _capi
        if sys.version_info >= (3, 14):
            from concurrent import interpreters
            which = interpreters.create()
            other = which.exec
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
        other("from gilscope.kernels import _capi")

        def spin():
            while not done:
                pass

        for _ in range(3):
            done = False
            beside = threading.Thread(target=other, args=("_capi.release_pairs(100_000)",))
            spinner = threading.Thread(target=spin)
            with gilscope.ledger() as ledger:
                beside.start()
                _capi.release_pairs(100)
                beside.join()
                assert sum(site.count for site in ledger.sites if site.module == _capi.__file__) == 100
                spinner.start()
                for _ in range(3):
                    other("_capi.release_pairs(10)")
                    end = time.monotonic() + 0.02
                    while time.monotonic() < end:
                        pass
                done = True
                spinner.join()
            account = ledger.log.thread(beside.native_id)
            assert account.drops < 1000, account
            assert sum(site.count for site in ledger.sites if site.module == _capi.__file__) == 100, ledger.sites
        if sys.version_info >= (3, 14):
            which.close()  # or it is one that remains, which Python warns of
    """)


@needs_own_gil
def test_it_does_not_load_where_the_gil_is_another() -> None:
    """An interpreter with a GIL of its own cannot load it, and says so as Python does."""
    run_fresh("""
        from gilscope.children.interpreter import run_in_new_interpreter
        program = '''
        try:
            import gilscope.accounting._ledger
        except ImportError as error:
            assert "_ledger" in str(error), error
        else:
            raise SystemError("loaded")
        from gilscope.accounting.ledger import availability
        assert "cannot be loaded here" in availability().reason
        '''.replace("\\n        ", "\\n")
        run_in_new_interpreter(program)
    """)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_a_user_without_rights() -> None:
    """Nothing in it needs root: it works for nobody too, who may not even read the files of this Python."""
    run_fresh("""
        import os
        import gilscope, gilscope.accounting.mechanisms
        from gilscope.accounting import _ledger  # while it still may
        from gilscope.kernels import _capi
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        with gilscope.ledger(100) as ledger:
            _capi.release_pairs(5)
        assert sum(site.count for site in ledger.sites if site.module == _capi.__file__) == 5
    """)
