/* One account for each thread that has waited for a lock. */
#ifndef GILSCOPE_LOCKS_WAITS_H
#define GILSCOPE_LOCKS_WAITS_H

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* One thread's waits; written by that thread, read by anybody, and so in single stores and loads. */
typedef struct waits {
    struct waits *next;
    uint64_t number;
    pid_t native_id;
    int dead;
    uint64_t count, ns;
    uint64_t since_ns; /* when the present wait began, or 0 */
} waits;

static struct {
    waits *first;
    uint64_t n_accounts;
} locks;

/* Whoever changes the list of accounts or the slots has it; no thread waits for anything else meanwhile. */
static pthread_mutex_t locks_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t waits_key; /* its destructor tells when a thread has ended */
static __thread waits *my_waits __attribute__((tls_model("initial-exec")));

/* The calling thread's account; NULL where there is no memory for one. */
static waits *
waits_here(void)
{
    waits *mine = my_waits;
    if (mine != NULL) {
        return mine;
    }
    mine = calloc(1, sizeof(*mine));
    if (mine == NULL) {
        return NULL;
    }
    mine->native_id = (pid_t)syscall(SYS_gettid);
    pthread_mutex_lock(&locks_mutex);
    mine->number = locks.n_accounts++;
    mine->next = locks.first;
    locks.first = mine;
    pthread_mutex_unlock(&locks_mutex);
    my_waits = mine;
    pthread_setspecific(waits_key, mine);
    return mine;
}

static void
waits_close(void *closing)
{
    waits *const mine = closing;
    my_waits = NULL;
    pthread_mutex_lock(&locks_mutex);
    mine->dead = 1; /* and from now on anybody's to free */
    pthread_mutex_unlock(&locks_mutex);
}

/* Free what threads that have ended left, with the mutex locked; only while nobody uses it. */
static void
waits_reap(void)
{
    for (waits **link = &locks.first; *link != NULL;) {
        waits *one = *link;
        if (one->dead) {
            *link = one->next;
            free(one);
        }
        else {
            link = &one->next;
        }
    }
}

#endif
