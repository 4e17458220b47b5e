"""From what a probe's child reported, or from how it ended, to what that means for the call."""

import math
import platform
from collections.abc import Mapping, Sequence

from gilscope import errors
from gilscope.accounting.mechanisms import cost_of
from gilscope.documents.typed import typed
from gilscope.pairing.control import SCALES_FROM
from gilscope.probing import classes
from gilscope.probing.advice import Case, Prospect, advise, decide
from gilscope.probing.call_profile import CallProfile, profile_of
from gilscope.probing.expectation import Expectation, Seen, Worth, expect_processes, expect_threads, handed
from gilscope.probing.handing import Handing
from gilscope.probing.measurements import Measurements
from gilscope.probing.notes import notes_on
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
from gilscope.probing.shares import HELPED
from gilscope.probing.speed_ups import Scaling
from gilscope.system.gil import gil_enabled
from gilscope.targets.first_call import Preflight
from gilscope.targets.outcome import Outcome
from gilscope.targets.target import Target
from gilscope.version import __version__
from gilscope.words import duration

#: Processes that stay below this share of what arithmetic gets fill something other than CPUs.
MEMORY_BOUND = 0.9
#: What handing a call to a busy worker costs where it was not measured: on the 2-CPU server of the trials.
HANDING_NS = {"threads": 25_000.0, "processes": 15_000.0}
_OBSTACLES = {
    "function_obstacle": "it cannot be found",
    "arguments_obstacle": "its arguments cannot be sent",
    "result_obstacle": "its result cannot be sent",
}


