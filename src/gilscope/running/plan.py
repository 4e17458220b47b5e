"""From a request to a plan: which arms there are, which are compared, and when to stop."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gilscope import kernels
from gilscope.errors import CannotRunError, UsageError, unknown
from gilscope.pairing.control import HEAVIER
from gilscope.running import strategies
from gilscope.running.names import CONTROL, SERIAL
from gilscope.running.result import Arm, Group, Plan

# Items in a chunk. The compute form's lanes fit into a first-level cache beside nothing else, and one call is a whole
# sample, so that the table is about the GIL: neither memory bandwidth nor the cost of a release is in it.
COMPUTE_ITEMS = 2048
# The array form's fit into a last-level cache (4 MiB of float64, and as much for the results), and a compiled call
# lasts 100 us and more: shorter releases cost two threads some per cent in waking each other. Plain Python takes a
# millisecond for far fewer.
ARRAY_ITEMS, PYTHON_ARRAY_ITEMS = 524_288, 4096

FORMS = ("array", "compute")

# The control's work is the compute form of the hand-written kernel: no memory and no GIL stand in its way.
CONTROL_KERNEL = ("quad", "c", "released")

# Whether there is a second CPU changes over seconds: rounds that all fall into one such moment prove little.
MIN_SPAN_S = 3.0

# NumPy is measured on request. It releases the GIL around each ufunc call, so its verdict is one about the size of the
# arrays: short releases on two threads wake each other on one CPU, large arrays measure memory, and neither settles
# within a minute.
DEFAULT_IMPLEMENTATIONS = ("python", "cython", "c")
# The chunked mode is measured on request: it answers why a release gives little, which is another question.
DEFAULT_GIL_MODES = ("held", "released")
DEFAULT_STRATEGIES = tuple(one.name for one in strategies.STRATEGIES if one.is_default)
#: What stands for the machine where the user names nothing that can.
CEILING = next(one.name for one in strategies.STRATEGIES if one.is_ceiling)


@dataclass(frozen=True, slots=True)
class Effort:
    """A named level of effort: how narrow, how long, how often."""

    target: float
    budget_s: float
    n_launches: int
    min_rounds: int


EFFORTS = {
    "fast": Effort(target=0.05, budget_s=20.0, n_launches=2, min_rounds=8),
    "default": Effort(target=0.02, budget_s=56.0, n_launches=3, min_rounds=20),
    "rigorous": Effort(target=0.005, budget_s=600.0, n_launches=5, min_rounds=40),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user asked for; None and empty mean "the default".

    Parameters
    ----------
    kernels, implementations, gil_modes, strategies : tuple of str
        Their names, as `gilscope list` shows them: ``("quad",)``, ``("python", "c")``, ``("held",)``, ``("threads",)``.
    workers : tuple of int
        Widths to compare at.
    dtype : str
        Of the items: float64, float32, int64, int32, uint64 or uint32.
    form : {"compute", "array"} or None
        Rounds over a chunk that stays in cache, or one pass a call over arrays. None: compute, but arrays for NumPy,
        which in the compute form would release the GIL every microsecond, and arrays for all where `n_items` or
        `task_ns` is given.
    n_items : int or None
        Items in a chunk; rounded up to a multiple of 32, so that chunks share no cache line.
    task_ns : int or None
        How long one serial call is to last, instead of `n_items`.
    target, budget_s : float or None
        The half-width that every interval is to reach, as a share, and the time after which to stop anyway. Instead of
        the effort's.
    effort : {"fast", "default", "rigorous"}
        ±5 % in 20 s, ±2 % in a minute, ±0.5 % in ten minutes, at most.
    seed : int or None
        Of every random choice; None draws one, and the result says which.
    oversubscribe : bool
        Let `workers` exceed the usable CPUs.
    """

    kernels: tuple[str, ...] = ()
    implementations: tuple[str, ...] = ()
    gil_modes: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    workers: tuple[int, ...] = ()
    dtype: str = "float64"
    form: str | None = None
    n_items: int | None = None
    task_ns: int | None = None
    target: float | None = None
    budget_s: float | None = None
    effort: str = "default"
    seed: int | None = None
    oversubscribe: bool = False


def make_plan(request: Request, usable_cpus: int, usable_source: str) -> Plan:
    """Check a request and lay out its arms.

    Parameters
    ----------
    request : Request
    usable_cpus : int
    usable_source : str
        What decided their number, for the error message.

    Raises
    ------
    UsageError
        For unknown names, or numbers out of range.
    CannotRunError
        For more workers than usable CPUs, unless `request.oversubscribe`.
    """
    _check(request)
    request = _without_repeats(request)
    effort = EFFORTS[request.effort]
    widths = request.workers or (usable_cpus,)
    if not request.oversubscribe and max(widths) > usable_cpus:
        raise CannotRunError(
            f"{max(widths)} workers were asked for, and this process may use {usable_cpus} ({usable_source}); "
            f"ask for fewer, or add --oversubscribe to measure what too many cost"
        )
    if not request.workers and usable_cpus < 2:
        raise CannotRunError(
            f"this process may use 1 CPU only ({usable_source}), so there is nothing to compare; run it where there "
            "are two, or add --workers 2 --oversubscribe"
        )
    return Plan(
        groups=tuple(_groups(request, widths)),
        control=_control(max(widths)),
        dtype=request.dtype,
        task_ns=request.task_ns,
        target=request.target or effort.target,
        budget_s=request.budget_s or effort.budget_s,
        n_launches=effort.n_launches,
        min_rounds=effort.min_rounds,
        min_span_s=MIN_SPAN_S,
        seed=random.SystemRandom().randrange(2**32) if request.seed is None else request.seed,
        effort=request.effort,
        oversubscribed=max(widths) > usable_cpus,
    )


