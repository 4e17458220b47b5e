"""Which parts a probe of a call has, by what the parts before have found."""

from collections.abc import Callable
from typing import Any

import pytest

from gilscope.probing import job as module
from gilscope.probing.job import KNOCKINGS, job
from gilscope.probing.measurements import Measurements
from gilscope.probing.requests import Knocks
from gilscope.probing.shares import Share, Shares
from gilscope.targets.first_call import examine
from gilscope.targets.target import Resolved, Target

RESOLVED = Resolved(target=Target(text="x", kind="statement"), call=int, function=int)
Report = Callable[..., tuple[Measurements, list[str]]]


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Report:
    """Return a job's report on a call with such shares, and the parts that were measured; knocks decide nothing."""

    def made(
        held: tuple[float, float], *, parallel: bool | None = False, **options: Any
    ) -> tuple[Measurements, list[str]]:
        low, high = held
        parts: list[str] = []
        shares = Shares(
            mechanism="m",
            blind_to=[],
            calls=9,
            batches=9,
            wall_ns=1e6,
            held=Share((low + high) / 2, low, high),
            computing=Share(1 - high, 1 - high, 1 - low),
            blocked=Share(0, 0, 0),
            releases=1.0,
            longest_hold_ns=1,
            sites=[],
        )

        def knock(*_: object, **__: object) -> Knocks:
            parts.append("knock")
            return Knocks(asked=0, at_once=0, unanswered=0.0)

        def scale(*_: object, **__: object) -> list[Any]:
            parts.append("scaling")
            return []

        for name in ("measure_shares", "measure_sampled"):
            monkeypatch.setattr(module, name, lambda *_: shares)
        for name in ("knock", "knock_sampled"):
            monkeypatch.setattr(module, name, knock)
        monkeypatch.setattr(module, "keeps_several_cpus_busy", lambda *_: parallel)
        monkeypatch.setattr(module, "measure_scaling", scale)
        asked = {"seconds": 1.0, "widths": [2], "seed": 0} | options
        return job(RESOLVED, examine(RESOLVED), asked, lambda _: None), parts

    return made


@pytest.mark.parametrize(
    ("held", "knocks"),
    [((0.95, 1.0), KNOCKINGS), ((0.7, 0.85), KNOCKINGS), ((0.4, 0.5), 1), ((0.01, 0.02), 0)],
)
def test_knocks_go_on_only_while_they_decide(report: Report, held: tuple[float, float], knocks: int) -> None:
    """A call that may mostly hold the GIL is bytecode or native; of one that does not that is told, and not pursued."""
    assert report(held)[1] == ["knock"] * knocks + ["scaling"]


def test_a_quick_probe_leaves_what_is_parallel_to_itself(report: Report) -> None:
    """One that has the time measures it nevertheless."""
    assert report((0.0, 0.1), parallel=True, thorough=False)[1] == []
    assert report((0.0, 0.1), parallel=True)[1] == ["scaling"]
    assert report((0.0, 0.1), parallel=False, thorough=False)[1] == ["scaling"]
    found, _ = report((0.0, 0.1), parallel=True, thorough=False)
    assert found.already_parallel
    assert found.scaling == ()