def from_outcome(target: Target, outcome: Outcome, n_cpus: int, *, alone: str = "", started: str = "") -> Probe:
    """Draw conclusions from what a child reported, or from how it ended.

    Parameters
    ----------
    target : Target
    outcome : Outcome
        Where it has no report but a profile, workers that made the call at once ended the child, and that is a result.
    n_cpus : int
        Usable CPUs.
    alone : str
        Why no other process can find the target, or "".
    started : str
        When: ISO 8601, UTC.
    """
    report = _measurements(outcome)
    preflight = None if outcome.preflight is None else typed(Preflight, outcome.preflight, "preflight")
    gil = gil_enabled() if report is None else report.gil
    machine = {"usable_cpus": n_cpus, "python": platform.python_version(), "gil": gil}
    if report is None or preflight is None:
        return Probe(
            tool=f"gilscope {__version__}",
            started=started,
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
    shares, knocks = report.shares, report.knocks
    kind = classes.classify(shares, knocks, already_parallel=report.already_parallel)
    scaling = list(report.scaling) or _at_once_ended(outcome)
    widths = sorted({one.n_workers for one in scaling}) or [max(2, n_cpus)]
    ends = (shares.held.estimate, shares.held.low, shares.held.high)
    profiles = [profile_of(shares, report.switch_interval_ns, held=held) for held in ends]
    profile, shipping_ns = profiles[0], report.shipping_ns or 0.0
    predicted = {
        "threads": [_over([predict_threads(one, n, n_cpus) for one in profiles], shares.native) for n in widths],
        "processes": [_over([predict_processes(one, n, n_cpus) for one in profiles], shares.native) for n in widths],
        "shipped": [
            _over([predict_processes(one, n, n_cpus, shipping_ns) for one in profiles], shares.native) for n in widths
        ],
    }
    widest = {one.way: one for one in scaling if one.n_workers == widths[-1]}
    seen = _seen(widest, profile, shares.native, report.seconds)
    expected = _expected(predicted, profile, seen, widest, n_cpus)
    shortfalls = {} if kind == classes.PARALLEL else _shortfalls(expected, predicted, profile, seen, widest)
    obstacle = alone or _obstacle(target, preflight)
    prospects = _prospects(expected, predicted, shortfalls, widest, shares.wall_ns, obstacle)
    case = Case(
        kind=kind,
        profile=profile,
        threads=prospects["threads"],
        processes=prospects["processes"],
        seen=seen,
        parallel=report.already_parallel,
        longest_hold_ns=shares.longest_hold_ns,
        cause=report.cause,
    )
    advised = advise(case)
    costs_ns = {way: one.busy.estimate if (one := _handing(widest, way)) else ns for way, ns in HANDING_NS.items()}
    return Probe(
        tool=f"gilscope {__version__}",
        started=started,
        target=target.text,
        class_=kind,
        pays=decide(case),
        advice=advised,
        exit_code=outcome.exit_code or (errors.UNDECIDED if kind == classes.UNDECIDED else errors.DONE),
        traceback=outcome.traceback,
        wall_ns=shares.wall_ns,
        shares={
            "held": shares.held,
            "computing": shares.computing,
            "blocked": shares.blocked,
            "held_waiting": shares.held_waiting,
        },
        bytecode=knocks,
        releases=shares.releases,
        mean_release_ns=profile.mean_release_ns if shares.releases is not None else None,
        longest_hold_ns=shares.longest_hold_ns,
        sites=shares.sites,
        predicted=predicted,
        measured=scaling,
        handed={way: one.handed for way, one in prospects.items() if one.handed is not None},
        second_cpu=seen.second_cpu,
        shortfalls=shortfalls,
        pays_from_ns={
            "threads": pays_from_ns(profile, costs_ns["threads"], widths[-1], n_cpus),
            "processes": pays_from_ns(
                profile, costs_ns["processes"] + shipping_ns, widths[-1], n_cpus, way=predict_processes
            ),
        },
        shipping_ns=report.shipping_ns,
        preflight=outcome.preflight or {},
        notes=notes_on(
            preflight,
            shares,
            profile,
            predicted["threads"][-1],
            seen,
            obstacle="" if alone or obstacle in advised else obstacle,
            gil=gil,
            replaced=report.threads_are_replaced,
            said=advised,
        ),
        mechanism=shares.mechanism,
        cost=cost_of(shares.mechanism),
        blind_to=shares.blind_to,
        machine=machine,
    )


def _measurements(outcome: Outcome) -> Measurements | None:
    """Return what was measured, as far as it came; what has crossed a pipe is plain data."""
    found = outcome.report or outcome.profile
    if found is None or isinstance(found, Measurements):
        return found
    measured: Measurements = typed(Measurements, found, "report")
    return measured


def _failure(outcome: Outcome) -> str:
    if outcome.kind != "hung" or outcome.preflight is None:
        return outcome.message
    first_ns = outcome.preflight["wall_ns"]
    return f"{outcome.message} Its first call took {duration(first_ns)}, and a probe makes at least six; see --limit."


def _at_once_ended(outcome: Outcome) -> list[Scaling]:
    """Return what workers gave that ended the child or hung: nothing, and that is what is to be known of them."""
    if outcome.report is not None or outcome.profile is None:
        return []
    if outcome.kind == "interrupted":
        return [Scaling(way="threads", n_workers=2, absent="it was interrupted")]
    why = f"one alone made it again and again, several at once did not get through it: {outcome.message}".rstrip(".")
    return [Scaling(way="threads", n_workers=2, absent=why, failed=True)]


def _obstacle(target: Target, preflight: Preflight) -> str:
    """Return why another process cannot be given the call, or ""; a statement is sent as the text that it is."""
    names = ("result_obstacle",) if target.kind == "statement" else tuple(_OBSTACLES)
    return next((f"{_OBSTACLES[name]}: {why}" for name in names if (why := getattr(preflight, name))), "")


def _failure_of(widest: Mapping[str, Scaling], way: str) -> str:
    return widest[way].absent if way in widest and widest[way].failed else ""


def _handing(widest: Mapping[str, Scaling], way: str) -> Handing | None:
    return widest[way].handing if way in widest else None


def _over(predictions: Sequence[Prediction], native: float) -> Prediction:
    """Return a prediction that reaches over all of these: of the estimate first, and of the ends of its interval.

    Where others compute for a call, nobody knows how many CPUs they would keep busy if they got them.
    """
    return Prediction(
        n_workers=predictions[0].n_workers,
        low=min(*(one.low for one in predictions), 1.0 if native >= HELPED else math.inf),
        high=max(one.high for one in predictions),
        limit=predictions[0].limit,
    )


def _seen(widest: Mapping[str, Scaling], profile: CallProfile, native: float, seconds: float) -> Seen:
    threads = widest.get("threads")
    return Seen(
        n_workers=max((one.n_workers for one in widest.values()), default=1),
        # Too few rounds to tell say nothing, and so decide nothing.
        speed_ups={way: one.speed_up for way, one in widest.items() if one.speed_up and one.speed_up.low > 0},
        of_processes=threads.of_processes if threads is not None else None,
        # While others compute for it, nobody knows whether it waits for them, or they for a CPU.
        cpu_share=1.0 if native >= HELPED else profile.cpu_share,
        seconds=seconds,
    )


def _expected(
    predicted: Mapping[str, Sequence[Prediction]],
    profile: CallProfile,
    seen: Seen,
    widest: Mapping[str, Scaling],
    n_cpus: int,
) -> dict[str, Expectation]:
    """Return what to expect of calls that are sent nowhere."""
    processes, prediction = expect_processes(predicted["processes"][-1], seen), predicted["threads"][-1]
    ramp = 1.0
    if "threads" in widest and (calls_each := widest["threads"].calls_each):
        ramp = prediction.high / in_samples(prediction, profile, calls_each, n_cpus).high
    return {"threads": expect_threads(prediction, processes, seen, ramp), "processes": processes}


def _shortfalls(
    expected: Mapping[str, Expectation],
    predicted: Mapping[str, Sequence[Prediction]],
    profile: CallProfile,
    seen: Seen,
    widest: Mapping[str, Scaling],
) -> dict[str, str]:
    """Say why measured speed-ups stay below what was predicted, given what the host gave."""
    control, processes = (seen.speed_ups.get(way) for way in ("control", "processes"))
    bus_is_full = control is not None and processes is not None and processes.high < MEMORY_BOUND * control.low
    threads_alone = seen.of_processes is not None and seen.of_processes.high < SCALES_FROM
    found = {}
    for way, one in expected.items():
        if one.measured is None or predicted[way][-1].low < PAYS:  # nothing is missing where nothing was promised
            continue
        why = shortfall(
            one.most,
            predicted[way][-1],
            profile,
            memory_bound=bus_is_full and not (way == "threads" and threads_alone),
            one_gil=way == "threads",
            falls_short=threads_alone,
            lock_waited=widest[way].lock_waited or 0.0,
        )
        if why:
            found[way] = why
    return found


def _prospects(
    expected: Mapping[str, Expectation],
    predicted: Mapping[str, Sequence[Prediction]],
    shortfalls: Mapping[str, str],
    widest: Mapping[str, Scaling],
    call_ns: float,
    obstacle: str,
) -> dict[str, Prospect]:
    predictions = {"threads": predicted["threads"][-1], "processes": predicted["shipped"][-1]}
    # What sending costs a call, in its own lengths; where it queues for the parent, that is in the prediction alone.
    sent = max(0.0, 1 / predictions["processes"].low - 1 / predicted["processes"][-1].low)
    found = {}
    for way, prediction in predictions.items():
        full, handing = expected[way].slowed(sent if way == "processes" else 0.0), _handing(widest, way)
        found[way] = Prospect(
            prediction=prediction,
            expected=full,
            handed=handed(full, handing.busy, call_ns) if handing is not None and full.worth is not Worth.NO else None,
            failure=(obstacle if way == "processes" else "") or _failure_of(widest, way),
            shortfall=shortfalls.get(way, ""),
            unsent=expected[way] if way == "processes" and sent else None,
        )
    return found
