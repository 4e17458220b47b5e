"""Predicted speed-ups against closed forms, against what was measured in trials, and against a simulation."""

import math
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gilscope.probing.call_profile import CallProfile
from gilscope.probing.prediction import (
    Prediction,
    in_samples,
    pays_from_ns,
    predict_processes,
    predict_threads,
    shortfall,
)

CALL_NS = 100e6
PLENTY = 1000


def coarse(released: float, computing: float = 0.0) -> CallProfile:
    """Return a call with one release, its share of the call, and the share of that on a CPU; no hold is cut."""
    return CallProfile(
        held_ns=(1 - released) * CALL_NS,
        computing_ns=released * computing * CALL_NS,
        blocked_ns=released * (1 - computing) * CALL_NS,
        releases=1,
        switch_interval_ns=math.inf,
    )


def kernel(held_us: float, released_us: float, releases: float = 1) -> CallProfile:
    """Return a call that holds and releases in turns, so long each."""
    return CallProfile(
        held_ns=held_us * releases * 1e3, computing_ns=released_us * releases * 1e3, blocked_ns=0, releases=releases
    )


amounts = st.floats(0, 1e10)
workers = st.integers(1, 24)


@st.composite
def profiles(draw: st.DrawFn) -> CallProfile:
    """Draw any call that takes time."""
    held_ns, computing_ns, blocked_ns = draw(amounts) + 1, draw(amounts), draw(amounts)
    releases = draw(st.floats(0.01, 1e6)) if computing_ns or blocked_ns else 0.0
    return CallProfile(held_ns=held_ns, computing_ns=computing_ns, blocked_ns=blocked_ns, releases=releases)


@pytest.mark.parametrize(("n_workers", "low"), [(1, 1.0), (2, 1.882), (3, 2.616), (4, 3.176), (8, 3.967), (100, 4.0)])
def test_low_is_the_machine_repairman(n_workers: int, low: float) -> None:
    """By hand, for a quarter held: 1, 32/17, and so on; Amdahl's law would say 2.29 for four."""
    assert predict_threads(coarse(0.75), n_workers, PLENTY).low == pytest.approx(low, abs=1e-3)


@settings(deadline=None)
@given(share=st.floats(0.01, 0.99), n_workers=st.integers(2, 30))
def test_low_agrees_with_the_erlang_loss_formula(share: float, n_workers: int) -> None:
    """The chance that the repairman is idle is Erlang's B, which gives the same speed-up another way."""
    load = share / (1 - share)
    blocking = 1.0
    for servers in range(1, n_workers + 1):
        blocking = load * blocking / (servers + load * blocking)
    expected = (1 - blocking) / (1 - share)
    assert predict_threads(coarse(share), n_workers, PLENTY).low == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("call", "n_workers", "cpus", "high", "limit"),
    [
        (coarse(0.75), 4, 4, 4.0, "nothing"),
        (coarse(0.75), 3, 4, 3.0, "nothing"),
        (coarse(0.75), 5, 4, 4.0, "the GIL"),
        (coarse(0.75), 5, 1, 4.0, "the GIL"),
        (coarse(0.75, computing=1.0), 4, 2, 2.0, "CPUs"),
        (coarse(0.9, computing=0.5), 8, 2, 2 / 0.55, "CPUs"),
        (coarse(0.0), 8, 8, 1.0, "the GIL"),
        (coarse(1.0), 8, 1, 8.0, "nothing"),
        (coarse(1.0, computing=1.0), 8, 8, 8.0, "nothing"),
        (coarse(1.0, computing=1.0), 8, 3, 3.0, "CPUs"),
        (coarse(0.0), 1, 1, 1.0, "nothing"),
    ],
)
def test_high_is_the_lowest_bound_and_says_which(
    call: CallProfile, n_workers: int, cpus: int, high: float, limit: str
) -> None:
    """As many as work, as often as the GIL is free, and as many as there are CPUs."""
    predicted = predict_threads(call, n_workers, cpus)
    assert predicted.high == pytest.approx(high)
    assert predicted.limit == limit


def test_the_two_values_meet_where_nothing_is_random() -> None:
    """A call that only holds gives 1, one that only releases n, and one thread always 1."""
    for n_workers in (2, 8):
        assert predict_threads(coarse(0), n_workers, 8).low == 1
        assert predict_threads(coarse(1), n_workers, 8).low == pytest.approx(n_workers, rel=1e-3)
    assert predict_threads(kernel(0.5, 0.5), 1, 8) == Prediction(n_workers=1, low=1.0, high=1.0, limit="nothing")


