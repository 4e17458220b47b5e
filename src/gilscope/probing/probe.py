"""`gilscope probe`: measure one call in a child process, and say what came of it."""

import pickle
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

from gilscope.documents.typed import plain
from gilscope.errors import CannotRunError, UsageError
from gilscope.probing.conclusions import from_outcome
from gilscope.probing.job import job
from gilscope.probing.result import Probe
from gilscope.system.cpus import usable_cpus
from gilscope.targets import hints
from gilscope.targets.first_call import examine
from gilscope.targets.outcome import Outcome
from gilscope.targets.sandbox import run_child
from gilscope.targets.target import Resolved, Target
from gilscope.targets.user_code import describe

#: Seconds of measuring, and seconds after which a target hangs.
DEFAULT_SECONDS, DEFAULT_LIMIT_S = 2.0, 60.0
_JOB = "gilscope.probing.job:job"


def probe_target(
    target: Target,
    *,
    seconds: float = DEFAULT_SECONDS,
    limit_s: float = DEFAULT_LIMIT_S,
    widths: Sequence[int] | None = None,
    seed: int = 0,
    thorough: bool = True,
    on_event: Callable[[dict[str, Any]], object] = lambda _: None,
    keep_interrupted: bool = False,
) -> Probe:
    """Probe a target in a child process.

    Parameters
    ----------
    target : Target
        As `gilscope.targets.target.parse_target` gives it.
    seconds : float
        For measuring; a call that takes longer is made a few times nevertheless.
    limit_s : float
        For everything; after that it hangs, which is an answer too.
    widths : sequence of int, optional
        Numbers of workers to measure with; powers of two up to the usable CPUs and these by default; none for no
        scaling.
    seed : int
    thorough : bool
        Whether to measure with interpreters too, and what workers give to a call that is parallel by itself.
    on_event : callable
        Takes events while it runs.
    keep_interrupted : bool
        Whether Ctrl-C ends with what was measured so far, if that is worth it.

    Returns
    -------
    Probe
        With `failure` and `exit_code` set where the target could not be measured.
    """
    n_cpus = usable_cpus().count
    widths = default_widths(n_cpus) if widths is None else list(widths)
    options = {"seconds": seconds, "widths": widths, "seed": seed, "thorough": thorough}
    started = _now()
    outcome = run_child(target, _JOB, options, limit_s=limit_s, on_event=on_event, keep_interrupted=keep_interrupted)
    return _noted(target, from_outcome(target, outcome, n_cpus, started=started))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _noted(target: Target, probe: Probe) -> Probe:
    """Return a probe with a note where its figures are of making an iterator, and not of what that does."""
    if probe.failure or not probe.preflight["makes_iterator"]:
        return probe
    made = probe.preflight["result_type"]
    drained = hints.drained(target, "generator")
    note = f"it returns an iterator ({made}) that has run nothing; to measure its work, give what drains it: {drained}"
    return replace(probe, notes=[*probe.notes, note])


def refused(text: str, error: UsageError | CannotRunError) -> Probe:
    """Return the result of what was refused before any process was started for it.

    Parameters
    ----------
    text : str
        The target, as the user wrote it.
    error : UsageError or CannotRunError
    """
    kind: Literal["usage", "cannot run"] = "usage" if isinstance(error, UsageError) else "cannot run"
    outcome = Outcome(kind=kind, message=str(error), phase="starting")
    return from_outcome(Target(text=text, kind="statement"), outcome, usable_cpus().count, started=_now())


def probe(function: Callable[..., object], /, *args: Any, **kwargs: Any) -> Probe:
    """Measure whether a function holds the GIL, and whether threads or processes would help.

    Parameters
    ----------
    function : callable
        If another process can find it by its name, it runs in a child process with a time limit. Otherwise, such as a
        lambda or a function of a notebook, it runs in this process: on threads alone, and a hang hangs this process.
    *args, **kwargs
        Of the call. It is made many times, so choose one that may be repeated.

    Returns
    -------
    Probe
        Printing it shows the table.

    Raises
    ------
    CannotRunError
        Where the GIL cannot be accounted for.
    BaseException
        What the function raises, if it runs in this process.

    Notes
    -----
    GIL: held and released as the function does; requests of another thread make it drop the GIL at random moments.

    Examples
    --------
    >>> import zlib, gilscope
    >>> probe = gilscope.probe(zlib.crc32, bytes(10**7))
    >>> print(probe)  # the table
    >>> probe.class_
    'releases'
    """
    target = _findable(function, args, kwargs)
    if isinstance(target, Target):
        return probe_target(target)
    home, name = getattr(function, "__module__", None) or "", getattr(function, "__qualname__", repr(function))
    text = f"{home}:{name}" if home else name
    nameless = Target(text=text, kind="module", home=home, attribute=name, is_object=True)
    call = partial(function, *args, **kwargs) if args or kwargs else function
    return probe_here(Resolved(target=nameless, call=call, function=function, args=args, kwargs=kwargs), target)


def probe_here(resolved: Resolved, alone: str, *, seconds: float = DEFAULT_SECONDS) -> Probe:
    """Probe a call in this process, where a hang stays a hang, with threads alone.

    Parameters
    ----------
    resolved : Resolved
    alone : str
        Why no other process can find it.
    seconds : float
        For measuring.

    Raises
    ------
    CannotRunError
        Where the GIL cannot be accounted for.
    KernelError
        If the call cannot be made many times.
    BaseException
        What the call raises.
    """
    n_cpus = usable_cpus().count
    started, preflight = _now(), examine(resolved)
    options = {"seconds": seconds, "widths": default_widths(n_cpus), "seed": 0, "alone": alone}
    report = job(resolved, preflight, options, lambda _: None)
    outcome = Outcome(kind="done", message="", phase="measurement", preflight=plain(preflight), report=report)
    return _noted(resolved.target, from_outcome(resolved.target, outcome, n_cpus, alone=alone, started=started))


def default_widths(n_cpus: int) -> list[int]:
    """Return powers of two up to the usable CPUs, and these: 2, 4, 6 for 6; at least 2, with one CPU too."""
    most = max(2, n_cpus)
    return sorted({2**power for power in range(1, most.bit_length()) if 2**power <= most} | {most})


def _findable(function: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Target | str:
    """Return a target by which a child process finds the very same call, or why it cannot."""
    module, attribute = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if module in (None, "__main__") or not attribute:
        return "nothing but this process has the function"
    found: Any = sys.modules.get(module)
    for name in attribute.split("."):
        found = getattr(found, name, None)
    if found is not function:  # a lambda, what is defined inside of a function, a bound method, what was replaced
        return f"{module} has no function of its own called {attribute}"
    try:
        data = pickle.dumps((args, kwargs)).hex()
    except Exception as error:  # noqa: BLE001 - any method of the arguments may raise anything
        return f"its arguments cannot be sent: {describe(error)}"
    return Target(
        text=f"{module}:{attribute}",
        kind="module",
        home=module,
        attribute=attribute,
        args="*sent[0], **sent[1]",
        is_object=True,
        # Run before the import: what this process finds, the child finds too.
        setup=f"import pickle, sys\nsys.path += [path for path in {sys.path!r} if path not in sys.path]\n"
        f"sent = pickle.loads(bytes.fromhex({data!r}))",
    )
