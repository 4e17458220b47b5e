"""Assertions about the GIL for the tests of extensions: that a call releases it, holds it, or stalls nobody for long.

They are decided by what happened to the GIL, as gilscope's ledger has it, and by medians over repetitions, so that a
loaded machine changes no answer. Where there is no ledger, whether a call releases at all is told by a thread that
waits at a gate; what cannot be told raises `CannotRunError`, which is neither a pass nor a failure.
"""

import sysconfig
from collections.abc import Callable, Sequence
from pathlib import PurePath

from gilscope.accounting.calls import Calls, examine_calls
from gilscope.accounting.gate import SHORTEST_CALL_NS, Gate, try_gate
from gilscope.accounting.ledger import availability
from gilscope.accounting.log import SiteAccount
from gilscope.accounting.stalls import SHORTEST_STALL_NS, longest_stall
from gilscope.errors import CannotRunError, UsageError

__all__ = ["assert_holds_gil", "assert_max_stall", "assert_releases_gil"]

_MOST_SITES = 5


def assert_releases_gil(call: Callable[[], object], at_least: float = 0.9) -> None:
    """Fail unless a call releases the GIL for most of its time.

    Parameters
    ----------
    call : callable
        Without arguments; `functools.partial` adds less of its own than a lambda. It is called at least 11 times.
    at_least : float, default 0.9
        Share of the call's time, without what it waits for the GIL; above 0, to 1.

    Raises
    ------
    AssertionError
        With the share, releases per call, the longest hold, and where it released.
    CannotRunError
        Where the question does not apply (a free-threaded build) or cannot be answered.
    UsageError
        For another `at_least`.

    Notes
    -----
    Without a ledger any release at all passes, and `at_least` is not looked at.

    Examples
    --------
    >>> import hashlib
    >>> from functools import partial
    >>> from gilscope.testing import assert_releases_gil
    >>> assert_releases_gil(partial(hashlib.sha256, bytes(1_000_000)))
    """
    if not 0 < at_least <= 1:
        raise UsageError(f"at_least must be above 0, and 1 at most; got {at_least!r}")
    if _needs_gate():
        gate = _gate(call)
        if not gate.passed:
            raise AssertionError(f"the call never released the GIL: {_told_gate(gate)}")
        return
    calls = examine_calls(call)
    if calls.released_share < at_least:
        raise AssertionError(
            f"the call released the GIL for {calls.released_share:.1%} of its time; at least {at_least:.1%} was asked\n"
            f"{_told(calls)}"
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
        Where the question does not apply (a free-threaded build) or cannot be answered.

    Notes
    -----
    Drops that another thread had asked for are bytecode's, and no release of the call.
    """
    if _needs_gate():
        gate = _gate(call)
        if gate.passed:
            raise AssertionError(f"the call released the GIL: {_told_gate(gate)}")
        return
    calls = examine_calls(call)
    if calls.own_releases:
        raise AssertionError(f"the call released the GIL, {calls.own_releases} times in all\n{_told(calls)}")


def assert_max_stall(call: Callable[[], object], ms: float) -> None:
    """Fail if a call keeps another thread, which has asked for the GIL, waiting for longer than so many milliseconds.

    Parameters
    ----------
    call : callable
        Without arguments. It is called at least 7 times.
    ms : float
        At least 0.2: shorter stalls may be over before anybody asks.

    Raises
    ------
    AssertionError
        With the longest stall, and where the call does release.
    CannotRunError
        Where the question does not apply (a free-threaded build), or cannot be answered: there is no ledger, or no
        other thread got a CPU.
    UsageError
        For a limit that cannot be told.

    Notes
    -----
    Time in which the thread was only queued for a CPU is no stall. Calls are taken together until they have met some
    requests, and the median of these groups' longest stalls counts. Python code does not stall, for it answers at once;
    native code does, for as long as it holds the GIL.
    """
    limit_ns = ms * 1e6
    if not limit_ns >= SHORTEST_STALL_NS:
        raise UsageError(f"ms must be at least {SHORTEST_STALL_NS * 1e-6:g}; got {ms!r}")
    if _needs_gate():
        raise CannotRunError(f"how long a call stalls others cannot be told here: {availability()}")
    stall = longest_stall(call, limit_ns)
    if stall.longest_ns > limit_ns:
        raise AssertionError(
            f"the call left a request for the GIL unanswered for {stall.longest_ns * 1e-6:.3g} ms; at most {ms:g} ms "
            f"was asked\n"
            f"  requests        {stall.asked} in {stall.calls} calls, taken in {stall.groups} groups; without them:\n"
            f"{_told(examine_calls(call))}"
        )


def _needs_gate() -> bool:
    """Tell whether there is no ledger; refuse where there is no GIL to ask about."""
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise CannotRunError("does not apply: this is a free-threaded build, where no call needs to release the GIL")
    return availability() is not None


def _gate(call: Callable[[], object]) -> Gate:
    gate = try_gate(call)
    if not gate.passed and gate.wall_ns < SHORTEST_CALL_NS:
        raise CannotRunError(
            f"a call of {gate.wall_ns * 1e-3:.0f} us is too short to tell without a ledger: {availability()}"
        )
    return gate


def _told_gate(gate: Gate) -> str:
    return (
        f"another thread got through in {gate.passed} of {gate.tries} calls (no ledger here, so not how long or where)"
    )


def _told(calls: Calls) -> str:
    return (
        f"  calls           {calls.calls} in {calls.repetitions} repetitions, {calls.wall_ns * 1e-3:.3g} us each\n"
        f"  released share  {calls.released_share:.1%}\n"
        f"  releases        {calls.releases:g} per call\n"
        f"  longest hold    {calls.longest_hold_ns * 1e-3:.3g} us\n"
        f"{_told_sites(calls.sites)}"
    )


def _told_sites(sites: Sequence[SiteAccount]) -> str:
    if not sites:
        return "  released at     no known place"
    lines = [
        f"  released at     {PurePath(site.module).name}: {site.symbol or hex(site.offset)}, {site.count} times, "
        f"{site.released_ns * 1e-6:.3g} ms in all"
        for site in sites[:_MOST_SITES]
    ]
    rest = len(sites) - _MOST_SITES
    return "\n".join([*lines, f"                  and {rest} more places"] if rest > 0 else lines)