@settings(deadline=None)
@given(call=profiles(), n_workers=workers, cpus=workers)
def test_predictions_keep_within_what_is_possible(call: CallProfile, n_workers: int, cpus: int) -> None:
    """Low is not above high, and high not above any bound; another worker or CPU never lowers either."""
    for predict in (predict_threads, predict_processes):
        predicted = predict(call, n_workers, cpus)
        assert 0 < predicted.low <= predicted.high <= n_workers
        assert predicted.high * call.cpu_share <= cpus * (1 + 1e-9)
        if n_workers > 1 or predict is predict_processes:
            for more in (predict(call, n_workers + 1, cpus), predict(call, n_workers, cpus + 1)):
                assert more.low >= predicted.low * (1 - 1e-9)
                assert more.high >= predicted.high * (1 - 1e-9)
    assert predict_threads(call, n_workers, cpus).high * (1 - call.released_share) <= 1 + 1e-9


@settings(deadline=None)
@given(
    released_us=st.floats(0.01, 7.99),
    longer=st.floats(1, 25),
    count=st.floats(1, 1e5),
    n_workers=st.integers(2, 16),
    cpus=workers,
)
def test_fine_releases_never_pay_where_threads_meet(
    released_us: float, longer: float, count: float, n_workers: int, cpus: int
) -> None:
    """Releases shorter than 8 us on average, with holds as long between them, make every call slower."""
    call = kernel(released_us * longer, released_us, count)
    predicted = predict_threads(call, n_workers, cpus)
    assert predicted.high < 1
    assert predicted.limit == "fine releases"


def test_fine_releases_beside_a_long_one_cost_only_themselves() -> None:
    """A long release and thousands of short ones: the mean length is true of neither, and could not tell."""
    alike = CallProfile(held_ns=1e6, computing_ns=14e6, blocked_ns=0, releases=3001)
    assert predict_threads(alike, 2, 2).low < 1
    apart = CallProfile(held_ns=1e6, computing_ns=14e6, blocked_ns=0, releases=3001, fine_ns=4e6, fine_releases=3000)
    predicted = predict_threads(apart, 2, 2)
    assert 0.9 < predicted.low < 1.7 < predicted.high <= 2
    assert predicted.limit == "fine releases"
    assert predict_threads(apart, 1, 2).high == 1
    harmless = CallProfile(held_ns=1e6, computing_ns=14e6, blocked_ns=0, releases=2, fine_ns=1, fine_releases=1)
    coarse_alone = CallProfile(held_ns=1e6, computing_ns=14e6, blocked_ns=0, releases=1)
    assert predict_threads(harmless, 2, 2).low == pytest.approx(predict_threads(coarse_alone, 2, 2).low, rel=1e-3)


def test_threads_that_begin_at_once_meet_at_the_gil() -> None:
    """By hand: eight calls of 1 ms held and 9 ms asleep end after 17 ms, and four of 7.5 and 2.5 ms after 32.5."""
    light, heavy = coarse(0.9), coarse(0.25)
    assert in_samples(predict_threads(light, 8, PLENTY), light, 1, PLENTY).high == pytest.approx(80 / 17)
    assert in_samples(predict_threads(heavy, 4, PLENTY), heavy, 1, PLENTY).high == pytest.approx(40 / 32.5)
    steady = predict_threads(light, 8, PLENTY)
    assert in_samples(steady, light, 10_000, PLENTY).high == pytest.approx(steady.high, rel=1e-3)
    with pytest.raises(ValueError, match="calls_each=0"):
        in_samples(steady, light, 0, PLENTY)


def test_a_handful_of_fine_releases_does_not_matter() -> None:
    """Five short releases in 100 ms leave a call that is bound by the GIL, and not below 1."""
    call = CallProfile(held_ns=100e6, computing_ns=5 * 500, blocked_ns=0, releases=5)
    predicted = predict_threads(call, 4, 4)
    assert predicted.low == predicted.high == 1
    assert predicted.limit == "the GIL"


@pytest.mark.parametrize(
    ("call", "low", "high"),
    [
        (kernel(0.5 * 51 / 49, 0.5), 0.34, 0.54),  # a loop over np.square of 2000 items
        (kernel(0.3 * 52 / 48, 0.3, 32_000), 0.23, 0.34),  # fetching 8000 rows from sqlite
    ],
)
def test_fine_releases_cost_what_was_measured(call: CallProfile, low: float, high: float) -> None:
    """Both calls, by two threads, stayed within the prediction."""
    predicted = predict_threads(call, 2, 2)
    assert predicted.low <= low
    assert high <= predicted.high


