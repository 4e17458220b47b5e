# cython: language_level=3, binding=False
"""The kernels in Cython over the raw Py_buffer, with the GIL held, released, or released per block.

Typed memoryviews would be shorter, but a module that uses them cannot be loaded in a subinterpreter with a GIL
of its own. Every function is stateless and safe from any thread and interpreter.
"""
from cpython.buffer cimport PyBuffer_Release
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from headers cimport (
    GILSCOPE_BLOCK_ITEMS, GILSCOPE_BLOCK_ROUNDS, GILSCOPE_QUAD, GILSCOPE_SQUARE, gilscope_advance, gilscope_apply,
    gilscope_apply_block, gilscope_block_end, gilscope_checksum, gilscope_compute, gilscope_dtype, gilscope_lanes,
    gilscope_lanes_take, gilscope_operation, gilscope_pair, gilscope_pair_release, gilscope_pair_take,
    gilscope_past_cache,
)


cdef int apply(gilscope_operation operation, bint release, object x, object out) except -1:
    cdef gilscope_pair pair
    gilscope_pair_take(x, out, &pair)
    cdef bint past_cache = gilscope_past_cache(<size_t>pair.out.len)
    if release:
        # Safe without the GIL: the two exported buffers cannot be moved or freed until they are released.
        with nogil:
            gilscope_apply(operation, pair.dtype, past_cache, pair.x.buf, pair.out.buf, pair.n_items)
    else:
        gilscope_apply(operation, pair.dtype, past_cache, pair.x.buf, pair.out.buf, pair.n_items)
    gilscope_pair_release(&pair)
    return 0


cdef object compute(gilscope_operation operation, bint release, object x, object rounds_object):
    cdef Py_buffer view
    cdef gilscope_dtype dtype
    cdef uint64_t rounds, checksum
    gilscope_lanes_take(x, rounds_object, 1, &view, &dtype, &rounds)
    if release:
        # Safe without the GIL: x stays exported, and the lanes are a private copy on this stack.
        with nogil:
            checksum = gilscope_compute(operation, dtype, view.buf, view.len // view.itemsize, rounds)
    else:
        checksum = gilscope_compute(operation, dtype, view.buf, view.len // view.itemsize, rounds)
    PyBuffer_Release(&view)
    return checksum


cdef int apply_chunked(gilscope_operation operation, object x, object out) except -1:
    cdef gilscope_pair pair
    cdef size_t first = 0, end
    gilscope_pair_take(x, out, &pair)
    cdef bint past_cache = gilscope_past_cache(<size_t>pair.out.len)
    while first < pair.n_items:
        end = <size_t>gilscope_block_end(first, pair.n_items, GILSCOPE_BLOCK_ITEMS)
        # Safe without the GIL: the two exported buffers stay so from the first block to the last.
        with nogil:
            gilscope_apply_block(
                operation, pair.dtype, past_cache, pair.x.buf, pair.out.buf, <size_t>pair.x.itemsize, first, end)
        first = end
    gilscope_pair_release(&pair)
    return 0


cdef object compute_chunked(gilscope_operation operation, object x, object rounds_object):
    cdef Py_buffer view
    cdef gilscope_dtype dtype
    cdef gilscope_lanes lanes
    cdef uint64_t rounds, first = 0, end
    gilscope_lanes_take(x, rounds_object, 1, &view, &dtype, &rounds)
    cdef size_t n = <size_t>(view.len // view.itemsize)
    memcpy(&lanes, view.buf, <size_t>view.len)
    PyBuffer_Release(&view)
    while first < rounds:
        end = gilscope_block_end(first, rounds, GILSCOPE_BLOCK_ROUNDS)
        # Safe without the GIL: the lanes are a private copy on this stack.
        with nogil:
            gilscope_advance(operation, dtype, &lanes, n, first, end)
        first = end
    return gilscope_checksum(dtype, &lanes, n)


def square_held(x, out, /):
    """Write x*x to out. GIL: held throughout."""
    apply(GILSCOPE_SQUARE, False, x, out)


def square_released(x, out, /):
    """Write x*x to out. GIL: released for the loop."""
    apply(GILSCOPE_SQUARE, True, x, out)


def quad_held(x, out, /):
    """Write x*x*x*x to out. GIL: held throughout."""
    apply(GILSCOPE_QUAD, False, x, out)


def quad_released(x, out, /):
    """Write x*x*x*x to out. GIL: released for the loop."""
    apply(GILSCOPE_QUAD, True, x, out)


def square_compute_held(x, rounds, /):
    """Return the checksum of rounds of square. GIL: held throughout."""
    return compute(GILSCOPE_SQUARE, False, x, rounds)


def square_compute_released(x, rounds, /):
    """Return the checksum of rounds of square. GIL: released for the rounds."""
    return compute(GILSCOPE_SQUARE, True, x, rounds)


def quad_compute_held(x, rounds, /):
    """Return the checksum of rounds of quad. GIL: held throughout."""
    return compute(GILSCOPE_QUAD, False, x, rounds)


def quad_compute_released(x, rounds, /):
    """Return the checksum of rounds of quad. GIL: released for the rounds."""
    return compute(GILSCOPE_QUAD, True, x, rounds)


def square_chunked(x, out, /):
    """Write x*x to out. GIL: released per block of items."""
    apply_chunked(GILSCOPE_SQUARE, x, out)


def quad_chunked(x, out, /):
    """Write x*x*x*x to out. GIL: released per block of items."""
    apply_chunked(GILSCOPE_QUAD, x, out)


def square_compute_chunked(x, rounds, /):
    """Return the checksum of rounds of square. GIL: released per block of rounds."""
    return compute_chunked(GILSCOPE_SQUARE, x, rounds)


def quad_compute_chunked(x, rounds, /):
    """Return the checksum of rounds of quad. GIL: released per block of rounds."""
    return compute_chunked(GILSCOPE_QUAD, x, rounds)
