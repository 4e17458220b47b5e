/* square and quad, written once for every extension: plain C, no Python.h, no I/O, no mutable globals.
 *
 * Each typed set of loops comes from arithmetic_loops.h, included once per element type. Signed integers use
 * the unsigned loops: modulo 2**bits the product is the same, and in C only unsigned arithmetic may wrap.
 *
 * Everything is static because two extensions include this header: a shared object file would be compiled
 * twice to one path, with whichever flags came last.
 */
#ifndef GILSCOPE_ARITHMETIC_H
#define GILSCOPE_ARITHMETIC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* One copy of each loop per vector width, chosen by the loader for the CPU it finds. Left out where the tool
 * chain cannot do it (ifunc needs glibc): there the plain loop is the only copy. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define GILSCOPE_CLONES __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define GILSCOPE_CLONES
#endif

#if defined(__GNUC__)
#define GILSCOPE_VECTORS /* the vector types of GCC and Clang, lowered to whatever registers there are */
#define GILSCOPE_INLINE static inline __attribute__((always_inline)) /* so that each clone compiles it anew */
#else
#define GILSCOPE_INLINE static inline
#endif
#if defined(GILSCOPE_VECTORS) && defined(__SSE2__)
#define GILSCOPE_STREAMS
#endif

/* "No iteration depends on another": true for x == out and for disjoint buffers, the only two cases let in.
 * Without it the compiler's overlap check sends in-place calls to a scalar loop. */
#if defined(__clang__)
#define GILSCOPE_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define GILSCOPE_INDEPENDENT _Pragma("GCC ivdep")
#else
#define GILSCOPE_INDEPENDENT
#endif

/* Long enough that where the linker happens to place the loop no longer decides its speed: not unrolled, one and the
 * same quad loop took 1.25 times as long in one extension as in another. */
#if defined(__clang__)
#define GILSCOPE_UNROLLED _Pragma("clang loop unroll_count(4)")
#elif defined(__GNUC__)
#define GILSCOPE_UNROLLED _Pragma("GCC unroll 4")
#else
#define GILSCOPE_UNROLLED
#endif

enum gilscope_operation { GILSCOPE_SQUARE, GILSCOPE_QUAD };

/* The order is the order of the public dtype tuple in gilscope.kernels. */
enum gilscope_dtype {
    GILSCOPE_FLOAT64,
    GILSCOPE_FLOAT32,
    GILSCOPE_INT64,
    GILSCOPE_INT32,
    GILSCOPE_UINT64,
    GILSCOPE_UINT32,
    GILSCOPE_N_DTYPES
};

#if defined(__GNUC__)
#define GILSCOPE_LINE_ALIGNED __attribute__((aligned(64)))
#else
#define GILSCOPE_LINE_ALIGNED __declspec(align(64))
#endif

/* The compute form works on at most this many lanes: 16 KiB of float64, half of a common L1 data cache. */
#define GILSCOPE_MAX_LANES 2048

/* Outputs of this many bytes and more are written past the cache: with an input of the same size they would not stay
 * in it, and a store that bypasses it saves reading each line first. On a 32 MiB last-level cache streaming costs 1.2
 * times as much at 8 MiB, and from 16 MiB on at most 0.9. A constant, because what sysconf says of that cache is often
 * wrong in a virtual machine (256 MiB on that one), and then the large sizes lose what they could gain. */
#define GILSCOPE_STREAM_BYTES ((size_t)16 << 20)

/* How far the streaming loop asks for its input in advance; 1 to 4 KiB are alike, none costs a tenth. */
#define GILSCOPE_AHEAD_BYTES 2048

#define T double
#define BITS uint64_t
#define NAME(stem) stem##_f64
#include "arithmetic_loops.h"

#define T float
#define BITS uint32_t
#define NAME(stem) stem##_f32
#include "arithmetic_loops.h"

#define T uint64_t
#define BITS uint64_t
#define NAME(stem) stem##_u64
#define INTEGER
#include "arithmetic_loops.h"

#define T uint32_t
#define BITS uint32_t
#define NAME(stem) stem##_u32
#define INTEGER
#include "arithmetic_loops.h"

/* Whether an output of so many bytes in all is better written past the cache. */
static inline int
gilscope_past_cache(size_t n_bytes)
{
    return n_bytes >= GILSCOPE_STREAM_BYTES;
}

/* out[i] = x[i]**2 or x[i]**4 for n items. x and out are equal or disjoint. past_cache: gilscope_past_cache of the
 * whole output, of which these n items may be one thread's share. */
static inline void
gilscope_apply(enum gilscope_operation operation, enum gilscope_dtype dtype, int past_cache, const void *x, void *out,
               size_t n)
{
    switch (dtype) {
    case GILSCOPE_FLOAT64:
        apply_f64(operation, past_cache, (const double *)x, (double *)out, n);
        return;
    case GILSCOPE_FLOAT32:
        apply_f32(operation, past_cache, (const float *)x, (float *)out, n);
        return;
    case GILSCOPE_INT64:
    case GILSCOPE_UINT64:
        apply_u64(operation, past_cache, (const uint64_t *)x, (uint64_t *)out, n);
        return;
    default:
        apply_u32(operation, past_cache, (const uint32_t *)x, (uint32_t *)out, n);
    }
}

/* The compute form: `rounds` dependent rounds of the same arithmetic over a private copy of n lanes, never
 * touching memory outside it. Returns a checksum of every lane's last bits. n <= GILSCOPE_MAX_LANES. */
static inline uint64_t
gilscope_compute(enum gilscope_operation operation, enum gilscope_dtype dtype, const void *x, size_t n, uint64_t rounds)
{
    switch (dtype) {
    case GILSCOPE_FLOAT64:
        return compute_f64(operation, (const double *)x, n, rounds);
    case GILSCOPE_FLOAT32:
        return compute_f32(operation, (const float *)x, n, rounds);
    case GILSCOPE_INT64:
    case GILSCOPE_UINT64:
        return compute_u64(operation, (const uint64_t *)x, n, rounds);
    default:
        return compute_u32(operation, (const uint32_t *)x, n, rounds);
    }
}

#endif
