"""The witness on holds and releases of known lengths, and a probe of calls where there is no ledger."""

import sys
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from leftovers import nothing_left

import gilscope
from gilscope.accounting import _sampler, ledger, sampler, samples, witness
from gilscope.accounting.witness import Witness, WitnessLog, availability
from gilscope.errors import CannotRunError, Unavailable
from gilscope.probing import sampled
from gilscope.probing.sampled import knock_sampled, measure_sampled

_ABSENCE = availability()
needs_witness = pytest.mark.skipif(_ABSENCE is not None, reason=str(_ABSENCE))
#: Arrivals are few, and a busy host may take the CPU away from one that has arrived.
WIDE, ATTEMPTS = 0.3, 10


def free_share(work: Callable[[], object], truth: float) -> float:
    """Have a witness watch some work; return the estimate, of some attempts the one nearest to the truth."""
    found: list[float] = []
    for _ in range(ATTEMPTS):
        with Witness() as one:
            work()
        if isinstance(one.log, WitnessLog):
            found.append(one.log.free)
            if abs(found[-1] - truth) < WIDE:
                break
    return min(found, key=lambda free: abs(free - truth))


def repeated(work: Callable[[], object], seconds: float = 0.2) -> Callable[[], None]:
    """Return what does something again and again."""

    def repeat() -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            work()

    return repeat


@needs_witness
@pytest.mark.parametrize(
    ("work", "truth"),
    [
        (lambda: time.sleep(0.01), 1.0),
        (lambda: sum(range(1000)), 0.0),
        (lambda: sorted(range(200_000, 0, -1)), 0.0),
        (lambda data=bytes(10**7): zlib.crc32(data), 1.0),
    ],
    ids=["sleeps", "bytecode", "native", "releases"],
)
def test_tells_free_from_held(work: Callable[[], object], truth: float) -> None:
    """Programs that hold the GIL and programs that do not are far apart."""
    assert free_share(repeated(work), truth) == pytest.approx(truth, abs=WIDE)


@needs_witness
def test_one_call_that_never_lets_it_in() -> None:
    """A single long native call that holds the GIL reads as held, though the witness never got in."""
    assert free_share(lambda: sorted(range(3_000_000, 0, -1)), 0.0) == pytest.approx(0.0, abs=WIDE)


@needs_witness
def test_leaves_nothing_behind() -> None:
    """Its thread has ended when the block ends, also by an exception."""
    with nothing_left(), pytest.raises(ZeroDivisionError), Witness():
        raise ZeroDivisionError


def test_needs_a_gil(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no GIL is in force nobody would have to wait, and that is said instead of a share."""
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    absence = availability()
    assert absence is not None
    assert "no GIL is in force" in absence.reason
    with pytest.raises(CannotRunError, match="no GIL is in force"), Witness():
        pass


def test_arrives_in_order() -> None:
    """Having the GIL comes after wishing for it, on a clock that never goes back."""
    moments = [moment for _ in range(20) for moment in _sampler.arrive(1000)]
    assert moments == sorted(moments)


@pytest.mark.parametrize("sleep_ns", [-1, 3_600_000_000_001])
def test_refuses_impossible_sleeps(sleep_ns: int) -> None:
    """Sleeps of less than nothing, and of more than an hour, are refused."""
    with pytest.raises(ValueError, match="0 to 3600 s"):
        _sampler.arrive(sleep_ns)


def bar(monkeypatch: pytest.MonkeyPatch, *modules: Any) -> None:
    """Have mechanisms be absent, with a reason that can be told apart."""
    for module in modules:
        name = module.__name__.rpartition(".")[2]
        absence = Unavailable(f"no {name}: a test says so")
        monkeypatch.setattr(module, "availability", lambda absence=absence: absence)


@pytest.mark.parametrize("barred", [(ledger,), (ledger, sampler)], ids=["sampler", "witness"])
def test_a_probe_without_a_ledger_answers(monkeypatch: pytest.MonkeyPatch, barred: tuple[Any, ...]) -> None:
    """A probe names the mechanism it fell back to, why, and what that cannot see; what it cannot know is None."""
    bar(monkeypatch, *barred)
    if sampler in barred and _ABSENCE is not None:
        pytest.skip(str(_ABSENCE))
    # However busy the host is, few looks are enough here.
    monkeypatch.setattr(samples, "LEAST_COVERAGE", 0.0)
    monkeypatch.setattr(samples, "MOST_GAP", 1.0)
    data = bytes(10**6)
    for attempt in range(5):
        try:
            probe = gilscope.probe(lambda: zlib.crc32(data))  # a lambda, so that it runs in this process, as barred
            break
        except CannotRunError:  # a witness that hardly got a CPU says that it cannot tell, and rightly
            if attempt == 4:
                raise
    assert not probe.failure
    assert "no ledger: a test says so" in probe.mechanism
    assert probe.mechanism.startswith("sampler" if barred == (ledger,) else "witness")
    assert (probe.releases, probe.mean_release_ns, probe.longest_hold_ns) == (None, None, None)
    assert sampled.BLIND_TO in probe.blind_to
    assert sum(share.estimate for share in probe.shares.values()) == pytest.approx(1, abs=0.2)
    assert probe.predicted["threads"]
    assert str(probe)


def test_a_mechanism_that_saw_nothing_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the host lets the sampler see nothing, the next one is tried, and the reason is told."""
    bar(monkeypatch, ledger)
    monkeypatch.setattr(sampler, "availability", lambda: None)
    monkeypatch.setattr(sampled, "_by_sampler", lambda work: (work(), Unavailable("the host was busy"))[1])
    if _ABSENCE is not None:
        with pytest.raises(CannotRunError, match="the host was busy"):
            measure_sampled(lambda: time.sleep(0.01), 10_000_000, 0.1)
        return
    shares = measure_sampled(lambda: time.sleep(0.01), 10_000_000, 0.1)
    assert shares.mechanism.startswith("witness")
    assert "the host was busy" in shares.mechanism


@needs_witness
def test_the_witness_knocks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a ledger, requests for the GIL are counted by the witness; the switch interval is as before."""
    bar(monkeypatch, ledger)
    before = sys.getswitchinterval()
    knocks = knock_sampled(lambda: sum(range(1000)), 0.2)
    assert knocks.asked > 0
    assert 0 <= knocks.at_once <= knocks.asked
    assert 0 <= knocks.unanswered <= 1
    assert sys.getswitchinterval() == before


def test_nobody_knocks_without_a_witness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no witness either, nothing was asked."""
    bar(monkeypatch, ledger, witness)
    monkeypatch.setattr(sampler, "availability", lambda: None)
    assert knock_sampled(lambda: None, 0.01).asked == 0
