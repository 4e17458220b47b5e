"""Our kernels beside NumPy, numexpr and numba, one call at a time, with a copy of memory as the limit.

    python bench/peers.py [--sizes 8,512,65536,2**20,2**25] [--max-time 60] [--json FILE]

Every arm of a group is timed once per round, in a random order, and compared within the round: the ratio to ours is
the median over the rounds with its sign-test interval, so that a machine that slows down for a while slows down both
sides. Each round moves x and out to another place within a page, because some placements cost up to a third.

What can fool you: "copy" is numpy.copyto, which is memcpy and not always the fastest copy there is, so a share above 1
is possible. quad in NumPy is two passes, since it has no fused one. The arms on all threads include waking the threads,
and where another process holds one of the CPUs an OpenMP team waits for its whole time slice: milliseconds a call.
"""

import argparse
import math
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np
from pairs import check_files, interrupt_held, write_json
from rich.console import Console
from rich.table import Table

from gilscope.errors import INTERRUPTED
from gilscope.pairing.intervals import Interval, cross_width_interval
from gilscope.words import count, number

SIZES = "8,512,65536,2**20,2**25"
N_CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
PLACES = 8  # of x and out within a page, taken in turn
SAMPLE_NS = 300_000  # calls are repeated up to this, a thousand times what reading the clock can be off by
ROUNDS = (10, 200)  # at least and at most, whatever the time

Array = np.ndarray[Any, Any]
Call = Callable[[], object]
Make = Callable[[Array, Array], Call]


@dataclass
class Row:
    """What one arm of a group did: nanoseconds per call, one for each round, or why there are none."""

    arm: str
    reason: str = ""
    repeats: int = 1
    wall_ns: list[float] = field(default_factory=list)


@dataclass
class Group:
    """The arms that are compared with one another; the first is ours, which the others are divided by."""

    kernel: str
    threads: int
    dtype: str
    items: int
    rows: list[Row]


def ours(module: str, function: str, *more: int) -> Make:
    """Return a maker of calls of one of our compiled kernels."""
    kernel = getattr(import_module(f"gilscope.kernels.{module}"), function)
    return lambda x, out: lambda: kernel(x, out, *more)


def with_numpy(name: str) -> Make:
    """Return a maker of calls of NumPy: one multiplication, or two for quad."""

    def make(x: Array, out: Array) -> Call:
        def quad() -> None:
            np.multiply(x, x, out=out)
            np.multiply(out, out, out=out)

        return quad if name == "quad" else lambda: np.multiply(x, x, out=out)

    return make


def with_numexpr(name: str, threads: int, dtype: str) -> Make:
    """Return a maker of calls of numexpr, with the expression compiled beforehand."""
    import numexpr

    numexpr.set_num_threads(threads)
    text = "(x * x) * (x * x)" if name == "quad" else "x * x"
    compiled = numexpr.NumExpr(text, [("x", np.dtype(dtype).type)])
    return lambda x, out: lambda: compiled(x, out=out, casting="safe", order="K", ex_uses_vml=False)


def with_numba(name: str, threads: int) -> Make:
    """Return a maker of calls of numba, with the GIL released as in ours; compiled before anything is timed."""
    import numba

    if threads > 1:
        numba.set_num_threads(threads)
    span = numba.prange if threads > 1 else range

    def square(x: Any, out: Any) -> None:
        for i in span(x.size):
            out[i] = x[i] * x[i]

    def quad(x: Any, out: Any) -> None:
        for i in span(x.size):
            squared = x[i] * x[i]
            out[i] = squared * squared

    compiled = numba.njit(nogil=True, parallel=threads > 1)(quad if name == "quad" else square)
    return lambda x, out: lambda: compiled(x, out)


def arms(name: str, threads: int, dtype: str) -> dict[str, Callable[[], Make]]:
    """Return the arms of a group, ours first, each to be made when its turn comes."""
    if threads == 1:
        return {
            "c released": lambda: ours("_capi", f"{name}_released"),
            "c held": lambda: ours("_capi", f"{name}_held"),
            "cython released": lambda: ours("_cython", f"{name}_released"),
            "numpy": lambda: with_numpy(name),
            "numexpr": lambda: with_numexpr(name, 1, dtype),
            "numba": lambda: with_numba(name, 1),
            "copy": lambda: lambda x, out: lambda: np.copyto(out, x),
        }
    return {
        "openmp": lambda: ours("_openmp", name, threads),
        "c released, 1 thread": lambda: ours("_capi", f"{name}_released"),
        "numexpr": lambda: with_numexpr(name, threads, dtype),
        "numba": lambda: with_numba(name, threads),
        "copy, 1 thread": lambda: lambda x, out: lambda: np.copyto(out, x),
    }


