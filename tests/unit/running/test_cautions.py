"""What a run is cautioned of."""

from dataclasses import replace

import fakes

from gilscope.running import cautions
from gilscope.running.result import Interference


def test_more_workers_than_cpus_are_cautioned_of() -> None:
    """With how many of each, also where a file does not say how many CPUs there were."""
    result = replace(fakes.hand_made(), interference=Interference(steal=0.0, run_delay=0.0, throttled=0))
    over = replace(result, plan=replace(result.plan, oversubscribed=True))
    machine = {"cpu": {"usable": {"count": 1}}}
    assert not cautions.of_run(result)
    assert cautions.of_run(replace(over, machine=machine))[0].short == "2 workers on 1 CPU"
    assert cautions.of_run(replace(over, machine={}))[0].short == "2 workers on fewer CPUs"
