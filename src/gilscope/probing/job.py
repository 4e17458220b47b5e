"""The measuring part of a probe, inside its child process: shares, knocks, scaling and shipping, in this order."""

import math
import pickle
import sys
from collections.abc import Callable
from dataclasses import asdict
from statistics import median
from typing import Any

from gilscope import shortages
from gilscope.accounting.belonging import Family
from gilscope.accounting.fine_releases import fine_places, fine_release_cause
from gilscope.accounting.log import SiteAccount
from gilscope.accounting.mechanisms import LEDGER, best
from gilscope.children.interpreter import run_in_new_interpreter
from gilscope.documents.typed import plain
from gilscope.errors import KernelError
from gilscope.originals import os, threads_are_replaced, time
from gilscope.probing.classes import MOSTLY, UNDECIDED, held_kind
from gilscope.probing.measurements import Measurements
from gilscope.probing.requests import Knocks, knock
from gilscope.probing.sampled import knock_sampled, measure_sampled
from gilscope.probing.shares import Shares, measure_shares
from gilscope.probing.speed_ups import measure_scaling
from gilscope.system.gil import gil_enabled
from gilscope.targets.first_call import Preflight, examine, keeps_several_cpus_busy
from gilscope.targets.target import Resolved

#: Below this share of held time nobody asks whether that is bytecode.
WORTH_KNOCKING = 0.15
#: Rounds of knocking at the most; there is a second one only while the class is open, as it is where the machine is
#: so busy that few requests are made.
KNOCKINGS = 5
#: What is left of the time limit for what comes after the scaling.
LAST_SECONDS = 5.0
#: Repetitions of a shipping, fewer if they take longer than this; and how much is sent through a pipe for its price by
#: the byte.
SHIPPINGS, SHIPPINGS_NS, PIPE_BYTES = 5, 100_000_000, 1 << 16


def job(
    resolved: Resolved, preflight: Preflight, options: dict[str, Any], emit: Callable[[dict[str, Any]], None]
) -> Measurements:
    """Measure one target.

    Parameters
    ----------
    resolved : Resolved
    preflight : Preflight
    options : dict
        "seconds" for the whole, "widths" (numbers of workers), "seed"; "alone", why no other process or interpreter can
        find the target, if it is so; "thorough", True by default, whether to measure with interpreters too, and calls
        that are parallel already; "mark" and "until_s" as of `gilscope.targets.child.count_calls`, if it is a child.
    emit : callable
        Takes events for the parent.

    Returns
    -------
    Measurements
        The same, as far as it is known, is an event before workers make the call at once, which may be its end.

    Raises
    ------
    CannotRunError
        Where the GIL cannot be accounted for.
    KernelError
        If the call cannot be made many times.
    """
    mark = options.get("mark", "")
    _check_repeatable(resolved, preflight, mark)
    seconds = options["seconds"]
    has_ledger = best().name == LEDGER
    measure = measure_shares if has_ledger else measure_sampled
    shares = measure(resolved.call, preflight.wall_ns, 0.3 * seconds, mark)
    emit({"event": "shares"})
    # Not the first call: an import may have left a library's threads spinning for some 30 ms, which are over by now.
    already_parallel = keeps_several_cpus_busy(resolved.call, Family(mark).cpu_ns)
    knocks = None
    if shares.held.estimate >= WORTH_KNOCKING:
        # Where the GIL is held for less, what holds it is good to know and decides nothing.
        most = KNOCKINGS if shares.held.high >= MOSTLY else 1
        ask = knock if has_ledger else knock_sampled
        knocks = _knocks(ask, resolved.call, 0.15 * seconds, options["seed"], most)
        emit({"event": "knocks"})
    shippable = preflight.arguments_obstacle is None and preflight.result_obstacle is None
    found = Measurements(
        already_parallel=already_parallel,
        shares=shares,
        knocks=knocks,
        scaling=(),
        shipping_ns=_shipping_ns(resolved) if shippable else None,
        gil=gil_enabled(),
        threads_are_replaced=threads_are_replaced(),
        switch_interval_ns=sys.getswitchinterval() * 1e9,
        seconds=seconds,
        cause=_cause(resolved, shares),
    )
    thorough = options.get("thorough", True)
    # What is parallel already is for its own threads to spread: a pool that spins between calls makes of each sample
    # what the last one left.
    if options["widths"] and (thorough or not already_parallel):
        emit({"event": "profile", "report": plain(found)})
        scaling = measure_scaling(
            resolved,
            shares.wall_ns,
            options["widths"],
            0.5 * seconds,
            interpreter=_interpreter() if thorough else "not asked for",
            alone=options.get("alone", ""),
            seed=options["seed"],
            most_seconds=options.get("until_s", math.inf) - time.monotonic() - LAST_SECONDS,
            with_handing=thorough,
        )
        found = found.with_scaling(scaling)
    return found


