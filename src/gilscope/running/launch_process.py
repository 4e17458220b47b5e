"""Starting a launch in a fresh interpreter, and speaking with it."""

import random
from collections.abc import Sequence
from dataclasses import asdict

from gilscope.children.conversation import Conversation
from gilscope.errors import Unavailable
from gilscope.running.result import Arm, Sample

# One thread for each native pool, because every arm says itself how many CPUs it uses. OpenMP's team is that of an arm,
# and set up in its worker alone (see `gilscope.kernels.with_openmp`).
_POOL_LIMITS = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMEXPR_NUM_THREADS": "1"}


class LaunchProcess(Conversation):
    """A launch in an interpreter of its own, with a hash seed of its own. Use as a context manager.

    Takes the same calls as `gilscope.running.launch.Launch`. Leaving it ends the interpreter and every worker it
    started; see `gilscope.children.conversation.Conversation`.

    Parameters
    ----------
    arms : sequence of Arm
    dtype : str
    max_items : int
    rng : random.Random
        Where the hash seed comes from.
    """

    def __init__(self, arms: Sequence[Arm], dtype: str, max_items: int, rng: random.Random) -> None:
        self._setup = {"arms": [asdict(arm) for arm in arms], "dtype": dtype, "max_items": max_items}
        variables = {**_POOL_LIMITS, "PYTHONHASHSEED": str(rng.randrange(2**32))}
        super().__init__("gilscope.running.launch", "the measuring process", variables)

    def start(self) -> list[dict[str, object]]:
        """Start every crew; see `gilscope.running.launch.Launch.start`."""
        return list(self.ask(op="start", **self._setup)["workers"])

    def prepare(self, arm_ids: Sequence[str], n_items: int) -> dict[str, Unavailable]:
        """Prepare and verify arms; see `gilscope.running.launch.Launch.prepare`."""
        absent = self.ask(op="prepare", arms=list(arm_ids), n_items=n_items)["unavailable"]
        return {arm: Unavailable(reason) for arm, reason in absent.items()}

    def measure(self, order: Sequence[tuple[str, int, int]]) -> tuple[list[Sample], int, int]:
        """Time one round; see `gilscope.running.launch.Launch.measure`."""
        answer = self.ask(op="measure", order=list(order))
        return [Sample(**sample) for sample in answer["samples"]], answer["steal_ticks"], answer["throttled"]