@pytest.mark.parametrize(
    ("held_us", "released_us", "low", "high"),
    [(1, 1, 0.3, 0.9), (2, 2, 0.4, 0.9), (10, 2, 0.4, 0.96), (20, 7, 0.9, 1), (10, 10, 0.85, 1.25), (10, 20, 0.9, 2)],
)
def test_the_break_even_is_near_where_it_was_measured(
    held_us: float, released_us: float, low: float, high: float
) -> None:
    """Two C threads that met at the GIL lost with releases up to 7 us, and broke even at some 10."""
    predicted = predict_threads(kernel(held_us, released_us), 2, 2)
    assert low <= predicted.low
    assert predicted.high <= high


@pytest.mark.parametrize(
    ("held_us", "released_us", "measured"),
    [
        *((0.3, 0.3, 0.50), (0.3, 1, 1.53), (0.3, 5, 1.92), (1, 0.3, 0.58), (1, 1, 0.65), (1, 2, 1.65), (1, 5, 1.92)),
        *((2, 2, 0.75), (2, 3, 1.68), (2, 7, 1.93), (5, 2, 0.78), (5, 5, 0.80), (5, 7, 1.52), (5, 10, 1.89)),
        *((10, 5, 0.86), (10, 7, 0.93), (10, 10, 1.09), (10, 15, 1.89), (10, 20, 1.92), (10, 100, 1.98)),
        # On another machine.
        *((0.022, 0.023, 0.33), (0.3, 0.1, 0.53), (0.3, 0.3, 0.56), (0.5, 0.5, 0.62), (1, 0.3, 0.65), (5, 1, 0.86)),
        *((20, 5, 0.91), (20, 7, 0.96), (20, 10, 1.03), (20, 15, 1.22), (20, 20, 1.40), (20, 40, 1.94)),
    ],
)
def test_regular_threads_stay_within_the_prediction(held_us: float, released_us: float, measured: float) -> None:
    """Medians of 12 rounds of two C threads, each on a CPU of its own, that only held and released."""
    predicted = predict_threads(kernel(held_us, released_us), 2, 2)
    assert 0.98 * predicted.low <= measured <= 1.02 * predicted.high


@pytest.mark.parametrize("held_us", [0.1, 1, 10, 100])
def test_between_fine_and_coarse_there_is_no_jump(held_us: float) -> None:
    """A little longer a release changes the prediction a little, and never for the worse."""
    steps = [predict_threads(kernel(held_us, 5 * 1.01**step), 4, 8) for step in range(300)]
    for one, other in pairwise(steps):
        assert 0 <= other.low - one.low < 0.06
        assert 0 <= other.high - one.high < 0.06
    assert steps[0].limit == "fine releases"
    assert steps[-1].limit in ("nothing", "the GIL")


def simulate(
    call: CallProfile,
    n_workers: int,
    cpus: int,
    draw: Callable[[float], float],
    n_calls: int,
    *,
    cut_ns: float = math.inf,
) -> float:
    """Return the speed-up of threads that hold, compute and sleep, on CPUs that all who can run share evenly.

    After a hold of `cut_ns` or more whoever waits gets the GIL, and the thread has to take it once more before it can
    release it.
    """
    means = (call.held_ns, call.computing_ns, call.blocked_ns)
    phases, left = [0] * n_workers, [draw(means[0]) for _ in range(n_workers)]
    gil = deque(range(n_workers))  # the first one holds it
    holds, cut = list(left), set[int]()
    clock, worked, done, since = 0.0, 0.0, 0, 0.0
    while True:
        running = [one for one in range(n_workers) if phases[one] == 1 or (gil and one == gil[0])]
        speed = min(1.0, cpus / len(running)) if running else 1.0
        speeds = dict.fromkeys(running, speed) | {one: 1.0 for one in range(n_workers) if phases[one] == 2}
        first = min(speeds, key=lambda one: left[one] / speeds[one])
        step = left[first] / speeds[first]
        clock += step
        for one, its_speed in speeds.items():
            left[one] -= step * its_speed
            worked += step * its_speed
        if phases[first] == 0:
            gil.popleft()
            if gil and first not in cut and holds[first] >= cut_ns:
                cut.add(first)
                gil.append(first)
                left[first] = 0.0
                continue
            cut.discard(first)
        while True:
            phases[first] = (phases[first] + 1) % 3
            if phases[first] == 0:
                gil.append(first)
                done += 1
                if done == n_calls // 10:
                    worked, since = 0.0, clock
                if done == n_calls:
                    return worked / (clock - since)
            if means[phases[first]]:
                break
        left[first] = holds[first] = draw(means[phases[first]])


