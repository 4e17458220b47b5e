/* One account for each thread that meets the GIL, and one for each place that releases it.
 *
 * A thread's account is written by that thread alone, a site's under the GIL's own mutex. Takes and drops, which are
 * most of what happens, lock nothing of the ledger's: who makes them has the GIL. Whatever else writes, a thread that
 * begins to wait above all, locks books_mutex. Who reads the books or begins them anew has both, so nobody writes then.
 * No thread drops the GIL or takes it while it has books_mutex locked: that may be locked inside of the GIL's own
 * mutex.
 */
#ifndef GILSCOPE_LEDGER_ACCOUNTS_H
#define GILSCOPE_LEDGER_ACCOUNTS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ledger_clock.h"

enum thread_state { STATE_UNKNOWN, STATE_HOLDING, STATE_RELEASED, STATE_WAITING };

/* Sites: a power of two, far above the 80 release sites of NumPy and the standard library together. */
#define MAX_SITES 2048
/* How much of a release was computing is told by the thread's CPU clock, 0.2 to 2 us a reading: at the end of a long
 * one, against the last reading, which a drop renews if it is older than this. The thread is taken to have been on its
 * CPU from then to the drop, but for its waits; if it was not, that is at most FRESH_NS wrong. Shorter releases count
 * as computing: being woken again takes longer than that. */
#define LONG_RELEASE_NS 20000
#define FRESH_NS 1000000

/* Released time, split by what the thread's CPU clock said of it. All in ticks but cpu_ns. */
typedef struct {
    uint64_t count;
    uint64_t ticks;       /* all */
    uint64_t timed_ticks; /* of releases timed by the CPU clock */
    uint64_t short_ticks; /* of short ones that were not */
    uint64_t cpu_ns;      /* CPU time in the timed ones */
    uint64_t longest;
} releases;

typedef struct {
    void *address; /* where the call of PyEval_SaveThread returns to */
    releases released;
} site;

typedef struct account {
    struct account *next; /* this one and the next stay from one installation to another */
    uint64_t number;
    uint32_t epoch; /* the installation it counts for; of another one, it says nothing. What follows begins anew */
    pid_t native_id;
    int dead;
    enum thread_state state;
    uint64_t since, born;
    uint64_t held, waited, longest_hold, longest_wait;
    uint64_t takes, drops, waits, forced;
    uint64_t asked, answered_at_once; /* drops that somebody had asked for; those within QUICK_ANSWER_NS */
    uint64_t longest_answer;          /* from the asking to the drop, less the time it was queued for a CPU */
    releases released;
    site *at;                                         /* where the current release began */
    uint64_t read_at, waited_at_reading, cpu_read_ns; /* the last reading of the CPU clock; never, if read_at is 0 */
    uint64_t ending_cpu_ns;                           /* what it read when this release was about to end, or 0 */
} account;

/* A thread that was there before the ledger, with its CPU time then. */
typedef struct {
    pid_t native_id;
    uint64_t cpu_ns;
} thread_before;

static struct {
    account *first;
    uint64_t n_accounts;
    uint64_t n_unseen; /* events of threads for which no memory was left */
    uint32_t epoch;
    site sites[MAX_SITES];
    uint64_t n_siteless; /* releases from places beyond MAX_SITES */
    uint64_t began;      /* ticks of the installation */
    uint64_t long_release;
    double ns_per_tick;
    uint64_t fresh;
    thread_before *born_before; /* these were without the GIL until their first event */
    size_t n_born_before;
    int times_cpu;
} books;

static pthread_mutex_t books_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t account_key; /* its destructor tells when a thread has ended */
/* initial-exec: one register-relative load; 16 bytes of the loader's reserve. */
static __thread account *my_account __attribute__((tls_model("initial-exec")));
static __thread site *my_site __attribute__((tls_model("initial-exec")));

/* Copy an account, and let its longest times begin anew if asked to. GIL: held. */
static account
account_read(account *from, int restart_longest)
{
    pthread_mutex_lock(&books_mutex);
    const account copy = *from;
    if (restart_longest) {
        from->longest_hold = from->longest_wait = from->longest_answer = from->released.longest = 0;
    }
    pthread_mutex_unlock(&books_mutex);
    return copy;
}

static const thread_before *
found_before(pid_t native_id)
{
    for (size_t i = 0; i < books.n_born_before; i++) {
        if (books.born_before[i].native_id == native_id) {
            return &books.born_before[i];
        }
    }
    return NULL;
}

/* Open the calling thread's account for this installation, with books_mutex locked; NULL, and counted, where there is
 * no memory. */
static account *
account_open(uint64_t now)
{
    account *mine = my_account;
    if (mine == NULL) {
        mine = calloc(1, sizeof(*mine));
        if (mine == NULL) {
            __atomic_fetch_add(&books.n_unseen, 1, __ATOMIC_RELAXED);
            return NULL;
        }
        mine->number = books.n_accounts++;
        mine->next = books.first;
        books.first = mine;
        my_account = mine;
        pthread_setspecific(account_key, mine);
    }
    memset((char *)mine + offsetof(account, epoch), 0, sizeof(*mine) - offsetof(account, epoch));
    mine->native_id = (pid_t)syscall(SYS_gettid);
    const thread_before *before = found_before(mine->native_id);
    if (before != NULL) {
        mine->state = STATE_RELEASED;
        mine->since = mine->born = mine->read_at = books.began;
        mine->cpu_read_ns = before->cpu_ns;
    }
    else {
        mine->born = now;
    }
    mine->epoch = books.epoch;
    return mine;
}

