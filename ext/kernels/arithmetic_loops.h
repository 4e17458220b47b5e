/* The loops of one element type; included by arithmetic.h once per type, hence no include guard.
 *
 * Expects T (element type), BITS (unsigned integer of the same width) and NAME(stem); INTEGER for the
 * unsigned types.
 *
 * The compute form's rounds, chosen so that no round can be removed, hoisted or reordered and none forgets
 * what came before:
 *   floats    v = f(v) - c, which maps [-1, 1] and what comes of it into [-2, 2], so that values stay normal. c
 *             differs from round to round: with one c for all, rounding lets the lanes fall into short cycles
 *             (for quad soon, since all values near 0 have one fourth power), and a cycle cannot tell rounds apart;
 *   integers  v = v + (f(v) | 5), a bijection modulo 2**bits (for square the single-cycle T-function of
 *             Klimov and Shamir, "A new class of invertible mappings", CHES 2002), so that no round loses a bit.
 */

static inline T
NAME(square)(T value)
{
    return value * value;
}

static inline T
NAME(quad)(T value)
{
    T squared = value * value;
    return squared * squared;
}

#ifdef GILSCOPE_VECTORS
/* One AVX register (or two SSE registers), and a quarter of a cache line, at any address that suits a T. */
typedef T NAME(vector) __attribute__((vector_size(32), aligned(sizeof(T)), may_alias));
typedef T NAME(line_part) __attribute__((vector_size(16), aligned(sizeof(T)), may_alias));
#endif

/* For outputs that fit into the cache. */
GILSCOPE_INLINE void
NAME(cached)(int quad, const T *x, T *out, size_t n)
{
    size_t i = 0;
#ifdef GILSCOPE_VECTORS
    /* All loads of a block stand before its stores: where x and out have nearly the same place within a page, a load
     * that follows a store is taken to depend on it and waits (1.3 times the time, at some placements). */
    enum { LANES = sizeof(NAME(vector)) / sizeof(T), BLOCK = 4 * LANES };
    for (; i + BLOCK <= n; i += BLOCK) {
        NAME(vector) values[4];
        for (int k = 0; k < 4; k++) {
            values[k] = *(const NAME(vector) *)(x + i + k * LANES);
        }
        for (int k = 0; k < 4; k++) {
            values[k] *= values[k];
            if (quad) {
                values[k] *= values[k];
            }
            *(NAME(vector) *)(out + i + k * LANES) = values[k];
        }
    }
#endif
    GILSCOPE_INDEPENDENT
    for (; i < n; i++) {
        out[i] = quad ? NAME(quad)(x[i]) : NAME(square)(x[i]);
    }
}

GILSCOPE_CLONES static void
NAME(square_cached)(const T *x, T *out, size_t n)
{
    NAME(cached)(0, x, out, n);
}

GILSCOPE_CLONES static void
NAME(quad_cached)(const T *x, T *out, size_t n)
{
    NAME(cached)(1, x, out, n);
}

#ifdef GILSCOPE_STREAMS
/* For outputs that do not: whole lines go past the cache, which saves reading each before it is written. */
GILSCOPE_INLINE void
NAME(streamed)(int quad, const T *x, T *out, size_t n)
{
    enum { LANES = sizeof(NAME(line_part)) / sizeof(T), LINE = 64 / sizeof(T) };
    size_t i = (64 - (uintptr_t)out % 64) % 64 / sizeof(T);
    NAME(cached)(quad, x, out, i);
    for (; i + LINE <= n; i += LINE) {
        __builtin_prefetch(x + i + GILSCOPE_AHEAD_BYTES / sizeof(T));
        for (int k = 0; k < LINE; k += LANES) {
            NAME(line_part) values = *(const NAME(line_part) *)(x + i + k);
            values *= values;
            if (quad) {
                values *= values;
            }
            _mm_stream_si128((__m128i *)(out + i + k), (__m128i)values);
        }
    }
    _mm_sfence(); /* streamed stores are weakly ordered: publish them before anyone is told */
    NAME(cached)(quad, x + i, out + i, n - i);
}

