"""A trial on a fake clock: balanced cycles, when it stops, what it keeps, and what it says when it is cut short."""

from collections import Counter
from itertools import pairwise

import pytest
import trials
from worlds import world

from gilscope.errors import CannotRunError, KernelError, Unavailable
from gilscope.experiments.document import EXPERIMENT
from gilscope.experiments.result import CONFIRMED
from gilscope.experiments.trial import FEWEST_CYCLES, NARROW, SPENT, Begun, CycleEnded

TRUTH = world("responsiveness").CONFIRMED


def test_it_stops_when_every_interval_is_narrow() -> None:
    """Not before its fewest cycles, and not before they are spread over seconds."""
    conducted, stage = trials.trial("responsiveness", TRUTH, effort="default")
    events = list(conducted.events())
    found = conducted.result()
    assert isinstance(events[0], Begun) and events[0].arms == tuple(TRUTH)
    assert found.stop_reason == NARROW and found.state == "complete" and stage.closed
    assert found.n_cycles >= FEWEST_CYCLES and 3.0 <= found.duration_s < 20.0
    assert {finding.verdict for finding in found.findings} == {CONFIRMED}


def test_it_stops_when_time_is_up_and_never_after() -> None:
    """Whatever the noise: a cycle that would end too late is not begun."""
    found = trials.result("responsiveness", TRUTH, noise=1.5, arm_s=0.1)
    assert found.stop_reason == SPENT and 4.0 < found.duration_s <= 5.0


def test_a_cycle_times_every_arm_once_in_balanced_orders() -> None:
    """Over a block each arm follows each other equally often."""
    conducted, stage = trials.trial("responsiveness", TRUTH, effort="default", noise=1.0)
    for _ in conducted.events():
        pass
    block = stage.orders[:10]
    assert all(sorted(order) == sorted(TRUTH) for order in block)
    after = Counter(pair for order in block for pair in pairwise(order))
    assert set(after.values()) == {2}


def test_time_left_never_exceeds_the_budget() -> None:
    conducted, _ = trials.trial("responsiveness", TRUTH, noise=0.5)
    told = [event for event in conducted.events() if isinstance(event, CycleEnded)]
    assert all(0 <= event.remaining_s <= 5.0 - event.elapsed_s + 1e-9 for event in told)


def test_what_was_measured_until_a_failure_is_kept() -> None:
    """And the reason names no folder of this machine."""
    conducted, _ = trials.trial("responsiveness", TRUTH, fails_at=6)
    with pytest.raises(KernelError):
        list(conducted.events())
    found = conducted.result()
    assert found.state == "partial" and found.n_cycles == 5
    assert found.stop_reason == "failed: an arm failed" and found.control is not None


def test_an_interrupted_trial_tells_what_it_has() -> None:
    """Its control too."""
    conducted, stage = trials.trial("responsiveness", TRUTH)
    events = conducted.events()
    for _ in range(30):
        next(events)
    events.close()
    found = conducted.result()
    assert found.state == "partial" and found.stop_reason == "interrupted" and stage.closed
    assert found.n_cycles > 5 and found.control is not None and found.control.passed


def test_without_an_arm_there_is_nothing_to_conduct() -> None:
    """The reasons are in the error."""
    absent = {arm: Unavailable("not built here") for arm in TRUTH}
    conducted, _ = trials.trial("responsiveness", TRUTH, absent=absent)
    with pytest.raises(CannotRunError, match="alone: not built here"):
        list(conducted.events())
    assert conducted.result().is_empty


def test_a_file_holds_every_sample_and_reads_back_the_same() -> None:
    """Raw values, in the order of time."""
    found = trials.result("responsiveness", TRUTH)
    again = EXPERIMENT.loads(EXPERIMENT.dumps(found))
    assert again == found
    assert len(again.samples["alone"]["gap_p50_ns"]) == again.n_cycles


def test_twenty_trials_never_contradict_each_other() -> None:
    """They may differ in how much they say, never in what."""
    for seed in range(20):
        found = trials.result("responsiveness", TRUTH, seed=seed, noise=0.3)
        assert "refuted" not in {finding.verdict for finding in found.findings}
