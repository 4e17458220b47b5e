"""The advice: one text for each case, drawn from the figures, and never against them."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from probes import interval

from gilscope.probing import classes
from gilscope.probing.advice import NEITHER, NOTHING_MORE, PROCESSES, THREADS, Prospect, advise, decide
from gilscope.probing.call_profile import CallProfile
from gilscope.probing.prediction import Prediction, pays_from_ns, predict_processes, predict_threads
from gilscope.results import Interval

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
    telling_ns: float = 50e3,
    obstacle: str = "",
    longest_hold_ns: int | None = None,
    short: dict[str, float] | None = None,
) -> str:
    """Return the advice for a call on two workers; `short` has what a way gave instead of what was predicted."""
    predicted: dict[str, Prediction] = {
        "threads": predict_threads(profile, 2, n_cpus),
        "processes": predict_processes(profile, 2, n_cpus, shipping_ns),
    }
    pays = {
        "threads": pays_from_ns(profile, telling_ns, 2, n_cpus),
        "processes": pays_from_ns(profile, telling_ns + shipping_ns, 2, n_cpus, way=predict_processes),
    }
    gave: dict[str, Any] = {
        way: {"measured": Interval(**interval(ratio)), "shortfall": BANDWIDTH} for way, ratio in (short or {}).items()
    }
    prospects = {
        way: Prospect(prediction=predicted[way], pays_from_ns=pays[way], telling_ns=telling_ns, **gave.get(way, {}))
        for way in predicted
    }
    said = advise(kind, profile, prospects, obstacle, longest_hold_ns)
    assert decide(kind, profile, prospects, obstacle) == _meant(said)
    return said


def _meant(said: str) -> str:
    """Return what a text tells its reader to use."""
    if said.startswith("It keeps several CPUs busy"):
        return NOTHING_MORE
    if said.startswith(("Threads pay: ", "Threads pay here: ")):
        return THREADS
    return PROCESSES if "; processes do: " in said else NEITHER


BYTECODE, RELEASES, WAITS = call(1, 0, 0), call(0.02, 0.98, 0), call(0.02, 0, 0.98)
CASES: dict[str, tuple[str, str]] = {
    "parallel": (
        advised(classes.PARALLEL, RELEASES),
        "It keeps several CPUs busy by itself; threads or processes of yours would compete with its own.",
    ),
    "threads pay": (
        advised(classes.RELEASES, RELEASES),
        ("Threads pay: it needs the GIL for 2 % of its time, and 2 of them should be 2.0 times as fast as one."),
    ),
    "waits": (
        advised(classes.WAITS, WAITS),
        (
            "Threads pay: it mostly waits, without the GIL, and 2 of them should be 2.0 times as fast as one. "
            "More threads than CPUs help too, for it needs hardly any CPU."
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
    "mixed, mostly held": (
        advised(classes.MIXED, call(0.9, 0.1, 0)),
        (
            "Threads do not pay: it needs the GIL for 90 % of its time; processes do: 2 of them should be 2.0 "
            "times as fast as one."
        ),
    ),
    "cut by the switch interval": (
        advised(classes.MIXED, call(0.75, 0.25, 0)),
        (
            "Threads may not pay: it needs the GIL for 75 % of its time, and for longer at a time than the switch "
            "interval; processes do: 2 of them should be 2.0 times as fast as one."
        ),
    ),
    "cut, and measured": (
        advised(classes.MIXED, call(0.75, 0.25, 0), short={"threads": 1.14}),
        (
            "Threads do not pay: it needs the GIL for 75 % of its time, and for longer at a time than the switch "
            "interval; processes do: 2 of them should be 2.0 times as fast as one."
        ),
    ),
    "fine releases": (
        advised(classes.RELEASES, call(0.1, 0.9, 0, releases=5000)),
        (
            "Threads may not pay: it releases the GIL for only 1.8 µs at a time, which costs as much as it "
            "gives; processes do: 2 of them should be 2.0 times as fast as one."
        ),
    ),
    "too short": (
        advised(classes.RELEASES, call(0.02, 0.98, 0, wall_ns=40e3)),
        (
            "Threads do not pay: the call is too short, and would pay from 125 µs on; nor do processes: the "
            "call is too short, and would pay from 155 µs on."
        ),
    ),
    "too short, and disappointing where it is not": (
        advised(classes.ATTACHED, call(0.0, 1.0, 0, wall_ns=40e3), short={"threads": 0.9}),
        (
            "Threads do not pay: the call is too short, and 2 of them were 0.90 times as fast here (memory "
            "bandwidth); nor do processes: the call is too short, and would pay from 155 µs on."
        ),
    ),
    "hardly worth it": (
        advised(classes.RELEASES, call(0.02, 0.98, 0, wall_ns=0.125 * MS), shipping_ns=0),
        (
            "Threads do not pay: 2 of them should be 1.1 times as fast as one, which is hardly worth it; nor do"
            " processes: 2 of them should be 1.1 times as fast as one, which is hardly worth it."
        ),
    ),
    "one CPU": (
        advised(classes.RELEASES, RELEASES, n_cpus=1),
        (
            "Threads do not pay: it computes, and there are not enough CPUs; nor do processes, for there are "
            "not enough CPUs."
        ),
    ),
    "sending costs too much": (
        advised(classes.BYTECODE, BYTECODE, shipping_ns=20 * MS),
        (
            "Threads do not pay: it is Python bytecode, which needs the GIL; nor do processes, for sending its "
            "arguments and result takes too long."
        ),
    ),
    "an obstacle": (
        advised(classes.BYTECODE, BYTECODE, obstacle="it is a lambda"),
        (
            "Threads do not pay: it is Python bytecode, which needs the GIL; processes cannot have it as it is "
            "(it is a lambda)."
        ),
    ),
    "undecided": (
        advised(classes.UNDECIDED, call(0.2, 0.8, 0)),
        (
            "Threads pay: it needs the GIL for 20 % of its time, and 2 of them should be 1.9 to 2.0 times as "
            "fast as one. The figures leave its class open, so take this with care; more time (--max-time) may "
            "tell."
        ),
    ),
    "both disappoint": (
        advised(classes.RELEASES, RELEASES, short={"threads": 1.05, "processes": 1.06}),
        (
            "Threads should pay, for it needs the GIL for 2 % of its time, but 2 of them were 1.05 times as "
            "fast here (memory bandwidth); processes should, but 2 of them were 1.06 times as fast here (memory"
            " bandwidth)."
        ),
    ),
    "short releases beside long ones": (
        advised(
            classes.RELEASES,
            CallProfile(
                held_ns=MS, computing_ns=14 * MS, blocked_ns=0, releases=3001, fine_ns=8 * MS, fine_releases=3000
            ),
        ),
        (
            "Threads may not pay: 57 % of its time without the GIL is in pieces of 2.67 µs, which cost as much as they "
            "give; processes do: 2 of them should be 2.0 times as fast as one."
        ),
    ),
    "better than promised": (
        advised(classes.MIXED, call(0.9, 0.1, 0), short={"threads": 1.5}),
        (
            "Threads pay here: 2 of them were 1.50 [1.48, 1.52] times as fast as one, although it needs the GIL for 90 "
            "% of its time."
        ),
    ),
    "less than predicted, and still worth it": (
        advised(classes.RELEASES, RELEASES, short={"threads": 1.5}),
        (
            "Threads pay: it needs the GIL for 2 % of its time, and 2 of them should be 2.0 times as fast as "
            "one; but 2 of them were 1.50 times as fast here (memory bandwidth)."
        ),
    ),
}


@pytest.mark.parametrize(("said", "expected"), CASES.values(), ids=CASES)
def test_every_case_reads_well(said: str, expected: str) -> None:
    """One to three sentences that a person could have written."""
    assert said == expected


@given(
    kind=st.sampled_from([kind for kind in classes.CLASSES if kind != classes.PARALLEL]),
    held=st.floats(0, 1),
    waiting=st.floats(0, 1),
    releases=st.sampled_from([0.5, 1.0, 100.0, 1e5]),
    wall_ns=st.sampled_from([1e3, 1e5, 1e7, 1e9]),
    n_cpus=st.integers(1, 4),
    obstacle=st.sampled_from(["", "it is a lambda"]),
)
def test_advice_never_contradicts_the_prediction(
    kind: str, held: float, waiting: float, releases: float, wall_ns: float, n_cpus: int, obstacle: str
) -> None:
    """Threads pay exactly where they should be worth it; what cannot be sent is never sent to processes."""
    released = 1 - held
    profile = call(held, released * (1 - waiting), released * waiting, releases, wall_ns)
    said = advised(kind, profile, n_cpus=n_cpus, obstacle=obstacle)
    low = predict_threads(profile, 2, n_cpus).low
    assert said.startswith("Threads pay: ") == (1 / (1 / low + 50e3 / wall_ns) >= 1.2)
    assert not (obstacle and "processes do:" in said)
    assert said.endswith((".", ")."))
    assert "None" not in said
    assert "nan" not in said


def test_every_way_at_every_class_gives_a_sentence() -> None:
    """No class is forgotten."""
    for kind, profile in product(classes.CLASSES, (BYTECODE, RELEASES, WAITS)):
        assert advised(kind, profile).endswith(".")
