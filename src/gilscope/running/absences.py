"""What cannot run here, said once for everything that cannot for the same reason."""

from collections import Counter
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
    arms = list(dict.fromkeys(arms))
    totals = {field: Counter(getattr(arm, field) for arm in arms) for field in ("strategy", "implementation")}
    missing: dict[Unavailable, list[Arm]] = {}
    for arm in arms:
        if arm.id in absent:
            missing.setdefault(absent[arm.id], []).append(arm)
    return [f"{', '.join(_names(some, totals))}: {absence}" for absence, some in missing.items()]


def _names(missing: Sequence[Arm], totals: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return what the missing arms are, with as few names as say it; `totals` says how many there are of each."""
    strategies = _whole("strategy", missing, totals)
    rest = [arm for arm in missing if arm.strategy not in strategies]
    left = {arm.implementation for arm in rest}
    implementations = [name for name in _whole("implementation", missing, totals) if name in left]
    names = [*map(words.way, strategies), *implementations]
    under: dict[str, dict[str, None]] = {}
    for arm in rest:
        if arm.implementation not in implementations:
            under.setdefault(arm.strategy, {})[arm.implementation] = None
    return names + [f"{' and '.join(some)} under {words.way(strategy)}" for strategy, some in under.items()]


def _whole(field: str, missing: Sequence[Arm], totals: Mapping[str, Mapping[str, int]]) -> dict[str, None]:
    """Return the strategies, or the implementations, of which all are missing."""
    counts = Counter(getattr(arm, field) for arm in missing)
    return dict.fromkeys(name for name, n in counts.items() if n == totals[field][name])
