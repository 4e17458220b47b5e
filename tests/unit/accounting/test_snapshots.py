"""From two snapshots to what happened between them, on books made by hand: ticks of 2 ns, begun at tick 1000."""

import struct
from typing import Any

import pytest

from gilscope.accounting import snapshots
from gilscope.accounting.snapshots import difference, events_of, kernel_difference, sites_of, split

TICK_NS = 2.0
KINDS = {"take": 0, "drop": 1, "wait": 2, "forced": 3}


def released(**given: int) -> Any:
    return {"count": 0, "ticks": 0, "timed_ticks": 0, "short_ticks": 0, "cpu_ns": 0, "longest": 0, **given}


def account(number: int, native_id: int, *, out: Any = None, sites: Any = (), **given: int) -> Any:
    zero = dict.fromkeys(("held", "waited", "takes", "drops", "waits", "forced", "asked", "answered_at_once"), 0)
    base = {"dead": 0, "state": 2, "born": 1000, "longest_hold": 0, "longest_wait": 0}
    parts = {"released": out or released(), "sites": list(sites)}
    return {"number": number, "native_id": native_id, **base, **zero, **parts, **given}


def snapshot(ticks: int, *accounts: Any) -> Any:
    counts = {"n_events": 0, "n_unseen": 0, "n_siteless": 0, "n_stolen": 0}
    return {"ticks": ticks, "accounts": list(accounts), **counts}


def packed(*events: tuple[int, int, str, int]) -> bytes:
    return b"".join(struct.pack("=QIHH", ticks, thread, KINDS[kind], site) for ticks, thread, kind, site in events)


def test_a_known_thread_counts_what_it_did_since() -> None:
    """What grows is subtracted; what a thread is, is taken as it is at the end."""
    before = snapshot(1000, account(0, 77, held=50, takes=3, drops=4, out=released(count=4, ticks=90)))
    after = snapshot(2000, account(0, 77, held=80, takes=5, drops=6, state=1, out=released(count=6, ticks=190)))
    (one,) = difference(before, after)
    assert (one["held"], one["takes"], one["drops"], one["state"]) == (30, 2, 2, 1)
    assert (one["released"]["count"], one["released"]["ticks"]) == (2, 100)


def test_nothing_is_changed() -> None:
    """Snapshots are read, not consumed: several ledgers share one."""
    before, after = snapshot(1000, account(0, 77)), snapshot(2000, account(0, 77, held=80))
    difference(before, after)
    assert after == snapshot(2000, account(0, 77, held=80))


def test_a_new_thread_counts_whole() -> None:
    """Who was born after the beginning was not there before."""
    (one,) = difference(snapshot(1000), snapshot(2000, account(4, 88, born=1500, takes=2, out=released(ticks=30))))
    assert (one["takes"], one["released"]["ticks"]) == (2, 30)


def test_a_thread_first_seen_counts_from_the_beginning() -> None:
    """Who was asleep since before the beginning slept only the part that is ours, and never less than nothing."""
    (one,) = difference(snapshot(1400), snapshot(2000, account(4, 88, born=1000, out=released(ticks=500))))
    assert one["released"]["ticks"] == 100
    (one,) = difference(snapshot(1400), snapshot(2000, account(4, 88, born=1000, out=released(ticks=300))))
    assert one["released"]["ticks"] == 0


def test_a_thread_first_seen_computes_in_proportion() -> None:
    """Of a release that began before us and was timed as a whole, our part has its share of the CPU time."""
    whole = released(count=1, ticks=500, timed_ticks=500, cpu_ns=200)
    (one,) = difference(snapshot(1400), snapshot(2000, account(4, 88, born=1000, out=whole)))
    assert (one["released"]["ticks"], one["released"]["timed_ticks"], one["released"]["cpu_ns"]) == (100, 100, 40)


def test_one_native_id_twice() -> None:
    """An id that the kernel has given twice has two accounts, as it was two threads."""
    after = snapshot(2000, account(5, 88, born=1700, takes=1), account(4, 88, born=1500, takes=2, dead=1))
    assert [one["takes"] for one in difference(snapshot(1000), after)] == [1, 2]


