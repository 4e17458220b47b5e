"""One piece of advice for a call: threads, processes, or neither; drawn from the figures only."""

from collections.abc import Mapping
from dataclasses import dataclass

from gilscope.probing import classes
from gilscope.probing.call_profile import CallProfile
from gilscope.probing.prediction import CPUS, FINE_RELEASES, NOTHING, SHIPPING, Prediction
from gilscope.results import Interval
from gilscope.words import duration

#: What pays for a call, in a word; the last for one that keeps several CPUs busy by itself.
THREADS, PROCESSES, NEITHER, NOTHING_MORE = "threads", "processes", "neither", "nothing more"
#: A speed-up below this is not worth anybody's trouble.
WORTH_IT = 1.2
#: A native call that holds the GIL for so long at a time is felt by others: five times the usual switch interval.
FELT_NS = 25_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What one way promises at its largest width.

    Parameters
    ----------
    prediction : Prediction
    pays_from_ns : float or None
        The call length from which it pays; None if it never does.
    telling_ns : float
        From telling a worker to its answer.
    measured : Interval or None
    shortfall : str
        Why the measured speed-up stays below the predicted one, or "".
    """

    prediction: Prediction
    pays_from_ns: float | None
    telling_ns: float = 0.0
    measured: Interval | None = None
    shortfall: str = ""

    def range_for(self, call_ns: float) -> tuple[float, float]:
        """Return the speed-up of calls of this length, one told at a time."""
        told = self.telling_ns / call_ns
        return 1 / (1 / self.prediction.low + told), 1 / (1 / self.prediction.high + told)

    def pays(self, call_ns: float) -> bool:
        """Tell whether it should be worth it for calls of this length."""
        return self.range_for(call_ns)[0] >= WORTH_IT

    def may_pay(self, call_ns: float) -> bool:
        """Tell whether it might be worth it nevertheless, for all that is predicted and measured."""
        return self.range_for(call_ns)[1] >= WORTH_IT and (self.measured is None or self.measured.high >= WORTH_IT)

    def surprises(self, call_ns: float) -> bool:
        """Tell whether it was worth it here although its profile does not promise that."""
        if self.measured is None or self.prediction.low >= WORTH_IT:
            return False
        return 1 / (1 / max(self.measured.low, 1e-9) + self.telling_ns / call_ns) >= WORTH_IT

    def disappoints(self) -> bool:
        """Tell whether it was worth nothing here, for a reason that is known."""
        return bool(self.shortfall) and self.measured is not None and self.measured.low < WORTH_IT


def decide(kind: str, profile: CallProfile, prospects: Mapping[str, Prospect], obstacle: str) -> str:
    """Return what pays, in a word; the parameters are those of `advise`, which says it in sentences."""
    if kind == classes.PARALLEL:
        return NOTHING_MORE
    if prospects[THREADS].surprises(profile.wall_ns):
        return THREADS
    for way in (THREADS,) if obstacle else (THREADS, PROCESSES):
        if prospects[way].pays(profile.wall_ns) and not prospects[way].disappoints():
            return way
    return NEITHER


def advise(
    kind: str, profile: CallProfile, prospects: Mapping[str, Prospect], obstacle: str, longest_hold_ns: int | None
) -> str:
    """Return one to three sentences of advice.

    Parameters
    ----------
    kind : str
        One of `gilscope.probing.classes.CLASSES`.
    profile : CallProfile
    prospects : mapping of str to Prospect
        By way: "threads", "processes".
    obstacle : str
        Why another process cannot get the call, or "".
    longest_hold_ns : int or None
    """
    pays = decide(kind, profile, prospects, obstacle)
    if pays == NOTHING_MORE:
        return "It keeps several CPUs busy by itself; threads or processes of yours would compete with its own."
    threads, processes = prospects["threads"], prospects["processes"]
    if threads.surprises(profile.wall_ns) and threads.measured is not None:
        n_workers, gave = threads.prediction.n_workers, threads.measured
        said = (
            f"Threads pay here: {n_workers} of them were {gave.estimate:.2f} [{gave.low:.2f}, {gave.high:.2f}] times "
            f"as fast as one, although {_why_not(kind, threads, profile)}."
        )
    elif pays == THREADS:
        said = f"Threads pay: {_needs(kind, profile)}, and {_times(threads, profile.wall_ns)}"
        said += f"; but {_disappointment(threads)}." if threads.shortfall and threads.measured is not None else "."
        if kind == classes.WAITS and threads.prediction.limit == NOTHING:
            said += " More threads than CPUs help too, for it needs hardly any CPU."
    else:
        said = f"{_no_threads(kind, threads, profile)}; {_instead(pays, processes, obstacle, profile.wall_ns)}."
    if kind == classes.NATIVE and longest_hold_ns is not None and longest_hold_ns >= FELT_NS:
        said += f" Every other thread stands still for up to {duration(longest_hold_ns)} at a time."
    if kind == classes.UNDECIDED:
        said += " The figures leave its class open, so take this with care; more time (--max-time) may tell."
    return said


def _needs(kind: str, profile: CallProfile) -> str:
    if kind == classes.WAITS:
        return "it mostly waits, without the GIL"
    if not profile.held_ns:  # only where there is none: whatever runs Python holds it at times
        return "no GIL keeps it from that"
    return f"it needs the GIL for {100 * (1 - profile.released_share):.0f} % of its time"


def _no_threads(kind: str, threads: Prospect, profile: CallProfile) -> str:
    if threads.pays(profile.wall_ns):
        return f"Threads should pay, for {_needs(kind, profile)}, but {_disappointment(threads)}"
    return f"Threads {'may' if threads.may_pay(profile.wall_ns) else 'do'} not pay: {_why_not(kind, threads, profile)}"


def _why_not(kind: str, threads: Prospect, profile: CallProfile) -> str:
    prediction = threads.prediction
    if profile.fine_releases and prediction.low < WORTH_IT:
        percent, each = 100 * profile.fine_ns / profile.released_ns, duration(profile.fine_ns / profile.fine_releases)
        return f"{percent:.0f} % of its time without the GIL is in pieces of {each}, which cost as much as they give"
    if prediction.limit == FINE_RELEASES:
        each = duration(profile.mean_release_ns)
        return f"it releases the GIL for only {each} at a time, which costs as much as it gives"
    if prediction.low >= WORTH_IT:
        if threads.shortfall and threads.measured is not None:  # then a longer one would not pay as predicted either
            return f"the call is too short, and {_disappointment(threads)}"
        return _too_short(threads, profile.wall_ns)
    if prediction.limit == CPUS:
        return "it computes, and there are not enough CPUs"
    if kind == classes.BYTECODE:
        return "it is Python bytecode, which needs the GIL"
    if kind == classes.NATIVE:
        return "it computes in native code without releasing the GIL"
    if profile.cut and prediction.high >= WORTH_IT:
        return f"{_needs(kind, profile)}, and for longer at a time than the switch interval"
    return _needs(kind, profile)


def _instead(pays: str, processes: Prospect, obstacle: str, call_ns: float) -> str:
    if pays == PROCESSES:
        return f"processes do: {_times(processes, call_ns)}"
    if obstacle:
        return f"processes cannot have it as it is ({obstacle})"
    if processes.pays(call_ns):
        return f"processes should, but {_disappointment(processes)}"
    if processes.pays_from_ns is None:
        return "nor do processes, for there are not enough CPUs"
    if processes.prediction.limit == SHIPPING:
        return "nor do processes, for sending its arguments and result takes too long"
    return f"nor do processes: {_too_short(processes, call_ns)}"


def _too_short(prospect: Prospect, call_ns: float) -> str:
    if prospect.pays_from_ns is not None and call_ns < prospect.pays_from_ns:
        return f"the call is too short, and would pay from {duration(prospect.pays_from_ns)} on"
    return f"{_times(prospect, call_ns)}, which is hardly worth it"


def _disappointment(prospect: Prospect) -> str:
    assert prospect.measured is not None
    n_workers = prospect.prediction.n_workers
    return f"{n_workers} of them were {prospect.measured.estimate:.2f} times as fast here ({prospect.shortfall})"


def _times(prospect: Prospect, call_ns: float) -> str:
    low, high = (f"{value:.1f}" for value in prospect.range_for(call_ns))
    factor = low if low == high else f"{low} to {high}"
    return f"{prospect.prediction.n_workers} of them should be {factor} times as fast as one"
