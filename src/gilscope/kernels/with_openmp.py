"""The kernels spread over an OpenMP team. Loading one loads an OpenMP runtime: after that, this process must not fork.

GIL: released for the loop. Threads: one calling thread, because every thread that calls gets a team of its own.
"""

import os
from collections.abc import Sequence
from importlib import import_module

from gilscope.errors import Unavailable
from gilscope.kernels import Kernel
from gilscope.words import counted

#: How long the idle threads of a team spin: 0.3 ms (GCC's unit is a turn of its loop) or 1 ms, which bridges the time
#: between two calls and is over by the end of the next arm's lead-in. As it comes, GCC's spins for 10 ms: on two CPUs
#: that takes one from the arm that is measured next, whose log ratios scatter by 31 % then and by 5 % without.
SPIN = {"GOMP_SPINCOUNT": "10000", "KMP_BLOCKTIME": "1"}
#: Where a user has said one of these, the team does as it was told.
SAID = {
    "wait": (*SPIN, "OMP_WAIT_POLICY"),
    "place": ("OMP_PLACES", "OMP_PROC_BIND", "GOMP_CPU_AFFINITY", "KMP_AFFINITY"),
}


def load(name: str, n_threads: int, cpus: Sequence[int] = ()) -> Kernel | Unavailable:
    """Import the extension and return a kernel of it on a team of so many threads.

    Parameters
    ----------
    name : str
        See `gilscope.kernels.KERNELS`.
    n_threads : int
    cpus : sequence of int
        A CPU for each thread of the team, which keeps to it; empty: wherever the scheduler puts it. Left to that, a
        team that needs every CPU ran on one in a third of its calls, its calling thread spinning where the other was
        woken.

    Returns
    -------
    Kernel or Unavailable
        The arrays of its `compute` are the chunks of all threads, one after the other.

    Notes
    -----
    A runtime reads its settings from the environment, once, when it is loaded: the first team of a process decides.
    """
    _set("wait", SPIN)
    if cpus:
        _set("place", {"OMP_PLACES": ",".join(f"{{{cpu}}}" for cpu in cpus), "OMP_PROC_BIND": "true"})
    try:
        openmp = import_module("gilscope.kernels._openmp")
    except ImportError as error:
        return Unavailable(f"gilscope.kernels._openmp cannot be imported ({error})")
    if not openmp.VERSION:
        return Unavailable("built with a compiler that has no OpenMP")
    few = bytearray(8 * n_threads)
    size = openmp.square(memoryview(few).cast("d"), memoryview(few).cast("d"), n_threads)
    if size < n_threads:  # measured all the same, it would read as if something kept the threads from running
        return Unavailable(
            f"OpenMP gave a team of {size} where {counted(n_threads, 'thread')} were asked for; see "
            "OMP_THREAD_LIMIT and OMP_DYNAMIC"
        )
    apply, compute = getattr(openmp, name), getattr(openmp, f"{name}_compute")
    return Kernel(
        name=name,
        implementation="openmp",
        gil="released",
        apply=lambda x, out: apply(x, out, n_threads),
        compute=lambda x, rounds: compute(x, rounds, n_threads),
    )


def _set(what: str, values: dict[str, str]) -> None:
    if not any(variable in os.environ for variable in SAID[what]):
        os.environ.update(values)