def counted(number: int, native_id: int, cpu_ns: int, run_delay_ns: int, **given: int) -> Any:
    counts = {"cpu_ns": cpu_ns, "run_delay_ns": run_delay_ns, "cpu_earlier_ns": 0, "run_delay_earlier_ns": 0}
    return account(number, native_id, **counts | {"n_forks": 0} | given)


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        pytest.param([counted(0, 77, 50, 5)], counted(0, 77, 80, 7), (30, 2), id="a known thread"),
        pytest.param([counted(0, 77, 50, 5)], counted(0, 77, 80, 7, dead=1), (30, 2), id="one that has ended"),
        pytest.param([counted(0, 77, 50, 5)], counted(0, 77, 8, 1, n_forks=1), (8, 1), id="in a forked child"),
        pytest.param([counted(0, 77, 50, 5)], counted(3, 77, 8, 1, born=1500), (8, 1), id="its id, given again"),
        pytest.param([], counted(3, 88, 60, 9, born=1000), (20, 5), id="one without an account before"),
        pytest.param([], counted(3, 99, 60, 9, born=1000), (None, None), id="one of which nothing was known"),
        pytest.param([], counted(3, 88, 60, 9, born=1500), (60, 9), id="a new thread with the id of such a one"),
        pytest.param(
            [],
            counted(3, 77, 60, 9, born=1500, cpu_earlier_ns=50, run_delay_earlier_ns=8),
            (10, 1),
            id="on its way out",
        ),
        pytest.param([], counted(3, 77, 60, -1, born=1500), (60, None), id="a kernel that does not tell"),
    ],
)
def test_what_the_kernel_counted(then: Any, now: Any, expected: tuple[int | None, int | None]) -> None:
    """CPU time and time in the queue are a thread's own, up to its end, whoever else has or had its id."""
    before = {**snapshot(1200, *then), "threads": {88: (40, 4)}}
    assert kernel_difference(before, snapshot(2000, now)) == {now["number"]: expected}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "expected_ns"),
    [
        ({}, (0, 0)),
        ({"ticks": 100, "short_ticks": 100}, (200, 0)),
        ({"ticks": 100, "timed_ticks": 100, "cpu_ns": 50}, (50, 150)),
        ({"ticks": 100, "timed_ticks": 100, "cpu_ns": 999}, (200, 0)),  # the clocks need not agree to the last ns
        ({"ticks": 100}, (0, 200)),
        ({"ticks": 200, "timed_ticks": 100, "cpu_ns": 150}, (150, 250)),  # what was not timed is not known to compute
        ({"ticks": 110, "timed_ticks": 100, "short_ticks": -5}, (0, 220)),  # short at first, and long in the end
    ],
)
def test_split(given: dict[str, int], expected_ns: tuple[int, int]) -> None:
    """Short releases compute, timed ones by the CPU clock, and the two parts are all there is."""
    assert split(released(**given), TICK_NS) == expected_ns


def test_sites_are_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    """A place counts what ended since, or is still under way; one where nothing happened is left out."""
    monkeypatch.setattr(snapshots, "place_of", lambda address: ("file", f"f{address}", address))
    then = [(10, released(count=5, ticks=50, longest=40), 1), (20, released(count=1), 2)]
    now = [
        (10, released(count=7, ticks=70, short_ticks=20, longest=15), 1),
        (20, released(count=1), 2),
        (30, released(ticks=60, longest=60), 3),
    ]
    before, after = snapshot(1000, account(0, 77, sites=then)), snapshot(2000, account(0, 77, sites=now))
    parts = sites_of(before, after, TICK_NS, {(0, 10): 15, (0, 30): 60})
    assert [(native_id, number) for native_id, number, _ in parts] == [(77, 1), (77, 3)]
    sites = [site for _, _, site in parts]
    assert [(site.symbol, site.count, site.released_ns, site.longest_release_ns) for site in sites] == [
        ("f10", 2, 40, 30),
        ("f30", 0, 120, 120),
    ]
    assert (sites[0].computing_ns, sites[0].blocked_ns) == (40, 0)


def test_a_place_of_two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its own count of it, also where the kernel gave both one id: what one did before is not the other's."""
    monkeypatch.setattr(snapshots, "place_of", lambda address: ("file", f"f{address}", address))
    before = snapshot(1000, account(0, 77, sites=[(10, released(count=5, ticks=50), 1)]))
    after = snapshot(
        2000,
        account(3, 77, sites=[(10, released(count=2, ticks=20), 1)]),
        account(2, 88, sites=[(10, released(count=1, ticks=10), 1)]),
        account(0, 77, sites=[(10, released(count=6, ticks=80), 1)], dead=1),
    )
    parts = sites_of(before, after, TICK_NS, {})
    assert [(native_id, site.count, site.released_ns) for native_id, _, site in parts] == [
        (77, 2, 40),
        (88, 1, 20),
        (77, 1, 60),
    ]


def test_events_are_decoded_in_order() -> None:
    """Times count from the beginning in ns, threads are native ids, sites as the log has them."""
    data = packed((1010, 0, "drop", 3), (1030, 1, "take", 0), (1020, 0, "forced", 0), (1040, 0, "wait", 9))
    events, n_unread = events_of(data, 1000, 2000, TICK_NS, {0: 77, 1: 88}, {3: 0})
    assert [(one.at_ns, one.native_id, one.kind, one.site) for one in events] == [
        (20, 77, "drop", 0),
        (40, 77, "forced", None),
        (60, 88, "take", None),
        (80, 77, "wait", None),
    ]
    assert n_unread == 0


def test_events_that_cannot_be_read_are_counted() -> None:
    """A place not yet written and a thread that is gone count as lost; what came after the end is not of this log."""
    data = packed((0, 0, "take", 0), (1010, 5, "drop", 0), (1020, 0, "drop", 0), (2001, 0, "wait", 0))
    events, n_unread = events_of(data, 1000, 2000, TICK_NS, {0: 77}, {})
    assert [one.at_ns for one in events] == [40]
    assert n_unread == 2


def test_no_events() -> None:
    """Counters alone have no timeline."""
    assert events_of(b"", 1000, 2000, TICK_NS, {0: 77}, {}) == ((), 0)
