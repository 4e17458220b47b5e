"""Values and buffers for the kernel tests, and what the reference makes of them."""

import ctypes
import math
import mmap
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np

from gilscope.kernels import FORMATS, ITEM_BYTES, Kernel, load

FLOATS = [
    0.0, -0.0, 1.0, -1.0, 0.1, -0.3, math.pi, 7.0, 1e-3, 123456.789,
    math.inf, -math.inf, math.nan, -math.nan,
]  # fmt: skip
# Squares and quads just inside and outside each type's range, normal, denormal and zero.
EDGES = {
    "float64": [5e-324, 1e-320, 2.2250738585072014e-308, 1.5e-154, 1e-81, 1e-77, 1.3e77, 1.4e77, 1.34e154, 1.35e154,
                1.7976931348623157e308],
    "float32": [1.4e-45, 1e-40, 1.1754944e-38, 1e-23, 1.1e-19, 1e-11, 4.2e9, 4.3e9, 1.8e19, 1.9e19, 3.4028235e38],
}  # fmt: skip


def values(dtype: str) -> list[Any]:
    """Return values that reach every special case of a type."""
    if dtype.startswith("float"):
        # Tenths have no exact float: in float32 nearly every quad of theirs shows one rounding too few or too many.
        return [*FLOATS, *EDGES[dtype], *(-value for value in EDGES[dtype]), *(n / 10 for n in range(1, 60))]
    bits = 8 * ITEM_BYTES[dtype]
    low, high = (0, 2**bits - 1) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    near = [sign * (2**k + d) for k in range(bits) for d in (-1, 0, 1) for sign in (-1, 1)]
    return sorted({value for value in [0, 7, low, low + 1, high - 1, high, *near] if low <= value <= high})


@cache
def data(dtype: str) -> bytes:
    """Return the same as the bytes of an array."""
    return array(FORMATS[dtype], values(dtype)).tobytes()


@cache
def reference(name: str, dtype: str, source: bytes) -> bytes:
    """Return what the plain-Python kernel makes of some bytes: what every other implementation must equal."""
    kernel = load(name, "python", "held")
    assert isinstance(kernel, Kernel)
    x, out = array(FORMATS[dtype], source), array(FORMATS[dtype], source)
    kernel.apply(x, out)
    return out.tobytes()


def scratch(dtype: str, n_bytes: int) -> "array[Any]":
    """Return an array filled with bytes that no result has throughout."""
    return array(FORMATS[dtype], b"\xa5" * n_bytes)


# Each takes (dtype, bytes) and yields a writable buffer that holds them.
@contextmanager
def _array(dtype: str, content: bytes) -> Iterator[Any]:
    yield array(FORMATS[dtype], content)


@contextmanager
def _memoryview(dtype: str, content: bytes) -> Iterator[Any]:
    yield memoryview(bytearray(content)).cast(FORMATS[dtype])


@contextmanager
def _memoryview_2d(dtype: str, content: bytes) -> Iterator[Any]:
    n = len(content) // ITEM_BYTES[dtype]
    rows = 1 if n % 2 else 2
    yield memoryview(bytearray(content)).cast(FORMATS[dtype], (rows, n // rows))


@contextmanager
def _shared_memory(dtype: str, content: bytes) -> Iterator[Any]:
    block = SharedMemory(create=True, size=len(content))
    try:
        assert block.buf is not None
        # The block may be larger than asked for: some systems round it up to pages.
        with block.buf[: len(content)] as part, part.cast(FORMATS[dtype]) as view:
            part[:] = content
            yield view
    finally:
        block.close()
        block.unlink()


@contextmanager
def _mmap(dtype: str, content: bytes) -> Iterator[Any]:
    with mmap.mmap(-1, len(content)) as pages:
        pages[:] = content
        with memoryview(pages) as part, part.cast(FORMATS[dtype]) as view:
            yield view


@contextmanager
def _ctypes(dtype: str, content: bytes) -> Iterator[Any]:
    item = getattr(ctypes, {"float64": "c_double", "float32": "c_float"}.get(dtype, f"c_{dtype}"))
    yield (item * (len(content) // ITEM_BYTES[dtype])).from_buffer_copy(content)


@contextmanager
def _numpy(dtype: str, content: bytes) -> Iterator[Any]:
    yield np.frombuffer(content, dtype=dtype).copy()


@contextmanager
def _numpy_3d(dtype: str, content: bytes) -> Iterator[Any]:
    yield np.frombuffer(content, dtype=dtype).copy().reshape(1, -1, 1)


BUFFERS: dict[str, Callable[[str, bytes], Any]] = {
    "array": _array,
    "memoryview": _memoryview,
    "memoryview 2-D": _memoryview_2d,
    "shared memory": _shared_memory,
    "mmap": _mmap,
    "ctypes": _ctypes,
    "numpy": _numpy,
    "numpy 3-D": _numpy_3d,
}
