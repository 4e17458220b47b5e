"""Does my window freeze while the kernel runs?

Question
--------
A window, a heartbeat or a server answers from a thread of its own, every millisecond. How late is it while another
thread computes: in plain Python, in a C kernel that holds the GIL, in one that releases it, or in another process?

Prediction
----------
Beside a kernel that holds the GIL the ticker freezes until the call ends. Beside one that releases the GIL it goes on
ticking. Beside plain Python every tick waits for the switch interval, 5 ms unless it was changed. Refuted by a ticker
that freezes beside a released kernel, or that goes on beside a held one.

Method
------
A thread ticks every millisecond, and the gaps between its ticks are kept: median, 99th percentile, longest. Arms:
alone, beside plain Python, beside a C kernel that holds the GIL, beside the same released, and beside another process.
Each call of a kernel lasts a third of a sample. The control is the ticker alone, whose gaps are known to be 1 ms.

What can fool you
-----------------
A machine without a free CPU delays every thread, whatever the GIL does: the ticker beside another process shows how
much. A sleeping CPU wakes late, by some tenths of a millisecond. A gap is seen only where one tick was due in it.

Reading the result
------------------
The longest gap of a sample is set against the length of the kernel's call: 1 means that the window froze for the whole
call. All gaps themselves are listed below, as medians over all samples.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median, quantiles

from gilscope.experiments.apparatus import Helper, Work, beside, c_kernel, python_kernel, timed
from gilscope.experiments.claims import Check, Claim, Design, Known, above, below, within
from gilscope.experiments.figures import Cycle, Figure, level
from gilscope.experiments.scene import Scene
from gilscope.experiments.setting import Setting
from gilscope.originals import time

TICK_NS = 1_000_000
#: A sample holds this many calls of a kernel.
_CALLS = 3
_COMPUTE = "gilscope.experiments.apparatus:compute_for"
_ARMS = ("alone", "plain Python", "C, held", "C, released", "another process")


def _of_call(arm: str, quantity: str = "gap_max_ns") -> Callable[[Cycle], float | None]:
    """Return a gap beside an arm, as a share of one of its calls."""
    return lambda cycle: cycle[arm][quantity] / cycle[arm]["call_ns"]


def design(_setting: Setting) -> Design:
    """Return the figures, claims and controls."""
    interval_ns = sys.getswitchinterval() * 1e9
    figures = [
        Figure("longest gap beside C, held", _of_call("C, held"), "", "the call", ("C, held",)),
        Figure("longest gap beside C, released", _of_call("C, released"), "", "the call", ("C, released",)),
        Figure(
            "median gap beside plain Python",
            lambda cycle: (cycle["plain Python"]["gap_p50_ns"] - cycle["alone"]["gap_p50_ns"]) / interval_ns,
            "",
            "the switch interval",
            ("plain Python", "alone"),
        ),
    ]
    for arm in _ARMS:
        for quantity, told in (("gap_p50_ns", "median"), ("gap_p99_ns", "99 %"), ("gap_max_ns", "longest")):
            figures.append(level(f"{arm}: {told} gap", arm, quantity))
    return Design(
        figures=tuple(figures),
        claims=(
            Claim(
                "A window freezes while another thread is in a kernel that holds the GIL",
                # Calls follow each other: the tick waits for the rest of one call at least, and for a whole one mostly.
                (Check("longest gap beside C, held", confirmed=above(0.7), refuted=below(0.4)),),
                opposite="longest gap beside C, released",
                needs_gil=True,
            ),
            Claim(
                "A window goes on while another thread is in a kernel that releases the GIL",
                (Check("longest gap beside C, released", confirmed=below(0.4), refuted=above(0.7)),),
                opposite="longest gap beside C, held",
                needs_second_cpu=True,
            ),
            Claim(
                "Beside plain Python every answer waits for the switch interval",
                (Check("median gap beside plain Python", confirmed=within(0.8, 1.5), refuted=below(0.5)),),
                opposite="longest gap beside C, released",
                needs_gil=True,
            ),
        ),
        controls=(Known("alone: median gap", within(0.9 * TICK_NS, 1.5 * TICK_NS)),),
    )


@contextmanager
def scene(setting: Setting) -> Iterator[Scene]:
    """Make the arms ready: this thread ticks, and each arm is what it ticks beside."""
    sample_ns = round(setting.sample_s * 1e9)
    call_ns = sample_ns / _CALLS
    with Helper() as helper:
        helper.call(_COMPUTE, 0)  # it has loaded what it needs

        def by_process() -> dict[str, float]:
            helper.begin(_COMPUTE, 2 * sample_ns)  # it outlasts the ticks
            try:
                return _gaps(sample_ns)
            finally:
                helper.end()

        kernels = {
            "plain Python": python_kernel(call_ns),
            "C, held": c_kernel("held", call_ns),
            "C, released": c_kernel("released", call_ns),
        }
        yield Scene(
            {"alone": lambda: _gaps(sample_ns), "another process": by_process}
            | {arm: partial(_gaps_beside, kernel, sample_ns) for arm, kernel in kernels.items()}
        )


def _gaps_beside(kernel: Work, sample_ns: int) -> dict[str, float]:
    calls_ns: list[int] = []
    with beside(lambda: calls_ns.append(timed(kernel))):
        gaps = _gaps(sample_ns)
    return gaps | {"call_ns": median(calls_ns)}


def _gaps(sample_ns: int) -> dict[str, float]:
    """Tick in this thread for so long; return the gaps between ticks. GIL: given up between ticks."""
    gaps_ns: list[int] = []
    last_ns = begin_ns = time.perf_counter_ns()
    while last_ns - begin_ns < sample_ns:
        time.sleep(TICK_NS / 1e9)
        now_ns = time.perf_counter_ns()
        gaps_ns.append(now_ns - last_ns)
        last_ns = now_ns
    # Of a handful of gaps the 99th percentile is the longest.
    late_ns = quantiles(gaps_ns, n=100, method="inclusive")[-1] if len(gaps_ns) > 1 else gaps_ns[0]
    return {"gap_p50_ns": median(gaps_ns), "gap_p99_ns": late_ns, "gap_max_ns": max(gaps_ns)}
