"""What cannot run here, said once for everything that cannot for the same reason."""

from collections.abc import Mapping, Sequence

from gilscope import words
from gilscope.errors import Unavailable
from gilscope.running.result import Arm


def lines(arms: Sequence[Arm], absent: Mapping[str, Unavailable]) -> list[str]:
    """Return a line for each reason: ``"interpreters: unavailable: needs CPython >= 3.12; this is 3.11.7"``.

    Parameters
    ----------
    arms : sequence of Arm
        All of a run, so that it can be told whether all of an implementation or strategy are absent.
    absent : mapping of str to Unavailable
        By the arm's id.
    """
    told = []
    for absence in dict.fromkeys(absent[arm.id] for arm in arms if arm.id in absent):
        missing = [arm for arm in arms if absent.get(arm.id) == absence]
        told.append(f"{', '.join(_names(arms, missing))}: {absence}")
    return told


def _names(arms: Sequence[Arm], missing: Sequence[Arm]) -> list[str]:
    """Return what the missing arms are, with as few names as say it."""
    present = [arm for arm in arms if arm not in missing]
    strategies = _whole("strategy", missing, present)
    rest = [arm for arm in missing if arm.strategy not in strategies]
    implementations = _whole("implementation", rest, present)
    names = [*map(words.way, strategies), *implementations]
    rest = [arm for arm in rest if arm.implementation not in implementations]
    for strategy in dict.fromkeys(arm.strategy for arm in rest):
        under = dict.fromkeys(arm.implementation for arm in rest if arm.strategy == strategy)
        names.append(f"{' and '.join(under)} under {words.way(strategy)}")
    return names


def _whole(field: str, missing: Sequence[Arm], present: Sequence[Arm]) -> list[str]:
    """Return the strategies, or the implementations, of which nothing is present."""
    there = {getattr(arm, field) for arm in present}
    return [name for name in dict.fromkeys(getattr(arm, field) for arm in missing) if name not in there]
