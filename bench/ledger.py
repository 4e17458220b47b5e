"""What the GIL ledger costs, and how true it is: per release pair, beside busy threads, against a kernel's own stamps.

Costs are paired, in one run: the same calls with the ledger off, with counters, and with a timeline. Truth is held
against what is known otherwise: the releases that were asked for, and the stamps that a kernel takes for itself.
"""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import click
from overhead import N_EVENTS, N_PAIRS, Comparison, call_arm, comparison_table, figures_of, hooked_arm
from pairs import Rounds, check_files, conclude, console, duration, surroundings, warm_up_and_fill
from rich.table import Table

from gilscope.accounting import _ledger
from gilscope.accounting.ledger import availability
from gilscope.accounting.snapshots import difference
from gilscope.kernels import _capi
from gilscope.words import seconds

#: Long enough to be timed by the thread's CPU clock, and not much longer.
LONG_RELEASE_NS = 30_000
SEGMENTS_US = (1, 10, 100, 1000)
#: How long one attempt at a share lasts: a CPU taken away for some ms in it shows, hence many attempts.
ATTEMPT_US = 40_000
N_BUSY = 8

COSTS: tuple[Comparison, ...] = (
    ("pair, off", ""),
    ("pair, counters", "pair, off"),
    ("pair, timeline", "pair, off"),
    ("released kernel, off", ""),
    ("released kernel, counters", "released kernel, off"),
    ("released kernel, timeline", "released kernel, off"),
    ("pair without a place, off", ""),
    ("pair without a place, counters", "pair without a place, off"),
    ("30 µs released, off", ""),
    ("30 µs released, counters", "30 µs released, off"),
    ("30 µs released, CPU clock", "30 µs released, off"),
)


def measure_costs(rng: random.Random, seconds: float) -> tuple[Rounds, bool]:
    """Time one pair with the ledger off and on; the CPU clock is off but where it is named."""
    names = {
        "pairs": _capi.release_pairs,
        "compute": _capi.square_compute_released,
        "pattern": _ledger.pattern,
        "x": memoryview(bytearray(8)).cast("d"),
    }
    calls = {
        "pair": (f"pairs({N_PAIRS})", N_PAIRS),
        "released kernel": ("compute(x, 1)", 1),
        "pair without a place": ("pattern(1000, 0, 0)", 1000),
        "30 µs released": (f"pattern(10, 0, {LONG_RELEASE_NS})", 10),
    }
    arms = {}
    for name, (statement, n_pairs) in calls.items():
        off = call_arm(statement, names, n_pairs)
        arms[f"{name}, off"], arms[f"{name}, counters"] = off, hooked_arm(off, partial(_ledger.start, 0), _ledger.stop)
        arms[f"{name}, timeline"] = hooked_arm(off, partial(_ledger.start, N_EVENTS), _ledger.stop)
    without = arms["30 µs released, counters"]

    def with_cpu_clock() -> float:
        _ledger.time_cpu(1)
        try:
            return without()
        finally:
            _ledger.time_cpu(0)

    arms["30 µs released, CPU clock"] = with_cpu_clock
    wanted = {name for name, _ in COSTS}
    _ledger.time_cpu(0)
    rounds = Rounds({name: arm for name, arm in arms.items() if name in wanted}, rng)
    return rounds, warm_up_and_fill(rounds, seconds)


