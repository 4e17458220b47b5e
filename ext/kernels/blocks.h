/* The arithmetic in blocks, with which a kernel gives the GIL up and takes it back many times in one call. Plain C, no
 * Python.h: the extensions write the releases themselves, each in its own language.
 *
 * A block of float64 in cache lasts 1 to 3 us on common CPUs. That is shorter than the 10 us below which a release was
 * seen to cost more than it gives, and the chunked mode is there to show just that.
 */
#ifndef GILSCOPE_BLOCKS_H
#define GILSCOPE_BLOCKS_H

#include "arithmetic.h"

/* Whole cache lines of every dtype, so that a streamed block ends where a line does if out starts where one does. */
#define GILSCOPE_BLOCK_ITEMS 4096
/* Of 2048 lanes, so that both forms release about equally often. */
#define GILSCOPE_BLOCK_ROUNDS 16

/* What the compute form works on between two blocks; on a line's border, as in NAME(compute). */
typedef union {
    GILSCOPE_LINE_ALIGNED double f64[GILSCOPE_MAX_LANES];
    float f32[GILSCOPE_MAX_LANES];
    uint64_t u64[GILSCOPE_MAX_LANES];
    uint32_t u32[GILSCOPE_MAX_LANES];
} gilscope_lanes;

/* The first number past the block that starts at first, of total in all. */
static inline uint64_t
gilscope_block_end(uint64_t first, uint64_t total, uint64_t block)
{
    return total - first > block ? first + block : total;
}

/* Items first to end - 1 of gilscope_apply, of items of so many bytes. */
static inline void
gilscope_apply_block(enum gilscope_operation operation, enum gilscope_dtype dtype, int past_cache, const void *x,
                     void *out, size_t item_bytes, size_t first, size_t end)
{
    gilscope_apply(operation, dtype, past_cache, (const char *)x + first * item_bytes, (char *)out + first * item_bytes,
                   end - first);
}

/* Rounds first to end - 1 of gilscope_compute, over n lanes. */
static inline void
gilscope_advance(enum gilscope_operation operation, enum gilscope_dtype dtype, gilscope_lanes *lanes, size_t n,
                 uint64_t first, uint64_t end)
{
    switch (dtype) {
    case GILSCOPE_FLOAT64:
        advance_f64(operation, lanes->f64, n, first, end);
        return;
    case GILSCOPE_FLOAT32:
        advance_f32(operation, lanes->f32, n, first, end);
        return;
    case GILSCOPE_INT64:
    case GILSCOPE_UINT64:
        advance_u64(operation, lanes->u64, n, first, end);
        return;
    default:
        advance_u32(operation, lanes->u32, n, first, end);
    }
}

/* The checksum of gilscope_compute. */
static inline uint64_t
gilscope_checksum(enum gilscope_dtype dtype, const gilscope_lanes *lanes, size_t n)
{
    switch (dtype) {
    case GILSCOPE_FLOAT64:
        return checksum_f64(lanes->f64, n);
    case GILSCOPE_FLOAT32:
        return checksum_f32(lanes->f32, n);
    case GILSCOPE_INT64:
    case GILSCOPE_UINT64:
        return checksum_u64(lanes->u64, n);
    default:
        return checksum_u32(lanes->u32, n);
    }
}

#endif
