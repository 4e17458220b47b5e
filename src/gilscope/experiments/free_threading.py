"""What changes without a GIL?

Question
--------
A free-threaded build of CPython runs without a GIL. What do the same programs take there, on one thread and on several,
and with its GIL switched on again?

Prediction
----------
With a GIL, plain Python on two threads takes as long as on one. Without, two threads do it in nearly half of the time.
A kernel that releases the GIL gains nothing from its absence. Refuted by threads of plain Python that share the work
under a GIL, or that do not share it without one.

Method
------
The same total work, in plain Python and in a C kernel that releases the GIL, on one thread and on two, under each
interpreter: this one, and each of --python PATH. Of a free-threaded build both are measured, GIL on and off. All take
turns in the same rounds. The control is the released kernel on two threads, which no GIL can keep from sharing.

What can fool you
-----------------
Interpreters of different versions and builds differ in speed for other reasons than the GIL: compare one build with
itself. An imported extension can switch the GIL on again; with --module NAME it is asked who does. Objects that threads
share cost a free-threaded build atomic operations; here every thread has its own.

Reading the result
------------------
Each ratio is one thread's time divided by two threads', for the same total work under the same interpreter: 1 is no
gain and 2 is perfect. Below stands how many numbers a second one thread does in each.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from gilscope.errors import GilscopeError, Unavailable
from gilscope.experiments.apparatus import Crew, Helper, Work, amount, c_kernel, python_kernel
from gilscope.experiments.claims import Check, Claim, Design, Known, above, below
from gilscope.experiments.figures import Figure, ratio
from gilscope.experiments.interpreters import Interpreter, of_setting
from gilscope.experiments.scene import Scene, Take
from gilscope.experiments.setting import Setting
from gilscope.importing.result import examine_import
from gilscope.system.gil import gil_enabled

_HERE = "gilscope.experiments.free_threading"
_N_THREADS = 2
#: What stands for an interpreter that is not there, so that its claim can say so.
_NONE_FREE, _NONE_LOCKED = "without a GIL", "with a GIL"
_WORKS = ("plain Python", "C, released")
#: A module that takes longer to import than this is not waited for: the figures are to be made in seconds.
_IMPORT_LIMIT_S = 5.0


def design(setting: Setting) -> Design:
    """Return the figures, claims and controls."""
    some = of_setting(setting)
    locked = [one.name for one in some if one.gil_enabled] or [_NONE_LOCKED]
    free = [one.name for one in some if not one.gil_enabled] or [_NONE_FREE]
    gains = {
        (name, work): ratio(
            f"{name}: {work}", _arm(name, work, _N_THREADS), over=_arm(name, work, 1), compared_with="one thread"
        )
        for name in (*locked, *free)
        for work in _WORKS
    }
    speeds = [_speed(one) for one in some]
    python, released = _WORKS
    return Design(
        figures=(*gains.values(), *speeds),
        claims=(
            Claim(
                "With a GIL, plain Python on two threads takes as long as on one",
                tuple(Check(gains[name, python].name, confirmed=below(1.1), refuted=above(1.25)) for name in locked),
                opposite=gains[free[0], python].name,
                needs_second_cpu=True,
            ),
            Claim(
                "Without a GIL, two threads of plain Python share the work",
                # What a run calls to scale is nine tenths of the ceiling; a quarter more than one is hardly a gain.
                tuple(Check(gains[name, python].name, confirmed=above(1.5), refuted=below(1.25)) for name in free),
                opposite=gains[locked[0], python].name,
                needs_second_cpu=True,
            ),
        ),
        controls=(Known(gains[some[0].name, released].name, above(1.15)),),
    )


def _arm(name: str, work: str, n_threads: int) -> str:
    return f"{name}: {work}, {n_threads}"


def _speed(one: Interpreter) -> Figure:
    arm = _arm(one.name, _WORKS[0], 1)
    return Figure(
        f"{one.name}: numbers a second, one thread",
        lambda cycle: cycle[arm]["numbers"] / cycle[arm]["wall_ns"] * 1e9,
        "per second",
        "",
        (arm,),
    )


@contextmanager
def scene(setting: Setting) -> Iterator[Scene]:
    """Have a helper under each interpreter, ready to time."""
    arms: dict[str, Take] = {}
    scene = Scene(arms)
    with ExitStack() as stack:
        some = of_setting(setting)
        for one in some:
            helper = Helper(one.environment, one.path)
            try:
                stack.enter_context(helper)
                has_gil = helper.call(f"{_HERE}:get_ready", setting.sample_s)
                failure = "" if has_gil == one.gil_enabled else f"its GIL stayed {'on' if has_gil else 'off'}"
            except GilscopeError as error:
                failure = f"gilscope does not run under it: {str(error).partition(';')[0]}"
            if failure:
                scene.absent |= _without(one.name, failure)
                continue
            for work in _WORKS:
                for n_threads in (1, _N_THREADS):
                    arms[_arm(one.name, work, n_threads)] = partial(helper.call, f"{_HERE}:take", work, n_threads)
            scene.notes += [f"{one.name}: {told}" for told in helper.call(f"{_HERE}:imports", list(setting.modules))]
        if all(one.gil_enabled for one in some):
            scene.absent |= _without(_NONE_FREE, "no free-threaded interpreter; name one by --python PATH")
        if not any(one.gil_enabled for one in some):
            scene.absent |= _without(_NONE_LOCKED, "no interpreter with a GIL; name one by --python PATH")
        yield scene


def _without(name: str, reason: str) -> dict[str, Unavailable]:
    return {_arm(name, work, n_threads): Unavailable(reason) for work in _WORKS for n_threads in (1, _N_THREADS)}


class _Bench:
    """What a helper times: two kernels of a known length, and the threads that call them."""

    def __init__(self, sample_s: float) -> None:
        # One thread does the work of two, so that a sample of it lasts twice as long as a kernel.
        each_ns = sample_s * 1e9 / _N_THREADS
        self.crew = Crew(_N_THREADS).__enter__()  # its threads end with the helper
        self.kernels = dict(zip(_WORKS, (python_kernel(each_ns), c_kernel("released", each_ns)), strict=True))


_bench: list[_Bench] = []


def get_ready(sample_s: float) -> bool:
    """Make a helper ready to time; return whether it has a GIL."""
    _bench[:] = [_Bench(sample_s)]
    return gil_enabled()


def take(work: str, n_threads: int) -> dict[str, float]:
    """Do two kernels' work on one thread or on two; return the wall time, and how many numbers or rounds that were."""
    (bench,) = _bench
    kernel = bench.kernels[work]
    works = [kernel] * _N_THREADS if n_threads == _N_THREADS else [partial(_twice, kernel)]
    return {"wall_ns": bench.crew.run(works), "numbers": _N_THREADS * amount(kernel)}


def _twice(kernel: Work) -> None:
    for _ in range(_N_THREADS):
        kernel()


def imports(modules: Sequence[str]) -> list[str]:
    """Say of modules what importing them does to a GIL that is off, each in a child of its own."""
    found = [examine_import(module, _IMPORT_LIMIT_S) for module in modules]
    return [f"{one.module}: {one.outcome}; GIL: {one.gil or one.message}" for one in found]