def _groups(request: Request, widths: Sequence[int]) -> list[Group]:
    groups = []
    for name in request.kernels or kernels.KERNELS:
        for implementation in request.implementations or DEFAULT_IMPLEMENTATIONS:
            for mode in kernels.gil_modes(implementation):
                if mode in (request.gil_modes or DEFAULT_GIL_MODES):
                    groups += [_group(request, name, implementation, mode, width) for width in widths]
    if not groups:
        raise UsageError("no kernel is left: the implementations asked for have none of the GIL modes asked for")
    return groups


def _group(request: Request, name: str, implementation: str, mode: str, width: int) -> Group:
    """Lay out the strategies of one kernel at one width: few arms, for pairs are the better the closer in time."""
    group_id = group_of(name, implementation, mode, width)
    form = _form(request, implementation)
    return Group(
        id=group_id,
        n_items=_n_items(request, implementation, form),
        arms=tuple(
            Arm(
                id=f"{group_id}/{strategy}",
                kernel=name,
                implementation=implementation,
                gil=mode,
                strategy=strategy,
                n_workers=width,
                form=form,
            )
            for strategy in _strategies(request, implementation, mode)
        ),
    )


def group_of(kernel: str, implementation: str, gil: str, n_workers: int) -> str:
    """Return the id of the group that compares a kernel's strategies, for example ``"quad/c/held/2"``."""
    return f"{kernel}/{implementation}/{gil}/{n_workers}"


def _without_repeats(request: Request) -> Request:
    """Return a request that names everything once, for ids are unique in a plan."""
    return replace(
        request,
        kernels=tuple(dict.fromkeys(request.kernels)),
        implementations=tuple(dict.fromkeys(request.implementations)),
        gil_modes=tuple(dict.fromkeys(request.gil_modes)),
        strategies=tuple(dict.fromkeys(request.strategies)),
        workers=tuple(dict.fromkeys(request.workers)),
    )


def _form(request: Request, implementation: str) -> str:
    if request.form is not None:
        return request.form
    sized = request.n_items is not None or request.task_ns is not None
    return "array" if sized or implementation == "numpy" else "compute"


def _n_items(request: Request, implementation: str, form: str) -> int:
    if request.n_items is not None:
        return -(-request.n_items // strategies.ITEM_MULTIPLE) * strategies.ITEM_MULTIPLE
    if form == "compute":
        return COMPUTE_ITEMS
    return PYTHON_ARRAY_ITEMS if implementation == "python" else ARRAY_ITEMS


def _strategies(request: Request, implementation: str, mode: str) -> list[str]:
    """Return the strategies of one kernel; serial and one kind of processes always, for every verdict rests on them."""
    wanted = {*(request.strategies or DEFAULT_STRATEGIES), SERIAL}
    if not any(strategies.find(name).is_ceiling for name in wanted):
        wanted.add(CEILING)
    return [one.name for one in strategies.STRATEGIES if one.name in wanted and one.takes(implementation, mode)]


def _control(width: int) -> Group:
    name, implementation, gil = CONTROL_KERNEL

    def arm(label: str, strategy: str, work: float = 1.0) -> Arm:
        return Arm(
            id=f"{CONTROL}/{label}",
            kernel=name,
            implementation=implementation,
            gil=gil,
            strategy=strategy,
            n_workers=width,
            form="compute",
            work=work,
        )

    return Group(
        id=CONTROL,
        n_items=COMPUTE_ITEMS,
        arms=(arm("one", SERIAL), arm("same", SERIAL), arm("heavier", SERIAL, HEAVIER), arm("wide", CEILING)),
    )


def _check(request: Request) -> None:
    for field, kind in (
        *((name, str) for name in ("kernels", "implementations", "gil_modes", "strategies")),
        ("workers", int),
    ):
        given = getattr(request, field)
        if not isinstance(given, tuple | list) or not all(isinstance(one, kind) for one in given):
            example = 'for example ("quad",)' if kind is str else "for example (1, 2)"
            raise UsageError(f"{field} takes a tuple of {kind.__name__}, {example}; got {given!r}")
    for what, given, allowed in (
        ("kernel", request.kernels, kernels.KERNELS),
        ("implementation", request.implementations, kernels.IMPLEMENTATIONS),
        ("GIL mode", request.gil_modes, kernels.GIL_MODES),
        ("strategy", request.strategies, tuple(s.name for s in strategies.STRATEGIES)),
        ("dtype", (request.dtype,), kernels.DTYPES),
        ("form", (request.form,) if request.form else (), FORMS),
        ("effort", (request.effort,), tuple(EFFORTS)),
    ):
        for name in given:
            if name not in allowed:
                raise unknown(what, name, allowed)
    if request.n_items is not None and request.task_ns is not None:
        raise UsageError("items and task time both set the size of a chunk; give one of them")
    if request.form == "compute" and ((request.n_items or 0) > COMPUTE_ITEMS or request.task_ns is not None):
        raise UsageError(
            f"the compute form takes at most {COMPUTE_ITEMS} items, so that they stay in cache, and one call is as "
            "long as a sample; leave the form out, or ask for arrays, to choose the size of a call"
        )
    for what, value in (("items", request.n_items), ("task time", request.task_ns), ("max time", request.budget_s)):
        if value is not None and value <= 0:
            raise UsageError(f"{what} must be above 0; got {value}")
    if request.target is not None and not 0 < request.target < 1:
        raise UsageError(f"the interval width must be between 0 and 1 (0.02 is +-2 %); got {request.target}")
    if any(width < 1 for width in request.workers):
        raise UsageError(f"workers must be 1 or more; got {', '.join(map(str, request.workers))}")
