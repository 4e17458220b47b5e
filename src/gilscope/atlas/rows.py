"""A row of an atlas: what one call does to the GIL, as plain data that any report draws."""

import platform
from datetime import UTC, datetime
from typing import Any

from gilscope.atlas.calls import Call
from gilscope.documents.typed import plain
from gilscope.places import portable
from gilscope.probing.result import Probe
from gilscope.system.gil import gil_enabled

#: What stands in place of a class where nothing was measured.
NOT_INSTALLED, FAILED = "not installed", "failed"
Row = dict[str, Any]


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
    return _row(call, NOT_INSTALLED, f"not installed: {', '.join(missing)}", 0.0)


def measured_row(call: Call, probe: Probe, took_s: float) -> Row:
    """Return the row of a call that was probed; ``atlas.schema.json`` describes it.

    Parameters
    ----------
    call : Call
    probe : Probe
    took_s : float
        With the start of its process.
    """
    if probe.failure:
        return {**_row(call, FAILED, portable(probe.failure), took_s), "exit_code": probe.exit_code}
    held = probe.shares["held"]
    found = {
        "wall_ns": probe.wall_ns,
        "released": {"estimate": 1 - held.estimate, "low": 1 - held.high, "high": 1 - held.low},
        "longest_hold_ns": probe.longest_hold_ns,
        "releases": probe.releases,
        "mean_release_ns": probe.mean_release_ns,
        "threads": _way(probe, "threads"),
        "processes": _way(probe, "processes"),
        "second_cpu": probe.second_cpu,
        "pays": probe.pays,
        "advice": probe.advice,
        "notes": probe.notes,
        "mechanism": probe.mechanism,
        "cost": probe.cost,
        "blind_to": probe.blind_to,
    }
    return {**_row(call, probe.class_, "", took_s), **portable(plain(found))}


def _row(call: Call, kind: str, failure: str, took_s: float) -> Row:
    return {
        **identity(call),
        "group": portable(call.group),
        "class": kind,
        "failure": failure,
        "exit_code": 0,
        "wall_ns": None,
        "released": None,
        "longest_hold_ns": None,
        "releases": None,
        "mean_release_ns": None,
        "threads": None,
        "processes": None,
        "second_cpu": None,
        "pays": "",
        "advice": "",
        "notes": [],
        "mechanism": "",
        "cost": "",
        "blind_to": [],
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "took_s": round(took_s, 3),
    }


def _way(probe: Probe, way: str) -> dict[str, Any]:
    """Return what threads or processes give at the largest width."""
    prediction = probe.predicted[way][-1]
    measured = next((one for one in reversed(probe.measured) if one.way == way), None)
    speed_up = measured and measured.speed_up
    return {
        "n_workers": prediction.n_workers,
        "speed_up": speed_up and {"estimate": speed_up.estimate, "low": speed_up.low, "high": speed_up.high},
        "predicted": {"low": prediction.low, "high": prediction.high, "limit": prediction.limit},
        "absent": measured.absent if measured else "not measured",
    }
