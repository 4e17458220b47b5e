"""A trace: made in a child process, and put together here."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from gilscope.accounting.log import Event, Log
from gilscope.documents.typed import typed
from gilscope.errors import CannotRunError, GilscopeError, KernelError, UsageError
from gilscope.fields import Natural
from gilscope.originals import REPLACED
from gilscope.places import LEADING_TO_TARGETS
from gilscope.showing import Drawn
from gilscope.system.cpus import usable_cpus
from gilscope.targets.outcome import Outcome
from gilscope.targets.sandbox import run_child
from gilscope.targets.target import Target
from gilscope.tracing.spans import Lane, known_from_ns, lanes_of
from gilscope.version import __version__
from gilscope.words import counted

DEFAULT_THREADS, DEFAULT_SECONDS, DEFAULT_LIMIT_S = 2, 0.2, 60.0
#: Of 16 bytes each: what a quarter of a second of the shortest calls writes.
DEFAULT_EVENTS = 1 << 17

_JOB = "gilscope.tracing.job:trace"
_KINDS = {kind[0]: kind for kind in ("take", "drop", "wait", "forced")}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Trace(Drawn):
    """What happened to the GIL while several threads made a call.

    Parameters
    ----------
    tool : str
        Program and version, for example ``gilscope 0.1.0``.
    started : str
        ISO 8601, UTC.
    machine : dict of str to object
        How many CPUs could be used.
    target : str
        The call, as it was given.
    log : Log
        The account; a trace that was read from a file has it without its events.
    n_events : int
        How many events it had.
    known_from_ns : int
        From when on they tell everything: from its beginning, unless the first of them were lost.
    lanes : tuple of Lane
        The threads that made the call first, in their order.
    calls : dict of int to int
        How many calls each of these made, by its native id.
    pid : int
        Of the process that was traced.
    python : str
        Its version.
    notes : tuple of str
        What else there is to say of it.
    """

    tool: str = ""
    started: str = ""
    machine: dict[str, object] = field(default_factory=dict)
    target: str
    log: Log
    n_events: Natural
    known_from_ns: Natural
    lanes: tuple[Lane, ...]
    calls: Mapping[int, Natural]
    pid: Natural
    python: str
    notes: tuple[str, ...] = ()

    def flaw(self) -> str:
        """Say which span points to a place that there is not, or what else does not fit together, or return ""."""
        if self.known_from_ns > self.log.wall_ns:
            return f".known_from_ns must be up to {self.log.wall_ns}; got {self.known_from_ns}"
        n_sites = len(self.log.sites)
        for i, lane in enumerate(self.lanes):
            if any(one.site is not None and one.site >= n_sites for one in lane.spans):
                return f".lanes[{i}].spans.site must be below {n_sites}"
        return ""

    _view: ClassVar[str] = "gilscope.tracing.view:blocks"

    def _in_a_line(self) -> str:
        return f"Trace of {self.target} on {counted(len(self.calls), 'thread')}: {counted(self.n_events, 'event')}"

    @property
    def workers(self) -> tuple[Lane, ...]:
        """The lanes of the threads that made the call."""
        return tuple(lane for lane in self.lanes if lane.native_id in self.calls)


def trace_target(
    target: Target,
    *,
    n_threads: int = DEFAULT_THREADS,
    n_calls: int | None = None,
    seconds: float | None = DEFAULT_SECONDS,
    n_events: int = DEFAULT_EVENTS,
    limit_s: float = DEFAULT_LIMIT_S,
    cpu_clock: bool = False,
    on_event: Callable[[dict[str, Any]], object] = lambda _: None,
) -> Trace:
    """Trace a target in a child process.

    Parameters
    ----------
    target : Target
    n_threads : int
        Threads that make the call at the same time.
    n_calls : int, optional
        Calls of each of them, at most.
    seconds : float, optional
        After these none begins another call. Without them, `n_calls` alone ends it.
    n_events : int
        Events that are kept; the oldest are lost first, and counted.
    limit_s : float
        For everything; after that it hangs.
    cpu_clock : bool
        Tell computing from blocked for each place that releases the GIL. Not by default: the clock is read while the
        GIL is held, and on a busy machine that is when the kernel takes the CPU away, so that holds grow to
        milliseconds. Without it, the kernel's account of each thread tells, where it is clear.
    on_event : callable
        Takes events while it runs.

    Raises
    ------
    UsageError
        If the target cannot be found or called, or nothing would end the trace.
    KernelError
        If it raises, hangs, crashes or ends its process; the message has the traceback.
    CannotRunError
        Where the GIL cannot be accounted for.
    """
    if n_calls is None and seconds is None:
        raise UsageError("nothing would end the trace; give a number of calls or of seconds")
    options = {"threads": n_threads, "calls": n_calls, "seconds": seconds, "events": n_events, "cpu_clock": cpu_clock}
    events: list[Event] = []

    def hear(message: dict[str, Any]) -> None:
        on_event(message)
        if message["event"] == "timeline":
            columns = (message[name] for name in ("at_ns", "native_id", "kind", "site"))
            events.extend(
                Event(at, thread, _KINDS[kind], site) for at, thread, kind, site in zip(*columns, strict=True)
            )

    started = datetime.now(UTC).isoformat(timespec="seconds")
    outcome = run_child(target, _JOB, options, limit_s=limit_s, on_event=hear)
    if outcome.report is None:
        raise _failure(target, outcome)
    return from_report(target, outcome.report, events, started=started)


def from_report(target: Target, report: Mapping[str, Any], events: list[Event], *, started: str = "") -> Trace:
    """Put a trace together from what the child said.

    Parameters
    ----------
    target : Target
    report : mapping
        As `gilscope.tracing.job.trace` returns it.
    events : list of Event
    started : str
        ISO 8601, UTC.
    """
    log = replace(typed(Log, report["log"], "log"), events=tuple(events))
    calls = dict(report["calls"])
    order = {native_id: i for i, native_id in enumerate(calls)}
    lanes = lanes_of(log, set(report["before"]), set(report["after"]), cpu_clock=report["cpu_clock"])
    return Trace(
        tool=f"gilscope {__version__}",
        started=started,
        machine={"usable_cpus": usable_cpus().count},
        target=target.text,
        log=log,
        n_events=len(events),
        known_from_ns=known_from_ns(log),
        lanes=tuple(sorted(lanes, key=lambda lane: order.get(lane.native_id, len(order)))),
        calls=calls,
        pid=report["pid"],
        python=report["python"],
        notes=(REPLACED,) if report["threads_are_replaced"] else (),
    )


def _failure(target: Target, outcome: Outcome) -> GilscopeError:
    kinds: dict[str, type[GilscopeError]] = {"usage": UsageError, "cannot run": CannotRunError}
    said = outcome.message if outcome.kind in kinds else f"{target.text}: {outcome.message}"
    # In a traceback, lines of source follow each frame.
    ours = rf'  File "(?:{"|".join(map(re.escape, LEADING_TO_TARGETS))}).*(?:\n|\Z)(?:    .*\n)*'
    traceback = re.sub(ours, "", outcome.traceback)
    for extra in (traceback, outcome.output and f"The end of what it printed:\n{outcome.output}"):
        if extra:
            said += f"\n\n{extra.rstrip()}"
    return kinds.get(outcome.kind, KernelError)(said)
