"""gilscope.square and gilscope.quad as people call them."""

import subprocess
import sys
from array import array
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import gilscope
from gilscope.kernels import DTYPES, FORMATS


@pytest.mark.parametrize(
    "number", [7, -3, 0, 2**70, 1.5, -0.25, True, 2 + 1j, Fraction(1, 3), Decimal("1.1"), np.float64(3.0), np.int64(7)]
)
def test_plain_numbers(number: Any) -> None:
    """A plain number of any kind gives a plain number of its kind, without wrapping."""
    assert gilscope.square(number) == number**2
    assert gilscope.quad(number) == number**2 * number**2
    assert type(gilscope.square(number)) is type(number * number)


def test_the_number_of_the_article() -> None:
    """The article's number 7 has the square 49 and the quad 2401."""
    assert gilscope.square(7) == 49
    assert gilscope.quad(7) == 2401


@pytest.mark.parametrize("gil", ["held", "released", "chunked"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_new_array(dtype: str, gil: str) -> None:
    """Without out a new array.array of the same type holds the results, and x is left as it was."""
    x = array(FORMATS[dtype], [0, 1, 2, 3])
    for result, expected in (
        (gilscope.square(x, gil=gil), [0, 1, 4, 9]),
        (gilscope.quad(x, gil=gil), [0, 1, 16, 81]),
    ):
        assert isinstance(result, array)
        assert result == array(FORMATS[dtype], expected)
    assert x.tolist() == [0, 1, 2, 3]


def test_new_numpy_array() -> None:
    """A NumPy array gives a NumPy array of its shape and type, a subclass a plain one."""
    x = np.arange(6, dtype="i4").reshape(2, 3)
    result = gilscope.quad(x)
    assert type(result) is np.ndarray
    assert result.dtype == x.dtype
    assert result.tolist() == [[0, 1, 16], [81, 256, 625]]
    assert type(gilscope.square(np.ma.masked_array(x))) is np.ndarray


def test_other_buffers_give_flat_arrays() -> None:
    """A memoryview of two dimensions gives a flat array.array, and an empty one an empty array."""
    x = memoryview(array("d", [1, 2, 3, 4]).tobytes()).cast("d", (2, 2))
    assert gilscope.square(x) == array("d", [1, 4, 9, 16])
    assert gilscope.square(array("f")) == array("f")


@pytest.mark.parametrize("gil", ["held", "released", "chunked"])
def test_out_is_returned(gil: str) -> None:
    """An out that is given is filled and returned itself, also when it is x."""
    x, out = array("d", [1.0, 2.0]), array("d", [0.0, 0.0])
    assert gilscope.square(x, out, gil=gil) is out
    assert out.tolist() == [1.0, 4.0]
    assert gilscope.quad(x, out=x, gil=gil) is x
    assert x.tolist() == [1.0, 16.0]


def test_unknown_gil_mode() -> None:
    """A GIL mode that does not exist is a ValueError that lists those that do, even for a plain number."""
    for x in (7, array("d", [7.0])):
        with pytest.raises(ValueError, match="unknown GIL mode 'free'; choose from: held, released, chunked"):
            gilscope.square(x, gil="free")


def test_number_with_out() -> None:
    """A plain number has nowhere to go in an out."""
    with pytest.raises(TypeError, match="out needs a buffer x; x is a plain int"):
        gilscope.square(7, array("d", [0.0]))


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        ([1.0], TypeError, "C-contiguous buffer .* got list"),
        (None, TypeError, "C-contiguous buffer .* got NoneType"),
        (b"7", TypeError, "'B' .* allowed are float64"),
        (np.array(7.0), ValueError, "zero-dimensional"),
        (np.arange(8.0)[::2], BufferError, "not C-contiguous"),
        (np.arange(8, dtype="f2"), TypeError, "format 'e'"),
        (np.array([None]), TypeError, "format 'O'"),
    ],
)
def test_bad_x_without_out(x: Any, error: type[Exception], words: str) -> None:
    """What the kernels refuse is refused in the same words when out has yet to be made."""
    for function in (gilscope.square, gilscope.quad):
        with pytest.raises(error, match=words):
            function(x)


def test_numpy_is_not_imported() -> None:
    """Square of an array.array does not load NumPy."""
    program = (
        "import sys, gilscope; from array import array\n"
        "assert gilscope.square(array('d', [3.0]))[0] == 9.0 and gilscope.quad(7) == 2401\n"
        "assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=60)