def places(items: int, dtype: str) -> list[tuple[Array, Array]]:
    """Return x and out at several places within their pages, in memory that has been touched."""
    itemsize = np.dtype(dtype).itemsize
    spare = 8192 // itemsize
    draw = random.Random(items)
    values = np.array([draw.uniform(0.5, 2) for _ in range(4096)])
    source = np.resize(values, items + spare).astype(dtype)
    target = np.ones(items + spare, dtype)
    starts = [64 * k // itemsize for k in range(4096 // 64)]
    return [(source[i : i + items], target[j : j + items]) for i, j in (draw.sample(starts, 2) for _ in range(PLACES))]


def measure(name: str, threads: int, dtype: str, items: int, seconds: float, draw: random.Random) -> Group:
    """Time every arm of one group in rounds of random order, for about so many seconds."""
    rows, calls = [], {}
    spots = places(items, dtype)
    for arm, make in arms(name, threads, dtype).items():
        row = Row(arm)
        rows.append(row)
        try:
            made = make()
        except ImportError as error:
            row.reason = "not installed" if isinstance(error, ModuleNotFoundError) else str(error)
            continue
        if arm == "openmp" and not import_module("gilscope.kernels._openmp").VERSION:
            row.reason = "the compiler has no OpenMP"
            continue
        calls[arm] = [made(x, out) for x, out in spots]
        for call in calls[arm]:
            call()
        row.repeats = max(1, round(SAMPLE_NS / max(1, timed(calls[arm][0], 3))))
    live = [row for row in rows if row.arm in calls]
    end = time.perf_counter() + seconds
    for n_done in range(ROUNDS[1]):
        if n_done >= ROUNDS[0] and time.perf_counter() > end:
            break
        for row in draw.sample(live, len(live)):
            call = calls[row.arm][n_done % PLACES]
            call()  # whatever the arm before left in the caches, each starts from its own
            row.wall_ns.append(timed(call, row.repeats))
    return Group(name, threads, dtype, items, rows)


def timed(call: Call, repeats: int) -> float:
    """Return the nanoseconds of one call, as a mean of repeats."""
    start = time.perf_counter_ns()
    for _ in range(repeats):
        call()
    return (time.perf_counter_ns() - start) / repeats


def time_ratio(above: list[float], below: list[float]) -> Interval:
    """Return the median of the paired ratios with its sign-test interval, as for any ratio of here and now."""
    return cross_width_interval([[math.log(a / b) for a, b in zip(above, below, strict=True)]])


def table(kernel: str, threads: int, groups: list[Group]) -> Table:
    """Return the figures of one kernel on one number of threads, all sizes."""
    view = Table(title=f"{kernel}, {groups[0].dtype}, threads: {threads}", title_justify="left")
    view.add_column("items", justify="right")
    view.add_column("arm", no_wrap=True)
    for heading in ("ns/element", "GB/s", "time / ours", "of the copy"):
        view.add_column(heading, justify="right", no_wrap=True)
    for group in groups:
        first = group.rows[0]
        copy = next(row for row in group.rows if row.arm.startswith("copy"))
        item = np.dtype(group.dtype).itemsize
        for row in group.rows:
            items = count(group.items) if row is first else ""
            if row.reason:
                view.add_row(items, row.arm, row.reason)
                continue
            each = statistics.median(row.wall_ns) / group.items
            ratio = "1"
            if row is not first and first.wall_ns:
                found = time_ratio(row.wall_ns, first.wall_ns)
                ratio = f"{number(found.estimate)} [{number(found.low)}, {number(found.high)}]"
            share = number(time_ratio(copy.wall_ns, row.wall_ns).estimate)
            view.add_row(items, row.arm, number(each), number(2 * item / each), ratio, share)
        view.add_section()
    return view


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--sizes", default=SIZES, help="items per call, separated by commas; 2**20 is understood")
    parser.add_argument("--dtype", default="float64", choices=["float64", "float32", "int64", "int32"])
    parser.add_argument("--max-time", type=float, default=60.0, help="seconds in all, roughly (default 60)")
    parser.add_argument("--json", type=Path, help="write every round to this file")
    parser.add_argument("--seed", type=int, default=1, help="of the order within the rounds")
    options = parser.parse_args()
    try:
        check_files(options.json)
    except click.UsageError as error:
        parser.error(str(error))
    sizes = [int(base) ** int(power or 1) for base, _, power in (s.partition("**") for s in options.sizes.split(","))]
    draw = random.Random(options.seed)
    teams = [1, N_CPUS] if N_CPUS > 1 else [1]
    seconds = options.max_time / (2 * len(teams) * len(sizes))
    console = Console()
    groups: list[Group] = []
    interrupted = False
    try:
        for threads, kernel in product(teams, ("square", "quad")):
            mine: list[Group] = []
            try:
                for items in sizes:  # one by one: a group that Ctrl-C comes in lacks part of a round, and goes
                    mine.append(measure(kernel, threads, options.dtype, items, seconds, draw))  # noqa: PERF401
            finally:
                with interrupt_held():
                    groups += mine
                    if mine:
                        console.print(table(kernel, threads, mine))
    except KeyboardInterrupt:
        interrupted = True
    if not groups:
        console.print("Interrupted before the first group was measured.")
        sys.exit(INTERRUPTED)
    least = min(len(row.wall_ns) for group in groups for row in group.rows if not row.reason)
    console.print(
        f"Medians of {least} rounds or more, on {N_CPUS} CPUs, [95 % sign-test intervals] of ratios within a round. "
        "GB/s: x read once and out written once."
    )
    if options.json:
        facts = {"python": platform.python_version(), "numpy": np.__version__, "cpus": N_CPUS, "seed": options.seed}
        groups_data = [asdict(group) for group in groups]
        write_json(options.json, {"facts": facts, "interrupted": interrupted, "groups": groups_data})
    if interrupted:
        console.print("Interrupted: this is what was measured until then.")
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
