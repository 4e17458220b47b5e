"""Probes that never ran: what a child would report of a call, with the shares and speed-ups that a test wants."""

from typing import Any

from gilscope.probing.conclusions import from_outcome
from gilscope.probing.result import Probe
from gilscope.targets.outcome import Outcome
from gilscope.targets.target import Target, parse_target

FUNCTION = parse_target("module:function")
STATEMENT = parse_target("f(x)", setup="from module import f, x", statement=True)
BYTECODE = {"asked": 100, "at_once": 99, "unanswered": 0.05}
NATIVE = {"asked": 100, "at_once": 1, "unanswered": 0.9}
SITE = {"module": "/lib/_hash|lib.so.3", "symbol": "up_date", "offset": 16, "count": 30}


def share(estimate: float, half_width: float = 0.01) -> dict[str, float]:
    """Return a share with its interval, which stays within 0 and 1."""
    return {
        "estimate": estimate,
        "low": max(0.0, estimate - half_width),
        "high": min(1.0, estimate + half_width),
    }


def shares(held: float, computing: float, blocked: float, *, half_width: float = 0.01, **others: Any) -> dict[str, Any]:
    """Return the shares of calls of 10 ms with one release, or with none if they hold the GIL throughout."""
    found: dict[str, Any] = {
        "mechanism": "ledger",
        "blind_to": ["what nobody tells it"],
        "calls": 30,
        "batches": 30,
        "wall_ns": 10e6,
        "held": share(held, half_width),
        "computing": share(computing, half_width),
        "blocked": share(blocked, half_width),
        "releases": 1.0 if held < 1 else 0.0,
        "longest_hold_ns": round(held * 10e6),
        "held_waiting": share(0.0, 0.0),
        "native": 0.0,
        "sites": [SITE | {"computing_ns": round(computing * 300e6), "blocked_ns": round(blocked * 300e6)}]
        if held < 1
        else [],
        "attached": False,
        "helpers_held": 0.0,
    }
    return found | others


def interval(estimate: float, half_width: float = 0.02) -> dict[str, Any]:
    """Return a ratio with its interval."""
    ends = {"estimate": estimate, "low": estimate - half_width, "high": estimate + half_width}
    return {**ends, "level": 0.95, "n": 30, "n_effective": 30.0, "lag1": 0.0, "n_launches": 1, "widened": ""}


def handing(n_workers: int, busy_ns: float, idle_ns: float = 50e3) -> dict[str, Any]:
    """Return what handing a call to a worker costs, give or take a tenth."""
    times = {"busy": busy_ns, "idle": idle_ns}
    costs = {name: {"estimate": ns, "low": 0.9 * ns, "high": 1.1 * ns} for name, ns in times.items()}
    return {"n_workers": n_workers, **costs}


def gave(way: str, speed_up: float | None, n_workers: int = 2, absent: str = "") -> dict[str, Any]:
    """Return what workers gave; nothing if it is absent."""
    measured = speed_up is not None
    return {
        "way": way,
        "n_workers": n_workers,
        "speed_up": interval(speed_up) if speed_up is not None else None,
        "of_processes": interval(1.0) if measured and way == "threads" else None,
        "handing": handing(n_workers, 5e3) if measured and way in ("threads", "processes") else None,
        "calls_each": 0,
        "lock_waited": None,
        "absent": absent,
        "failed": False,
    }


def scaled(threads: float, processes: float, control: float = 1.95) -> list[dict[str, Any]]:
    """Return what two workers of each kind gave."""
    absent = gave("interpreters", None, absent="needs CPython >= 3.12")
    beside = {"of_processes": interval(threads / processes)}
    return [gave("threads", threads) | beside, gave("processes", processes), gave("control", control), absent]