def grid() -> Iterator[tuple[CallProfile, int, int]]:
    """Yield calls, workers and CPUs."""
    for released in (0.25, 0.5, 0.75, 0.9):
        for computing in (0.0, 0.5, 1.0):
            for n_workers, cpus in ((2, 2), (4, 4), (8, 8), (2, 1), (4, 2), (8, 3)):
                yield coarse(released, computing), n_workers, cpus


def test_irregular_calls_come_close_to_low() -> None:
    """Simulated with exponential times: exact with a CPU for each, within some per cent with fewer."""
    rng = random.Random(7)
    for call, n_workers, cpus in grid():
        predicted = predict_threads(call, n_workers, cpus)
        simulated = simulate(call, n_workers, cpus, lambda mean: rng.expovariate(1 / mean), 1500)
        given = f"{call}, {n_workers} on {cpus}: {predicted}, {simulated:.3f}"
        assert 0.95 * predicted.low <= simulated <= 1.05 * predicted.high, given
        if n_workers <= cpus:
            assert simulated == pytest.approx(predicted.low, rel=0.05), given


def test_regular_calls_reach_high() -> None:
    """Simulated with times that never vary, and a CPU for each; on fewer, calls may move in step and lose a third."""
    for call, n_workers, cpus in grid():
        if n_workers <= cpus:
            predicted = predict_threads(call, n_workers, cpus)
            assert simulate(call, n_workers, cpus, lambda mean: mean, 300) == pytest.approx(predicted.high, rel=0.02)


def test_holds_beyond_the_switch_interval_are_amdahls_case() -> None:
    """Simulated with times that never vary: once threads have met they hold in turn and release together."""
    for call, n_workers, cpus in grid():
        cut = replace(call, switch_interval_ns=5e6)
        predicted = predict_threads(cut, n_workers, cpus)
        simulated = simulate(cut, n_workers, cpus, lambda mean: mean, 300, cut_ns=5e6)
        given = f"{cut}, {n_workers} on {cpus}: {predicted}, {simulated:.3f}"
        assert simulated == pytest.approx(predicted.low, rel=0.06), given
        assert predicted.high == predict_threads(call, n_workers, cpus).high
        assert in_samples(predicted, cut, 1, cpus).low == predicted.low
        if n_workers <= cpus:
            amdahl = 1 / (1 - call.released_share + call.released_share / n_workers)
            assert predicted.low == pytest.approx(amdahl)


def test_irregular_holds_beyond_the_switch_interval_lie_between() -> None:
    """Simulated with exponential times, some of which are shorter than it."""
    rng = random.Random(7)
    for call, n_workers, cpus in grid():
        cut = replace(call, switch_interval_ns=5e6)
        predicted = predict_threads(cut, n_workers, cpus)
        simulated = simulate(cut, n_workers, cpus, lambda mean: rng.expovariate(1 / mean), 1500, cut_ns=5e6)
        given = f"{cut}, {n_workers} on {cpus}: {predicted}, {simulated:.3f}"
        assert 0.95 * predicted.low <= simulated <= 1.05 * predicted.high, given


@pytest.mark.parametrize(
    ("shipping", "n_workers", "cpus", "low", "high", "limit"),
    [
        (0.0, 4, 4, 4.0, 4.0, "nothing"),
        (0.0, 4, 2, 2.0, 2.0, "CPUs"),
        (0.1, 1, 2, 1 / 1.1, 1.0, "nothing"),
        (1 / 3, 2, 4, 24 / 17, 2.0, "nothing"),
        (0.5, 8, 16, 2.0, 2.0, "shipping"),
        (2.0, 4, 8, 0.5, 0.5, "shipping"),
        (0.25, 4, 2, 1.558, 1.6, "CPUs"),
    ],
)
def test_processes_queue_for_their_parent(
    shipping: float, n_workers: int, cpus: int, low: float, high: float, limit: str
) -> None:
    """Processes share no GIL; what limits them is the CPUs, and one parent that ships every call."""
    predicted = predict_processes(coarse(0), n_workers, cpus, shipping * CALL_NS)
    assert predicted.low == pytest.approx(low, rel=0.01)
    assert predicted.high == pytest.approx(high)
    assert predicted.limit == limit


