"""How much work a sample is: found once for all arms of a group, by timing them."""

from collections.abc import Sequence
from math import ceil
from typing import Protocol

from gilscope.errors import Unavailable
from gilscope.pairing.rounds import lead_in
from gilscope.running.names import SERIAL
from gilscope.running.result import Arm, Plan, Sample, WorkSize
from gilscope.running.strategies import ITEM_MULTIPLE

#: The fastest arm of a group takes at least this long, so that being told to start is under 1 % of it.
MIN_SAMPLE_NS = 5_000_000
#: And the slowest at most this long, so that a round stays adjacent in time.
MAX_SAMPLE_NS = 250_000_000
#: The arrays made for a call of a given length allow for this fast a kernel.
FASTEST_ITEM_NS = 0.1


class LaunchLike(Protocol):
    """What the runner asks of a launch; see `gilscope.running.launch.Launch`."""

    def start(self) -> list[dict[str, object]]: ...

    def prepare(self, arm_ids: Sequence[str], n_items: int) -> dict[str, Unavailable]: ...

    def measure(self, order: Sequence[tuple[str, int, int]]) -> tuple[list[Sample], int, int]: ...


def calibrate(launch: LaunchLike, arms: Sequence[Arm], n_items: int) -> WorkSize:
    """Find one work size for all arms of a group: the fastest takes long enough, twice in a row.

    Parameters
    ----------
    launch : LaunchLike
        Where the arms are prepared.
    arms : sequence of Arm
    n_items : int
        Items in a chunk; what is found is how many tasks make a sample.

    Returns
    -------
    WorkSize
    """
    # 20 rounds and 21 are in the ratio of 1.05 that a control needs exactly, and so are their multiples.
    step = 20 if any(arm.work != 1 for arm in arms) else 1
    repeats, confirmed = step, 0
    while confirmed < 2:
        samples, _, _ = launch.measure([call_of(arm, repeats) for arm in arms])
        fastest = min(sample.wall_ns for sample in samples)
        slowest = max(sample.wall_ns for sample in samples)
        most = int(MAX_SAMPLE_NS / slowest * repeats / step) * step
        if fastest >= MIN_SAMPLE_NS or most <= repeats:
            confirmed += 1
            continue
        confirmed = 0
        growth = min(1.1 * MIN_SAMPLE_NS / fastest, 50.0)
        repeats = min(max(repeats + step, ceil(repeats * growth / step) * step), most)
    return WorkSize(n_items=n_items, repeats=repeats)


def call_of(arm: Arm, repeats: int) -> tuple[str, int, int]:
    """Return how a launch is asked for one sample: (arm, repeats, repeats of its lead-in)."""
    return arm.id, round(repeats * arm.work), lead_in(repeats)


def items_for(launch: LaunchLike, arms: Sequence[Arm], n_items: int, plan: Plan) -> int:
    """Return how many items one serial call of the plan's `task_ns` works on.

    Parameters
    ----------
    launch : LaunchLike
        Where the arms are prepared for `n_items` items.
    arms : sequence of Arm
    n_items : int
        Items to try with; returned as they are where there is no serial arm.
    plan : Plan
    """
    serial = next((arm for arm in arms if arm.strategy == SERIAL), None)
    if serial is None or plan.task_ns is None:
        return n_items
    walls = sorted(launch.measure([(serial.id, 1, 1)])[0][0].wall_ns for _ in range(3))
    item_ns = walls[1] / (n_items * serial.n_workers)
    wanted = min(plan.task_ns / item_ns, max_items(plan))
    return max(ITEM_MULTIPLE, round(wanted / ITEM_MULTIPLE) * ITEM_MULTIPLE)


def max_items(plan: Plan) -> int:
    """Return how many items the largest chunk of a run may have."""
    largest = max(group.n_items for group in (plan.control, *plan.groups))
    if plan.task_ns is not None:
        largest = max(largest, ceil(plan.task_ns / FASTEST_ITEM_NS / ITEM_MULTIPLE) * ITEM_MULTIPLE)
    return largest
