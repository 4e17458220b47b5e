"""Atlases that were never measured: rows of every kind, with the figures that a test wants."""

from typing import Any

from gilscope.atlas.result import AtlasResult, MachineFacts, PredictedRange, Row, SpeedUp, Way
from gilscope.probing.shares import Share

LEDGER: dict[str, Any] = {"mechanism": "ledger", "cost": "little", "blind_to": ("who",)}
WITNESS: dict[str, Any] = {
    "mechanism": "witness (no ledger: a test says so)",
    "cost": "more",
    "blind_to": ("what", "where"),
}


def way(estimate: float | None, low: float, high: float, absent: str = "it raises") -> Way:
    """Return what two workers gave, or why nothing was measured."""
    return Way(
        n_workers=2,
        speed_up=None if estimate is None else SpeedUp(estimate, estimate, estimate),
        predicted=PredictedRange(low=low, high=high, limit="CPUs"),
        absent=absent if estimate is None else "",
    )


def row(name: str, kind: str, group: str = "rest", **figures: Any) -> Row:
    """Return a row of a call: of one that failed, if a failure is among the figures."""
    how = {} if "failure" in figures else LEDGER
    about: dict[str, Any] = {"setup": "x = '</script>'", "statement": "f(x)", "python": "CPython 3.13.0"}
    when: dict[str, Any] = {"measured_at": "2026-11-22T12:00:00+00:00", "took_s": 1.0}
    return Row(name=name, class_=kind, group=group, **{**about, **when, **how, **figures})


ROWS = (
    row(
        "crc",
        "releases",
        "sums",
        wall_ns=850_000.0,
        released=Share(0.96, 0.95, 0.97),
        longest_hold_ns=106_000,
        releases=1.0,
        mean_release_ns=813_000.0,
        threads=way(1.83, 1.6, 2.0),
        processes=way(1.9, 2.0, 2.0),
        second_cpu=True,
        pays="threads",
        advice="Threads pay: it works.",
        notes=("it leaves threads running: two",),
    ),
    row(
        "loop",
        "Python bytecode",
        "sums",
        wall_ns=2_550_000.0,
        released=Share(0.0, 0.0, 0.0),
        longest_hold_ns=2_550_000,
        releases=0.0,
        threads=way(1.02, 1.0, 1.0),
        processes=way(1.05, 1.5, 2.0),
        second_cpu=False,
        pays="processes",
    ),
    row(
        "unsure",
        "undecided",
        wall_ns=1_000_000.0,
        released=Share(0.5, 0.1, 0.9),
        longest_hold_ns=1_000_000,
        releases=0.5,
        mean_release_ns=100_000.0,
        threads=way(1.1, 1.2, 1.4),
        processes=way(None, 1.2, 1.4),
        second_cpu=True,
        pays="neither",
        **WITNESS,
    ),
    row("raises", "failed", failure="ValueError:\nno", exit_code=4),
    row("<b>|gone*", "not installed", failure="not installed:\nno_such"),
)


def atlas(*rows: Row, n_cpus: int = 2) -> AtlasResult:
    """Return a result with these rows."""
    return AtlasResult(
        tool="gilscope 0.1.0",
        started="2026-11-22T12:00:00+00:00",
        title="Mine",
        n_calls=max(1, len(rows)),
        machine=MachineFacts(usable_cpus=n_cpus, usable_cpus_from="affinity", python="CPython 3.13.0"),
        rows=rows,
    )


RESULT = atlas(*ROWS)
