"""One suite for every kernel, implementation, GIL mode and element type; plain Python is the reference."""

from array import array
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_data import BUFFERS, data, reference, scratch

from gilscope.kernels import DTYPES, FORMATS, ITEM_BYTES, Kernel

# Above the size at which the compiled kernels change their way of writing, and no multiple of any block.
LARGE_BYTES = (16 << 20) + 4096 + 48


def test_reference_squares_and_quads_small_integers(dtype: str) -> None:
    """The reference itself gives 49 and 2401 for 7, and wraps or overflows as documented."""
    seven = array(FORMATS[dtype], [7]).tobytes()
    assert array(FORMATS[dtype], reference("square", dtype, seven))[0] == 49
    assert array(FORMATS[dtype], reference("quad", dtype, seven))[0] == 2401


@pytest.mark.parametrize(
    ("dtype", "value", "square", "quad"),
    [
        ("int32", -(2**31), 0, 0),
        ("int32", 2**31 - 1, 1, 1),
        ("int32", 46341, 46341**2 - 2**32, (46341**4 + 2**31) % 2**32 - 2**31),
        ("uint32", 2**32 - 1, 1, 1),
        ("uint32", 65537, 131073, 131073**2 % 2**32),
        ("int64", -(2**63), 0, 0),
        ("int64", 3037000500, 3037000500**2 - 2**64, (3037000500**4 + 2**63) % 2**64 - 2**63),
        ("uint64", 2**64 - 1, 1, 1),
        ("float64", -0.0, 0.0, 0.0),
        ("float64", 1e200, float("inf"), float("inf")),
        ("float32", 1e20, float("inf"), float("inf")),
    ],
)
def test_known_values(kernel: Kernel, dtype: str, value: Any, square: Any, quad: Any) -> None:
    """Integers wrap modulo 2**bits and floats overflow to infinity, in values worked out by hand."""
    out = array(FORMATS[dtype], [0])
    kernel.apply(array(FORMATS[dtype], [value]), out)
    assert out[0] == {"square": square, "quad": quad}[kernel.name]


def test_quad_rounds_float32_twice(kernel: Kernel) -> None:
    """Quad of a float32 is the rounded square of the rounded square, not the fourth power rounded once."""
    if kernel.name == "square":
        out = array("f", [0])
        kernel.apply(array("f", [0.1]), out)
        assert out[0] == float(np.float32(np.float32(0.1) * np.float32(0.1)))
        return
    x = array("f", [n / 1000 for n in range(1, 1000)])
    out, once = array("f", x), array("f", [value**4 for value in x])
    kernel.apply(x, out)
    squares = np.frombuffer(x, np.float32) * np.frombuffer(x, np.float32)
    assert out.tobytes() == (squares * squares).tobytes() != once.tobytes()


