# What the Cython extensions take from the C headers: declarations only.
from libc.stdint cimport uint64_t

cdef extern from "kernels/arithmetic.h" nogil:
    enum gilscope_operation:
        GILSCOPE_SQUARE
        GILSCOPE_QUAD
    enum gilscope_dtype:
        pass
    int GILSCOPE_MAX_LANES
    # noexcept: plain C that cannot raise, so that no nogil block takes the GIL back to look for an exception.
    void gilscope_apply(
        gilscope_operation, gilscope_dtype, bint past_cache, const void *x, void *out, size_t n) noexcept
    bint gilscope_past_cache(size_t n_bytes) noexcept
    uint64_t gilscope_compute(
        gilscope_operation, gilscope_dtype, const void *x, size_t n, uint64_t rounds) noexcept

cdef extern from "kernels/blocks.h" nogil:
    ctypedef union gilscope_lanes:
        pass
    uint64_t GILSCOPE_BLOCK_ITEMS
    uint64_t GILSCOPE_BLOCK_ROUNDS
    uint64_t gilscope_block_end(uint64_t first, uint64_t total, uint64_t block) noexcept
    void gilscope_apply_block(
        gilscope_operation, gilscope_dtype, bint past_cache, const void *x, void *out, size_t item_bytes, size_t first,
        size_t end) noexcept
    void gilscope_advance(
        gilscope_operation, gilscope_dtype, gilscope_lanes *lanes, size_t n, uint64_t first, uint64_t end) noexcept
    uint64_t gilscope_checksum(gilscope_dtype, const gilscope_lanes *lanes, size_t n) noexcept

cdef extern from "kernels/buffers.h":
    ctypedef struct gilscope_pair:
        Py_buffer x
        Py_buffer out
        gilscope_dtype dtype
        size_t n_items
    int gilscope_pair_take(object x, object out, gilscope_pair *pair) except -1
    void gilscope_pair_release(gilscope_pair *pair) noexcept
    int gilscope_lanes_take(
        object x, object rounds_object, int n_chunks, Py_buffer *view, gilscope_dtype *dtype,
        uint64_t *rounds) except -1