/* Whether this thread's account is one of this installation; with neither the GIL nor books_mutex, it may be one of the
 * last when the answer is used, and what is then written there says nothing. */
static inline int
account_is_open(void)
{
    const account *mine = my_account;
    return __builtin_expect(mine != NULL && mine->epoch == __atomic_load_n(&books.epoch, __ATOMIC_RELAXED), 1);
}

/* The account of a thread that takes the GIL or drops it. */
static inline account *
account_of_holder(uint64_t now)
{
    if (account_is_open()) {
        return my_account;
    }
    pthread_mutex_lock(&books_mutex);
    account *mine = account_open(now);
    pthread_mutex_unlock(&books_mutex);
    return mine;
}

/* Free the accounts of threads that have ended, with books_mutex locked; only while nothing is installed. */
static void
accounts_reap(void)
{
    for (account **link = &books.first; *link != NULL;) {
        account *one = *link;
        if (one->dead) {
            *link = one->next;
            free(one);
        }
        else {
            link = &one->next;
        }
    }
}

/* The account of a place in the code, by its return address; NULL, and counted, where the table is full. */
static site *
site_of(void *address)
{
    size_t place = ((uintptr_t)address * UINT64_C(0x9E3779B97F4A7C15)) >> 53; /* Fibonacci hashing to 11 bits */
    for (size_t i = 0; i < MAX_SITES; i++, place = (place + 1) % MAX_SITES) {
        site *one = &books.sites[place];
        void *there = __atomic_load_n(&one->address, __ATOMIC_RELAXED);
        if (there == address) {
            return one;
        }
        /* Another interpreter's thread, under a GIL of its own, may be adding a site too. */
        if (there == NULL
            && (__atomic_compare_exchange_n(&one->address, &there, address, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)
                || there == address)) {
            return one;
        }
    }
    __atomic_fetch_add(&books.n_siteless, 1, __ATOMIC_RELAXED);
    return NULL;
}

static inline void
releases_add(releases *to, uint64_t length, int timed, uint64_t cpu_ns)
{
    to->count++;
    to->ticks += length;
    if (timed) {
        to->timed_ticks += length;
        to->cpu_ns += cpu_ns;
    }
    else if (length < books.long_release) {
        to->short_ticks += length;
    }
    if (length > to->longest) {
        to->longest = length;
    }
}

/* Whether the CPU clock says how much of the present release was computing, if that has this length. */
static inline int
release_is_timed(const account *one, uint64_t length)
{
    return books.times_cpu && length >= books.long_release && one->read_at != 0
           && one->since - one->read_at <= books.fresh;
}

/* The CPU time in the present release, of this length, by a reading of the CPU clock at its end. */
static inline uint64_t
release_cpu_ns(const account *one, uint64_t length, uint64_t cpu_ns)
{
    const uint64_t before = (one->since - one->read_at) - (one->waited - one->waited_at_reading);
    const int64_t in_it_ns = (int64_t)(cpu_ns - one->cpu_read_ns) - (int64_t)((double)before * books.ns_per_tick);
    const int64_t length_ns = (int64_t)((double)length * books.ns_per_tick);
    return (uint64_t)(in_it_ns < 0 ? 0 : in_it_ns > length_ns ? length_ns : in_it_ns);
}

static inline void
cpu_clock_note(account *mine, uint64_t at, uint64_t cpu_ns)
{
    mine->cpu_read_ns = cpu_ns;
    mine->read_at = at;
    mine->waited_at_reading = mine->waited;
}

static inline void
cpu_clock_read(account *mine, uint64_t at)
{
    cpu_clock_note(mine, at, clock_ns(CLOCK_THREAD_CPUTIME_ID));
}

static inline void
release_begin(account *mine, uint64_t now)
{
    mine->state = STATE_RELEASED;
    mine->since = now;
    mine->at = my_site;
    mine->ending_cpu_ns = 0;
    if (my_site == NULL && books.times_cpu && now - mine->read_at > books.fresh) {
        cpu_clock_read(mine, now); /* a release with a place is read once the GIL is free */
    }
}

/* End a release, at its thread's taking or beginning to wait. */
static inline void
release_end(account *mine, uint64_t now)
{
    const uint64_t length = now - mine->since;
    const int timed = release_is_timed(mine, length);
    uint64_t cpu_ns = 0;
    if (timed) {
        const account then = *mine;
        if (mine->ending_cpu_ns != 0) {
            cpu_clock_note(mine, now, mine->ending_cpu_ns);
        }
        else {
            cpu_clock_read(mine, now);
        }
        cpu_ns = release_cpu_ns(&then, length, mine->cpu_read_ns);
    }
    releases_add(&mine->released, length, timed, cpu_ns);
    if (mine->at != NULL) {
        releases_add(&mine->at->released, length, timed, cpu_ns);
    }
    mine->at = NULL;
}

/* The thread ends, and with it its last release: only in its own account, for this runs outside the GIL's mutex. */
static void
account_close(void *closing)
{
    account *const mine = closing;
    my_account = NULL; /* what the thread still does on its way out gets an account of its own */
    pthread_mutex_lock(&books_mutex);
    if (mine->state == STATE_RELEASED) {
        mine->at = NULL;
        release_end(mine, ticks());
    }
    mine->state = STATE_UNKNOWN;
    mine->dead = 1; /* and from now on anybody's to free */
    pthread_mutex_unlock(&books_mutex);
}

#endif
