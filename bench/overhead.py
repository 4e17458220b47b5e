"""What gilscope itself costs: its calls, crews, start and counters, each beside what it can be held against.

Every comparison is paired: its arms are timed in the same rounds, in Williams order, each sample after an untimed
lead-in. "Beyond it" is what a line costs more than what it is held against, and "times as long" is their ratio.
"""

import random
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from timeit import Timer

import click
from crews import crew_figures, crew_table, measure_crews
from pairs import Rounds, as_json, check_files, conclude, console, ratio_text, span, surroundings, warm_up_and_fill
from rich.console import Console
from rich.table import Table

import gilscope
from gilscope.accounting import lock_waits
from gilscope.accounting.ledger import availability
from gilscope.kernels import _capi
from gilscope.system.counters import HostMeter, ThreadMeter
from gilscope.words import seconds

#: A sample of calls lasts about this long: some hundred times what starting and stopping the clock takes.
SAMPLE_NS = 1_000_000
#: Release pairs in one call, so that the call itself does not count.
N_PAIRS = 1000
#: Of a timeline: 1 MiB, so that writing it misses the caches as a real one does.
N_EVENTS = 1 << 16

#: What share of the time each section gets: a start takes long, and a call next to nothing.
SHARES = {"calls": 0.2, "crew starts": 0.35, "dispatch": 0.2, "programs": 0.2, "counters": 0.05}

#: (line, its reference or "")
Comparison = tuple[str, str]

CALLS: tuple[Comparison, ...] = (
    ("turn of an empty loop", ""),
    ("Python function", ""),
    ("C function", "Python function"),
    ("C held", "C function"),
    ("Cython held", "C held"),
    ("C released", "C held"),
    ("Cython released", "Cython held"),
    ("gilscope.square", "C released"),
    ("bare release pair", ""),
    ("release pair, ledger on", "bare release pair"),
    ("release pair, timeline on", "bare release pair"),
    ("wait for a lock, over at once", ""),
    ("the same wait, counted", "wait for a lock, over at once"),
    ("C released - held", "bare release pair"),
    ("Cython released - held", "bare release pair"),
)

PROGRAMS: tuple[Comparison, ...] = (
    ("python -c pass", ""),
    ("import gilscope", "python -c pass"),
    ("import gilscope.running.worker", "python -c pass"),
    ("python -m gilscope --help", "python -c pass"),
)

COUNTERS: tuple[Comparison, ...] = (
    ("perf_counter_ns", ""),
    ("steal_ticks", "perf_counter_ns"),
    ("throttled_periods", "perf_counter_ns"),
    ("ThreadMeter.read", "perf_counter_ns"),
)


