"""What no kernel accepts: each refusal says what was given and what is allowed, and leaves no trace."""

from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gilscope.kernels import Kernel

Make = Callable[[bytearray], Any]
DTYPES_IN_WORDS = ["float64, float32, int64, int32, uint64 and uint32", "native byte order"]


def as_numpy(dtype: str) -> Make:
    """Return a maker of NumPy arrays over a bytearray."""
    return lambda content: np.frombuffer(content, dtype)


def as_view(code: Any) -> Make:
    """Return a maker of memoryviews over a bytearray."""
    return lambda content: memoryview(content).cast(code)


good = as_view("d")

WRONG_TYPE: dict[str, tuple[Make, list[str]]] = {
    "float16": (as_numpy("e"), ["'e'", "2 bytes"]),
    "int16": (as_view("h"), ["'h'", "2 bytes"]),
    "bool": (as_view("?"), ["'?'", "1 bytes"]),
    "bytes": (lambda content: content, ["'B'", "1 bytes"]),
    "char": (as_view("c"), ["'c'"]),
    "complex": (as_numpy("c16"), ["'Zd'", "16 bytes"]),
    "record": (as_numpy("f4,f4"), ["'T{"]),
    "byte order": (as_numpy(">f8" if np.little_endian else "<f8"), ["d'", "8 bytes"]),
    "objects": (lambda _: np.array([1.0, None], dtype=object), ["'O'"]),
    "list": (lambda _: [1.0, 2.0], ["C-contiguous buffer", "list"]),
    "None": (lambda _: None, ["C-contiguous buffer", "NoneType"]),
    "number": (lambda _: 7, ["C-contiguous buffer", "int"]),
    "text": (lambda _: "7", ["C-contiguous buffer", "str"]),
}
WRONG_LAYOUT: dict[str, tuple[Make, type[Exception], list[str]]] = {
    "every other": (lambda content: good(content)[::2], BufferError, ["not C-contiguous", "contiguous copy"]),
    "backwards": (lambda content: good(content)[::-1], BufferError, ["not C-contiguous", "contiguous copy"]),
    "Fortran order": (
        lambda content: np.frombuffer(content, "d").reshape(2, 4).T,
        BufferError,
        ["not C-contiguous", "contiguous copy"],
    ),
    "zero-dimensional": (
        lambda content: np.frombuffer(content, "d", count=1).reshape(()),
        ValueError,
        ["zero-dimensional", "one dimension or more"],
    ),
    "unaligned": (
        lambda content: memoryview(content)[1:57].cast("d"),
        BufferError,
        ["multiple", "8-byte", "aligned copy"],
    ),
}


def refuse(kernel: Kernel, make_x: Make, make_out: Make, error: type[Exception], words: list[str]) -> None:
    """Check that a call is refused in these words, changes nothing, and holds nothing afterwards."""
    contents = bytearray(range(64)), bytearray(range(64, 128))
    before = [bytes(content) for content in contents]
    x, out = make_x(contents[0]), make_out(contents[1])
    with pytest.raises(error) as raised:
        kernel.apply(x, out)
    message = str(raised.value)
    assert type(raised.value) is error
    assert all(word in message for word in words), message
    assert [bytes(content) for content in contents] == before
    del x, out, raised  # the traceback's frames refer to both
    for content in contents:
        content.append(0)  # BufferError if anything still held it


def test_wrong_type(kernel: Kernel) -> None:
    """Items of another type or byte order, and what is no buffer, are a TypeError as x and as out."""
    for make, words in WRONG_TYPE.values():
        refuse(kernel, make, good, TypeError, ["x ", *words, *DTYPES_IN_WORDS])
        refuse(kernel, good, make, TypeError, ["out ", *words, *DTYPES_IN_WORDS])


def test_wrong_layout(kernel: Kernel) -> None:
    """Gaps, another order, no dimension and a crooked start are refused as x and as out."""
    for make, error, words in WRONG_LAYOUT.values():
        refuse(kernel, make, good, error, ["x ", *words])
        refuse(kernel, good, make, error, ["out ", *words])


