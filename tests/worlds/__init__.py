"""Worlds whose truth is known, one module for each experiment that has a scene: what every arm reads in a cycle there.

A module has `CONFIRMED` and `REFUTED`, each arm -> quantity -> value, in which every claim of the experiment comes out
that way, and `SABOTAGED`: the confirming world in which the experiment's own control reads something that cannot be.
`IS_EXACT` says that verdicts rest on counts, which no noise touches.
A claim that no single world refutes together with the others has a world of its own in `REFUTED_ALONE`, by its number.
"""

import random
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType

World = Mapping[str, Mapping[str, float]]


def world(name: str) -> ModuleType:
    """Return the worlds of an experiment."""
    return import_module(f"worlds.{name}")


def cycles(truth: World, n: int = 40, noise: float = 0.005, seed: int = 1) -> list[dict[str, dict[str, float]]]:
    """Return what some cycles read in a world: every value with a noise in proportion to it."""
    rng = random.Random(seed)
    return [
        {
            arm: {name: value * rng.lognormvariate(0, noise) for name, value in quantities.items()}
            for arm, quantities in truth.items()
        }
        for _ in range(n)
    ]


def changed(truth: World, **arms: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Return a world in which some arms read something else."""
    return {arm: {**quantities, **arms.get(arm, {})} for arm, quantities in truth.items()}


__all__: Sequence[str] = ("World", "changed", "cycles", "world")
