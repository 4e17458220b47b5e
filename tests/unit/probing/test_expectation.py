"""What to expect of a way: the prediction, as far as what was measured allows; and never against that."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from probes import interval

from gilscope.pairing.intervals import Interval
from gilscope.probing.expectation import WORTH_IT, Expectation, Seen, Worth, expect_processes, expect_threads, handed
from gilscope.probing.handing import Cost
from gilscope.probing.prediction import FINE_RELEASES, NOTHING, Prediction


def gave(low: float, high: float) -> Interval:
    """Return an interval."""
    return Interval(**interval((low + high) / 2, (high - low) / 2))


def predicted(low: float, high: float | None = None, n_workers: int = 2) -> Prediction:
    """Return a prediction."""
    return Prediction(n_workers=n_workers, low=low, high=low if high is None else high, limit=NOTHING)


def seen(cpu_share: float = 1.0, beside: Interval | None = None, **ways: tuple[float, float]) -> Seen:
    """Return what was measured of two workers."""
    speed_ups = {way: gave(*ends) for way, ends in ways.items()}
    return Seen(n_workers=2, speed_ups=speed_ups, of_processes=beside, cpu_share=cpu_share)


def worth(prediction: Prediction, what: Seen) -> tuple[Worth, Worth]:
    """Return whether threads and processes, for which the same is predicted, are worth it."""
    processes = expect_processes(predicted(2.0), what)
    return expect_threads(prediction, processes, what).worth, processes.worth


@pytest.mark.parametrize(
    ("control", "others", "expected"),
    [
        ((1.9, 2.0), {}, True),
        ((0.9, 2.0), {}, None),
        ((0.97, 1.03), {}, False),
        ((0.9, 2.0), {"processes": (1.6, 2.3)}, True),  # whichever way shows it
        ((0.97, 1.03), {"threads": (1.5, 1.6)}, True),
        (None, {"threads": (0.9, 1.1)}, None),
    ],
)
def test_any_way_shows_a_second_cpu(
    control: tuple[float, float] | None, others: dict[str, Any], expected: bool | None
) -> None:
    """The widest lower bound tells that there was one; that there was none, the control's whole interval."""
    assert seen(**others, **({"control": control} if control else {})).second_cpu is expected


def test_without_measurements_the_prediction_stands() -> None:
    """Near the border it decides nothing, for it is good to five per cent."""
    nothing = Seen(n_workers=2, speed_ups={})
    for low, expected in ((1.9, Worth.YES), (1.3, Worth.YES), (1.24, Worth.OPEN), (1.16, Worth.OPEN), (1.1, Worth.NO)):
        assert worth(predicted(low), nothing)[0] is expected
    assert worth(predicted(0.9, 1.9), nothing)[0] is Worth.OPEN


def test_what_was_measured_narrows_a_wide_prediction() -> None:
    """Holds that may be cut: one thread does not show it, two do."""
    for ends, expected in (((1.5, 1.6), Worth.YES), ((1.02, 1.12), Worth.NO), ((1.1, 1.4), Worth.OPEN)):
        what = seen(threads=ends, processes=(1.9, 2.0), control=(1.9, 2.0))
        assert worth(predicted(1.05, 1.9), what)[0] is expected


def test_a_host_that_gives_one_cpu_excludes_nothing() -> None:
    """Neither way is told to pay, nor not to."""
    what = seen(beside=gave(0.97, 1.03), threads=(0.97, 1.03), processes=(0.97, 1.03), control=(0.97, 1.03))
    assert worth(predicted(1.9), what) == (Worth.OPEN, Worth.OPEN)
    assert what.starved
    waiting = seen(cpu_share=0.01, threads=(1.9, 2.0), processes=(1.9, 2.0), control=(0.97, 1.03))
    assert worth(predicted(1.9), waiting) == (Worth.YES, Worth.YES)


