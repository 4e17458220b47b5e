"""From what a probe's child reported, or from how it ended, to what that means for the call."""

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from gilscope import errors
from gilscope.accounting.mechanisms import cost_of
from gilscope.machine.regime import gil_enabled
from gilscope.probing import classes
from gilscope.probing.advice import Prospect, advise, decide
from gilscope.probing.call_profile import CallProfile, profile_of
from gilscope.probing.knocks import Knocks
from gilscope.probing.outcome import Outcome
from gilscope.probing.prediction import (
    PAYS,
    Prediction,
    in_samples,
    pays_from_ns,
    predict_processes,
    predict_threads,
    shortfall,
)
from gilscope.probing.result import Probe
from gilscope.probing.scaling import Scaling
from gilscope.probing.shares import Share, Shares
from gilscope.probing.targets import Target
from gilscope.results import Interval
from gilscope.verdicts import SECOND_CPU

#: A call that computes for a larger share of its time than this cannot do with what one CPU leaves.
NEEDS_CPU = 0.5
#: Processes that stay below this share of what arithmetic gets fill something other than CPUs.
MEMORY_BOUND = 0.9
#: Threads of the call's own that hold the GIL for so much of its time are worth a word.
HELPED = 0.05
#: What telling a worker costs where it was not measured: on the 2-CPU server of the trials, when it was quiet.
TELLING_NS = {"threads": 25_000.0, "processes": 100_000.0}
_OBSTACLES = {
    "function_obstacle": "it cannot be found",
    "arguments_obstacle": "its arguments cannot be sent",
    "result_obstacle": "its result cannot be sent",
}


def from_outcome(target: Target, outcome: Outcome, n_cpus: int, *, alone: str = "") -> Probe:
    """Draw conclusions from what a child reported, or from how it ended.

    Parameters
    ----------
    target : Target
    outcome : Outcome
    n_cpus : int
        Usable CPUs.
    alone : str
        Why no other process can find the target, or "".
    """
    gil = gil_enabled() if outcome.report is None else outcome.report["gil"]
    machine = {"usable_cpus": n_cpus, "python": platform.python_version(), "gil": gil}
    if outcome.report is None or outcome.preflight is None:
        return Probe(
            target=target.text,
            class_=classes.UNDECIDED,
            advice="",
            failure=_failure(outcome),
            traceback=outcome.traceback,
            output=outcome.output,
            exit_code=outcome.exit_code,
            preflight=outcome.preflight or {},
            machine=machine,
        )
    report, preflight = outcome.report, outcome.preflight
    shares, knocks = _shares(report["shares"]), report["knocks"] and Knocks(**report["knocks"])
    kind = classes.classify(shares, knocks, already_parallel=report["already_parallel"])
    profile, scaling = profile_of(shares, report["switch_interval_ns"]), [_scaling(one) for one in report["scaling"]]
    widths = sorted({one.n_workers for one in scaling}) or [max(2, n_cpus)]
    shipping_ns = report["shipping_ns"]
    predicted = {
        "threads": [predict_threads(profile, n, n_cpus) for n in widths],
        "processes": [predict_processes(profile, n, n_cpus, shipping_ns or 0.0) for n in widths],
    }
    unshipped = [predict_processes(profile, n, n_cpus) for n in widths]  # as they are measured: nothing is sent
    widest = {one.way: one for one in scaling if one.n_workers == widths[-1]}
    shortfalls = _shortfalls(widest, {**predicted, "processes": unshipped}, profile, n_cpus)
    telling = {way: (one.telling_ns if (one := widest.get(way)) else None) or ns for way, ns in TELLING_NS.items()}
    pays = {
        "threads": pays_from_ns(profile, telling["threads"], widths[-1], n_cpus),
        "processes": pays_from_ns(
            profile, telling["processes"] + (shipping_ns or 0.0), widths[-1], n_cpus, way=predict_processes
        ),
    }
    obstacle = alone or _obstacle(target, preflight)
    prospects = {
        way: Prospect(
            prediction=predicted[way][-1],
            pays_from_ns=pays[way],
            telling_ns=telling[way],
            measured=widest[way].speed_up if way in widest else None,
            shortfall=shortfalls.get(way, ""),
        )
        for way in pays
    }
    advised = advise(kind, profile, prospects, obstacle, shares.longest_hold_ns)
    return Probe(
        target=target.text,
        class_=kind,
        pays=decide(kind, profile, prospects, obstacle),
        advice=advised,
        exit_code=errors.UNDECIDED if kind == classes.UNDECIDED else errors.DONE,
        wall_ns=shares.wall_ns,
        shares={"held": shares.held, "computing": shares.computing, "blocked": shares.blocked},
        bytecode=asdict(knocks) if knocks else None,
        releases=shares.releases,
        mean_release_ns=profile.mean_release_ns if shares.releases is not None else None,
        longest_hold_ns=shares.longest_hold_ns,
        sites=shares.sites,
        predicted=predicted,
        measured=scaling,
        shortfalls=shortfalls,
        pays_from_ns=pays,
        shipping_ns=shipping_ns,
        preflight=preflight,
        notes=_notes(
            preflight,
            shares,
            widest,
            profile,
            obstacle="" if alone or obstacle in advised else obstacle,
            cut=_cut(profile, predicted["threads"][-1]),
            gil=gil,
        ),
        mechanism=shares.mechanism,
        cost=cost_of(shares.mechanism),
        blind_to=shares.blind_to,
        machine=machine,
    )


