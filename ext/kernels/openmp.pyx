# cython: language_level=3, binding=False
"""The kernels spread over an OpenMP team by prange, GIL released.

A module of its own because importing it loads an OpenMP runtime, and a process whose runtime has started its
team must never fork: the child would wait for threads that it does not have. Import it on demand, after any fork.

VERSION is the OpenMP date the compiler implements (201511 for 4.5), or 0 where it has none; then the loops run
on one thread and gilscope calls the arm unavailable rather than measure it.
"""
from cpython.buffer cimport PyBuffer_Release
from cython.parallel cimport prange
from libc.stdint cimport uint64_t

from headers cimport (
    GILSCOPE_QUAD, GILSCOPE_SQUARE, gilscope_apply, gilscope_compute, gilscope_dtype, gilscope_lanes_take,
    gilscope_operation, gilscope_pair, gilscope_pair_release, gilscope_pair_take, gilscope_past_cache,
)

cdef extern from "kernels/openmp_optional.h" nogil:
    int GILSCOPE_OPENMP_VERSION
    int gilscope_team_size() noexcept

VERSION = GILSCOPE_OPENMP_VERSION


cdef int check_team(int n_threads) except -1:
    # The upper bound, far above any machine's CPUs, because a runtime that cannot start its team ends the process.
    if not 1 <= n_threads <= 1024:
        raise ValueError(f"n_threads must be from 1 to 1024; got {n_threads}")
    return 0


cdef int apply(gilscope_operation operation, object x, object out, int n_threads) except -1:
    cdef gilscope_pair pair
    cdef size_t share, first, items_per_line
    cdef int i, team = 1
    cdef const char *x_start
    cdef char *out_start
    cdef bint past_cache
    check_team(n_threads)
    gilscope_pair_take(x, out, &pair)
    x_start = <const char *>pair.x.buf
    out_start = <char *>pair.out.buf
    past_cache = gilscope_past_cache(<size_t>pair.out.len)
    # Shares are whole pairs of 64-byte lines, so that two threads write to one line at most where an out that does
    # not start on a line has a border.
    items_per_line = 128 // <size_t>pair.x.itemsize
    share = (pair.n_items // <size_t>n_threads + items_per_line) // items_per_line * items_per_line
    # Safe without the GIL: the buffers stay exported, and each iteration writes to its own share of out.
    with nogil:
        for i in prange(n_threads, num_threads=n_threads, schedule="static", chunksize=1):
            team = gilscope_team_size()
            first = <size_t>i * share
            if first < pair.n_items:
                gilscope_apply(
                    operation, pair.dtype, past_cache, x_start + first * <size_t>pair.x.itemsize,
                    out_start + first * <size_t>pair.x.itemsize, min(share, pair.n_items - first))
    gilscope_pair_release(&pair)
    return team


cdef object compute(gilscope_operation operation, object x, object rounds_object, int n_threads):
    cdef Py_buffer view
    cdef gilscope_dtype dtype
    cdef uint64_t rounds, checksum = 0
    cdef size_t lanes
    cdef int i
    cdef const char *start
    check_team(n_threads)
    gilscope_lanes_take(x, rounds_object, n_threads, &view, &dtype, &rounds)
    lanes = <size_t>(view.len // view.itemsize // n_threads)
    start = <const char *>view.buf
    # Safe without the GIL: x stays exported, and each thread's lanes are a private copy on its own stack.
    with nogil:
        for i in prange(n_threads, num_threads=n_threads, schedule="static", chunksize=1):
            checksum += gilscope_compute(
                operation, dtype, start + <size_t>i * lanes * <size_t>view.itemsize, lanes, rounds)
    PyBuffer_Release(&view)
    return checksum


def square(x, out, n_threads, /):
    """Write x*x to out on an OpenMP team; return its size. GIL: released for the loop."""
    return apply(GILSCOPE_SQUARE, x, out, n_threads)


def quad(x, out, n_threads, /):
    """Write x*x*x*x to out on an OpenMP team; return its size. GIL: released for the loop."""
    return apply(GILSCOPE_QUAD, x, out, n_threads)


def square_compute(x, rounds, n_threads, /):
    """Return the sum modulo 2**64 of the checksums of x's n_threads equal chunks, one to a thread. GIL: released."""
    return compute(GILSCOPE_SQUARE, x, rounds, n_threads)


def quad_compute(x, rounds, n_threads, /):
    """Return the sum modulo 2**64 of the checksums of x's n_threads equal chunks, one to a thread. GIL: released."""
    return compute(GILSCOPE_QUAD, x, rounds, n_threads)
