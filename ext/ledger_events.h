/* The timeline: what happened to the GIL, in the order in which it happened.
 *
 * Takes, drops and waits are written under the GIL's mutex; forced switches are not, so a place in the ring is drawn
 * atomically. A full ring goes on over its oldest events, and how many those were is counted.
 */
#ifndef GILSCOPE_LEDGER_EVENTS_H
#define GILSCOPE_LEDGER_EVENTS_H

#include <stdint.h>
#include <stdlib.h>

enum event_kind { EVENT_TAKE, EVENT_DROP, EVENT_WAIT, EVENT_FORCED };

typedef struct {
    uint64_t ticks;
    uint32_t thread; /* the account's number */
    uint16_t kind;
    uint16_t site; /* its place in the table + 1; 0 for none */
} event;

/* Room and events in one piece, for a thread that begins to wait may write while the ring is exchanged for another. */
typedef struct {
    uint64_t capacity; /* a power of two */
    event slots[];
} event_ring;

static struct {
    event_ring *on;   /* NULL: counters alone */
    event_ring *kept; /* the largest there has been; it outlives the ledger that wanted it */
    uint64_t written; /* events ever */
} ring;

static inline void
ring_put(uint64_t now, uint32_t thread, enum event_kind kind, uint16_t at)
{
    event_ring *const to = __atomic_load_n(&ring.on, __ATOMIC_ACQUIRE);
    if (to != NULL) {
        const uint64_t place = __atomic_fetch_add(&ring.written, 1, __ATOMIC_RELAXED);
        to->slots[place & (to->capacity - 1)] = (event){now, thread, (uint16_t)kind, at};
    }
}

#endif
