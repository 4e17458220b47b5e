"""The compute form: checksums that every implementation agrees on and that miss no round and no lane."""

import random
from array import array
from typing import Any

import pytest
from kernel_data import data

from gilscope.kernels import FORMATS, ITEM_BYTES, Kernel, _capi, load


def lanes(dtype: str, n: int) -> "array[Any]":
    """Return n values for the lanes: floats within the chaotic map's interval, integers of the whole range."""
    draw = random.Random(n)
    if dtype.startswith("float"):
        return array(FORMATS[dtype], (draw.uniform(-1.1, 1.1) for _ in range(n)))
    return array(FORMATS[dtype], draw.randbytes(n * ITEM_BYTES[dtype]))


def expected(kernel: Kernel, x: Any, rounds: int) -> int:
    """Return the reference's checksum."""
    reference = load(kernel.name, "python", "held")
    assert isinstance(reference, Kernel)
    return reference.compute(x, rounds)


def test_checksums_agree(kernel: Kernel, dtype: str) -> None:
    """Checksums equal the reference's for any number of lanes and rounds, and x is left as it was."""
    for n in (0, 1, 2, 7, 16, 33, 100):
        x = lanes(dtype, n)
        before = x.tobytes()
        for rounds in (0, 1, 2, 3, 10, 65):
            assert kernel.compute(x, rounds) == expected(kernel, x, rounds), (n, rounds)
        assert x.tobytes() == before, n


def test_checksums_agree_on_edge_values(kernel: Kernel, dtype: str) -> None:
    """Infinities, NaN, denormals and integer extremes go through the rounds alike everywhere."""
    x = array(FORMATS[dtype], data(dtype))
    for rounds in range(5):
        assert kernel.compute(x, rounds) == expected(kernel, x, rounds)


def test_every_round_matters(kernel: Kernel, dtype: str) -> None:
    """No two numbers of rounds from 0 to 64 have the same checksum, even with a single lane."""
    for n in (1, 64):
        x = lanes(dtype, n)
        assert len({kernel.compute(x, rounds) for rounds in range(65)}) == 65


def test_every_lane_matters(kernel: Kernel, dtype: str) -> None:
    """A small change of any lane, or an exchange of two, changes the checksum."""
    x = lanes(dtype, 33)
    small: Any = 1
    if dtype.startswith("float"):
        # Away from 0, where whole neighbourhoods have one square.
        small, x = 2**-10, array(FORMATS[dtype], (0.6 + value / 4 for value in x))
    # Not after many rounds: a float32 quad near 0 is c whatever it was, and then only the round's own term differs.
    for rounds in (0, 1, 2):
        seen = {kernel.compute(x, rounds)}
        for i in range(33):
            changed = x[:]
            changed[i] = changed[i] + small if changed[i] < 1 else changed[i] - small
            seen.add(kernel.compute(changed, rounds))
        swapped = x[:]
        swapped[3], swapped[17] = swapped[17], swapped[3]
        seen.add(kernel.compute(swapped, rounds))
        assert len(seen) == 35


def test_most_lanes(kernel: Kernel, dtype: str) -> None:
    """As many lanes as are allowed are computed, in any shape and read-only."""
    x = lanes(dtype, _capi.MAX_LANES)
    shaped = memoryview(x.tobytes()).cast(FORMATS[dtype], (2, _capi.MAX_LANES // 2))
    assert kernel.compute(shaped, 3) == kernel.compute(x, 3) == expected(kernel, x, 3)


def test_rounds_may_be_any_index(kernel: Kernel) -> None:
    """Rounds is whatever counts as an index, not only int."""

    class Three:
        def __index__(self) -> int:
            return 3

    x = lanes("int64", 5)
    assert kernel.compute(x, Three()) == kernel.compute(x, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rounds", "error", "words"),
    [
        (-1, ValueError, ["rounds", "0 to 2**64 - 1", "-1"]),
        (2**64, ValueError, ["rounds", "0 to 2**64 - 1", str(2**64)]),
        (1.5, TypeError, ["rounds", "int", "float"]),
        ("3", TypeError, ["rounds", "int", "str"]),
        (None, TypeError, ["rounds", "int", "NoneType"]),
    ],
)
def test_bad_rounds(kernel: Kernel, rounds: Any, error: type[Exception], words: list[str]) -> None:
    """A number of rounds that is none is refused in words, and x is let go."""
    content = bytearray(64)
    with memoryview(content).cast("d") as x, pytest.raises(error) as raised:
        kernel.compute(x, rounds)
    assert all(word in str(raised.value) for word in words), str(raised.value)
    content.append(0)


def test_too_many_lanes(kernel: Kernel, dtype: str) -> None:
    """One lane more than stays in cache is refused, with both numbers named."""
    content = bytearray((_capi.MAX_LANES + 1) * ITEM_BYTES[dtype])
    with memoryview(content).cast(FORMATS[dtype]) as x, pytest.raises(ValueError, match=r"2049 items.*at most 2048"):
        kernel.compute(x, 1)
    content.append(0)


def test_x_is_let_go_after_success(kernel: Kernel) -> None:
    """A bytearray under the lanes can be resized once the call is over."""
    content = bytearray(64)
    with memoryview(content).cast("d") as x:
        kernel.compute(x, 1)
    content.append(0)