def call_arm(statement: str, names: Mapping[str, object], per_call: int = 1) -> Callable[[], float]:
    """Return an arm that times a statement in a loop that is compiled around it, and returns ns per call."""
    timer = Timer(statement, timer=time.perf_counter_ns, globals=dict(names))
    n = 1
    while (ns := timer.timeit(n)) < SAMPLE_NS / 4:
        n *= 2
    n = max(1, round(n * SAMPLE_NS / ns))

    def arm() -> float:
        timer.timeit(max(1, n // 10))
        return timer.timeit(n) / n / per_call

    return arm


def hooked_arm(arm: Callable[[], float], start: Callable[[], None], stop: Callable[[], None]) -> Callable[[], float]:
    """Return an arm that does the same with hooks in place."""

    def on() -> float:
        start()
        try:
            return arm()
        finally:
            stop()

    return on


def empty() -> None:
    """Do nothing, in bytecode."""


def measure_calls(rng: random.Random, seconds: float) -> tuple[Rounds, bool]:
    """Time calls on one item, from an empty loop to the public function, and the release by itself."""
    from gilscope.kernels import _cython

    x, out = array("d", [7.0]), array("d", [0.0])
    names = {"x": x, "out": out, "c": _capi, "cython": _cython, "gilscope": gilscope, "empty": empty}
    # Bound to plain names, so that no arm pays for looking an attribute up; gilscope.square as people call it.
    for module in ("c", "cython"):
        for gil in ("held", "released"):
            names[f"{module}_{gil}"] = getattr(names[module], f"square_{gil}")
    names.update(c_empty=_capi.empty, pairs=_capi.release_pairs, square=gilscope.square)
    statements = {
        "turn of an empty loop": "pass",
        "Python function": "empty()",
        "C function": "c_empty()",
        "C held": "c_held(x, out)",
        "Cython held": "cython_held(x, out)",
        "C released": "c_released(x, out)",
        "Cython released": "cython_released(x, out)",
        "gilscope.square": "square(x, out)",
    }
    arms = {name: call_arm(statement, names) for name, statement in statements.items()}
    pair = arms["bare release pair"] = call_arm(f"pairs({N_PAIRS})", names, N_PAIRS)
    if availability() is None:
        from gilscope.accounting import _ledger

        arms["release pair, ledger on"] = hooked_arm(pair, partial(_ledger.start, 0), _ledger.stop)
        arms["release pair, timeline on"] = hooked_arm(pair, partial(_ledger.start, N_EVENTS), _ledger.stop)
    if lock_waits.availability() is None:
        from gilscope.accounting import _locks

        lock, counting = threading.Lock(), list[object]()
        lock.acquire()
        wait = arms["wait for a lock, over at once"] = call_arm("acquire(timeout=1e-9)", {"acquire": lock.acquire})
        arms["the same wait, counted"] = hooked_arm(wait, lambda: counting.append(_locks.count()), counting.clear)
    rounds = Rounds(arms, rng)
    interrupted = warm_up_and_fill(rounds, seconds)
    for language in ("C", "Cython"):
        rounds.times[f"{language} released - held"] = [
            released - held
            for released, held in zip(
                rounds.times[f"{language} released"], rounds.times[f"{language} held"], strict=True
            )
        ]
    return rounds, interrupted


def measure_counters(rng: random.Random, seconds: float) -> tuple[Rounds, bool]:
    """Time one reading of each counter: the host's are read twice a round, a thread's twice a sample."""
    with HostMeter() as host, ThreadMeter() as thread:
        readings = {
            "perf_counter_ns": time.perf_counter_ns,
            "steal_ticks": host.steal_ticks,
            "throttled_periods": host.throttled_periods,
            "ThreadMeter.read": thread.read,
        }
        rounds = Rounds({name: call_arm("read()", {"read": read}) for name, read in readings.items()}, rng)
        return rounds, warm_up_and_fill(rounds, seconds)


def measure_programs(rng: random.Random, seconds: float) -> tuple[Rounds, bool]:
    """Time whole programs, each in a fresh interpreter, from its start to its end."""
    arguments = {
        "python -c pass": ["-c", "pass"],
        "import gilscope": ["-c", "import gilscope"],
        "import gilscope.running.worker": ["-c", "import gilscope.running.worker"],
        "python -m gilscope --help": ["-m", "gilscope", "--help"],
    }

    def program(words: Sequence[str]) -> float:
        begin_ns = time.perf_counter_ns()
        subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter_ns() - begin_ns

    rounds = Rounds({name: partial(program, words) for name, words in arguments.items()}, rng)
    return rounds, warm_up_and_fill(rounds, seconds)


def comparison_table(title: str, rounds: Rounds, comparisons: Sequence[Comparison]) -> Table:
    """Lay out what each line takes, and how that compares with its reference."""
    found = Table(title=title, title_justify="left")
    for header in ("", "median", "against", "beyond it", "times as long"):
        found.add_column(header, justify="left" if header in ("", "against") else "right")
    for name, reference in comparisons:
        cells = [name, span(rounds.median(name))]
        if reference:
            cells += [reference, span(rounds.difference(reference, name), sign=True)]
            # A difference may come out below 0, which has no logarithm, so differences of differences stay differences.
            cells.append(ratio_text(rounds.ratio(name, reference)) if min(rounds.times[name], default=0) > 0 else "")
        found.add_row(*cells)
    return found


def figures_of(rounds: Rounds, comparisons: Sequence[Comparison]) -> dict[str, object]:
    """Return a section as plain data, with every round."""
    lines: dict[str, object] = {}
    for name, reference in comparisons:
        line: dict[str, object] = {"median_ns": as_json(rounds.median(name))}
        if reference:
            line.update(against=reference, difference_ns=as_json(rounds.difference(reference, name)))
        lines[name] = {**line, "rounds_ns": rounds.times[name]}
    return lines


def run_sections(out: Console, rng: random.Random, n_workers: int, max_time: float, data: dict[str, object]) -> bool:
    """Measure, print and add to the data one section after the other; return whether Ctrl-C ended it."""
    seconds = {section: share * max_time for section, share in SHARES.items()}
    for title, key, measure, lines in SECTIONS:
        rounds, interrupted = measure(rng, seconds[key])
        comparisons = [one for one in lines if one[0] in rounds.times]  # the ledger works only where it can
        data[key] = figures_of(rounds, comparisons)
        out.print(comparison_table(title, rounds, comparisons), "")
        if interrupted:
            return True
    hosts, starts, tasks, interrupted = measure_crews(rng, n_workers, seconds["crew starts"], seconds["dispatch"])
    data["crews"] = crew_figures(hosts, tasks)
    out.print(crew_table(hosts, starts, tasks, n_workers))
    for name, host in hosts.items():
        if host.absence is not None:
            out.print(f"{name}: unavailable: {host.absence}", markup=False)
    out.print(
        "In a sample: the part of one task that gilscope's own samples contain, up to the last worker's end.\n"
        "First start: that of a fresh process, with the helper processes that it brings."
    )
    return interrupted


@click.command()
@click.option("--max-time", default=60.0, show_default=True, type=click.FloatRange(min=0), help="Seconds to measure.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(min=1), help="Workers of each crew.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write all figures here.")
@click.option("--seed", type=int, help="Seed of the orders; drawn and printed where not given.")
@click.pass_context
def main(context: click.Context, max_time: float, workers: int, json_file: Path | None, seed: int | None) -> None:
    """Measure what gilscope itself costs: calls, crews, start-up, counters."""
    check_files(json_file)
    out = console()
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    rng = random.Random(seed)
    data: dict[str, object] = {**surroundings(seed), "workers": workers}
    try:
        out.print(f"Measuring for some {seconds(max_time)}, seed {seed}; in brackets 95 % intervals.\n")
        interrupted = run_sections(out, rng, workers, max_time, data)
    except KeyboardInterrupt:  # between rounds
        interrupted = True
    conclude(context, out, data, json_file, interrupted=interrupted)


SECTIONS = (
    ("Calls, on one item of float64", "calls", measure_calls, CALLS),
    (
        "One reading of the counters of interference (host: steal, throttling; thread: CPU, delay, switches)",
        "counters",
        measure_counters,
        COUNTERS,
    ),
    ("Programs, in fresh interpreters", "programs", measure_programs, PROGRAMS),
)


if __name__ == "__main__":
    main()
