"""Assertions about the GIL for the tests of extensions: a call releases it, holds it, or stalls no thread for long.

The ledger's account of the GIL decides, by medians over repetitions, so a loaded machine changes no answer. Where there
is no ledger, a thread waits at a gate: it shows whether a call releases the GIL at all. A question that has no answer
here raises `CannotRunError`, which is neither a pass nor a failure. pytest has the same as its fixture ``gil``.
"""

import sysconfig
from collections.abc import Callable, Sequence

from gilscope import words
from gilscope.accounting.calls import Calls, examine_calls
from gilscope.accounting.fine_releases import FINE_NS, fine_release_cause
from gilscope.accounting.ledger import availability
from gilscope.accounting.log import SiteAccount
from gilscope.accounting.sites import file_of, place_of
from gilscope.errors import CannotRunError, UsageError
from gilscope.originals import REPLACED, threads_are_replaced
from gilscope.testing.gate import SHORTEST_CALL_NS, Gate, try_gate
from gilscope.testing.stalls import SHORTEST_STALL_NS, longest_stall

__all__ = ["assert_holds_gil", "assert_max_stall", "assert_releases_gil"]

_MOST_SITES = 5


def assert_releases_gil(call: Callable[[], object], at_least: float = 0.9, at_most: float | None = None) -> None:
    """Fail unless a call releases the GIL for most of its time, in pieces long enough for another thread to gain.

    Parameters
    ----------
    call : callable
        Without arguments; `functools.partial` adds less of its own than a lambda. It is called at least 11 times.
    at_least : float, default 0.9
        Share of the call's time, without what it waits for the GIL; above 0, to 1.
    at_most : float, optional
        Releases per call. Without it, releases of less than 8 us on average count as none, because no other thread
        gains by them. With it, releases of any length count.

    Raises
    ------
    AssertionError
        With the share, releases per call and how long they are, the longest hold, where it released, and why so often.
    CannotRunError
        If the question does not apply (a free-threaded build) or cannot be answered.
    UsageError
        If `at_least` or `at_most` is out of range.

    Notes
    -----
    Without a ledger any release at all passes: `at_least` is not looked at, and `at_most` cannot be checked.

    Examples
    --------
    >>> import hashlib
    >>> from functools import partial
    >>> from gilscope.testing import assert_releases_gil
    >>> assert_releases_gil(partial(hashlib.sha256, bytes(1_000_000)))
    """
    __tracebackhide__ = True
    if not 0 < at_least <= 1:
        raise UsageError(f"at_least must be above 0, and 1 at most; got {at_least!r}")
    if at_most is not None and not at_most > 0:
        raise UsageError(f"at_most must be above 0, or None; got {at_most!r}")
    if _needs_gate():
        gate = _gate(call)
        if not gate.passed:
            raise AssertionError(f"the call never released the GIL: {_told_gate(gate)}")
        if at_most is not None:
            raise CannotRunError(f"how often a call releases cannot be counted here: {availability()}")
        return
    calls = examine_calls(call)
    times, pieces = words.counted(calls.releases, "time"), words.duration(calls.release_ns)
    often = f"the call released the GIL {times}, in pieces of {pieces}"
    if at_most is not None and calls.releases > at_most:
        raise AssertionError(f"{often}; at most {words.counted(at_most, 'time')} was asked\n{_told(calls, call)}")
    if at_most is None and calls.gaining_share < at_least and calls.release_ns < FINE_NS and calls.releases:
        raise AssertionError(
            f"{often}: too short for another thread to gain by it, which takes {words.duration(FINE_NS)}\n"
            f"{_told(calls, call)}"
        )
    share = calls.released_share if at_most is not None else calls.gaining_share
    if share < at_least:
        too_short = f", without releases below {words.duration(FINE_NS)}, and" if share < calls.released_share else ";"
        raise AssertionError(
            f"the call released the GIL for {words.percent(share)} of its time{too_short} at least "
            f"{words.percent(at_least)} was asked\n{_told(calls, call)}"
        )


def assert_holds_gil(call: Callable[[], object]) -> None:
    """Fail if a call releases the GIL, even once.

    Parameters
    ----------
    call : callable
        Without arguments. It is called at least 11 times.

    Raises
    ------
    AssertionError
        With the releases per call, and where they happened.
    CannotRunError
        If the question does not apply (a free-threaded build) or cannot be answered.

    Notes
    -----
    A drop on request of another thread happens in bytecode, and is no release of the call.

    Examples
    --------
    >>> from functools import partial
    >>> from gilscope.testing import assert_holds_gil
    >>> assert_holds_gil(partial(sorted, range(100_000)))
    """
    __tracebackhide__ = True
    if _needs_gate():
        gate = _gate(call)
        if gate.passed:
            raise AssertionError(f"the call released the GIL: {_told_gate(gate)}")
        return
    calls = examine_calls(call)
    if calls.own_releases:
        times = words.counted(calls.own_releases, "time")
        raise AssertionError(f"the call released the GIL, {times} in all\n{_told(calls, call)}")