def _failure(outcome: Outcome) -> str:
    if outcome.kind != "hung" or outcome.preflight is None:
        return outcome.message
    seconds = outcome.preflight["wall_ns"] / 1e9
    return f"{outcome.message} Its first call took {seconds:.2g} s, and a probe makes at least six; see --limit."


def _obstacle(target: Target, preflight: Mapping[str, Any]) -> str:
    """Return why another process cannot be given the call, or ""; a statement is sent as the text that it is."""
    names = ("result_obstacle",) if target.kind == "statement" else tuple(_OBSTACLES)
    return next((f"{_OBSTACLES[name]}: {preflight[name]}" for name in names if preflight[name]), "")


def _shares(data: Mapping[str, Any]) -> Shares:
    shares = {name: Share(**data[name]) for name in ("held", "computing", "blocked")}
    return Shares(**{**data, **shares})


def _scaling(data: Mapping[str, Any]) -> Scaling:
    intervals = {name: data[name] and Interval(**data[name]) for name in ("speed_up", "of_processes")}
    return Scaling(**{**data, **intervals})


def _shortfalls(
    widest: Mapping[str, Scaling], predicted: Mapping[str, Sequence[Prediction]], profile: CallProfile, n_cpus: int
) -> dict[str, str]:
    """Say why measured speed-ups stay below what was predicted, given what the host gave to the control."""
    measured = {way: one.speed_up for way, one in widest.items() if one.speed_up is not None}
    control = measured.get("control")
    if control is None or control.low < SECOND_CPU:
        return {}
    processes = measured.get("processes")
    memory_bound = processes is not None and processes.high < MEMORY_BOUND * control.low
    found: dict[str, str] = {}
    for way, predictions in predicted.items():
        prediction, gave = predictions[-1], measured.get(way)
        if gave is None or gave.high == math.inf or prediction.low < PAYS:
            continue
        if way == "threads" and (calls_each := widest[way].calls_each):
            prediction = in_samples(prediction, profile, calls_each, n_cpus)
        # What arithmetic without memory gets here and now is all that a call on the CPU can get.
        given = min(1.0, control.estimate / prediction.n_workers) if profile.cpu_share > NEEDS_CPU else 1.0
        why = shortfall(
            gave.low / given,
            gave.high / given,
            prediction,
            profile,
            memory_bound=memory_bound,
            one_gil=way == "threads",
            lock_waited=widest[way].lock_waited or 0.0,
        )
        if why:
            found[way] = why
    return found


def _notes(
    preflight: Mapping[str, Any],
    shares: Shares,
    widest: Mapping[str, Scaling],
    profile: CallProfile,
    *,
    obstacle: str,
    cut: str,
    gil: bool,
) -> list[str]:
    notes = []
    if shares.helpers_held >= HELPED:
        notes.append(f"threads of its own hold the GIL for {100 * shares.helpers_held:.0f} % of its time")
    measured = {way: one.speed_up for way, one in widest.items() if one.speed_up is not None}
    gave = measured.get("control")
    if gave is None and measured and profile.cpu_share > NEEDS_CPU:
        notes.append("whether this machine gave a second CPU meanwhile was not measured; threads may look bad for it")
    if gave is not None and gave.low < SECOND_CPU and profile.cpu_share > NEEDS_CPU:
        notes.append(
            "this machine gave no second CPU meanwhile, so the measured speed-ups say nothing, and the advice rests on "
            "the predicted ones"
        )
    if gil and not gil_enabled():
        notes.append(
            "what it imports has switched the GIL on, which is off here; `gilscope doctor --imports` says which module"
        )
    if preflight["threads_left"]:
        notes.append(f"it leaves threads running: {', '.join(preflight['threads_left'])}")
    if preflight["processes_left"]:
        notes.append(f"it leaves processes running: {', '.join(preflight['processes_left'])}")
    if preflight["top_level_work"] and not preflight["main_guard"]:
        work = "; ".join(preflight["top_level_work"][:3])
        notes.append(f"importing the script does work, and has no `if __name__ == '__main__'` guard: {work}")
    if obstacle:
        notes.append(f"another process cannot have it: {obstacle}")
    if cut:
        notes.append(cut)
    return notes


def _cut(profile: CallProfile, threads: Prediction) -> str:
    """Say what the switch interval does to a call, where that makes a difference to its threads; else ""."""
    if not profile.cut or profile.mean_hold_ns is None or threads.low * PAYS > threads.high:
        return ""
    hold_ms, interval_ms = profile.mean_hold_ns / 1e6, profile.switch_interval_ns / 1e6
    return (
        f"it holds the GIL for {hold_ms:.2g} ms at a time, and after {interval_ms:.2g} ms a waiting thread may take it "
        "before the call can release it; then no release overlaps with a hold. A longer sys.setswitchinterval() lets "
        "it release first, and has others wait longer for Python code"
    )
