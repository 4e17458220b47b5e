"""Paired timing for the scripts of this folder: rounds in Williams order, medians, differences and ratios.

A round times every arm once, so that whatever slows the machine for a while slows both sides of a comparison. Nothing
is drawn while rounds run: a live display has a thread of its own, which would want the GIL that is being measured.
"""

import json
import os
import platform
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from math import floor, inf, isfinite, log10, nan
from pathlib import Path
from typing import Any

import click
from rich.console import Console

import gilscope
from gilscope.cli.files import check_output
from gilscope.documents.files import write_whole
from gilscope.errors import INTERRUPTED, CannotRunError, UsageError
from gilscope.pairing import rounds
from gilscope.pairing.intervals import Interval, cross_width_interval, ratio_interval
from gilscope.pairing.medians import Estimate, median_interval
from gilscope.system.gil import gil_enabled

#: Width of the tables where the output is no terminal: rich would fold them at 80 columns.
PLAIN_WIDTH = 132


class Rounds(rounds.Rounds[str]):
    """The timings of some arms, round by round.

    Parameters
    ----------
    arms : mapping of str to callable
        Each times one sample and returns its ns (or ns per call).
    rng : random.Random
        Source of the orders.
    """

    def __init__(self, arms: Mapping[str, Callable[[], float]], rng: random.Random) -> None:
        super().__init__(list(arms), rounds.one_by_one(arms), rng)

    def take(self, *, keep: bool = True) -> None:
        """Time every arm once. Ctrl-C takes effect when the round has ended."""
        with interrupt_held():
            super().take(keep=keep)

    def median(self, arm: str) -> Estimate:
        """Estimate an arm's median time."""
        return _additive(self.times[arm])

    def difference(self, reference: str, arm: str, n_ratios: int = 1) -> Estimate:
        """Estimate how much longer the arm takes than the reference, from the differences within rounds."""
        differences = [ns - base for base, ns in zip(self.times[reference], self.times[arm], strict=True)]
        return _additive(differences, n_ratios)

    def ratio(self, reference: str, arm: str, n_ratios: int = 1, *, equal_width: bool = True) -> Interval:
        """Estimate reference time / arm time: above 1, the arm is the faster one.

        Where both do not use as many CPUs (`equal_width`), the ratio holds here and now only. The intervals of so many
        ratios (`n_ratios`), and of their differences, hold together.
        """
        logs = self.log_ratios(reference, arm)
        return (ratio_interval if equal_width else cross_width_interval)([logs], n_ratios)


def fill(
    groups: Sequence[Rounds], seconds: float, between: Callable[[float, int], object] = lambda _left_s, _n: None
) -> bool:
    """Take rounds of each in turns, at least one, until the time is up.

    Parameters
    ----------
    groups : sequence of Rounds
    seconds : float
    between : callable
        Is told between two rounds how many seconds are left, and how many there were of each.

    Returns
    -------
    bool
        Whether Ctrl-C ended it early; the rounds until then are there.
    """
    end_s = time.monotonic() + seconds

    def take(group: Rounds) -> None:
        between(max(0.0, end_s - time.monotonic()), min(map(len, groups)))
        group.take()

    def is_over() -> bool:
        return min(map(len, groups)) > 0 and time.monotonic() >= end_s

    try:
        for _ in rounds.in_turns(groups, take, lambda _: False, is_over, random.Random()):
            pass
    except KeyboardInterrupt:
        return True
    return False


def warm_up_and_fill(some: Rounds, seconds: float) -> bool:
    """Take one round for nothing, then `fill`; return whether Ctrl-C ended it."""
    try:
        some.take(keep=False)
    except KeyboardInterrupt:
        return True
    return fill([some], seconds)


@contextmanager
def interrupt_held() -> Iterator[None]:
    """Keep Ctrl-C back until what runs now has ended: processes started meanwhile inherit this and are not torn."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _additive(values: Sequence[float], n_ratios: int = 1) -> Estimate:
    # An interrupted script may have no round of an arm.
    return median_interval(values, n_ratios, of=ratio_interval) if values else Estimate(nan, -inf, inf, 0)


def console() -> Console:
    """Return where the figures go: standard output, wide enough for the tables."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)


def check_files(*files: Path | None) -> None:
    """Refuse, before anything is measured, files that cannot be written; one that exists is replaced.

    Raises
    ------
    click.UsageError
    """
    for file in files:
        if file is not None:
            try:
                check_output(file, force=True)
            except UsageError as error:
                raise click.UsageError(str(error)) from None


def write_json(file: Path, data: Mapping[str, object]) -> None:
    """Write a file whole, or say why not and end."""
    try:
        write_whole(file, (json.dumps(data, indent=1) + "\n").encode())
    except CannotRunError as error:
        click.echo(error, err=True)
        sys.exit(error.exit_code)


def conclude(
    context: click.Context, out: Console, data: dict[str, object], json_file: Path | None, *, interrupted: bool
) -> None:
    """Write what was measured where that was asked for, and end with 130 if Ctrl-C ended the measuring."""
    data["interrupted"] = interrupted
    if json_file is not None:
        write_json(json_file, data)
    if interrupted:
        out.print("Interrupted: this is what was measured until then.")
        context.exit(INTERRUPTED)


def unit_of(ns: float) -> tuple[str, float]:
    """Return the unit in which a time reads best, and its ns."""
    return next((unit for unit in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)) if abs(ns) >= 0.9995 * unit[1]), ("ns", 1.0))


def duration(ns: float) -> str:
    """Return a time with three figures and its unit."""
    unit, size = unit_of(ns)
    return f"{figures(ns / size)} {unit}"


def span(estimate: Estimate, *, sign: bool = False) -> str:
    """Return "value [low, high] unit" of a time, in the unit in which the value reads best."""
    unit, size = unit_of(estimate.value)
    return f"{between(estimate, size, sign=sign)} {unit}"


def figures(value: float, *, sign: bool = False) -> str:
    """Return a number with two or three figures; "?" for an open end."""
    if not isfinite(value):
        return "?"
    plus = "+" if sign else ""
    if 0 < abs(value) < 0.01:
        return f"{value:{plus}.{min(6, 1 - floor(log10(abs(value))))}f}"
    decimals = next((d for d, limit in ((3, 0.0995), (2, 9.995), (1, 99.95)) if abs(value) < limit), 0)
    return f"{value:{plus}.{decimals}f}"


def between(estimate: Estimate, unit: float, *, sign: bool = False) -> str:
    """Return "value [low, high]" in units of so many ns."""
    value, low, high = (figures(x / unit, sign=sign) for x in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"


def ratio_text(ratio: Interval) -> str:
    """Return "ratio [low, high]"; "?" for ends that too few rounds leave open."""
    return f"{figures(ratio.estimate)} [{figures(ratio.low) if ratio.low > 0 else '?'}, {figures(ratio.high)}]"


def as_json(value: Estimate | Interval) -> dict[str, Any]:
    """Return plain data in which an open end is None, for JSON has no infinity."""
    return {k: None if isinstance(v, float) and not isfinite(v) else v for k, v in asdict(value).items()}


def surroundings(seed: int) -> dict[str, object]:
    """Return what the figures hold for."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "gilscope": gilscope.__version__,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "gil_enabled": gil_enabled(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": usable,
        "seed": seed,
    }