def preflight(**others: Any) -> dict[str, Any]:
    """Return what a first call showed that has nothing remarkable."""
    found: dict[str, Any] = {
        "wall_ns": 10_000_000,
        "cpu_ns": 10_000_000,
        "children_cpu_ns": 0,
        "function_obstacle": None,
        "arguments_obstacle": None,
        "arguments_bytes": 10,
        "result_obstacle": None,
        "result_bytes": 10,
        "result_type": "int",
        "makes_iterator": False,
        "main_guard": None,
        "top_level_work": [],
        "threads_left": [],
        "comes_back_twice": False,
        "processes_left": [],
    }
    return found | others


#: What a child reports beside the shares.
REPORT: dict[str, Any] = {
    "already_parallel": False,
    "knocks": None,
    "scaling": [],
    "shipping_ns": 20e3,
    "gil": True,
    "threads_are_replaced": False,
    "switch_interval_ns": 5e6,
    "seconds": 2.0,
    "cause": "",
}


def probed(
    found: dict[str, Any],
    *,
    knocks: dict[str, Any] | None = None,
    scaling: list[dict[str, Any]] | None = None,
    shipping_ns: float | None = 20e3,
    target: Target = FUNCTION,
    n_cpus: int = 2,
    alone: str = "",
    gil: bool = True,
    switch_interval_ns: float = 5e6,
    cause: str = "",
    already_parallel: bool | None = False,
    **first_call: Any,
) -> Probe:
    """Return what is concluded from shares, knocks, scaling, and what was remarkable about the first call."""
    report = REPORT | {
        "already_parallel": already_parallel,
        "shares": found,
        "knocks": knocks,
        "scaling": scaling or [],
        "shipping_ns": shipping_ns,
        "gil": gil,
        "switch_interval_ns": switch_interval_ns,
        "cause": cause,
    }
    outcome = Outcome(
        kind="done", message="", phase="the measurement", preflight=preflight(**first_call), report=report
    )
    return from_outcome(target, outcome, n_cpus, alone=alone)


def failed(**outcome: Any) -> Probe:
    """Return what is concluded from a child that raised, or ended as the outcome says."""
    about: dict[str, Any] = {
        "kind": "raised",
        "message": "ValueError: <no>|*",
        "phase": "its first call",
        "traceback": "Traceback: here\n",
        "output": "printed\n",
    }
    return from_outcome(FUNCTION, Outcome(**{**about, **outcome}), 2)


#: One of each kind, and of what else a result can look like.
PROBES: dict[str, Probe] = {
    "bytecode": probed(shares(1, 0, 0), knocks=BYTECODE, scaling=scaled(1.0, 1.9)),
    "native": probed(shares(1, 0, 0, longest_hold_ns=80_000_000), knocks=NATIVE, scaling=scaled(1.0, 1.9)),
    "releases": probed(shares(0.02, 0.98, 0), scaling=scaled(1.9, 1.9)),
    "waits": probed(shares(0.02, 0, 0.98), scaling=scaled(1.95, 1.95)),
    "mixed": probed(shares(0.5, 0.5, 0), knocks=NATIVE, scaling=scaled(1.6, 1.9), target=STATEMENT),
    "parallel": probed(shares(0.1, 0.9, 0), already_parallel=True),
    "undecided": probed(shares(0.2, 0.8, 0, half_width=0.1), scaling=scaled(1.8, 1.9)),
    "no CPU": probed(shares(0.02, 0.98, 0), scaling=scaled(1.0, 1.0, control=1.0)),
    "alone": probed(shares(0.02, 0.98, 0), scaling=[gave("threads", 1.9)], alone="nobody finds it"),
    "uncounted": probed(shares(1, 0, 0, releases=None, longest_hold_ns=None), knocks=BYTECODE, shipping_ns=None),
    "raised": failed(),
    "usage": failed(kind="usage", message="no module", traceback="", output=""),
    "hung": failed(kind="hung", message="It did not end within 60 s.", preflight=preflight(wall_ns=20 * 10**9)),
}
