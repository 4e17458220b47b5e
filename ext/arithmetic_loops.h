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

GILSCOPE_CLONES static void
NAME(square_loop)(const T *x, T *out, size_t n)
{
    GILSCOPE_INDEPENDENT
    for (size_t i = 0; i < n; i++) {
        out[i] = NAME(square)(x[i]);
    }
}

GILSCOPE_CLONES static void
NAME(quad_loop)(const T *x, T *out, size_t n)
{
    GILSCOPE_INDEPENDENT
    for (size_t i = 0; i < n; i++) {
        out[i] = NAME(quad)(x[i]);
    }
}

static inline void
NAME(cached)(enum gilscope_operation operation, const T *x, T *out, size_t n)
{
    if (operation == GILSCOPE_SQUARE) {
        NAME(square_loop)(x, out, n);
    }
    else {
        NAME(quad_loop)(x, out, n);
    }
}

static void
NAME(apply)(enum gilscope_operation operation, const T *x, T *out, size_t n)
{
#if defined(__SSE2__)
    /* Blocks are computed in the L1 cache by the ordinary loops and then streamed out 16 bytes at a time, so
     * that one path serves every type and vector width. In place there is nothing to save: the line that
     * would be written has just been read. */
    enum { BLOCK = 4096 / sizeof(T) };
    if (x != out && n * sizeof(T) >= GILSCOPE_STREAM_BYTES) {
        T block[BLOCK] __attribute__((aligned(16)));
        size_t i = ((16 - (uintptr_t)out % 16) % 16) / sizeof(T);
        NAME(cached)(operation, x, out, i);
        for (; i + BLOCK <= n; i += BLOCK) {
            NAME(cached)(operation, x + i, block, BLOCK);
            const __m128i *from = (const __m128i *)block;
            __m128i *to = (__m128i *)(out + i);
            for (size_t j = 0; j < sizeof(block) / sizeof(__m128i); j++) {
                _mm_stream_si128(to + j, _mm_load_si128(from + j));
            }
        }
        _mm_sfence(); /* streamed stores are weakly ordered: publish them before anyone is told */
        NAME(cached)(operation, x + i, out + i, n - i);
        return;
    }
#endif
    NAME(cached)(operation, x, out, n);
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
NAME(square_rounds)(T *lanes, size_t n, uint64_t rounds)
{
    for (uint64_t r = 0; r < rounds; r++) {
        const T term = TERM(1.85, r);
        for (size_t i = 0; i < n; i++) {
            lanes[i] = ROUND(lanes[i], NAME(square)(lanes[i]), term);
        }
    }
}

GILSCOPE_CLONES static void
NAME(quad_rounds)(T *lanes, size_t n, uint64_t rounds)
{
    for (uint64_t r = 0; r < rounds; r++) {
        const T term = TERM(1.17, r);
        for (size_t i = 0; i < n; i++) {
            lanes[i] = ROUND(lanes[i], NAME(quad)(lanes[i]), term);
        }
    }
}

static uint64_t
NAME(compute)(enum gilscope_operation operation, const T *x, size_t n, uint64_t rounds)
{
    T lanes[GILSCOPE_MAX_LANES];
    memcpy(lanes, x, n * sizeof(T));
    if (operation == GILSCOPE_SQUARE) {
        NAME(square_rounds)(lanes, n, rounds);
    }
    else {
        NAME(quad_rounds)(lanes, n, rounds);
    }
    uint64_t checksum = 0;
    for (size_t i = 0; i < n; i++) {
        BITS bits;
        memcpy(&bits, &lanes[i], sizeof(bits));
        checksum += (uint64_t)bits * (2 * (uint64_t)i + 1); /* odd weights: no lane's bit is lost, no two swap */
    }
    return checksum;
}

#undef ROUND
#undef TERM
#undef INTEGER
#undef NAME
#undef BITS
#undef T
