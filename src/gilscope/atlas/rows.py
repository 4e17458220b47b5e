"""Rows of an atlas, made from what a probe found."""

import platform
from datetime import UTC, datetime
from typing import Any

from gilscope.atlas.calls import Call
from gilscope.atlas.result import FAILED, NOT_INSTALLED, PredictedRange, Row, SpeedUp, Way
from gilscope.places import portable
from gilscope.probing.result import Probe
from gilscope.probing.shares import Share
from gilscope.system.gil import gil_enabled


def python_name() -> str:
    """Return what a row holds for: the interpreter, its version, and whether it has a GIL."""
    gil = "" if gil_enabled() else ", GIL off"
    return f"{platform.python_implementation()} {platform.python_version()}{gil}"


def identity(call: Call) -> dict[str, str]:
    """Return what a row was measured with: while these are the same, it need not be measured again."""
    code = portable({"setup": call.setup, "statement": call.statement})
    return {"name": call.name, **code, "python": python_name()}


def absent_row(call: Call, missing: list[str]) -> Row:
    """Return the row of a call whose modules are missing."""
    return _row(call, NOT_INSTALLED, 0.0, failure=f"not installed: {', '.join(missing)}")


def measured_row(call: Call, probe: Probe, took_s: float) -> Row:
    """Return the row of a call that was probed.

    Parameters
    ----------
    call : Call
    probe : Probe
    took_s : float
        With the start of its process.
    """
    if probe.failure:
        return _row(call, FAILED, took_s, failure=portable(probe.failure), exit_code=probe.exit_code)
    held = probe.shares["held"]
    return _row(
        call,
        probe.class_,
        took_s,
        wall_ns=probe.wall_ns,
        released=Share(1 - held.estimate, 1 - held.high, 1 - held.low),
        longest_hold_ns=probe.longest_hold_ns,
        releases=probe.releases,
        mean_release_ns=probe.mean_release_ns,
        threads=_way(probe, "threads"),
        processes=_way(probe, "processes"),
        second_cpu=probe.second_cpu,
        pays=probe.pays,
        advice=portable(probe.advice),
        notes=tuple(map(portable, probe.notes)),
        mechanism=portable(probe.mechanism),
        cost=probe.cost,
        blind_to=tuple(map(portable, probe.blind_to)),
    )


def _row(call: Call, kind: str, took_s: float, **found: Any) -> Row:
    about: dict[str, Any] = identity(call)
    return Row(
        **about,
        group=portable(call.group),
        class_=kind,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        took_s=round(took_s, 3),
        **found,
    )


def _way(probe: Probe, way: str) -> Way:
    """Return what threads or processes give at the largest width."""
    prediction = probe.predicted[way][-1]
    measured = next((one for one in reversed(probe.measured) if one.way == way), None)
    speed_up = measured.speed_up if measured is not None else None
    return Way(
        n_workers=prediction.n_workers,
        speed_up=None if speed_up is None else SpeedUp(speed_up.estimate, speed_up.low, speed_up.high),
        predicted=PredictedRange(low=prediction.low, high=prediction.high, limit=prediction.limit),
        absent=portable(measured.absent) if measured else "not measured",
    )
