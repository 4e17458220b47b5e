"""The advice: one text for each case, drawn from the figures, and never against them."""

from itertools import product
from typing import Any

import pytest
from probes import interval

from gilscope.pairing.intervals import Interval
from gilscope.probing import classes
from gilscope.probing.advice import (
    CANNOT_TELL,
    NEITHER,
    NOTHING_MORE,
    PROCESSES,
    THREADS,
    Case,
    Prospect,
    advise,
    decide,
)
from gilscope.probing.call_profile import CallProfile
from gilscope.probing.expectation import Seen, expect_processes, expect_threads, handed
from gilscope.probing.handing import Cost
from gilscope.probing.prediction import predict_processes, predict_threads

MS = 1e6
BANDWIDTH = "memory bandwidth"


def call(held: float, computing: float, blocked: float, releases: float = 1.0, wall_ns: float = 10 * MS) -> CallProfile:
    """Return a call of 10 ms with these shares."""
    parts = {"held_ns": held * wall_ns, "computing_ns": computing * wall_ns, "blocked_ns": blocked * wall_ns}
    return CallProfile(**parts, releases=releases if held < 1 else 0)


def advised(
    kind: str,
    profile: CallProfile,
    *,
    n_cpus: int = 2,
    shipping_ns: float = 20e3,
    busy_ns: float = 5e3,
    gave: dict[str, tuple[float, float]] | None = None,
    short: dict[str, str] | None = None,
    failure: dict[str, str] | None = None,
    **about: Any,
) -> str:
    """Return the advice for a call on two workers, of which so much was measured; low and high end of each way."""
    measured = {
        way: Interval(**interval((low + high) / 2, (high - low) / 2)) for way, (low, high) in (gave or {}).items()
    }
    beside = None
    if {"threads", "processes"} <= measured.keys():
        threads, processes = measured["threads"], measured["processes"]
        beside = Interval(**interval(threads.estimate / processes.estimate, 0.02))
    seen = Seen(n_workers=2, speed_ups=measured, of_processes=beside, cpu_share=profile.cpu_share)
    predictions = {
        "threads": predict_threads(profile, 2, n_cpus),
        "processes": predict_processes(profile, 2, n_cpus, shipping_ns),
    }
    unsent = expect_processes(predict_processes(profile, 2, n_cpus), seen)
    expected = {
        "threads": expect_threads(predictions["threads"], unsent, seen),
        "processes": unsent.slowed(1 / predictions["processes"].low - 1 / predict_processes(profile, 2, n_cpus).low),
    }
    prospects = {
        way: Prospect(
            prediction=prediction,
            expected=expected[way],
            handed=handed(expected[way], Cost(busy_ns, 0.9 * busy_ns, 1.1 * busy_ns), profile.wall_ns),
            failure=(failure or {}).get(way, ""),
            shortfall=(short or {}).get(way, ""),
        )
        for way, prediction in predictions.items()
    }
    case = Case(kind=kind, profile=profile, seen=seen, **prospects, **about)
    said = advise(case)
    assert decide(case) == _meant(said)
    return said


def _meant(said: str) -> str:
    """Return what a text tells its reader to use."""
    if said.startswith("It keeps several CPUs busy"):
        return NOTHING_MORE
    if said.startswith("Cannot tell") or "whether processes do cannot be told" in said:
        return CANNOT_TELL
    if said.startswith(("Threads pay: ", "Threads pay here: ")):
        return THREADS
    return PROCESSES if "; processes do: " in said else NEITHER


