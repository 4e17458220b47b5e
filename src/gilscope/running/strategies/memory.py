"""The memory that every strategy computes in: one anonymous file, mapped by each worker.

All arms read the same input and write the same output pages, so that their ratios compare the computing and not the
kind of memory; and a file without a name cannot be left behind, whatever is killed.
"""

import mmap
import os
from array import array
from itertools import count, islice

from gilscope import kernels, shortages, words
from gilscope.errors import Unavailable, UsageError

# Chunks begin and end on pairs of cache lines, because the adjacent-line prefetcher makes 128 bytes the unit of false
# sharing: 32 items of 4 bytes.
ITEM_MULTIPLE = 32

# A prime, so that no two chunks and no two vectors see the values in the same phase.
_PATTERN_ITEMS = 4093

# Whatever is asked for, the arrays of one run may take this share of the machine's memory.
_MEMORY_SHARE = 0.5


class SharedMemory:
    """Input and output arrays of `n_chunks` chunks each, filled with a pattern whose results are known.

    Parameters
    ----------
    dtype : str
    n_chunks : int
        The largest number of chunks that an arm works on.
    max_items : int
        The largest number of items in a chunk, a multiple of 32.

    Raises
    ------
    UsageError
        If the arrays would take more than half of this machine's memory.
    CannotRunError
        If the system does not give them.

    Notes
    -----
    Pages are taken from the system when first written, so a large `max_items` costs nothing until it is used.
    """

    def __init__(self, dtype: str, n_chunks: int, max_items: int) -> None:
        self.dtype = dtype
        self._item_bytes = kernels.ITEM_BYTES[dtype]
        self._out_start = n_chunks * max_items * self._item_bytes
        self.n_bytes = 2 * self._out_start
        self._filled = 0
        self._checksums: dict[tuple[str, int, int, int], int] = {}
        _refuse_too_much(self.n_bytes)
        with shortages.named():
            self.fd = anonymous_file(self.n_bytes)
            self._map = _mapped(self.fd, self.n_bytes)
        self._pattern = _pattern(dtype)

    def close(self) -> None:
        """Give the memory back. Workers that still map it keep their pages until they end."""
        self._map.close()
        os.close(self.fd)

    def offsets(self, chunk: int, n_items: int) -> tuple[int, int]:
        """Return where chunk number `chunk` of `n_items` items begins, in the input and in the output, in bytes."""
        start = chunk * n_items * self._item_bytes
        return start, self._out_start + start

    def fill_input(self, n_items: int) -> None:
        """Write the pattern over the first `n_items` items of the input, where it is not yet."""
        end = n_items * self._item_bytes
        if end > self._filled:
            self._map[self._filled : end] = _tile(self._pattern, self._filled, end - self._filled)
            self._filled = end

    def poison_output(self, n_items: int) -> None:
        """Overwrite the first `n_items` items of the output, so that what is not written cannot pass for a result."""
        end = self._out_start + n_items * self._item_bytes
        self._map[self._out_start : end] = b"\xa5" * (end - self._out_start)

    def first_wrong_item(self, kernel: str, n_items: int) -> int | None:
        """Return the index of the first output item that differs from the plain-Python reference, or None."""
        n_bytes = n_items * self._item_bytes
        expected = _tile(self._reference(kernel), 0, n_bytes)
        actual = self._map[self._out_start : self._out_start + n_bytes]
        if actual == expected:
            return None
        wrong = next(i for i, (a, b) in enumerate(zip(actual, expected, strict=True)) if a != b)
        return wrong // self._item_bytes

    def reference_checksum(self, kernel: str, chunks: int, n_items: int, rounds: int) -> int:
        """Return the plain-Python checksum of the compute form over the first chunks of the input.

        It is kept, for every arm of a kernel asks for the same one, and the input never changes.
        """
        asked = (kernel, chunks, n_items, rounds)
        if asked not in self._checksums:
            reference = _reference_kernel(kernel)
            total = 0
            for chunk in range(chunks):
                start, _ = self.offsets(chunk, n_items)
                lanes = array(kernels.FORMATS[self.dtype], self._map[start : start + n_items * self._item_bytes])
                total += reference.compute(lanes, rounds)
            self._checksums[asked] = total % 2**64
        return self._checksums[asked]

    def _reference(self, kernel: str) -> bytes:
        pattern = array(kernels.FORMATS[self.dtype], self._pattern)
        out = array(pattern.typecode, bytes(len(self._pattern)))
        _reference_kernel(kernel).apply(pattern, out)
        return out.tobytes()


def _reference_kernel(kernel: str) -> kernels.Kernel:
    reference = kernels.load(kernel, "python", "held")
    assert not isinstance(reference, Unavailable)  # it needs nothing that could be missing
    return reference


def _pattern(dtype: str) -> bytes:
    """Return one period of the input: spread by the golden ratio, floats normal and inside the compute map."""
    bits = 8 * kernels.ITEM_BYTES[dtype]
    words = list(islice(((i * 0x9E3779B97F4A7C15) % 2**64 for i in count(1)), _PATTERN_ITEMS))
    if dtype.startswith("float"):
        return array(kernels.FORMATS[dtype], [0.25 + 0.9 * (word / 2**64) for word in words]).tobytes()
    return array({64: "Q", 32: "I"}[bits], [word >> (64 - bits) for word in words]).tobytes()


def _tile(pattern: bytes, start: int, n_bytes: int) -> bytes:
    """Return `n_bytes` bytes of the endlessly repeated pattern from byte `start` on."""
    phase = start % len(pattern)
    return (pattern * ((phase + n_bytes) // len(pattern) + 1))[phase : phase + n_bytes]


def anonymous_file(n_bytes: int) -> int:
    """Return a descriptor of a file in memory of so many bytes, without a name that could be left behind."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("gilscope", os.MFD_CLOEXEC)
    else:
        import tempfile  # what most systems need not

        fd, path = tempfile.mkstemp(prefix="gilscope-")
        os.unlink(path)
    try:
        os.ftruncate(fd, n_bytes)
    except OSError:
        os.close(fd)
        raise
    return fd


def _mapped(fd: int, n_bytes: int) -> mmap.mmap:
    try:
        return mmap.mmap(fd, n_bytes)
    except OSError:
        os.close(fd)
        raise


def _refuse_too_much(n_bytes: int) -> None:
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return
    if n_bytes > _MEMORY_SHARE * physical:
        raise UsageError(
            f"the arrays would take {words.size(n_bytes)}, more than half of this machine's "
            f"{words.size(physical)}; ask for fewer items or workers"
        )
