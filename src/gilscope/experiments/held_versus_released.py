"""What releasing the GIL changes, all else equal.

Question
--------
The same C and Cython arithmetic runs on several threads, once holding the GIL for the whole call and once releasing it.
Do threads that hold it gain anything, and do threads that release it reach what processes reach?

Prediction
----------
Holding the GIL, any number of threads takes as long as one. Releasing it, they reach nine tenths or more of what as
many processes reach. Refuted by threads that hold it and yet share the work, or by threads that release it and stay on
one CPU.

Method
------
`gilscope run quad` in C and Cython: serial, threads and processes in paired, balanced rounds. The processes are the
ceiling: what this machine gives when no GIL is shared. The control times work whose ratios are known to be 1 and 1.05.

What can fool you
-----------------
A machine that gives one CPU makes everything equal, so that is "cannot tell here". A speed-up over serial is no measure
of the GIL: it says how many CPUs the host gave. Short calls lose a few per cent to waking each other; these are long.

Reading the result
------------------
Each claim rests on all arms that are named with it. Of threads that hold the GIL the figure is one thread's time
divided by theirs; of threads that release it, the processes' time divided by theirs.
"""

from gilscope.experiments.result import Finding
from gilscope.experiments.runs import VerdictClaim, judged, timed
from gilscope.experiments.setting import Setting
from gilscope.running import verdicts
from gilscope.running.plan import Request
from gilscope.running.result import Result

_HELD = VerdictClaim(
    "Threads that hold the GIL together take as long as one",
    confirmed=frozenset({verdicts.GIL_BOUND}),
    refuted=frozenset({verdicts.SCALES, verdicts.PARTLY}),
    opposite="the same threads, released",
)
_RELEASED = VerdictClaim(
    "Threads that release the GIL reach what as many processes reach",
    confirmed=frozenset({verdicts.SCALES}),
    refuted=frozenset({verdicts.GIL_BOUND, verdicts.PARTLY}),
    opposite="the same threads, held",
)


def request(setting: Setting) -> Request:
    """Return what `gilscope run` is asked for."""
    # Two implementations and five widths do not fit into 5 s.
    implementations = ("c",) if setting.effort == "fast" else ("c", "cython")
    return timed(setting, kernels=("quad",), implementations=implementations, strategies=("threads",))


def findings(result: Result) -> tuple[Finding, ...]:
    """Return what a run says of each claim."""
    threads = [row for row in result.rows if row.arm.strategy == "threads" and row.arm.n_workers > 1]
    without = "" if result.gil_enabled else "this interpreter has no GIL"
    return (
        judged(_HELD, [row for row in threads if row.arm.gil == "held"], without),
        judged(_RELEASED, [row for row in threads if row.arm.gil == "released"], without),
    )