def test_a_way_pays_from_the_length_that_makes_up_for_its_cost() -> None:
    """At that length the gain is 5 %; without overhead any length pays, and without a speed-up none."""
    call = coarse(0.75)
    speed_up = predict_threads(call, 4, 4).low
    length = pays_from_ns(call, 1e6, 4, 4)
    assert length is not None
    assert length / (length / speed_up + 1e6) == pytest.approx(1.05)
    assert pays_from_ns(call, 0, 4, 4) == 0
    assert pays_from_ns(coarse(0), 0, 4, 4) is None
    assert pays_from_ns(kernel(0.5, 0.5), 1e6, 4, 4) is None
    assert pays_from_ns(coarse(0), 1e6, 2, 2, way=predict_processes) == pytest.approx(1e6 / (1 / 1.05 - 1 / 2))


@pytest.mark.parametrize("wall_ns", [100.0, 1e6])
def test_without_a_gil_nothing_is_handed_over(wall_ns: float) -> None:
    """However short a call: threads on as many CPUs gain what they are, beyond that what the CPUs are."""
    call = CallProfile(held_ns=0, computing_ns=wall_ns, blocked_ns=0, releases=1)
    assert predict_threads(call, 2, 2) == Prediction(n_workers=2, low=2.0, high=2.0, limit="nothing")
    assert predict_threads(call, 4, 2).high == 2.0
    assert predict_threads(call, 4, 2).low == pytest.approx(2, rel=0.2)
    assert predict_threads(call, 4, 2).limit == "CPUs"
    assert not call.releases_shorter_than(math.inf)


OTHER = "another lock, memory, or CPUs that the host did not give"


@pytest.mark.parametrize(
    ("most", "call", "memory_bound", "one_gil", "expected"),
    [
        (3.2, coarse(0.75), None, True, ""),
        (3.12, coarse(0.75), None, True, ""),
        (5.1, coarse(0.75), None, True, ""),
        (3.1, coarse(0.75), None, True, OTHER),
        (2.1, coarse(0.75), False, True, OTHER),
        (2.1, coarse(0.75), True, True, "memory bandwidth"),
        (0.2, kernel(0.5, 0.5), None, True, "releases too fine: 500 ns each"),
        (0.2, kernel(0.5, 0.5), None, False, "memory, or CPUs that the host did not give"),
        (0.9, kernel(10, 30), True, True, "releases too fine: 30 µs each"),
        (0.9, kernel(10, 30), True, False, "memory bandwidth"),
        (0.9, CallProfile(held_ns=1e9, computing_ns=500, blocked_ns=0, releases=1), None, True, OTHER),
    ],
)
def test_a_shortfall_gets_the_first_reason_that_is_there(
    most: float, call: CallProfile, memory_bound: bool | None, one_gil: bool, expected: str
) -> None:
    """No reason within 2 % of the low value; then releases that wait for a GIL, then memory, then what is left."""
    predicted = predict_threads(call, 4, 4)
    assert shortfall(most, predicted, call, memory_bound=memory_bound, one_gil=one_gil) == expected


def test_threads_that_fall_short_of_processes_meet_a_lock() -> None:
    """It is not the machine then; otherwise it may be."""
    predicted = predict_threads(coarse(0.75), 4, 4)
    assert shortfall(0.2, predicted, coarse(0.75), falls_short=True) == "another lock"
    assert shortfall(0.2, predicted, coarse(0.75)) == OTHER
    assert "lock" not in shortfall(0.2, predicted, coarse(0.75), one_gil=False)


def test_threads_seen_blocked_on_a_lock_need_no_other_reason() -> None:
    """What was counted comes before what is concluded, from a twentieth of the time on."""
    for call in (coarse(0.75), kernel(0.5, 0.5)):
        predicted = predict_threads(call, 4, 4)
        told = shortfall(0.2, predicted, call, memory_bound=True, lock_waited=0.3)
        assert told == "another lock: they block on one of Python's for 30 % of their time"
        assert "another lock:" not in shortfall(0.2, predicted, call, memory_bound=True, lock_waited=0.04)
        assert shortfall(9, predicted, call, lock_waited=0.3) == ""


def test_wrong_arguments_are_refused() -> None:
    """Every function says what it was given."""
    call = coarse(0.5)
    predicted = predict_threads(call, 2, 2)
    with pytest.raises(ValueError, match="n_workers=0, usable_cpus=-1"):
        predict_threads(call, 0, -1)
    with pytest.raises(ValueError, match="usable_cpus=0"):
        predict_processes(call, 1, 0)
    with pytest.raises(ValueError, match="shipping_ns=nan"):
        predict_processes(call, 1, 1, math.nan)
    with pytest.raises(ValueError, match="overhead_ns=-1"):
        pays_from_ns(call, -1, 2, 2)
    for wrong in (-1, math.nan):
        with pytest.raises(ValueError, match=f"got {wrong}"):
            shortfall(wrong, predicted, call)