def _cause(resolved: Resolved, shares: Shares) -> str:
    """Say why the call's releases are fine, where they are."""
    places = [SiteAccount(**asdict(site), longest_release_ns=0) for site in shares.sites]
    is_fine = shares.releases and fine_places(places)
    return fine_release_cause(resolved.function, places) if is_fine else ""


def _check_repeatable(resolved: Resolved, preflight: Preflight, mark: str) -> None:
    """Refuse what grows with each call: thousands of calls would take the machine down."""
    if preflight.comes_back_twice:
        raise KernelError(
            "It forks and comes back in the child as well, so that each call would double the processes. Probe a call "
            "whose child ends with os._exit()."
        )
    if preflight.processes_left or preflight.threads_left:  # once is a pool that is kept; twice is a leak
        again = examine(resolved, mark)
        if left := again.processes_left or again.threads_left:
            raise KernelError(
                f"Each call leaves something running ({left[0]}), and a probe makes thousands of calls. Probe a call "
                "that ends what it starts."
            )


def _knocks(ask: Callable[..., Knocks], call: Callable[[], object], seconds: float, seed: int, most: int) -> Knocks:
    """Knock, and go on until the answers decide or there have been enough."""
    found = ask(call, seconds, seed=seed)
    for again in range(1, most):
        if held_kind(found) != UNDECIDED:
            break
        more = ask(call, seconds, seed=seed + again)
        found = Knocks(
            asked=found.asked + more.asked,
            at_once=found.at_once + more.at_once,
            unanswered=(again * found.unanswered + more.unanswered) / (again + 1),
        )
    return found


def _interpreter() -> Callable[[str], None] | str:
    """Return what runs code in an interpreter with a GIL of its own, or why there is nothing."""
    if sys.version_info < (3, 12):
        return "needs CPython >= 3.12"
    return run_in_new_interpreter


def _shipping_ns(resolved: Resolved) -> float | None:
    """Return what the parent pays to send a call's arguments to a process and to receive its result, in ns."""
    times, n_bytes = [], 0
    try:
        result = pickle.dumps(resolved.call(), pickle.HIGHEST_PROTOCOL)
        for _ in range(SHIPPINGS):
            begin_ns = time.perf_counter_ns()
            n_bytes = len(pickle.dumps((resolved.args, resolved.kwargs), pickle.HIGHEST_PROTOCOL)) + len(result)
            pickle.loads(result)  # noqa: S301 - the target's own, pickled above
            times.append(time.perf_counter_ns() - begin_ns)
            if sum(times) > SHIPPINGS_NS:
                break
    except Exception:  # noqa: BLE001 - a result may be picklable once, and not the next time
        return None
    return median(times) + n_bytes * _pipe_byte_ns()


def _pipe_byte_ns() -> float:
    """Return what it costs to write a byte to a pipe, or to read it from there, in ns."""
    with shortages.named():
        read, write = os.pipe()
    data, times = bytes(PIPE_BYTES // 2), []
    try:
        for _ in range(SHIPPINGS):
            begin_ns = time.perf_counter_ns()
            os.write(write, data)
            times.append(time.perf_counter_ns() - begin_ns)
            os.read(read, len(data))
    finally:
        os.close(read)
        os.close(write)
    return median(times) / len(data)
