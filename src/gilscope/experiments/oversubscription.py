"""My library is already parallel: more threads?

Question
--------
A library computes on threads of its own: a matrix product in BLAS, a loop in OpenMP. A program calls it from several
threads. How fast is each mixture of outer and inner threads, and what does it cost in CPU time?

Prediction
----------
With a library that uses every CPU, more outer threads gain nothing and cost CPU time. As many outer threads with one
inner thread each are about as fast as one with all inner threads. Refuted by outer threads that gain a quarter where
the library has every CPU, or by outer threads that lose a third against inner ones.

Method
------
The same tasks in every arm, as many as CPUs: on one outer thread or on as many, each with one inner thread or with as
many. BLAS is NumPy's, limited by threadpoolctl; OpenMP is the kernel quad. The control is a kernel called twice, which
must take twice as long as once.

What can fool you
-----------------
Idle inner threads spin for a while, and take a CPU from whoever is measured next; here OpenMP's spin for 0.3 ms. BLAS
may serialize calls from several threads by a lock of its own. Small matrices are computed on one thread whatever is
allowed. Where CPUs are many, memory may be the limit and not their number.

Reading the result
------------------
"4 x 1" is four outer threads with one inner thread each. Ratios are the time of one outer thread with all inner threads
divided by the mixture's. CPU time is that of the whole process.
"""

from array import array
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from importlib import import_module
from typing import Any

from gilscope.errors import Unavailable
from gilscope.experiments.apparatus import Crew, Work, again, c_kernel, timed
from gilscope.experiments.claims import Check, Claim, Design, Known, above, below, within
from gilscope.experiments.figures import Figure, level, ratio
from gilscope.experiments.scene import Scene, Take
from gilscope.experiments.setting import Setting
from gilscope.kernels import with_openmp
from gilscope.originals import time
from gilscope.running.plan import COMPUTE_ITEMS

_LIBRARIES = ("OpenMP", "BLAS")
_ONCE, _TWICE = "a kernel once", "a kernel twice"
#: Large enough that BLAS shares it out, and some milliseconds long.
_MATRIX_SIDE = 384
#: Of the compute form, over its chunks: some milliseconds on one thread.
_ROUNDS = 2000


def design(setting: Setting) -> Design:
    """Return the figures, claims and controls."""
    n = setting.n_cpus
    figures: list[Figure] = []
    claims = []
    for library in _LIBRARIES:
        inner, outer, both = (_arm(library, *mix) for mix in ((1, n), (n, 1), (n, n)))
        figures += [
            ratio(both, both, over=inner, compared_with=inner),
            ratio(outer, outer, over=inner, compared_with=inner),
            ratio(_arm(library, 1, 1), _arm(library, 1, 1), over=inner, compared_with=inner),
            *(level(f"{arm}: CPU time", arm, "cpu_ns") for arm in (inner, outer, both)),
        ]
        claims += [
            Claim(
                f"{library} uses every CPU already, and more threads over it gain nothing",
                # A tenth is what noise makes of two arms; a quarter is a gain that anybody would take.
                (Check(both, confirmed=below(1.1), refuted=above(1.25)),),
                opposite=outer,
                needs_second_cpu=True,
            ),
            Claim(
                f"One {library} thread for each of {n} threads is as fast as {n} for one",
                (Check(outer, confirmed=above(0.85), refuted=below(0.67)),),
                opposite=both,
                needs_second_cpu=True,
            ),
        ]
    return Design(
        figures=(*figures, ratio(_TWICE, _ONCE, over=_TWICE, compared_with=_ONCE)),
        claims=tuple(claims),
        controls=(Known(_TWICE, within(1.8, 2.2)),),
    )


def _arm(library: str, n_outer: int, n_inner: int) -> str:
    return f"{library}, {n_outer} x {n_inner}"


@contextmanager
def scene(setting: Setting) -> Iterator[Scene]:
    """Make the libraries ready, as far as they are here."""
    n = setting.n_cpus
    kernel = c_kernel("released", setting.sample_s * 1e9 / 2)
    arms: dict[str, Take] = {_ONCE: partial(timed, kernel), _TWICE: partial(timed, partial(again, kernel, 2))}
    absent: dict[str, Unavailable] = {}
    with ExitStack() as stack:
        crew = stack.enter_context(Crew(n))
        for library, made in zip(_LIBRARIES, (_openmp(n), _blas()), strict=True):
            mixes = {_arm(library, outer, inner): (outer, inner) for outer in {1, n} for inner in {1, n}}
            if isinstance(made, Unavailable):
                absent |= dict.fromkeys(mixes, made)
                continue
            task, limited = made
            # All tasks on one CPU take as long as a sample may: eight arms have to fit into a round.
            one_ns = min(timed(partial(task, 1)) for _ in range(3))
            repeats = max(1, round(setting.sample_s * 1e9 / n / one_ns))
            for arm, (outer, inner) in mixes.items():
                arms[arm] = partial(
                    _sample, crew, partial(again, partial(task, inner), repeats), outer, n, limited(inner)
                )
        yield Scene(arms, absent)


def _sample(
    crew: Crew, task: Work, n_outer: int, n_tasks: int, limited: Callable[[], AbstractContextManager[Any]]
) -> dict[str, float]:
    """Do all tasks on so many outer threads; return the wall time and the CPU time of the process."""
    works = [task] * n_tasks if n_outer == n_tasks else [partial(again, task, n_tasks)]
    with limited():
        begin_ns = time.process_time_ns()
        wall_ns = crew.run(works)
        return {"wall_ns": wall_ns, "cpu_ns": time.process_time_ns() - begin_ns}


#: A task that takes its number of inner threads, and what limits them from outside.
_Library = tuple[Callable[[int], object], Callable[[int], Callable[[], AbstractContextManager[Any]]]]


def _openmp(n: int) -> _Library | Unavailable:
    """Return a task on an OpenMP team, which takes its number of threads itself."""
    kernels = {}
    for n_threads in {1, n}:
        kernel = with_openmp.load("quad", n_threads)
        if isinstance(kernel, Unavailable):
            return kernel
        kernels[n_threads] = kernel
    items = array("d", range(COMPUTE_ITEMS))  # which the team shares out
    return lambda n_threads: kernels[n_threads].compute(items, _ROUNDS), lambda _: nullcontext


def _blas() -> _Library | Unavailable:
    """Return a matrix product, whose number of threads threadpoolctl sets."""
    try:
        # Not at the top: what a worker or a fork loads has no part in it.
        numpy, threadpoolctl = import_module("numpy"), import_module("threadpoolctl")
    except ImportError as error:
        return Unavailable(f"needs {error.name}; get it with  pip install 'gilscope[experiments]'")
    if not any(pool["user_api"] == "blas" for pool in threadpoolctl.threadpool_info()):
        return Unavailable("threadpoolctl knows no BLAS in this NumPy")
    left, right = (numpy.random.default_rng(seed).random((_MATRIX_SIDE, _MATRIX_SIDE)) for seed in (1, 2))
    limits = threadpoolctl.threadpool_limits
    return lambda _: left @ right, lambda n_threads: partial(limits, n_threads, "blas")
