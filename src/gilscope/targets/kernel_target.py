"""gilscope's own kernels as targets: `kernel:quad/c/held` is the very call that `gilscope run` times."""

from array import array

from gilscope import kernels
from gilscope.errors import CannotRunError, Unavailable, UsageError
from gilscope.originals import time
from gilscope.targets.target import DEFAULT_TASK_NS, KERNEL, Target

#: As many as the compute form keeps in cache.
N_ITEMS = 2048


def kernel_target(text: str, task_ns: int = DEFAULT_TASK_NS) -> Target:
    """Return the target for a kernel's compute form over float64.

    Parameters
    ----------
    text : str
        ``kernel:NAME/IMPLEMENTATION/GIL``, for example ``kernel:quad/c/held``.
    task_ns : int
        How long one call takes, roughly: it is timed here, alone, in some milliseconds.

    Raises
    ------
    UsageError
        For a name that there is not.
    CannotRunError
        If this kernel cannot run here.

    Notes
    -----
    GIL: held or released, as the kernel does.
    """
    parts = text.removeprefix(KERNEL).split("/")
    if len(parts) != 3:
        raise UsageError(f"{text!r} names no kernel; write kernel:NAME/IMPLEMENTATION/GIL, such as kernel:quad/c/held")
    kernel = kernels.load(*parts)
    if isinstance(kernel, Unavailable):
        raise CannotRunError(f"{text}: {kernel.reason}")
    return Target(
        text=text,
        kind="module",
        home=kernel.compute.__module__,
        attribute=kernel.compute.__name__,
        args=f"items(), {_rounds(kernel, task_ns)}",
        setup=f"from {__name__} import items",
    )


def items() -> "array[float]":
    """Return what the kernel works on: float64[`N_ITEMS`], between -1 and 1."""
    return array("d", (2 * i / N_ITEMS - 1 for i in range(N_ITEMS)))


def _rounds(kernel: kernels.Kernel, task_ns: int) -> int:
    """Return how many rounds take that long: four times as many until a quarter of it is reached."""
    x, rounds = items(), 1
    while True:
        begin_ns = time.thread_time_ns()  # so that a busy machine does not make the calls shorter
        kernel.compute(x, rounds)
        took_ns = time.thread_time_ns() - begin_ns
        if 4 * took_ns >= task_ns:
            return max(1, round(rounds * task_ns / took_ns))
        rounds *= 4
