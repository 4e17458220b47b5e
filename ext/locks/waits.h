/* How often and how long each thread blocks on the interpreter's locks.
 *
 * Where a lock of Python's is not free the thread blocks on a semaphore, in threading.Lock as in what is built on it;
 * on a free-threaded build also in every lock inside of Python's objects, and while another thread stops the world. So
 * these three functions of the C library, as the interpreter calls them, are where it waits, and nobody pays for this
 * who does not wait. The GIL itself is waited for on a condition variable, and is not in it.
 */
#ifndef GILSCOPE_LOCK_WAITS_H
#define GILSCOPE_LOCK_WAITS_H

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/import_slots.h"

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
    int n_users;
    int prepared;
    slot slots[12];
    int n;
    char unavailable[160];
} locks;

/* Whoever changes the list of accounts or the slots has it; no thread waits for anything else meanwhile. */
static pthread_mutex_t locks_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t waits_key; /* its destructor tells when a thread has ended */
static __thread waits *my_waits __attribute__((tls_model("initial-exec")));

/* What the hooks call; asked of the loader, for a C library of 2019 lacks one of them. */
static int (*real_wait)(sem_t *);
static int (*real_timedwait)(sem_t *, const struct timespec *);
static int (*real_clockwait)(sem_t *, clockid_t, const struct timespec *);

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

/* A function of the C library, what stands for it, and where the hook finds it. */
static const struct {
    const char *name;
    void *hook;
    void **real;
} hooked[] = {
    {"sem_wait", (void *)hook_wait, (void **)&real_wait},
    {"sem_timedwait", (void *)hook_timedwait, (void **)&real_timedwait},
    {"sem_clockwait", (void *)hook_clockwait, (void **)&real_clockwait},
};

/* Find the slots of the interpreter, which nobody can unload; it need not have all of them. */
static int
find_slots(struct dl_phdr_info *info, size_t Py_UNUSED(size), void *Py_UNUSED(data))
{
    if (!holds(info, (uintptr_t)PyEval_SaveThread)) {
        return 0;
    }
    const object interpreter = object_of(info);
    const int room = (int)(sizeof(locks.slots) / sizeof(locks.slots[0]));
    for (size_t i = 0; i < sizeof(hooked) / sizeof(hooked[0]); i++) {
        *hooked[i].real = dlsym(RTLD_DEFAULT, hooked[i].name);
        const int n = slots_find(&interpreter, hooked[i].name, locks.slots + locks.n, room - locks.n);
        for (int j = 0; j < n && *hooked[i].real != NULL && locks.n < room; j++) {
            locks.slots[locks.n++].hook = hooked[i].hook;
        }
    }
    return 1;
}

/* Only the calling thread is left, and goes on under another id. */
static void
locks_after_fork(void)
{
    pthread_mutex_init(&locks_mutex, NULL);
    for (waits *one = locks.first; one != NULL; one = one->next) {
        if (one == my_waits) {
            one->native_id = (pid_t)syscall(SYS_gettid);
        }
        else {
            one->dead = 1;
            one->since_ns = 0;
        }
    }
}

/* With the mutex locked. Return 0, or -1 with the reason in locks.unavailable. */
static int
locks_prepare(void)
{
    if (locks.prepared) {
        return locks.unavailable[0] ? -1 : 0;
    }
    locks.prepared = 1;
    const char *why = "";
    if (!keep_loaded((void *)hook_wait)) {
        why = "its own module cannot be kept loaded";
    }
    else if (pthread_key_create(&waits_key, waits_close) != 0 || pthread_atfork(NULL, NULL, locks_after_fork) != 0) {
        why = "no thread-local key or fork handler is left";
    }
    else if (!loader_visit(find_slots, NULL) || locks.n == 0) {
        why = "the interpreter has no import slots for semaphores";
    }
    strcpy(locks.unavailable, why);
    return why[0] ? -1 : 0;
}

/* Every success needs one locks_off. Return 0, or -1 with the reason in locks.unavailable. */
static int
locks_on(void)
{
    pthread_mutex_lock(&locks_mutex);
    int result = locks_prepare();
    if (result == 0 && locks.n_users == 0) {
        waits_reap();
        for (int i = 0; i < locks.n; i++) {
            if (slot_hook(&locks.slots[i]) < 0) {
                while (--i >= 0) {
                    slot_unhook(&locks.slots[i]);
                }
                strcpy(locks.unavailable, "the interpreter's import slots are read-only");
                result = -1;
                break;
            }
        }
    }
    locks.n_users += result == 0;
    pthread_mutex_unlock(&locks_mutex);
    return result;
}

static void
locks_off(void)
{
    pthread_mutex_lock(&locks_mutex);
    locks.n_users--;
    for (int i = 0; locks.n_users == 0 && i < locks.n; i++) {
        slot_unhook(&locks.slots[i]);
    }
    pthread_mutex_unlock(&locks_mutex);
}

#endif
