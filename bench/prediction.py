"""Does the predicted speed-up hold? Calls whose profile is known, predicted from one thread, measured on several.

Coarse calls hold the GIL and then sleep, or compute, without it, in pieces of milliseconds; fine ones release it for
less than some microseconds at a time. Predicted is what samples of a few calls each should show. "Off by" is how far
the measured speed-up lies outside of that, in per cent, and 0 inside. Calls that compute without the GIL need the CPUs
that the host gives: they may fall behind as far as pure arithmetic did in the same rounds, and are left out where that
got no second CPU. Ends with 1 if a coarse call, or a fine one with room, is off by more than 5 % beyond its own
interval, or a fine one whose threads meet at the GIL was not predicted below 1.
"""

import sys
import time
from array import array
from dataclasses import dataclass

import click
from pairs import console
from rich.table import Table

from gilscope.kernels import _capi
from gilscope.pairing.control import SECOND_CPU
from gilscope.pairing.intervals import Interval
from gilscope.probing.call_profile import CallProfile
from gilscope.probing.prediction import in_samples
from gilscope.probing.probe import probe_target
from gilscope.probing.result import Probe
from gilscope.system.cpus import usable_cpus
from gilscope.targets.target import parse_target

PERIOD_NS = 10e6
HELD_SHARES = (0.1, 0.25, 0.5, 0.75)
#: Sleeping needs no CPU, so more threads than CPUs show the law; computing does.
SLEEPING_WIDTHS = (2, 4, 8)
TOLERANCE = 0.05
SETUP = (
    "import time; from array import array; from gilscope.accounting import _ledger; from gilscope.kernels import _capi"
    "; x = array('d', range(2048))"
)
#: Releases no longer than the holds between, so that threads meet at the GIL; and longer ones, that leave them room.
MEETING = {
    "0.5 µs held, 0.5 µs released, 4000 times": "_ledger.pattern(4000, 500, 500)",
    "5 µs held, 5 µs released, 500 times": "_ledger.pattern(500, 5000, 5000)",
    "release and reacquire at once, 20 000 times": "_capi.release_pairs(20_000)",
}
WITH_ROOM = {"1 µs held, 5 µs released, 1000 times": "_ledger.pattern(1000, 1000, 5000)"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One call on so many threads: what was predicted, what was measured, and how far that is off, 0 to 1 or more."""

    name: str
    n_threads: int
    low: float
    high: float
    measured: Interval
    off: float
    surely_off: float


def round_ns() -> float:
    """Return how long one round of the held kernel takes; the least of some, for the host only adds."""
    x, n_rounds, times_ns = array("d", range(2048)), 2000, []
    for _ in range(20):
        begin_ns = time.perf_counter_ns()
        _capi.quad_compute_held(x, n_rounds)
        times_ns.append(time.perf_counter_ns() - begin_ns)
    return min(times_ns) / n_rounds


def beyond(value: float, low: float, high: float) -> float:
    """Return how far a value lies outside, as a share of the nearer end."""
    return max(0.0, low / value - 1, value / high - 1)


def lines_of(name: str, found: Probe, *, computes: bool) -> list[Line]:
    """Compare each width of threads; with what the control got, where the call needs the CPUs."""
    gave = {(one.way, one.n_workers): one.speed_up for one in found.measured if one.speed_up is not None}
    lines = []
    calls_each = {one.n_workers: one.calls_each for one in found.measured if one.way == "threads"}
    assert found.wall_ns is not None, found.failure
    parts = {name: share.estimate * found.wall_ns for name, share in found.shares.items()}
    profile = CallProfile(
        held_ns=parts["held"],
        computing_ns=parts["computing"],
        blocked_ns=parts["blocked"],
        releases=found.releases or 1.0,  # the sampler does not count them, and they do not matter here
    )
    for steady in found.predicted["threads"]:
        n = steady.n_workers
        prediction = in_samples(steady, profile, calls_each[n], found.machine["usable_cpus"])
        measured, control = gave["threads", n], gave.get(("control", n))
        given = 1.0
        if computes:
            if control is None or control.low < SECOND_CPU:
                continue
            given = min(1.0, control.estimate / n)
        low = prediction.low * given  # threads may get more of a CPU than the control did, so `high` stays
        off = beyond(measured.estimate, low, prediction.high)
        overlap = measured.low <= prediction.high and measured.high >= low
        surely = 0.0 if overlap else min(beyond(end, low, prediction.high) for end in (measured.low, measured.high))
        lines.append(
            Line(
                name=name,
                n_threads=n,
                low=prediction.low,
                high=prediction.high,
                measured=measured,
                off=off,
                surely_off=surely,
            )
        )
    return lines


def table_of(title: str, lines: list[Line]) -> Table:
    """Lay out predictions beside measurements."""
    table = Table(title=title, title_justify="left")
    for header in ("call", "threads", "predicted", "measured", "off by"):
        table.add_column(header, justify="left" if header == "call" else "right")
    for line in lines:
        measured = f"{line.measured.estimate:.2f} [{line.measured.low:.2f}, {line.measured.high:.2f}]"
        predicted = f"{line.low:.2f} to {line.high:.2f}"
        table.add_row(line.name, str(line.n_threads), predicted, measured, f"{100 * line.off:.1f} %")
    return table


@click.command()
@click.option("--seconds", default=12.0, show_default=True, type=click.FloatRange(min=0.5), help="For each call.")
def main(seconds: float) -> None:
    """Predict and measure coarse and fine calls on threads."""
    n_cpus, each_ns, out = usable_cpus().count, round_ns(), console()
    coarse: list[Line] = []
    for held in HELD_SHARES:
        n_held, n_released = round(held * PERIOD_NS / each_ns), round((1 - held) * PERIOD_NS / each_ns)
        hold = f"_capi.quad_compute_held(x, {n_held})"
        for release, computes, widths in (
            (f"time.sleep({(1 - held) * PERIOD_NS * 1e-9})", False, SLEEPING_WIDTHS),
            (f"_capi.quad_compute_released(x, {n_released})", True, (n_cpus,)),
        ):
            if computes and n_cpus < 2:
                continue
            target = parse_target(f"{hold}; {release}", setup=SETUP, statement=True)
            found = probe_target(target, seconds=seconds, widths=widths, thorough=False)
            name = f"{held:.0%} held, then {'computing' if computes else 'sleeping'}"
            coarse += lines_of(name, found, computes=computes)
    out.print(table_of("Coarse calls, 10 ms each", coarse), "")
    fine: list[Line] = []
    for name, statement in (MEETING | WITH_ROOM).items():
        target = parse_target(statement, setup=SETUP, statement=True)
        fine += lines_of(name, probe_target(target, seconds=seconds, widths=(2,), thorough=False), computes=False)
    out.print(table_of("Fine releases", fine))
    roomy = [line for line in fine if line.name in WITH_ROOM]
    wrong = [line for line in coarse + roomy if line.surely_off > TOLERANCE]
    wrong += [line for line in fine if line.name in MEETING and line.high >= 1]
    worst = max((line.off for line in coarse), default=0.0)
    out.print(f"{len(coarse)} coarse lines, off by {100 * worst:.1f} % at the most; {len(wrong)} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