def test_edge_values_equal_the_reference(kernel: Kernel, dtype: str) -> None:
    """Extremes, infinities, NaN, signed zeros and denormals come out bit for bit as in plain Python."""
    x, out = array(FORMATS[dtype], data(dtype)), scratch(dtype, len(data(dtype)))
    kernel.apply(x, out)
    assert out.tobytes() == reference(kernel.name, dtype, data(dtype))
    assert x.tobytes() == data(dtype)


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(DTYPES), st.binary(max_size=640))
def test_any_bits_equal_the_reference(kernel: Kernel, dtype: str, content: bytes) -> None:
    """Whatever the bits of x, the result is bit for bit that of plain Python."""
    content = content[: len(content) // ITEM_BYTES[dtype] * ITEM_BYTES[dtype]]
    x, out = array(FORMATS[dtype], content), scratch(dtype, len(content))
    kernel.apply(x, out)
    assert out.tobytes() == reference(kernel.name, dtype, content)


def test_any_buffer(kernel: Kernel, dtype: str) -> None:
    """Every kind of buffer of any shape serves as x, as out, and as both in place."""
    expected = reference(kernel.name, dtype, data(dtype))
    for kind, make in BUFFERS.items():
        with make(dtype, data(dtype)) as x, make(dtype, b"\xa5" * len(data(dtype))) as out:
            kernel.apply(x, out)
            assert memoryview(out).tobytes() == expected, kind
            assert memoryview(x).tobytes() == data(dtype), kind
            kernel.apply(x, x)
            assert memoryview(x).tobytes() == expected, kind


def test_different_shapes_of_equal_length(kernel: Kernel, dtype: str) -> None:
    """Items are taken in C order whatever the two shapes, as long as their number is the same."""
    content = data(dtype)[: 12 * ITEM_BYTES[dtype]]
    x: Any = np.frombuffer(content, dtype).reshape(3, 4)
    out: Any = np.zeros((2, 1, 6), dtype)
    kernel.apply(x, out)
    assert out.tobytes() == reference(kernel.name, dtype, content)


def test_read_only_x(kernel: Kernel, dtype: str) -> None:
    """X may be read-only: it is never written to."""
    out = scratch(dtype, len(data(dtype)))
    kernel.apply(memoryview(data(dtype)).cast(FORMATS[dtype]), out)
    assert out.tobytes() == reference(kernel.name, dtype, data(dtype))


def test_empty(kernel: Kernel, dtype: str) -> None:
    """An empty buffer of any shape is fine, also in place and against an empty one of another shape."""
    for shape in ((0,), (0, 3), (2, 0, 5)):
        x: Any = np.empty(shape, dtype)
        out = array(FORMATS[dtype])
        kernel.apply(x, out)
        kernel.apply(x, x)
        kernel.apply(out, out)
        assert kernel.compute(x, 3) == 0, shape


def test_every_small_size_and_start(kernel: Kernel, dtype: str) -> None:
    """Vector loops, their tails and every start within a cache line agree with the reference and stay in bounds."""
    item = ITEM_BYTES[dtype]
    content = (data(dtype) * 2)[: 90 * item]
    for start in range(64 // item):
        for n in (1, 2, 3, 5, 8, 13, 16, 31, 33, 64, 71):
            x = memoryview(content).cast(FORMATS[dtype])[start : start + n]
            whole = scratch(dtype, 90 * item)
            kernel.apply(x, memoryview(whole)[start : start + n])
            before, after = whole[:start], whole[start + n :]
            assert whole[start : start + n].tobytes() == reference(kernel.name, dtype, x.tobytes())
            assert set(before.tobytes() + after.tobytes()) <= {0xA5}


def test_large(kernel: Kernel, dtype: str) -> None:
    """Outputs larger than a cache agree too, wherever they start and whatever their last block's size."""
    item, pattern = ITEM_BYTES[dtype], data(dtype)
    # Plain Python has one loop for every size, and takes its time.
    n_bytes = (1 << 16 if kernel.implementation == "python" else LARGE_BYTES) + 5 * item
    repeats = -(-n_bytes // len(pattern))
    content, expected = (
        np.frombuffer((part * repeats)[:n_bytes], np.uint8)
        for part in (pattern, reference(kernel.name, dtype, pattern))
    )
    whole, out = (np.full(n_bytes + 3 * item + 64, 0xA5, np.uint8) for _ in range(2))
    for start, in_place in ((0, False), (3, False), (3, True)):
        here = slice(start * item, start * item + n_bytes)
        whole[:] = out[:] = 0xA5
        whole[here] = content
        target = whole if in_place else out
        kernel.apply(whole[here].view(dtype), target[here].view(dtype))
        assert np.array_equal(target[here], expected), (start, in_place)
        assert set(target[: here.start].tobytes() + target[here.stop :].tobytes()) == {0xA5}, (start, in_place)


def test_from_many_threads(kernel: Kernel, dtype: str) -> None:
    """Threads that share x and write to buffers of their own do not disturb one another."""
    x = array(FORMATS[dtype], data(dtype))
    outs = [scratch(dtype, len(data(dtype))) for _ in range(32)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda out: kernel.apply(x, out), outs))
    assert {out.tobytes() for out in outs} == {reference(kernel.name, dtype, data(dtype))}