def test_threads_that_fall_short_of_processes_do_not_pay() -> None:
    """Whatever the control reads: a lock of the call's own."""
    what = seen(beside=gave(0.47, 0.64), threads=(0.95, 1.1), processes=(1.61, 2.33), control=(0.9, 2.0))
    assert worth(predicted(1.9), what) == (Worth.NO, Worth.YES)
    slow = seen(beside=gave(0.45, 0.55), threads=(0.5, 0.55), processes=(0.98, 1.05), control=(0.97, 1.03))
    assert worth(predicted(1.9), slow) == (Worth.NO, Worth.OPEN)


@pytest.mark.parametrize("ends", [(1.84, 1.87), (0.71, 0.73)])
def test_one_process_does_not_tell_what_fine_releases_do_in_the_next(ends: tuple[float, float]) -> None:
    """Both were measured of one call, narrow each time: what it is is open, whichever came this time."""
    what = seen(beside=gave(ends[0] / 1.95, ends[1] / 1.95), threads=ends, processes=(1.9, 2.0), control=(1.9, 2.0))
    fine = Prediction(n_workers=2, low=0.31, high=2.0, limit=FINE_RELEASES)
    one = expect_threads(fine, expect_processes(predicted(2.0), what), what)
    assert (one.worth, one.low, one.high) == (Worth.OPEN, 0.31, 2.0)
    never = Prediction(n_workers=2, low=0.03, high=0.56, limit=FINE_RELEASES)
    low = seen(threads=(0.6, 0.65), processes=(1.9, 2.0), control=(1.9, 2.0))
    assert expect_threads(never, expect_processes(predicted(2.0), low), low).worth is Worth.NO


def test_a_ramp_is_no_shortfall() -> None:
    """Threads that all begin at once meet at the GIL once; for ever they do not."""
    what = seen(threads=(1.0, 1.1), processes=(1.9, 2.0), control=(1.9, 2.0))
    processes = expect_processes(predicted(2.0), what)
    assert expect_threads(predicted(1.4), processes, what).worth is Worth.NO
    assert expect_threads(predicted(1.4), processes, what, ramp=1.25).worth is Worth.OPEN


ENDS = st.tuples(st.floats(0.05, 4), st.floats(1, 3)).map(lambda pair: (pair[0], pair[0] * pair[1]))


@given(
    prediction=ENDS,
    threads=ENDS,
    processes=ENDS,
    control=ENDS,
    beside=ENDS,
    cpu_share=st.floats(0, 1),
    ramp=st.floats(1, 2),
)
def test_no_worth_is_one_that_what_was_measured_excludes(
    prediction: tuple[float, float],
    threads: tuple[float, float],
    processes: tuple[float, float],
    control: tuple[float, float],
    beside: tuple[float, float],
    cpu_share: float,
    ramp: float,
) -> None:
    """Over the whole range, however the figures contradict each other."""
    what = seen(cpu_share, gave(*beside), threads=threads, processes=processes, control=control)
    of_processes = expect_processes(predicted(*prediction), what)
    for one, (low, high) in (
        (of_processes, processes),
        (expect_threads(predicted(*prediction), of_processes, what, ramp), threads),
    ):
        assert one.low <= one.high
        assert not (one.worth is Worth.YES and high < WORTH_IT * (1 - 1e-9))
        assert not (one.worth is Worth.NO and low >= WORTH_IT * (1 + 1e-9))


def test_handing_out_is_divided_among_the_calls_of_an_order() -> None:
    """20 us for each order, and calls of 40 us on two workers that would be twice as fast."""
    twice = Expectation(low=2.0, high=2.0)
    one = handed(twice, Cost(20e3, 20e3, 20e3), 40e3)
    assert one.low == one.high == pytest.approx(1.0)
    assert one.calls_at_a_time == 9  # 1 / (1 / 2 + 20 / (9 * 40)) is nine tenths of 2
    assert twice.slowed(20 / (9 * 40)).low == pytest.approx(1.8)
    assert handed(twice, Cost(1.0, 1.0, 1.0), 1e9).calls_at_a_time == 1
    assert handed(twice, Cost(20e3, 20e3, 20e3), 100.0).calls_at_a_time == 4000
    assert twice.slowed(0.0) is twice
    assert math.isinf(Expectation(low=1.0, high=2.0).most)
