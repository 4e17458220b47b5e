"""One piece of advice for a call: threads, processes, or neither; from the figures only, and never against them."""

from dataclasses import dataclass

from gilscope.pairing.control import SCALES_FROM
from gilscope.probing import classes
from gilscope.probing.call_profile import CallProfile
from gilscope.probing.doubts import doubt
from gilscope.probing.expectation import WORTH_IT, Expectation, Handed, Seen, Worth
from gilscope.probing.prediction import CPUS, FINE_RELEASES, NOTHING, SHIPPING, Prediction
from gilscope.words import counted, duration, percent, ratio

#: What pays for a call, in a word; the fourth for one that keeps several CPUs busy by itself.
THREADS, PROCESSES, NEITHER, NOTHING_MORE = "threads", "processes", "neither", "nothing more"
CANNOT_TELL = "cannot tell"
PAYS = (THREADS, PROCESSES, NEITHER, NOTHING_MORE, CANNOT_TELL)
#: A native call that holds the GIL for so long at a time is felt by others: five times the usual switch interval.
FELT_NS = 25_000_000
#: Threads that are expected to reach less than this lose something by it; above, it is within what predictions are good
#: to.
SLOWER = 0.95
#: A call that is on a CPU for less of its time than this needs hardly any.
HARDLY = 0.1
#: A call that waits with the GIL in its hand for more of its time than this has that for its main fault.
MOSTLY_WAITS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What one way promises with the most workers.

    Parameters
    ----------
    prediction : Prediction
        With what it costs to send a call, if it is sent.
    expected : Expectation
        The same, as far as what was measured allows.
    handed : Handed or None
        What is left of it when calls are handed out one at a time; None where nobody measured that.
    failure : str
        Why it cannot have the call at all, or "".
    shortfall : str
        Why the measured speed-up stays below the predicted one, or "".
    unsent : Expectation or None
        Of calls that are sent nothing, as they are measured; None where nothing is to be sent.
    """

    prediction: Prediction
    expected: Expectation
    handed: Handed | None = None
    failure: str = ""
    shortfall: str = ""
    unsent: Expectation | None = None

    @property
    def worth(self) -> Worth:
        """Whether it is worth it; never, if it cannot have the call."""
        return Worth.NO if self.failure else self.expected.worth

    @property
    def is_sending_too_long(self) -> bool:
        """Whether it is not worth it for what it costs to send a call, and for nothing else."""
        return self.unsent is not None and self.expected.worth is Worth.NO and self.unsent.worth is not Worth.NO


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that is known of a call.

    Parameters
    ----------
    kind : str
        One of `gilscope.probing.classes.CLASSES`.
    profile : CallProfile
    threads, processes : Prospect
    seen : Seen
    parallel : bool or None
        Whether it keeps several CPUs busy by itself; None if that cannot be told.
    longest_hold_ns : int or None
    cause : str
        Why its releases are fine, as far as anybody knows.
    """

    kind: str
    profile: CallProfile
    threads: Prospect
    processes: Prospect
    seen: Seen
    parallel: bool | None = False
    longest_hold_ns: int | None = None
    cause: str = ""


def decide(case: Case) -> str:
    """Return what pays, in a word; `advise` says it in sentences."""
    if case.kind == classes.PARALLEL:
        return NOTHING_MORE
    if case.parallel is None or case.threads.worth is Worth.OPEN:
        return CANNOT_TELL
    if case.threads.worth is Worth.YES:
        return THREADS
    return {Worth.YES: PROCESSES, Worth.NO: NEITHER, Worth.OPEN: CANNOT_TELL}[case.processes.worth]


def advise(case: Case) -> str:
    """Return one to four sentences of advice."""
    if case.kind == classes.PARALLEL:
        return "It keeps several CPUs busy by itself; threads or processes of yours would compete with its own."
    if case.parallel is None:
        return "Cannot tell whether it keeps several CPUs busy by itself; a longer or more regular call may tell."
    said = {Worth.YES: _threads_pay, Worth.OPEN: _threads_open, Worth.NO: _threads_do_not}[case.threads.worth](case)
    if case.kind == classes.NATIVE and case.longest_hold_ns is not None and case.longest_hold_ns >= FELT_NS:
        said += f" Every other thread stands still for up to {duration(case.longest_hold_ns)} at a time."
    if case.kind == classes.UNDECIDED:
        said += " The figures leave its class open, so take this with care; more time (--max-time) may tell."
    return said


def _threads_pay(case: Case) -> str:
    threads = case.threads
    if threads.expected.low > threads.prediction.high and threads.expected.measured is not None:
        said = f"Threads pay here: {_were(threads)} times as fast as one, although {_why_not(case)}."
    else:
        said = f"Threads pay: {_needs(case)}, and {_times(threads)}{_at_a_time(threads)}."
    if case.kind == classes.WAITS and threads.prediction.limit == NOTHING:
        used = case.profile.cpu_share
        need = "hardly any CPU" if used < HARDLY else f"a CPU for {percent(used, 0)} of its time"
        said += f" More threads than CPUs help too, for it needs {need}."
    return said + (_beside_threads(threads, case.processes) if case.processes.worth is Worth.YES else "")


def _beside_threads(threads: Prospect, processes: Prospect) -> str:
    """Say what the other way gives that pays too: more, no more, or nobody knows."""
    gave, others = threads.expected.measured, processes.expected.measured
    is_less = gave is not None and others is not None and others.high < gave.low
    is_more = gave is not None and others is not None and SCALES_FROM * others.low > gave.high
    if processes.expected.low * SCALES_FROM > threads.expected.high and not is_less:
        return f" Processes pay more: {_times(processes)}."
    if threads.expected.low >= SCALES_FROM * processes.expected.high and not is_more:
        return " Processes gain no more."
    return f" Whether processes gain more cannot be told: {_times(processes)}."