def assert_max_stall(call: Callable[[], object], ms: float) -> None:
    """Fail if a call leaves another thread's request for the GIL unanswered for more than `ms` milliseconds.

    Parameters
    ----------
    call : callable
        Without arguments. It is called at least 7 times.
    ms : float
        At least 0.2: shorter stalls may be over before the other thread asks.

    Raises
    ------
    AssertionError
        With the longest stall, and where the call does release.
    CannotRunError
        If the question does not apply (a free-threaded build), or cannot be answered: there is no ledger, or no other
        thread got a CPU.
    UsageError
        If the limit is too short.

    Notes
    -----
    Python code stalls no thread, because it answers at once. Native code does, for as long as it holds the GIL. Time in
    which the thread was only queued for a CPU is no stall. Calls are taken together until they have met some requests,
    and the median of these groups' longest stalls counts.

    Examples
    --------
    >>> from functools import partial
    >>> from gilscope.testing import assert_max_stall
    >>> assert_max_stall(partial(sorted, range(10_000)), ms=5)
    """
    __tracebackhide__ = True
    limit_ns = ms * 1e6
    if not limit_ns >= SHORTEST_STALL_NS:
        raise UsageError(f"ms must be at least {SHORTEST_STALL_NS * 1e-6:g}; got {ms!r}")
    if _needs_gate():
        raise CannotRunError(f"how long a call stalls others cannot be told here: {availability()}")
    stall = longest_stall(call, limit_ns)
    if stall.longest_ns > limit_ns:
        raise AssertionError(
            f"the call left a request for the GIL unanswered for {words.duration(stall.longest_ns)}; at most "
            f"{words.duration(limit_ns)} was asked\n"
            f"  requests        {words.count(stall.asked)} in {words.counted(stall.calls, 'call')}, taken in "
            f"{words.counted(stall.groups, 'group')}; without them:\n{_told(examine_calls(call), call)}"
        )


def _needs_gate() -> bool:
    """Tell whether there is no ledger; refuse where there is no GIL to ask about."""
    __tracebackhide__ = True
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise CannotRunError("does not apply: this is a free-threaded build, where no call needs to release the GIL")
    return availability() is not None


def _gate(call: Callable[[], object]) -> Gate:
    __tracebackhide__ = True
    gate = try_gate(call)
    if not gate.passed and gate.wall_ns < SHORTEST_CALL_NS:
        raise CannotRunError(
            f"a call of {words.duration(gate.wall_ns)} is too short to tell without a ledger: {availability()}"
        )
    return gate


def _told_gate(gate: Gate) -> str:
    return (
        f"another thread got through in {gate.passed} of {gate.tries} calls (no ledger here, so not how long or where)"
    )


def _told(calls: Calls, call: Callable[[], object]) -> str:
    """Return what was measured, and of releases that are too short why there are so many of them."""
    pieces = f", in pieces of {words.duration(calls.release_ns)}" if calls.releases else ""
    cause = fine_release_cause(call, calls.sites) if calls.releases and calls.release_ns < FINE_NS else ""
    made = f"{words.count(calls.calls)} in {words.counted(calls.repetitions, 'repetition')}"
    lines = [
        f"calls           {made}, {words.duration(calls.wall_ns)} each",
        f"released share  {words.percent(calls.released_share)}",
        f"releases        {words.count(calls.releases)} per call{pieces}",
        *([f"why             {cause}"] if cause else []),
        f"longest hold    {words.duration(calls.longest_hold_ns)}",
        *_told_sites(calls.sites),
        *([f"note            {REPLACED}"] if threads_are_replaced() else []),
    ]
    return "\n".join(f"  {line}" for line in lines)


def _told_sites(sites: Sequence[SiteAccount]) -> list[str]:
    if not sites:
        return ["released at     no known place"]
    lines = [
        f"released at     {file_of(site.module)}: {place_of(site.symbol, site.offset)}, "
        f"{words.counted(site.count, 'time')}, {words.duration(site.released_ns)} in all"
        for site in sites[:_MOST_SITES]
    ]
    rest = len(sites) - _MOST_SITES
    return [*lines, f"                and {words.counted(rest, 'more place')}"] if rest > 0 else lines