GILSCOPE_CLONES static void
NAME(square_streamed)(const T *x, T *out, size_t n)
{
    NAME(streamed)(0, x, out, n);
}

GILSCOPE_CLONES static void
NAME(quad_streamed)(const T *x, T *out, size_t n)
{
    NAME(streamed)(1, x, out, n);
}
#endif

static void
NAME(apply)(enum gilscope_operation operation, int past_cache, const T *x, T *out, size_t n)
{
    const int quad = operation == GILSCOPE_QUAD;
#ifdef GILSCOPE_STREAMS
    /* In place there is nothing to save: the line that would be written has just been read. */
    if (past_cache && x != out && n >= 64) {
        (quad ? NAME(quad_streamed) : NAME(square_streamed))(x, out, n);
        return;
    }
#else
    (void)past_cache;
#endif
    (quad ? NAME(quad_cached) : NAME(square_cached))(x, out, n);
}

#ifdef INTEGER
#define TERM(base, r) 5
#define ROUND(value, power, term) ((value) + ((power) | (term)))
#else
/* base plus a fraction of 1/16 that the golden ratio (2654435769 / 2**32) scatters; exact before the one addition. */
#define TERM(base, r) ((T)(base) + (T)((uint32_t)(r) * 2654435769u >> 8) * (T)(1.0 / (1 << 28)))
#define ROUND(value, power, term) ((power) - (term))
#endif

GILSCOPE_CLONES static void
NAME(square_rounds)(T *lanes, size_t n, uint64_t first, uint64_t end)
{
    for (uint64_t r = first; r < end; r++) {
        const T term = TERM(1.85, r);
        GILSCOPE_UNROLLED
        for (size_t i = 0; i < n; i++) {
            lanes[i] = ROUND(lanes[i], NAME(square)(lanes[i]), term);
        }
    }
}

GILSCOPE_CLONES static void
NAME(quad_rounds)(T *lanes, size_t n, uint64_t first, uint64_t end)
{
    for (uint64_t r = first; r < end; r++) {
        const T term = TERM(1.17, r);
        GILSCOPE_UNROLLED
        for (size_t i = 0; i < n; i++) {
            lanes[i] = ROUND(lanes[i], NAME(quad)(lanes[i]), term);
        }
    }
}

/* Rounds first to end - 1. Each depends on its number, so that rounds in blocks are those of one go. */
static void
NAME(advance)(enum gilscope_operation operation, T *lanes, size_t n, uint64_t first, uint64_t end)
{
    if (operation == GILSCOPE_SQUARE) {
        NAME(square_rounds)(lanes, n, first, end);
    }
    else {
        NAME(quad_rounds)(lanes, n, first, end);
    }
}

static uint64_t
NAME(checksum)(const T *lanes, size_t n)
{
    uint64_t checksum = 0;
    for (size_t i = 0; i < n; i++) {
        BITS bits;
        memcpy(&bits, &lanes[i], sizeof(bits));
        checksum += (uint64_t)bits * (2 * (uint64_t)i + 1); /* odd weights: no lane's bit is lost, no two swap */
    }
    return checksum;
}

static uint64_t
NAME(compute)(enum gilscope_operation operation, const T *x, size_t n, uint64_t rounds)
{
    /* On a cache line's border: where a thread's stack happens to begin would else decide whether vectors straddle
     * two lines, and one strategy read 10 % slower than another for that alone. */
    GILSCOPE_LINE_ALIGNED T lanes[GILSCOPE_MAX_LANES];
    memcpy(lanes, x, n * sizeof(T));
    NAME(advance)(operation, lanes, n, 0, rounds);
    return NAME(checksum)(lanes, n);
}

#undef ROUND
#undef TERM
#undef INTEGER
#undef NAME
#undef BITS
#undef T
