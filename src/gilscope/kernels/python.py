"""The plain-Python kernels: a loop, and the reference that every other implementation must equal bit for bit.

They share nothing with the compiled kernels but the argument check. GIL: held throughout, as for all bytecode; it is
offered to other threads every switch interval. Safe from any thread.
"""

from array import array
from collections.abc import Callable
from pickle import PickleBuffer
from typing import TYPE_CHECKING, Any

from gilscope.kernels import FORMATS, ITEM_BYTES
from gilscope.kernels._capi import check, check_lanes

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from 3.12 on


def square_held(x: "Buffer", out: "Buffer", /) -> None:
    """Write x*x to out, item by item."""
    view, target, wrap = _open(x, out)
    for i, value in enumerate(view):
        target[i] = wrap(value * value) if wrap else value * value


def quad_held(x: "Buffer", out: "Buffer", /) -> None:
    """Write (x*x)*(x*x) to out, item by item."""
    view, target, wrap = _open(x, out)
    for i, value in enumerate(view):
        # The square goes through out and back, so that float32 rounds it as every other implementation does.
        target[i] = wrap(value * value) if wrap else value * value
        squared = target[i]
        target[i] = wrap(squared * squared) if wrap else squared * squared


def square_compute_held(x: "Buffer", rounds: int, /) -> int:
    """Return the checksum of that many rounds of square over a copy of x."""
    return _compute(x, rounds, quad=False)


def quad_compute_held(x: "Buffer", rounds: int, /) -> int:
    """Return the checksum of that many rounds of quad over a copy of x."""
    return _compute(x, rounds, quad=True)


def _open(x: "Buffer", out: "Buffer") -> "tuple[memoryview[Any], memoryview[Any], Callable[[int], int] | None]":
    dtype, _ = check(x, out)
    return _flat(x, dtype), _flat(out, dtype), _wrapper(dtype)


def _flat(buffer: "Buffer", dtype: str) -> "memoryview[Any]":
    # Through raw bytes, because a memoryview of several dimensions or of format "<d", as ctypes arrays have it, can
    # neither be indexed nor cast; nor can one that is empty in any dimension.
    raw = PickleBuffer(buffer).raw()
    return (raw if raw.nbytes else memoryview(b"")).cast(FORMATS[dtype])


def _wrapper(dtype: str) -> Callable[[int], int] | None:
    """Return the function that brings an exact integer into the dtype's range, or None for floats."""
    if dtype.startswith("float"):
        return None
    modulus = 1 << 8 * ITEM_BYTES[dtype]
    if dtype.startswith("uint"):
        return lambda value: value % modulus
    half = modulus // 2
    return lambda value: (value + half) % modulus - half


def _compute(x: "Buffer", rounds: int, *, quad: bool) -> int:
    dtype, _, rounds = check_lanes(x, rounds)
    bits = 8 * ITEM_BYTES[dtype]
    step = _float_step(dtype, quad=quad) if dtype.startswith("float") else _integer_step(bits, quad=quad)
    lanes: list[Any] = list(_flat(x, dtype))
    for r in range(rounds):
        lanes = [step(value, r) for value in lanes]
    if dtype.startswith("float"):
        lanes = list(array({64: "Q", 32: "I"}[bits], array(FORMATS[dtype], lanes).tobytes()))
    words = (int(value) % (1 << bits) for value in lanes)
    return sum(word * (2 * i + 1) for i, word in enumerate(words)) % 2**64


def _float_step(dtype: str, *, quad: bool) -> Callable[[float, int], float]:
    """Return round r on a float: v = f(v) - c(r), rounded to the dtype after every operation."""
    base = 1.17 if quad else 1.85
    if dtype == "float64":
        if quad:
            return lambda value, r: (value * value) * (value * value) - (base + _fraction(r))
        return lambda value, r: value * value - (base + _fraction(r))
    # A store into a float32 cell rounds as C does, to infinity too, where struct.pack would raise.
    cell = memoryview(bytearray(4)).cast("f")

    def rounded(value: float) -> float:
        cell[0] = value
        return cell[0]

    def step(value: float, r: int) -> float:
        squared = rounded(value * value)
        return rounded((rounded(squared * squared) if quad else squared) - rounded(rounded(base) + _fraction(r)))

    return step


def _fraction(r: int) -> float:
    """Return what round r adds to c: less than 1/16, in 24 bits."""
    return (r * 2654435769 % 2**32 >> 8) / 2**28


def _integer_step(bits: int, *, quad: bool) -> Callable[[int, int], int]:
    """Return a round on an integer, the same for every r: v = v + (f(v) | 5), modulo 2**bits."""
    mask = (1 << bits) - 1
    power = 4 if quad else 2
    return lambda value, _: (value + (value**power | 5)) & mask
