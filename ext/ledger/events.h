/* The timeline: what happened to the GIL, in the order in which it happened.
 *
 * Takes, drops and waits are written under the GIL's mutex; forced switches are not, so a place in the ring is drawn
 * atomically. Whoever writes has the GIL or books_mutex, and whoever reads or exchanges the ring both. A full ring goes
 * on over its oldest events, and how many those were is counted. The one way to an event in pieces is a forced switch
 * that takes as long to write as the others take to fill the ring.
 */
#ifndef GILSCOPE_LEDGER_EVENTS_H
#define GILSCOPE_LEDGER_EVENTS_H

#include <stdint.h>
#include <stdlib.h>

#include "accounts.h"

enum event_kind { EVENT_TAKE, EVENT_DROP, EVENT_WAIT, EVENT_FORCED };

typedef struct {
    uint64_t ticks;
    uint32_t thread; /* the account's number */
    uint16_t kind;
    uint16_t site; /* its place's number; 0 for none */
} event;

typedef struct {
    uint64_t capacity; /* a power of two */
    event slots[];
} event_ring;

static struct {
    event_ring *on;   /* NULL: counters alone */
    event_ring *kept; /* the largest there has been; it outlives the ledger that wanted it */
    uint64_t written; /* events ever */
} ring;

/* Write to this ring from now on, or to none. GIL: held. */
static void
ring_switch(event_ring *to)
{
    pthread_mutex_lock(&books_mutex);
    ring.on = to;
    pthread_mutex_unlock(&books_mutex);
}

/* Have a ring with room for so many events, or more. GIL: held. Return 0, or -1 where there is no memory. */
static int
ring_grow(uint64_t wanted)
{
    uint64_t capacity = 1024;
    while (capacity < wanted) {
        capacity *= 2;
    }
    event_ring *smaller = ring.kept;
    const uint64_t had = smaller == NULL ? 0 : smaller->capacity;
    if (capacity <= had) {
        return 0;
    }
    event_ring *larger = calloc(1, sizeof(event_ring) + capacity * sizeof(event));
    if (larger == NULL) {
        return -1;
    }
    larger->capacity = capacity;
    pthread_mutex_lock(&books_mutex);
    const uint64_t written = __atomic_load_n(&ring.written, __ATOMIC_RELAXED);
    for (uint64_t i = written > had ? written - had : 0; i < written; i++) {
        larger->slots[i & (capacity - 1)] = smaller->slots[i & (had - 1)]; /* an open ledger may want them */
    }
    ring.kept = larger;
    ring.on = ring.on == NULL ? NULL : larger;
    pthread_mutex_unlock(&books_mutex);
    free(smaller);
    return 0;
}

static inline void
ring_put(uint64_t now, uint32_t thread, enum event_kind kind, uint16_t at)
{
    event_ring *const to = ring.on;
    if (to != NULL) {
        const uint64_t place = __atomic_fetch_add(&ring.written, 1, __ATOMIC_RELAXED);
        to->slots[place & (to->capacity - 1)] = (event){now, thread, (uint16_t)kind, at};
    }
}

#endif