@contextmanager
def busy_threads() -> Iterator[None]:
    """Keep threads at releasing the GIL, and at running bytecode."""
    busy = True

    def work() -> None:
        while busy:
            _capi.release_pairs(20)
            sum(range(100))

    threads = [threading.Thread(target=work) for _ in range(N_BUSY)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        busy = False
        for thread in threads:
            thread.join()


def install(count: int) -> dict[str, object]:
    """Turn the ledger on and off so many times beside busy threads, and count what was not as it should be.

    Whoever asks has the GIL, at the beginning as at the end, so every thread took it as often as it dropped it.
    """
    found = {"installs": 0, "releases seen": 0, "uneven accounts": 0, "own releases missed": 0, "slots changed": 0}
    me = threading.get_native_id()
    with busy_threads():
        _ledger.start(0)
        _ledger.stop()
        places = [address for address, _, _ in _ledger.slots()]
        begin_ns, n_stolen = time.perf_counter_ns(), _ledger.snapshot()["n_stolen"]
        for _ in range(count):
            _ledger.start(0)
            before = _ledger.snapshot()
            _capi.release_pairs(10)
            after = _ledger.snapshot()
            _ledger.stop()
            accounts = difference(before, after)
            found["installs"] += 1
            found["releases seen"] += sum(one["drops"] for one in accounts)
            found["uneven accounts"] += sum(one["takes"] != one["drops"] for one in accounts)
            found["own releases missed"] += max(0, 10 - sum(one["drops"] for one in accounts if one["native_id"] == me))
            now = _ledger.slots()
            found["slots changed"] += any(hooked for _, _, hooked in now) or [one[0] for one in now] != places
        wall_ns = time.perf_counter_ns() - begin_ns
    n_stolen = _ledger.snapshot()["n_stolen"] - n_stolen
    return {**found, "slots stolen": n_stolen, "ns each": wall_ns / max(1, count)}


def share_error(segment_us: int) -> float:
    """Return how far the ledger's released share is from the kernel's own, held and released in turn equally long."""
    _ledger.time_cpu(0)
    _ledger.start(0)
    before = _ledger.snapshot()
    held_ns, released_ns = _ledger.pattern(ATTEMPT_US // segment_us, segment_us * 1e3, segment_us * 1e3)
    after = _ledger.snapshot()
    _ledger.stop()
    (mine,) = (one for one in difference(before, after) if one["native_id"] == threading.get_native_id())
    read = mine["released"]["ticks"] / (mine["released"]["ticks"] + mine["held"])
    return read - released_ns / (released_ns + held_ns)


def measure_shares(seconds: float) -> dict[int, list[float]]:
    """Return the errors at each length of segment, as many as there is time for, at least one."""
    errors: dict[int, list[float]] = {segment_us: [] for segment_us in SEGMENTS_US}
    end_s = time.monotonic() + seconds
    while True:
        for segment_us, found in errors.items():
            found.append(share_error(segment_us))
        if time.monotonic() >= end_s:
            return errors


def shares_table(errors: dict[int, list[float]]) -> Table:
    """Lay out the errors of shares; the best attempt is the instrument's, the others have the host in them too."""
    found = Table(title="Released share: error in points of 100", title_justify="left")
    for header in ("held and released", "best", "median", "worst", "attempts"):
        found.add_column(header, justify="right")
    for segment_us, values in errors.items():
        sizes = [100 * abs(value) for value in values]
        cells = (f"{size:.4f}" for size in (min(sizes), median(sizes), max(sizes)))
        found.add_row(f"{segment_us} µs", *cells, str(len(sizes)))
    return found


def counts_table(counts: dict[str, object]) -> Table:
    """Lay out what the installs gave."""
    found = Table(title=f"Installs and removals beside {N_BUSY} busy threads", title_justify="left")
    for header in counts:
        found.add_column(header, justify="right")
    found.add_row(*(duration(value) if isinstance(value, float) else str(value) for value in counts.values()))
    return found


@click.command()
@click.option("--max-time", default=30.0, show_default=True, type=click.FloatRange(min=0), help="Seconds to measure.")
@click.option("--installs", default=10_000, show_default=True, type=click.IntRange(min=0), help="In their own time.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write all figures here.")
@click.option("--seed", type=int, help="Seed of the orders; drawn and printed where not given.")
@click.pass_context
def main(context: click.Context, max_time: float, installs: int, json_file: Path | None, seed: int | None) -> None:
    """Measure what the GIL ledger costs, and how true it is."""
    check_files(json_file)
    out = console()
    absence = availability()
    if absence is not None:
        out.print(str(absence), markup=False)
        context.exit(5)
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    rng, data = random.Random(seed), surroundings(seed)
    try:
        out.print(
            f"Measuring for some {seconds(max_time)} and the installs, seed {seed}; in brackets 95 % intervals.\n"
        )
        rounds, interrupted = measure_costs(rng, 0.7 * max_time)
        data["costs"] = figures_of(rounds, COSTS)
        out.print(comparison_table("One release and reacquire pair, alone", rounds, COSTS), "")
        if not interrupted:
            data["shares"] = errors = measure_shares(0.3 * max_time)
            out.print(shares_table(errors), "")
            data["installs"] = counts = install(installs)
            out.print(counts_table(counts))
    except KeyboardInterrupt:  # between sections
        interrupted = True
    conclude(context, out, data, json_file, interrupted=interrupted)


if __name__ == "__main__":
    main()
