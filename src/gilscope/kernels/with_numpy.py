"""The kernels as NumPy ufuncs. Importing this imports NumPy, which no subinterpreter with its own GIL can load.

GIL: NumPy releases it inside each ufunc call, once per call for square and twice for quad, where the loop is longer
than about 500 items; the compute form makes two or three such calls a round, so its releases are short. Safe from any
thread.
"""

from typing import TYPE_CHECKING

import numpy as np

from gilscope.kernels._capi import check, check_lanes

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from 3.12 on


def _quiet() -> np.errstate:
    """Let overflow become infinity without a warning, as in every other implementation."""
    return np.errstate(all="ignore")


def square_released(x: "Buffer", out: "Buffer", /) -> None:
    """Write x*x to out."""
    check(x, out)
    source = np.asarray(x)
    with _quiet():
        np.multiply(source, source, out=np.asarray(out).reshape(source.shape))


def quad_released(x: "Buffer", out: "Buffer", /) -> None:
    """Write (x*x)*(x*x) to out."""
    check(x, out)
    source = np.asarray(x)
    target = np.asarray(out).reshape(source.shape)
    with _quiet():
        np.multiply(source, source, out=target)
        np.multiply(target, target, out=target)


def square_compute_released(x: "Buffer", rounds: int, /) -> int:
    """Return the checksum of that many rounds of square over a copy of x."""
    return _compute(x, rounds, quad=False)


def quad_compute_released(x: "Buffer", rounds: int, /) -> int:
    """Return the checksum of that many rounds of quad over a copy of x."""
    return _compute(x, rounds, quad=True)


def _compute(x: "Buffer", rounds: int, *, quad: bool) -> int:
    dtype, n_items, rounds = check_lanes(x, rounds)
    bits = np.dtype(f"uint{8 * np.dtype(dtype).itemsize}")
    lanes = np.array(x).reshape(-1)
    if lanes.dtype.kind != "f":
        lanes = lanes.view(bits)
    power = np.empty_like(lanes)
    number = lanes.dtype.type
    base, five = number(1.17 if quad else 1.85), number(5)
    with _quiet():
        for r in range(rounds):
            np.multiply(lanes, lanes, out=power)
            if quad:
                np.multiply(power, power, out=power)
            if lanes.dtype.kind == "f":
                np.subtract(power, base + number((r * 2654435769 % 2**32 >> 8) / 2**28), out=lanes)
            else:
                np.bitwise_or(power, five, out=power)
                np.add(lanes, power, out=lanes)
    weights = np.arange(n_items, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    return int((lanes.view(bits).astype(np.uint64) * weights).sum(dtype=np.uint64))
