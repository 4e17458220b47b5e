/* How often and how long each thread blocks on the interpreter's locks.
 *
 * Where a lock of Python's is not free the thread blocks on a semaphore, in threading.Lock as in what is built on it;
 * on a free-threaded build also in every lock inside of Python's objects, and while another thread stops the world. So
 * these three functions of the C library, as the interpreter calls them, are where it waits, and nobody pays for this
 * who does not wait. The GIL itself is waited for on a condition variable, and is not in it.
 */
#ifndef GILSCOPE_LOCKS_HOOKS_H
#define GILSCOPE_LOCKS_HOOKS_H

#include <errno.h>
#include <semaphore.h>
#include <stdint.h>
#include <time.h>

#include "shared/clock.h"
#include "waits.h"

/* What the hooks call; asked of the loader, for a C library of 2019 lacks one of them. */
static int (*real_wait)(sem_t *);
static int (*real_timedwait)(sem_t *, const struct timespec *);
static int (*real_clockwait)(sem_t *, clockid_t, const struct timespec *);

static waits *
wait_begin(void)
{
    const int errno_before = errno;
    waits *const mine = waits_here();
    errno = errno_before;
    if (mine != NULL) {
        __atomic_store_n(&mine->since_ns, clock_ns(CLOCK_MONOTONIC), __ATOMIC_RELAXED);
    }
    return mine;
}

/* A wait that a signal cut short goes on: the interpreter waits again for the rest. */
static int
wait_end(waits *mine, int result)
{
    if (mine != NULL) {
        const uint64_t length_ns = clock_ns(CLOCK_MONOTONIC) - mine->since_ns;
        __atomic_store_n(&mine->since_ns, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&mine->ns, mine->ns + length_ns, __ATOMIC_RELAXED);
        __atomic_store_n(&mine->count, mine->count + (result == 0 || errno != EINTR), __ATOMIC_RELAXED);
    }
    return result;
}

static int
hook_wait(sem_t *semaphore)
{
    waits *const mine = wait_begin();
    return wait_end(mine, real_wait(semaphore));
}

static int
hook_timedwait(sem_t *semaphore, const struct timespec *until)
{
    waits *const mine = wait_begin();
    return wait_end(mine, real_timedwait(semaphore, until));
}

static int
hook_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *until)
{
    waits *const mine = wait_begin();
    return wait_end(mine, real_clockwait(semaphore, clock, until));
}

#endif
