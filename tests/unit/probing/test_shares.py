"""From the ledger's accounts to shares: whatever the machine did meanwhile is no part of the call."""

from hypothesis import given
from hypothesis import strategies as st

from gilscope.accounting.belonging import Rest
from gilscope.accounting.calls import Batch
from gilscope.accounting.log import Log
from gilscope.probing.shares import Share, _native, interval_of

MS = 1_000_000


def test_an_interval_is_the_median_and_what_encloses_it() -> None:
    """Of many values the sign test's, of few all there is."""
    assert interval_of([0.5]) == Share(0.5, 0.5, 0.5)
    assert interval_of([0.3, 0.1, 0.2]) == Share(0.2, 0.1, 0.3)
    many = interval_of([i / 100 for i in range(101)])
    assert many.estimate == 0.5
    assert 0.35 < many.low < 0.45
    assert 0.55 < many.high < 0.65


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_an_interval_holds_its_median(values: list[float]) -> None:
    """Whatever the values, low <= estimate <= high, and both ends are among them."""
    share = interval_of(values)
    assert share.low <= share.estimate <= share.high
    assert {share.low, share.high} <= set(values)


def test_a_stranger_that_always_computes_does_not_compute_for_the_call() -> None:
    """What goes on at rest is nobody's help; what begins with the call is."""
    log = Log(mechanism="", cost="", blind_to=(), wall_ns=10 * MS, threads=(), sites=())
    spins = Batch(log, wall_ns=10 * MS, own_cpu_ns=0, others_cpu_ns=10 * MS)
    assert _native(spins, [], Rest(cpu_share=1.0)) == 0
    assert _native(spins, [], Rest()) == 1
