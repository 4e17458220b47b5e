"""Does a loaded machine ever change what gilscope.testing says? Right answers, counted, beside a busy process per CPU.

    python bench/testing_flakes.py -n 1000

Each run asks all three assertions, in both directions, about one of gilscope's own kernels, whose truth is known: it
holds the GIL throughout, or releases it once for its whole loop. Ends with 1 if any answer was wrong.
"""

import argparse
import itertools
import sys
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from statistics import median

from gilscope.kernels import _capi
from gilscope.running.selftest import BusyProcess
from gilscope.system.cpus import usable_cpus
from gilscope.testing import assert_holds_gil, assert_max_stall, assert_releases_gil

LENGTHS_US = (50, 200, 1000, 5000)
#: A limit is so many times below or above the truth, and never below what can be told. Above by more: a busy sibling of
#: the CPU, a shared cache, and a host that steals make the very code some times slower, for seconds.
BELOW, ABOVE, LOWEST_LIMIT_MS = 5, 10, 0.2
#: How far a call may be from the length that was meant.
LENGTH_TOLERANCE = 0.2
N_ITEMS = 2048
Call = Callable[[], object]
KERNELS: dict[str, tuple[Callable[..., object], Callable[..., object]]] = {
    "compute": (_capi.quad_compute_held, _capi.quad_compute_released),
    "array": (_capi.quad_held, _capi.quad_released),
}


def timed_us(call: Call) -> float:
    """Return the CPU time of a call, the median of some."""
    times_ns = []
    for _ in range(15):
        begin_ns = time.thread_time_ns()
        call()
        times_ns.append(time.thread_time_ns() - begin_ns)
    return median(times_ns) * 1e-3


def pair(form: str, length_us: int) -> tuple[Call, Call]:
    """Return a kernel that holds the GIL for so long, and its twin that releases it."""
    amount = 1000.0 if form == "compute" else 100_000.0  # rounds over the items, or items
    held, released = KERNELS[form]
    while True:
        if form == "compute":
            arguments: tuple[object, ...] = array("d", range(N_ITEMS)), round(amount)
        else:
            x = array("d", bytes(8 * round(amount)))
            arguments = x, x
        took_us = timed_us(partial(held, *arguments))
        if abs(took_us / length_us - 1) < LENGTH_TOLERANCE:
            return partial(held, *arguments), partial(released, *arguments)
        amount *= length_us / took_us


def questions(held: Call, released: Call, length_us: int) -> Iterator[tuple[str, Call, bool]]:
    """Yield each question, the assertion that asks it, and whether it should pass."""
    pieces = partial(_capi.release_pairs, 10 * length_us)  # at some 0.1 us a pair
    above_ms, below_ms = max(2.0, ABOVE * length_us * 1e-3), length_us * 1e-3 / BELOW
    yield "releases, of released", partial(assert_releases_gil, released), True
    yield "releases, of held", partial(assert_releases_gil, held), False
    yield "releases once, of released", partial(assert_releases_gil, released, at_most=1), True
    yield "releases, in short pieces", partial(assert_releases_gil, pieces, at_least=0.01), False
    yield "holds, of held", partial(assert_holds_gil, held), True
    yield "holds, of released", partial(assert_holds_gil, released), False
    yield "short stall, of released", partial(assert_max_stall, released, ms=max(LOWEST_LIMIT_MS, below_ms)), True
    yield "long stall, of held", partial(assert_max_stall, held, ms=above_ms), True
    if below_ms >= LOWEST_LIMIT_MS:
        yield "short stall, of held", partial(assert_max_stall, held, ms=below_ms), False


def failure_of(assertion: Call) -> str | None:
    """Return what an assertion that fails says, None of one that passes."""
    try:
        assertion()
    except AssertionError as error:
        return str(error)
    return None


def main() -> int:
    """Ask, count, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-n", type=int, default=1000, help="runs in all, in turn over lengths and forms [1000]")
    parser.add_argument("--idle", action="store_true", help="without busy processes")
    options = parser.parse_args()
    cases = list(itertools.product(("compute", "array"), LENGTHS_US))
    calls = {case: pair(*case) for case in cases}
    right: Counter[tuple[object, str]] = Counter()
    asked: Counter[tuple[object, str]] = Counter()
    longest_s, right_runs, begin = 0.0, 0, time.monotonic()
    with ExitStack() as stack:
        for _ in range(0 if options.idle else usable_cpus().count):
            stack.enter_context(BusyProcess())
        for i in range(options.n):
            case = cases[i % len(cases)]
            wrong = 0
            for name, assertion, should_pass in questions(*calls[case], case[1]):
                begin_one = time.monotonic()
                failure = failure_of(assertion)
                longest_s = max(longest_s, time.monotonic() - begin_one)
                is_right = (failure is None) == should_pass
                if not is_right:
                    print(f"run {i + 1}, {case}, {name}: {failure or 'passed'}", file=sys.stderr, flush=True)
                asked[case, name] += 1
                right[case, name] += is_right
                wrong += not is_right
            right_runs += not wrong
            if (i + 1) % 50 == 0:
                print(f"{right_runs} of {i + 1} runs right so far", file=sys.stderr, flush=True)
    names = list(dict.fromkeys(name for _, name in asked))
    print(f"{'right of asked':26}" + "".join(f"{f'{form} {us} µs':>17}" for form, us in cases))
    for name in names:
        cells = (f"{right[case, name]} of {asked[case, name]}" if asked[case, name] else "-" for case in cases)
        print(f"{name:26}" + "".join(f"{cell:>17}" for cell in cells))
    print(f"{right_runs} of {options.n} runs right, {sum(right.values())} of {sum(asked.values())} answers")
    print(f"{time.monotonic() - begin:.0f} s in all, {longest_s:.2f} s for the longest assertion")
    return int(right_runs < options.n)


if __name__ == "__main__":
    sys.exit(main())
