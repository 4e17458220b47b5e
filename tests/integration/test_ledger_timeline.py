"""The ledger's timeline and places: what happened when, which code released the GIL, and whether it computed."""

import os
import re
import threading
import time
import zlib
from itertools import pairwise

import pytest
from ledgers import (
    ATTEMPTS,
    busy,
    here,
    in_threads,
    nothing_stays,
    pairs_seen,
    queued_ns,
    released_by,
    run_fresh,
    start,
    stop,
)

import gilscope
from gilscope.accounting.ledger import availability
from gilscope.kernels import _capi

_ABSENCE = availability()
pytestmark = pytest.mark.skipif(_ABSENCE is not None, reason=str(_ABSENCE))
_ledger = pytest.importorskip("gilscope.accounting._ledger")
_nothing_stays = pytest.fixture(autouse=True)(nothing_stays)


# The timeline.


def test_the_timeline_is_in_order() -> None:
    """Times never go back, and each thread drops, is perhaps forced, perhaps waits, and takes, over and over."""
    with gilscope.ledger(1 << 16) as ledger:
        in_threads(lambda _: busy(), 3)
        in_threads(lambda _: _capi.release_pairs(500), 3)
    events = ledger.events
    assert ledger.log.n_lost_events == 0
    assert all(0 <= first.at_ns <= second.at_ns <= ledger.wall_ns + 1 for first, second in pairwise(events))
    for thread in ledger.threads:
        mine = [event.kind for event in events if event.native_id == thread.native_id]
        assert re.fullmatch(r"(w?t)?(df?w?t)*(df?w?)?", "".join(kind[0] for kind in mine)), mine
        counted = (thread.takes, thread.drops, thread.waits, thread.forced_switches)
        assert counted == tuple(mine.count(kind) for kind in ("take", "drop", "wait", "forced"))
    for event in events:
        assert event.site is None or (event.kind == "drop" and event.site < len(ledger.sites))
    drops = [event for event in events if event.site is not None and ledger.sites[event.site].module == _capi.__file__]
    assert len(drops) == pairs_seen(ledger.log)


@pytest.mark.parametrize("n_events", [1, 1024, 4096])
def test_a_full_ring_is_counted(n_events: int) -> None:
    """Events that the ring had no room for are lost, the oldest first, and never silently."""
    run_fresh(f"""
        import gilscope
        from gilscope.kernels import _capi
        with gilscope.ledger({n_events}) as ledger:
            _capi.release_pairs(10_000)
        (mine,) = ledger.threads
        n_all = mine.takes + mine.drops + mine.waits + mine.forced_switches
        assert len(ledger.events) + ledger.log.n_lost_events == n_all
        assert ledger.log.n_lost_events > 0
        assert len(ledger.events) >= {n_events}
        assert ledger.events[-1].kind == "take"
    """)


def test_a_larger_ring_keeps_what_the_smaller_one_had() -> None:
    """A ledger that wants more events than one that is open takes nothing from it."""
    run_fresh("""
        import gilscope
        from gilscope.kernels import _capi
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
    before, _ = start(), _capi.release_pairs(100)
    assert stop()["n_events"] == before["n_events"]


# Places.


def test_places_that_release() -> None:
    """Compressing computes in zlib, sleeping blocks in time.sleep, and a kernel of ours is in its own module."""
    file, data = getattr(zlib, "__file__", None), bytes(range(256)) * 4096
    share = 0.0
    for _ in range(ATTEMPTS):
        with gilscope.ledger() as ledger:
            zlib.compress(data)
            _capi.release_pairs(10)
        (ours,) = released_by(ledger.log, _capi.__file__)
        assert ours.symbol in ("", "release_pairs")
        assert ours.count == 10
        assert ours.offset > 0
        if file is None:
            break  # it is built into the interpreter, which may not call itself through a slot
        (compress,) = released_by(ledger.log, file)
        assert compress.symbol in ("", "zlib_compress", "zlib_compress_impl")
        assert compress.count == 1
        share = max(share, compress.computing_ns / (compress.released_ns - queued_ns(ledger.log)))
    assert file is None or share > 0.8
    with gilscope.ledger() as ledger:
        time.sleep(0.02)
    assert here(ledger.log).blocked_ns > 10 * here(ledger.log).computing_ns
    for site in ledger.sites:
        assert site.symbol in ("", "time_sleep", "pysleep")
        assert site.blocked_ns > 10 * site.computing_ns


def test_computing_and_blocked_are_told_apart() -> None:
    """A kernel that computes without the GIL computes, and a thread that waits is blocked, also while it still does."""
    shares = []
    for _ in range(ATTEMPTS):
        with gilscope.ledger() as ledger:
            _ledger.pattern(20, 1e3, 1e6)
        shares.append(here(ledger.log).computing_ns / (here(ledger.log).released_ns - queued_ns(ledger.log)))
    assert max(shares) > 0.8, shares
    done = threading.Event()
    sleeper = threading.Thread(target=done.wait)
    with gilscope.ledger() as ledger:
        sleeper.start()
        time.sleep(0.05)
        account, sites = ledger.log.thread(sleeper.native_id or 0), ledger.sites
        done.set()
    sleeper.join()
    assert account is not None
    assert account.blocked_ns > 10 * account.computing_ns
    assert not sites or max(site.blocked_ns for site in sites) > 10_000_000


def test_a_long_wait_after_short_ones_is_blocked() -> None:
    """Reading what is there already is short and computes; that says nothing of the reading that has to wait."""
    reader, writer = os.pipe()
    try:
        with gilscope.ledger() as ledger:
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
    assert here(ledger.log).blocked_ns > 10 * here(ledger.log).computing_ns
    longest = max(ledger.sites, key=lambda site: site.longest_release_ns, default=None)
    assert longest is None or longest.blocked_ns > 10 * longest.computing_ns


def test_without_the_cpu_clock_long_releases_are_blocked() -> None:
    """Nobody said what they were, and that is what the parameter promises."""
    with gilscope.ledger(cpu_clock=False) as ledger:
        _ledger.pattern(5, 1e3, 1e6)
    assert here(ledger.log).blocked_ns >= 4_500_000
