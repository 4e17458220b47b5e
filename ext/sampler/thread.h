/* The sampling thread: it looks at a few words of memory, counts what it saw, and sleeps again.
 *
 * Python does not know it: it has no thread state, takes no lock of the interpreter's, and allocates nothing. Every
 * slot of time has one look, at a moment drawn anew, for looks at a fixed distance fall into step with a program that
 * repeats itself as often. A slot that passed while the thread was kept from a CPU has none, and that is counted too.
 */
#ifndef GILSCOPE_SAMPLER_THREAD_H
#define GILSCOPE_SAMPLER_THREAD_H

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "shared/clock.h"
#include "sightings.h"

typedef struct {
    pthread_t thread;
    sem_t begun;
    uint64_t period_ns, random;
    int ending;                       /* set by whoever ends it */
    uint64_t began_ns, last_ns;       /* of the first slot; of the latest look */
    uint64_t n_looks, longest_gap_ns; /* between two looks */
    sightings *seen;
} sampler;

/* A number below `limit`; xorshift64*, for moments need not be secret. */
static uint64_t
draw_below(uint64_t *random, uint64_t limit)
{
    *random ^= *random >> 12;
    *random ^= *random << 25;
    *random ^= *random >> 27;
    return limit == 0 ? 0 : (*random * 2685821657736338717u >> 11) % limit;
}

/* All that is shared with readers is written with single stores and read with single loads; a reading taken while the
 * thread runs may lack the latest look, in some of its numbers. */
static void *
sampler_run(void *argument)
{
    sampler *const mine = argument;
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* 50 us otherwise, half a slot */
    prctl(PR_SET_NAME, "gil-sampler", 0UL, 0UL, 0UL);
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    mine->began_ns = mine->last_ns = now;
    sem_post(&mine->begun);
    for (uint64_t slot = 0;; slot++) {
        const uint64_t passed = (now - mine->began_ns) / mine->period_ns;
        slot = slot > passed ? slot : passed; /* slots that are over have no look */
        const uint64_t end = mine->began_ns + (slot + 1) * mine->period_ns;
        uint64_t begin = end - mine->period_ns;
        begin = begin > now ? begin : now;
        const uint64_t at = begin + draw_below(&mine->random, end - begin);
        const struct timespec until = {(time_t)(at / 1000000000u), (long)(at % 1000000000u)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        if (__atomic_load_n(&mine->ending, __ATOMIC_RELAXED)) {
            return NULL;
        }
        now = clock_ns(CLOCK_MONOTONIC);
        sightings_look(mine->seen);
        const uint64_t gap_ns = now - mine->last_ns;
        if (gap_ns > mine->longest_gap_ns) {
            __atomic_store_n(&mine->longest_gap_ns, gap_ns, __ATOMIC_RELAXED);
        }
        __atomic_store_n(&mine->last_ns, now, __ATOMIC_RELAXED);
        __atomic_store_n(&mine->n_looks, mine->n_looks + 1, __ATOMIC_RELAXED);
    }
}

/* Start it and wait for its first slot. Return 0, or what pthread_create says. */
static int
sampler_begin(sampler *new, uint64_t period_ns)
{
    sigset_t all, before;
    new->period_ns = period_ns;
    new->random = clock_ns(CLOCK_MONOTONIC) | 1u;
    sem_init(&new->begun, 0, 0);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before); /* the program's signals are for threads that can run Python */
    const int error = pthread_create(&new->thread, NULL, sampler_run, new);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0) {
        while (sem_wait(&new->begun) < 0) { /* interrupted by a signal */
        }
    }
    sem_destroy(&new->begun);
    return error;
}

static void
sampler_end(sampler *mine)
{
    __atomic_store_n(&mine->ending, 1, __ATOMIC_RELAXED);
    pthread_join(mine->thread, NULL); /* within a slot; it needs no GIL, so holding one here blocks nobody for longer */
}

#endif
