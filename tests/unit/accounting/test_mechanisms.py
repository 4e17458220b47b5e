"""The order of mechanisms, and what samples and arrivals add up to, on figures whose answer is known."""

import random
from itertools import accumulate
from typing import Any

import pytest

from gilscope.accounting import ledger, sampler, witness
from gilscope.accounting.mechanisms import LEDGER, MECHANISMS, SAMPLER, WITNESS, best, cost_of
from gilscope.accounting.samples import SampledLog, SampledThread
from gilscope.accounting.witness import FEWEST_LOOKS, WitnessLog, conclude
from gilscope.errors import CannotRunError, Unavailable
from gilscope.probing.sampled import split

MODULES = {LEDGER: ledger, SAMPLER: sampler, WITNESS: witness}


def make(monkeypatch: pytest.MonkeyPatch, present: set[str]) -> None:
    """Have these mechanisms work here, and no others."""
    for name, module in MODULES.items():
        answer = None if name in present else Unavailable(f"no {name}: a test says so")
        monkeypatch.setattr(module, "availability", lambda answer=answer: answer)


@pytest.mark.parametrize("chosen", MECHANISMS)
def test_takes_the_best_that_works(monkeypatch: pytest.MonkeyPatch, chosen: str) -> None:
    """The first of the list that works is chosen, and those before it are named with their reasons."""
    better = MECHANISMS[: MECHANISMS.index(chosen)]
    make(monkeypatch, set(MECHANISMS) - set(better))
    choice = best()
    assert choice.name == chosen
    assert choice.passed_over == {name: Unavailable(f"no {name}: a test says so") for name in better}
    assert all(f"no {name}" in str(choice) for name in better)


def test_passes_over_what_has_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mechanism that was tried and said no is not tried again."""
    make(monkeypatch, set(MECHANISMS))
    refused = {LEDGER: Unavailable("a"), SAMPLER: Unavailable("b")}
    assert best(refused).name == WITNESS
    assert best(refused).passed_over == refused


def test_says_why_nothing_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing works, every reason is given."""
    make(monkeypatch, set())
    with pytest.raises(CannotRunError, match="no ledger.*no sampler.*no witness"):
        best()


def test_every_mechanism_has_its_cost() -> None:
    """A result names its mechanism with more words behind, and the cost is that of the first."""
    assert len({cost_of(name) for name in MECHANISMS}) == len(MECHANISMS)
    assert cost_of("sampler of (locked, holder), 10 kHz (no ledger)") == sampler.COST


def samples(**changes: Any) -> SampledLog:
    """Return a log of one second."""
    made: dict[str, Any] = {
        "mechanism": "m",
        "cost": "c",
        "blind_to": (),
        "wall_ns": 1_000_000_000,
        "n_looks": 9_000,
        "n_slots": 10_000,
        "longest_gap_ns": 5_000_000,
        "threads": (
            SampledThread(
                native_id=7,
                name="a",
                held=0.5,
                attached=None,
                held_ns=500_000_000,
                attached_ns=None,
                lock_waits=None,
                lock_waited_ns=None,
                cpu_ns=None,
                run_delay_ns=None,
            ),
        ),
        "free": 0.5,
    }
    return SampledLog(**(made | changes))


def test_samples_that_cover_the_time_are_not_refused() -> None:
    """Nine looks of ten with short gaps say something."""
    assert samples().refusal is None
    assert samples().thread(7) == samples().threads[0]
    assert samples().thread(8) is None
    assert samples().parallel is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"n_looks": 4_999}, "look 4999 times and not 10 000"),
        ({"n_looks": 0, "n_slots": 0}, "look 0 times"),
        ({"longest_gap_ns": 201_000_000}, "for 201 ms of 1 s"),
    ],
)
def test_samples_that_miss_much_are_refused(changes: dict[str, int], reason: str) -> None:
    """Too few looks, and a long time without one, are reasons to say nothing."""
    refusal = samples(**changes).refusal
    assert refusal is not None
    assert reason in refusal.reason


def test_two_at_once_is_parallel() -> None:
    """What looks saw two threads or more attached is the share of time in which Python ran in parallel."""
    assert samples(free=None, at_once=(0.25, 0.5, 0.125, 0.125)).parallel == 0.25


def arrivals(hold_ns: int, free_ns: int, seconds: float, waking_ns: int = 0) -> list[tuple[int, int, int]]:
    """Let a witness arrive at a program that holds and releases the GIL in turn, on a machine without time."""
    rng, period, found, now = random.Random(7), hold_ns + free_ns, [], 0
    while now < seconds * 1e9:
        meant = round(rng.expovariate(1e-6))
        wished = now + meant + waking_ns
        taken = wished + 100
        if wished % period < hold_ns:
            taken = wished - wished % period + hold_ns + waking_ns
        found.append((meant, wished, taken))
        now = taken
    return found


@pytest.mark.parametrize("waking_ns", [0, 100_000, 400_000])
@pytest.mark.parametrize(("hold_ms", "free_ms"), [(5, 5), (9, 1), (1, 9), (30, 30), (4, 16)])
def test_a_witness_sees_the_share_of_free_time(hold_ms: int, free_ms: int, waking_ns: int) -> None:
    """Long holds let few arrivals through; those that they kept away are made up for, also where waking takes time."""
    log = conclude(arrivals(hold_ms * 1_000_000, free_ms * 1_000_000, 20.0, waking_ns))
    assert isinstance(log, WitnessLog)
    assert log.free == pytest.approx(free_ms / (hold_ms + free_ms), abs=0.08)
    assert log.free_low < log.free < log.free_high


def test_one_long_wait_is_a_held_gil() -> None:
    """A call that never lets the witness in is seen by that alone, and is no lack of looks."""
    log = conclude([(10**6, 10**6, 10**9)])
    assert isinstance(log, WitnessLog)
    assert log.free == 0


def test_too_few_looks_say_nothing() -> None:
    """Some arrivals at a free GIL are not enough."""
    moments = list(accumulate([10**6] * (FEWEST_LOOKS - 1)))
    log = conclude([(10**6, moment, moment + 100) for moment in moments])
    assert isinstance(log, Unavailable)
    assert isinstance(conclude([]), Unavailable)


@pytest.mark.parametrize(
    ("held", "on_cpu", "queued", "expected"),
    [
        (0.0, 0.0, 0.0, (0.0, 1.0)),  # asleep
        (0.0, 1.0, 0.0, (1.0, 0.0)),  # computing
        (1.0, 1.0, 0.0, (0.0, 0.0)),  # holding
        (1.0, 0.6, 0.4, (0.0, 0.0)),  # holding, queued for a CPU now and then
        (0.25, 0.5, 0.0, (0.25, 0.5)),
        (0.0, 0.5, 0.5, (1.0, 0.0)),  # all that it did not compute it was queued for a CPU
    ],
)
def test_splits_the_time_without_the_gil(
    held: float, on_cpu: float, queued: float, expected: tuple[float, float]
) -> None:
    """CPU time beyond that with the GIL was computing without it; the rest was blocked."""
    assert split(held, on_cpu, queued) == pytest.approx(expected)