def _threads_open(case: Case) -> str:
    threads, processes = case.threads, case.processes
    if processes.worth is Worth.OPEN and threads.expected.starved:  # the same doubt
        said = f"Cannot tell whether threads or processes pay: {_should(threads)}, and as many processes "
        return f"{said}{_range(processes.prediction)} times,{doubt(threads.expected, case.seen, threads.shortfall)}."
    said = (
        f"Cannot tell whether threads pay: {_should(threads)},{doubt(threads.expected, case.seen, threads.shortfall)}."
    )
    if case.processes.worth is Worth.YES:
        said += f" Processes do: {_times(case.processes)}{_at_a_time(case.processes)}."
    elif case.processes.worth is Worth.NO:
        said += f" Processes do not: {_no_processes(case)}."
    return said


def _threads_do_not(case: Case) -> str:
    threads, processes = case.threads, case.processes
    if threads.failure:
        said = f"Threads cannot make it ({threads.failure})"
    elif _is_slower(threads.expected):
        said = f"Threads make it slower: {_times(threads)}, for {_why_not(case)}"
    elif threads.shortfall:
        said = f"Threads do not pay, although {_needs(case)}: {_times(threads)}"
    else:
        said = f"Threads do not pay: {_why_not(case)}"
    if processes.worth is Worth.YES:
        return f"{said}; processes do: {_times(processes)}{_at_a_time(processes)}."
    if processes.worth is Worth.OPEN:
        doubtful = f"{_should(processes)},{doubt(processes.expected, case.seen, processes.shortfall)}"
        return f"{said}; whether processes do cannot be told: {doubtful}."
    return f"{said}; nor do processes: {_no_processes(case)}."


def _is_slower(expected: Expectation) -> bool:
    measured = expected.measured
    return expected.high < SLOWER and (measured is None or measured.high < 1)


def _needs(case: Case) -> str:
    if case.kind == classes.WAITS:
        mostly = case.profile.blocked_ns >= case.profile.wall_ns / 2
        return "it mostly waits, without the GIL" if mostly else "it waits more than it computes, without the GIL"
    if not case.profile.held_ns:  # only where there is none: whatever runs Python holds it at times
        return "no GIL keeps it from that"
    return f"it needs the GIL for {percent(1 - case.profile.released_share, 0)} of its time"


def _why_not(case: Case) -> str:
    profile, prediction = case.profile, case.threads.prediction
    if profile.fine_releases and prediction.low < WORTH_IT:
        each = duration(profile.fine_ns / profile.fine_releases)
        share = percent(profile.fine_ns / profile.released_ns, 0)
        return f"{share} of its time without the GIL is in pieces of {each}, which cost more than they give"
    if prediction.limit == FINE_RELEASES:
        each = duration(profile.mean_release_ns)
        why = f"it drops the GIL {counted(profile.releases, 'time')} a call, for {each} each"
        return f"{why}: {case.cause}" if case.cause else f"{why}, which costs as much as it gives or more"
    if profile.held_waiting_ns > MOSTLY_WAITS * profile.wall_ns:
        waits = percent(profile.held_waiting_ns / profile.wall_ns, 0)
        return (
            f"it waits for {waits} of its time and keeps the GIL meanwhile, where it should release it (nogil, "
            "Py_BEGIN_ALLOW_THREADS; ctypes.CDLL, not PyDLL)"
        )
    if prediction.limit == CPUS:
        return "it computes, and there are not enough CPUs"
    if case.kind == classes.BYTECODE:
        return "it is Python bytecode, which needs the GIL"
    if case.kind == classes.NATIVE:
        return "it computes in native code without releasing the GIL"
    if profile.cut and prediction.high >= WORTH_IT:
        return f"{_needs(case)}, and for longer at a time than the switch interval"
    return _needs(case)


def _no_processes(case: Case) -> str:
    processes = case.processes
    if processes.failure:
        return f"they cannot have it as it is ({processes.failure})"
    if processes.is_sending_too_long or processes.prediction.limit == SHIPPING:
        return "sending its arguments and result takes too long"
    if processes.shortfall:
        return _times(processes)
    return "there are not enough CPUs" if processes.prediction.limit == CPUS else _times(processes)


def _times(prospect: Prospect) -> str:
    """Say what is predicted, and in brackets what was measured, with its reason where that is less."""
    measured = prospect.expected.measured
    if measured is None:
        return _should(prospect)
    reason = f": {prospect.shortfall}" if prospect.shortfall else ""
    alone = " with nothing to send" if prospect.prediction.high < measured.low else ""
    return f"{_should(prospect)} (measured {ratio(measured)}{alone if prospect.unsent else ''}{reason})"


def _should(prospect: Prospect) -> str:
    return f"{prospect.prediction.n_workers} of them should be {_range(prospect.prediction)} times as fast as one"


def _were(prospect: Prospect) -> str:
    return f"{prospect.prediction.n_workers} of them were {ratio(prospect.expected.measured)}"


def _at_a_time(prospect: Prospect) -> str:
    """Say how calls are to be handed out, where that makes a difference."""
    one = prospect.handed
    if one is None or one.calls_at_a_time <= 1:
        return ""
    return (
        f", if each is given {counted(one.calls_at_a_time, 'call')} or more at a time; handed out one by one, "
        f"{_range(one)} times"
    )


def _range(one: Prediction | Handed) -> str:
    digits = 1 if one.low >= 1 else 2
    low, high = (f"{end:.{digits}f}" for end in (one.low, one.high))
    return low if low == high else f"{low} to {high}"
