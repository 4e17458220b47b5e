# cython: language_level=3, binding=False
"""The kernels in Cython over the raw Py_buffer, with the GIL held or released.

Typed memoryviews would be shorter, but a module that uses them cannot be loaded in a subinterpreter with a GIL
of its own. Every function is stateless and safe from any thread and interpreter.
"""
from cpython.buffer cimport PyBuffer_Release
from libc.stdint cimport uint64_t

from headers cimport (
    GILSCOPE_QUAD, GILSCOPE_SQUARE, gilscope_apply, gilscope_compute, gilscope_dtype, gilscope_lanes_take,
    gilscope_operation, gilscope_pair, gilscope_pair_release, gilscope_pair_take, gilscope_past_cache,
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