BYTECODE, RELEASES, WAITS = call(1, 0, 0), call(0.02, 0.98, 0), call(0.02, 0, 0.98)
FREE = {"control": (1.9, 2.0)}
CASES: dict[str, tuple[str, str]] = {
    "parallel": (
        advised(classes.PARALLEL, RELEASES),
        "It keeps several CPUs busy by itself; threads or processes of yours would compete with its own.",
    ),
    "perhaps parallel": (
        advised(classes.UNDECIDED, RELEASES, parallel=None),
        "Cannot tell whether it keeps several CPUs busy by itself; a longer or more regular call may tell.",
    ),
    "threads pay": (
        advised(classes.RELEASES, RELEASES, gave={"threads": (1.85, 1.98), "processes": (1.9, 1.98), **FREE}),
        (
            "Threads pay: it needs the GIL for 2 % of its time, and 2 of them should be 2.0 times as fast as one "
            "(measured 1.92 [1.85, 1.98]). Processes gain no more."
        ),
    ),
    "threads pay, predicted alone": (
        advised(classes.RELEASES, RELEASES),
        (
            "Threads pay: it needs the GIL for 2 % of its time, and 2 of them should be 2.0 times as fast as one. "
            "Processes gain no more."
        ),
    ),
    "waits": (
        advised(classes.WAITS, WAITS),
        (
            "Threads pay: it mostly waits, without the GIL, and 2 of them should be 2.0 times as fast as one. "
            "More threads than CPUs help too, for it needs hardly any CPU. Processes gain no more."
        ),
    ),
    "bytecode": (
        advised(classes.BYTECODE, BYTECODE),
        (
            "Threads do not pay: it is Python bytecode, which needs the GIL; processes do: 2 of them should be "
            "2.0 times as fast as one."
        ),
    ),
    "native": (
        advised(classes.NATIVE, BYTECODE, longest_hold_ns=80_000_000),
        (
            "Threads do not pay: it computes in native code without releasing the GIL; processes do: 2 of them "
            "should be 2.0 times as fast as one. Every other thread stands still for up to 80 ms at a time."
        ),
    ),
    "a short hold is not felt": (
        advised(classes.NATIVE, BYTECODE, longest_hold_ns=2_000_000),
        (
            "Threads do not pay: it computes in native code without releasing the GIL; processes do: 2 of them "
            "should be 2.0 times as fast as one."
        ),
    ),
    "waits with the GIL": (
        advised(
            classes.NATIVE,
            CallProfile(held_ns=10 * MS, computing_ns=0, blocked_ns=0, releases=0, held_waiting_ns=9.5 * MS),
        ),
        (
            "Threads do not pay: it waits for 95 % of its time and keeps the GIL meanwhile, where it should "
            "release it (nogil, Py_BEGIN_ALLOW_THREADS; ctypes.CDLL, not PyDLL); processes do: 2 of them should "
            "be 2.0 times as fast as one."
        ),
    ),
    "mixed, mostly held": (
        advised(classes.MIXED, call(0.9, 0.1, 0)),
        (
            "Threads do not pay: it needs the GIL for 90 % of its time; processes do: 2 of them should be 2.0 "
            "times as fast as one."
        ),
    ),
    "cut by the switch interval": (
        advised(classes.MIXED, call(0.75, 0.25, 0), gave={"threads": (1.1, 1.3), "processes": (1.9, 2.0), **FREE}),
        (
            "Cannot tell whether threads pay: 2 of them should be 1.1 to 1.3 times as fast as one, and here they "
            "were 1.20 [1.10, 1.30]; --max-time 10s may tell. Processes do: 2 of them should be 2.0 times as fast "
            "as one (measured 1.95 [1.90, 2.00])."
        ),
    ),
    "cut, and measured": (
        advised(classes.MIXED, call(0.75, 0.25, 0), gave={"threads": (1.1, 1.16), "processes": (1.9, 2.0), **FREE}),
        (
            "Threads do not pay: it needs the GIL for 75 % of its time, and for longer at a time than the switch "
            "interval; processes do: 2 of them should be 2.0 times as fast as one (measured 1.95 [1.90, 2.00])."
        ),
    ),
    "fine releases": (
        advised(
            classes.RELEASES,
            call(0.4, 0.6, 0, releases=50_000),
            gave={"threads": (0.6, 0.65), "processes": (1.9, 2.0), **FREE},
            cause="f lacks `noexcept`",
        ),
        (
            "Threads make it slower: 2 of them should be 0.06 to 0.56 times as fast as one (measured 0.62 [0.60, "
            "0.65]), for it drops the GIL 50 000 times a call, for 120 ns each: f lacks `noexcept`; processes do: "
            "2 of them should be 2.0 times as fast as one (measured 1.95 [1.90, 2.00])."
        ),
    ),
    "short, but handed out many at a time": (
        advised(classes.RELEASES, call(0.02, 0.98, 0, wall_ns=40e3), shipping_ns=0, busy_ns=20e3),
        (
            "Threads pay: it needs the GIL for 2 % of its time, and 2 of them should be 1.8 to 2.0 times as fast "
            "as one, if each is given 9 calls or more at a time; handed out one by one, 0.88 to 1.05 times. "
            "Whether processes gain more cannot be told: 2 of them should be 2.0 times as fast as one."
        ),
    ),
    "one CPU": (
        advised(classes.RELEASES, RELEASES, n_cpus=1),
        "Threads do not pay: it computes, and there are not enough CPUs; nor do processes: there are not enough CPUs.",
    ),
    "sending costs too much": (
        advised(classes.BYTECODE, BYTECODE, shipping_ns=20 * MS),
        (
            "Threads do not pay: it is Python bytecode, which needs the GIL; nor do processes: sending its "
            "arguments and result takes too long."
        ),
    ),
    "an obstacle": (
        advised(classes.BYTECODE, BYTECODE, failure={"processes": "it is a lambda"}),
        (
            "Threads do not pay: it is Python bytecode, which needs the GIL; nor do processes: they cannot have "
            "it as it is (it is a lambda)."
        ),
    ),
    "threads that fail": (
        advised(
            classes.RELEASES, RELEASES, gave={"processes": (1.9, 2.0), **FREE}, failure={"threads": "it raises E: no"}
        ),
        (
            "Threads cannot make it (it raises E: no); processes do: 2 of them should be 2.0 times as fast as one "
            "(measured 1.95 [1.90, 2.00])."
        ),
    ),
    "undecided": (
        advised(classes.UNDECIDED, call(0.2, 0.8, 0)),
        (
            "Threads pay: it needs the GIL for 20 % of its time, and 2 of them should be 1.9 to 2.0 times as fast "
            "as one. Processes gain no more. The figures leave its class open, so take this with care; more time "
            "(--max-time) may tell."
        ),
    ),
    "a lock that is not the GIL": (
        advised(
            classes.RELEASES,
            RELEASES,
            gave={"threads": (0.95, 1.1), "processes": (1.6, 2.3), "control": (0.9, 2.0)},
            short={"threads": "another lock"},
        ),
        (
            "Threads do not pay, although it needs the GIL for 2 % of its time: 2 of them should be 2.0 times as "
            "fast as one (measured 1.02 [0.95, 1.10]: another lock); processes do: 2 of them should be 2.0 times "
            "as fast as one (measured 1.95 [1.60, 2.30])."
        ),
    ),
    "both disappoint": (
        advised(
            classes.RELEASES,
            RELEASES,
            gave={"threads": (1.0, 1.1), "processes": (1.02, 1.1), **FREE},
            short=dict.fromkeys(("threads", "processes"), BANDWIDTH),
        ),
        (
            "Threads do not pay, although it needs the GIL for 2 % of its time: 2 of them should be 2.0 times as "
            "fast as one (measured 1.05 [1.00, 1.10]: memory bandwidth); nor do processes: 2 of them should be "
            "2.0 times as fast as one (measured 1.06 [1.02, 1.10]: memory bandwidth)."
        ),
    ),
    "no second CPU": (
        advised(classes.RELEASES, RELEASES, gave=dict.fromkeys(("threads", "processes", "control"), (0.97, 1.03))),
        (
            "Cannot tell whether threads or processes pay: 2 of them should be 2.0 times as fast as one, and as "
            "many processes 2.0 times, where there are as many CPUs; here they were 1.00 [0.97, 1.03], but this "
            "machine gave no second CPU meanwhile (1.00 [0.97, 1.03])."
        ),
    ),
    "perhaps no second CPU": (
        advised(
            classes.RELEASES,
            RELEASES,
            gave={"threads": (0.97, 1.13), "processes": (0.97, 1.13), "control": (0.96, 2.0)},
        ),
        (
            "Cannot tell whether threads or processes pay: 2 of them should be 2.0 times as fast as one, and as "
            "many processes 2.0 times, where there are as many CPUs; here they were 1.05 [0.97, 1.13], but "
            "whether this machine gave a second CPU could not be told in 2 s (1.48 [0.96, 2.00]); --max-time 10s "
            "may tell."
        ),
    ),
    "short releases beside long ones": (
        advised(
            classes.RELEASES,
            CallProfile(
                held_ns=MS, computing_ns=14 * MS, blocked_ns=0, releases=3001, fine_ns=8 * MS, fine_releases=3000
            ),
            gave={"threads": (0.8, 0.9), "processes": (1.9, 2.0), **FREE},
        ),
        (
            "Threads make it slower: 2 of them should be 0.80 to 1.39 times as fast as one (measured 0.85 [0.80, "
            "0.90]), for 57 % of its time without the GIL is in pieces of 2.67 µs, which cost more than they "
            "give; processes do: 2 of them should be 2.0 times as fast as one (measured 1.95 [1.90, 2.00])."
        ),
    ),
    "better than promised": (
        advised(classes.MIXED, call(0.9, 0.1, 0), gave={"threads": (1.48, 1.52), "processes": (1.9, 2.0), **FREE}),
        (
            "Threads pay here: 2 of them were 1.50 [1.48, 1.52] times as fast as one, although it needs the GIL "
            "for 90 % of its time. Processes pay more: 2 of them should be 2.0 times as fast as one (measured "
            "1.95 [1.90, 2.00])."
        ),
    ),
    "less than predicted, and still worth it": (
        advised(
            classes.RELEASES,
            RELEASES,
            gave={"threads": (1.48, 1.52), "processes": (1.5, 1.55), **FREE},
            short=dict.fromkeys(("threads", "processes"), BANDWIDTH),
        ),
        (
            "Threads pay: it needs the GIL for 2 % of its time, and 2 of them should be 2.0 times as fast as one "
            "(measured 1.50 [1.48, 1.52]: memory bandwidth). Processes gain no more."
        ),
    ),
}


@pytest.mark.parametrize(("said", "expected"), CASES.values(), ids=CASES)
def test_every_case_reads_well(said: str, expected: str) -> None:
    """One to four sentences that a person could have written."""
    assert said == expected


def test_every_way_at_every_class_gives_a_sentence() -> None:
    """No class is forgotten."""
    for kind, profile in product(classes.CLASSES, (BYTECODE, RELEASES, WAITS)):
        assert advised(kind, profile).endswith(".")
