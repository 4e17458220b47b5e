"""The table of kernels: what is computed, by which implementation, in which GIL mode.

Nothing is imported until it is asked for, because NumPy and OpenMP must stay out of subinterpreters and out of any
process that is going to fork.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from gilscope.errors import Unavailable, unknown

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from 3.12 on

KERNELS = ("square", "quad")
# held: for the whole call. released: for the whole loop. chunked: released and taken back per block of it.
GIL_MODES = ("held", "released", "chunked")
DTYPES = ("float64", "float32", "int64", "int32", "uint64", "uint32")

# struct-module codes: what memoryview.cast understands, with the sizes that CPython's platforms share.
FORMATS: dict[str, Literal["d", "f", "q", "i", "Q", "I"]] = {
    "float64": "d",
    "float32": "f",
    "int64": "q",
    "int32": "i",
    "uint64": "Q",
    "uint32": "I",
}
ITEM_BYTES = {"float64": 8, "float32": 4, "int64": 8, "int32": 4, "uint64": 8, "uint32": 4}

# Implementation -> (module, the GIL modes it comes in). Python bytecode never gives the GIL up of itself, and NumPy
# decides on its own to release it around long loops, so each of these has one mode.
_TABLE = {
    "python": ("gilscope.kernels.python", ("held",)),
    "numpy": ("gilscope.kernels.with_numpy", ("released",)),
    "cython": ("gilscope.kernels._cython", GIL_MODES),
    "c": ("gilscope.kernels._capi", GIL_MODES),
}
IMPLEMENTATIONS = tuple(_TABLE)


@dataclass(frozen=True, slots=True)
class Kernel:
    """One kernel: the same arithmetic as every other of its name, computed in its own way.

    Parameters
    ----------
    name : {"square", "quad"}
    implementation : {"python", "numpy", "cython", "c"}
    gil : {"held", "released", "chunked"}
    apply : callable
        ``apply(x, out)`` writes f(x[i]) to out[i]. Safe from any thread as long as nobody else writes to x or out.
    compute : callable
        ``compute(x, rounds)`` returns the checksum (an int below 2**64) of that many rounds over a copy of x, at
        most 2048 items, that stays in cache. Safe from any thread.
    """

    name: str
    implementation: str
    gil: str
    apply: "Callable[[Buffer, Buffer], None]"
    compute: "Callable[[Buffer, int], int]"


def gil_modes(implementation: str) -> tuple[str, ...]:
    """Return the GIL modes that an implementation comes in."""
    _known("implementation", implementation, IMPLEMENTATIONS)
    return _TABLE[implementation][1]


def load(name: str, implementation: str, gil: str) -> Kernel | Unavailable:
    """Import what one kernel needs and return it.

    Parameters
    ----------
    name, implementation, gil : str
        See `KERNELS`, `IMPLEMENTATIONS` and `GIL_MODES`.

    Returns
    -------
    Kernel or Unavailable
        `Unavailable` where the implementation has no such GIL mode or cannot be imported in this interpreter.

    Raises
    ------
    UsageError
        For a name that is in none of the tables.
    """
    _known("kernel", name, KERNELS)
    _known("GIL mode", gil, GIL_MODES)
    modes = gil_modes(implementation)
    if gil not in modes:
        return Unavailable(f"{implementation} has no {gil} form")
    try:
        module = import_module(_TABLE[implementation][0])
    except ImportError as error:
        # NumPy wraps the reason in a page of advice; the exception that it was raised from says it in a line.
        reason = str(error.__cause__ or error).strip().partition("\n")[0]
        return Unavailable(f"{implementation} cannot be imported here ({reason})")
    return Kernel(
        name=name,
        implementation=implementation,
        gil=gil,
        apply=getattr(module, f"{name}_{gil}"),
        compute=getattr(module, f"{name}_compute_{gil}"),
    )


def _known(what: str, given: str, allowed: tuple[str, ...]) -> None:
    if given not in allowed:
        raise unknown(what, given, allowed)
