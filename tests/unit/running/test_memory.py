"""The memory that all strategies compute in: filled with a known pattern, poisoned, compared, and given back."""

import os
from array import array

import pytest
from leftovers import nothing_left

from gilscope import kernels
from gilscope.errors import UsageError
from gilscope.running.strategies import ITEM_MULTIPLE, SharedMemory


def write_results(memory: SharedMemory, kernel: str, n_items: int) -> None:
    """Compute right results into the output with plain Python."""
    reference = kernels.load(kernel, "python", "held")
    assert isinstance(reference, kernels.Kernel)
    code = kernels.FORMATS[memory.dtype]
    x_start, out_start = memory.offsets(0, n_items)
    n_bytes = n_items * kernels.ITEM_BYTES[memory.dtype]
    out = array(code, bytes(n_bytes))
    reference.apply(array(code, os.pread(memory.fd, n_bytes, x_start)), out)
    os.pwrite(memory.fd, out.tobytes(), out_start)


@pytest.mark.parametrize("kernel", kernels.KERNELS)
def test_right_results_are_right(kernel: str, dtype: str) -> None:
    """What plain Python computes over the whole input, past the pattern's end, has no wrong item."""
    with nothing_left():
        memory = SharedMemory(dtype, 2, 4096)
        memory.fill_input(8192)
        write_results(memory, kernel, 8192)
        assert memory.first_wrong_item(kernel, 8192) is None
        memory.close()


@pytest.mark.parametrize("wrong", [0, 31, 4093, 8191])
def test_a_wrong_result_is_located(wrong: int, dtype: str) -> None:
    """The first item that differs, in any of its bytes, is named by its index."""
    memory = SharedMemory(dtype, 2, 4096)
    memory.fill_input(8192)
    write_results(memory, "quad", 8192)
    item_bytes = kernels.ITEM_BYTES[dtype]
    _, out_start = memory.offsets(0, 4096)
    last_byte = out_start + wrong * item_bytes + item_bytes - 1
    before = os.pread(memory.fd, 1, last_byte)
    os.pwrite(memory.fd, bytes([before[0] ^ 1]), last_byte)
    os.pwrite(memory.fd, b"\x00\xff", out_start + 8191 * item_bytes)
    assert memory.first_wrong_item("quad", 8192) == wrong
    memory.close()


def test_unwritten_output_is_wrong(dtype: str) -> None:
    """Poison is no result: output that nobody wrote after it differs from its first item on."""
    memory = SharedMemory(dtype, 2, 64)
    memory.fill_input(128)
    write_results(memory, "square", 128)
    memory.poison_output(128)
    assert memory.first_wrong_item("square", 128) == 0
    memory.close()


def test_poison_reaches_as_far_as_asked_and_spares_the_input(dtype: str) -> None:
    """Only the first items of the output are overwritten; the input is what it was."""
    memory = SharedMemory(dtype, 2, 64)
    memory.fill_input(128)
    write_results(memory, "square", 128)
    half = 64 * kernels.ITEM_BYTES[dtype]
    x_start, out_start = memory.offsets(0, 64)
    before = os.pread(memory.fd, 2 * half, x_start), os.pread(memory.fd, half, out_start + half)
    memory.poison_output(64)
    assert (os.pread(memory.fd, 2 * half, x_start), os.pread(memory.fd, half, out_start + half)) == before
    assert set(os.pread(memory.fd, half, out_start)) == {0xA5}
    memory.close()


def test_chunks_share_no_cache_line(dtype: str) -> None:
    """Chunks begin on pairs of cache lines, one after the other, and input and output do not overlap."""
    memory = SharedMemory(dtype, 3, 4 * ITEM_MULTIPLE)
    n_bytes = ITEM_MULTIPLE * kernels.ITEM_BYTES[dtype]
    offsets = [memory.offsets(chunk, ITEM_MULTIPLE) for chunk in range(3)]
    assert [x for x, _ in offsets] == [0, n_bytes, 2 * n_bytes]
    assert [out - offsets[0][1] for _, out in offsets] == [0, n_bytes, 2 * n_bytes]
    assert all(start % 128 == 0 for pair in offsets for start in pair)
    assert 12 * n_bytes <= offsets[0][1]
    assert offsets[0][1] + 12 * n_bytes <= memory.n_bytes
    memory.close()


def test_the_input_is_spread_and_stays_in_range(dtype: str) -> None:
    """No two items of a period are equal, and floats stay where squares neither overflow nor vanish."""
    memory = SharedMemory(dtype, 1, 4096)
    memory.fill_input(4096)
    values = array(kernels.FORMATS[dtype], os.pread(memory.fd, 4093 * kernels.ITEM_BYTES[dtype], 0))
    assert len(set(values)) == 4093
    if dtype.startswith("float"):
        assert 0.25 <= min(values) < max(values) <= 1.15
    memory.close()


def test_more_than_half_of_the_memory_is_refused() -> None:
    """Arrays that would crowd the machine are refused with both sizes, and nothing is taken."""
    with (
        nothing_left(),
        pytest.raises(UsageError, match=r"iB, more than half of this machine's .* fewer items or workers"),
    ):
        SharedMemory("float64", 2, 10**12)


def test_half_of_the_memory_is_the_border(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly half is allowed, a byte more is not; where the system does not tell, nothing is refused."""
    sizes = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 4}
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__)
    SharedMemory("float64", 1, 512).close()
    with pytest.raises(UsageError, match="more than half"):
        SharedMemory("float64", 1, 544)

    def unknown(_: str) -> int:
        raise ValueError

    monkeypatch.setattr(os, "sysconf", unknown)
    SharedMemory("float64", 1, 544).close()


def test_without_memfd_the_file_has_no_name_either(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """Where the system has no anonymous files, a temporary one is unlinked at once."""
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    memory = SharedMemory("int32", 1, 64)
    assert os.listdir(str(tmp_path)) == []
    memory.fill_input(64)
    memory.close()
