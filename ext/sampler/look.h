/* One look, and what all looks together have seen: who holds the GIL, or where there is none, whose state is attached.
 */
#ifndef GILSCOPE_SAMPLER_LOOK_H
#define GILSCOPE_SAMPLER_LOOK_H

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#ifdef Py_GIL_DISABLED

/* A thread that asked to be watched. Its state's memory goes with the thread, so the thread's own dictionary holds a
 * capsule that says when; the mutex is what keeps a look from coming after that. */
typedef struct {
    PyThreadState *state; /* NULL once the thread has ended */
    unsigned long native_id;
    int n_users; /* that dictionary, and samplers */
} beacon;

static pthread_mutex_t beacons_mutex = PTHREAD_MUTEX_INITIALIZER;

/* Values of PyThreadState.state: detached, attached, suspended; from 3.14 on one for the interpreter's end. */
#define N_STATES 4
#define ATTACHED 1
/* Those that have ended keep their place, for what was seen of them; a look at so many takes some microseconds. */
#define MOST_WATCHED 1024

typedef struct {
    int n_watched;
    beacon *watched[MOST_WATCHED];
    uint64_t n_in_state[MOST_WATCHED][N_STATES];
    uint64_t n_at_once[MOST_WATCHED + 1]; /* looks that saw so many of them attached */
} sightings;

static void
look(sightings *seen)
{
    int n_attached = 0;
    pthread_mutex_lock(&beacons_mutex);
    for (int i = 0; i < seen->n_watched; i++) {
        const PyThreadState *state = seen->watched[i]->state;
        if (state != NULL) {
            const unsigned now = (unsigned)__atomic_load_n(&state->state, __ATOMIC_RELAXED) % N_STATES;
            seen->n_in_state[i][now]++;
            n_attached += now == ATTACHED;
        }
    }
    seen->n_at_once[n_attached]++;
    pthread_mutex_unlock(&beacons_mutex);
}

#else

#include "shared/gil_record.h"

/* Holders told apart; what others hold is counted together. */
#define MOST_HOLDERS 256

typedef struct {
    void *state; /* compared, never followed: the thread may have ended */
    uint64_t n;
} holder;

typedef struct {
    const gil_record *gil; /* static memory of the interpreter, there until the process ends */
    uint64_t n_free, n_others;
    int n_holders;
    holder holders[MOST_HOLDERS];
} sightings;

static inline void
one_more(uint64_t *count)
{
    __atomic_store_n(count, *count + 1, __ATOMIC_RELAXED); /* only the sampling thread writes */
}

static void
look(sightings *seen)
{
    const int locked = __atomic_load_n(&seen->gil->locked, __ATOMIC_RELAXED);
    void *const state = __atomic_load_n(&seen->gil->holder, __ATOMIC_RELAXED);
    if (locked <= 0) {
        one_more(&seen->n_free);
        return;
    }
    int i = 0;
    while (i < seen->n_holders && seen->holders[i].state != state) {
        i++;
    }
    if (i == MOST_HOLDERS) {
        one_more(&seen->n_others);
        return;
    }
    if (i == seen->n_holders) {
        seen->holders[i].state = state;
        __atomic_store_n(&seen->n_holders, i + 1, __ATOMIC_RELEASE);
    }
    one_more(&seen->holders[i].n);
}

#endif

#endif
