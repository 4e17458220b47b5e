/* The ledger's clock: the cheapest counter that runs at one speed on every CPU.
 *
 * Two reads stand in every release and reacquire pair, so they decide what the ledger costs: a counter register takes
 * half of what clock_gettime does. Ticks become nanoseconds when they are read out, by two pairs of readings.
 */
#ifndef GILSCOPE_LEDGER_TICKS_H
#define GILSCOPE_LEDGER_TICKS_H

#include <stdint.h>
#include <time.h>

#include "shared/clock.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

/* Set once, before the first hook is in place, and constant from then on; hence a static is safe from any thread. */
static int counter_is_steady;

static inline uint64_t
ticks(void)
{
#if defined(__x86_64__)
    if (counter_is_steady) {
        return __rdtsc();
    }
#elif defined(__aarch64__)
    uint64_t value;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(value));
    return value; /* the architecture promises one speed, on every CPU */
#endif
    return clock_ns(CLOCK_MONOTONIC);
}

typedef struct {
    uint64_t ticks;
    uint64_t ns;
} reading;

/* Both clocks at one moment: the closest of some tries, for this thread may be taken off its CPU between the two. */
static reading
read_both(void)
{
    reading best = {0, 0};
    uint64_t narrowest = UINT64_MAX;
    for (int attempt = 0; attempt < 8; attempt++) {
        const uint64_t before = ticks();
        const uint64_t ns = clock_ns(CLOCK_MONOTONIC);
        const uint64_t after = ticks();
        if (after - before < narrowest) {
            narrowest = after - before;
            best = (reading){before + narrowest / 2, ns};
        }
    }
    return best;
}

static reading clock_origin;

static void
clock_start(void)
{
    if (clock_origin.ns) {
        return;
    }
#if defined(__x86_64__)
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    /* Invariant TSC: it neither stops in sleep states nor follows the CPU's frequency. */
    counter_is_steady = __get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) && (edx & (1u << 8));
#endif
    clock_origin = read_both();
}

/* Nanoseconds in a tick, the better the longer ago the clock was started: to 50 parts in a million from 2 ms on. */
static double
ns_per_tick(void)
{
    reading now = read_both();
    while (now.ns - clock_origin.ns < 2000000u) {
        now = read_both();
    }
    return (double)(now.ns - clock_origin.ns) / (double)(now.ticks - clock_origin.ticks);
}

#endif