def test_what_numpy_cannot_export(kernel: Kernel) -> None:
    """Dates, which NumPy exports to nobody, are NumPy's own ValueError."""
    refuse(kernel, as_numpy("M8[s]"), good, ValueError, ["dtype", "M"])
    refuse(kernel, good, as_numpy("M8[s]"), ValueError, ["dtype", "M"])


def test_read_only_out(kernel: Kernel) -> None:
    """A read-only out is a BufferError, also when it is x itself."""
    read_only: Make = lambda content: memoryview(content).toreadonly().cast("d")  # noqa: E731
    refuse(kernel, good, read_only, BufferError, ["out is read-only", "writable"])
    x = array("d", [3.0]).tobytes()
    with memoryview(x).cast("d") as view, pytest.raises(BufferError, match="out is read-only"):
        kernel.apply(view, view)


@pytest.mark.parametrize("n", [0, 1, 7])
def test_different_length(kernel: Kernel, n: int) -> None:
    """A different number of items is a ValueError that names both."""
    part: Make = lambda content: memoryview(content)[: 8 * n].cast("d")  # noqa: E731
    refuse(kernel, good, part, ValueError, [f"out has {n} items", "x has 8", "same number"])
    refuse(kernel, part, good, ValueError, ["out has 8 items", f"x has {n}", "same number"])


@pytest.mark.parametrize(
    ("x_code", "out_code"), [("d", "q"), ("q", "Q"), ("Q", "d"), ("i", "I"), ("f", "i"), ("d", "f")]
)
def test_different_dtypes(kernel: Kernel, x_code: str, out_code: str) -> None:
    """An out of another allowed dtype is a TypeError that names both."""
    names = {"d": "float64", "f": "float32", "q": "int64", "i": "int32", "Q": "uint64", "I": "uint32"}
    words = [f"out holds {names[out_code]}", f"x holds {names[x_code]}", "the same"]
    refuse(kernel, as_view(x_code), as_view(out_code), TypeError, words)


@pytest.mark.parametrize("shift", [-7, -1, 1, 7])
def test_partial_overlap(kernel: Kernel, shift: int) -> None:
    """An out that overlaps x without being x is a ValueError that says by how much."""
    content = bytearray(range(128))
    before = bytes(content)
    whole = memoryview(content).cast("d")
    start = max(0, -shift)
    x, out = whole[start : start + 8], whole[start + shift : start + shift + 8]
    with pytest.raises(ValueError, match=f"out overlaps x without being x .*{8 * shift} bytes") as raised:
        kernel.apply(x, out)
    assert bytes(content) == before
    del raised
    for view in (x, out, whole):
        view.release()
    content.append(0)


def test_neighbours_do_not_overlap(kernel: Kernel) -> None:
    """An out that begins where x ends, or ends where x begins, is fine."""
    whole = array("d", [3.0] * 8)
    with memoryview(whole) as view:
        kernel.apply(view[:4], view[4:])
        kernel.apply(view[4:], view[:4])
    power = {"square": 2, "quad": 4}[kernel.name]
    assert whole.tolist() == [3.0 ** (power * power)] * 4 + [3.0**power] * 4


@pytest.mark.parametrize("arguments", [0, 1, 3])
def test_wrong_number_of_arguments(kernel: Kernel, arguments: int) -> None:
    """Too few or too many arguments are a TypeError, as in any Python function."""
    contents = [bytearray(64) for _ in range(arguments)]
    views = [good(content) for content in contents]
    for call in (kernel.apply, kernel.compute):
        with pytest.raises(TypeError, match="argument"):
            call(*views)
    assert all(not any(content) for content in contents)


def test_buffers_are_let_go_after_success(kernel: Kernel) -> None:
    """Bytearrays under x and out can be resized once the call is over."""
    contents = bytearray(64), bytearray(64)
    x, out = (good(content) for content in contents)
    kernel.apply(x, out)
    for view, content in zip((x, out), contents, strict=True):
        view.release()
        content.append(0)
