/* One account for each thread that meets the GIL, and in it one for each place from which that thread releases it.
 *
 * A thread's account is written by that thread alone. Takes and drops, which are most of what happens, lock nothing of
 * the ledger's: who makes them has the GIL. Whatever else writes, a thread that begins to wait above all, locks
 * books_mutex. Who reads the books or begins them anew has both, so nobody writes then. No thread drops the GIL or
 * takes it while it has books_mutex locked: that may be locked inside of the GIL's own mutex.
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

#include "ticks.h"
#include "threads.h"

enum thread_state { STATE_UNKNOWN, STATE_HOLDING, STATE_RELEASED, STATE_WAITING };

/* Places that have a number, far above the 80 release sites of NumPy and the standard library together; in a table that
 * is never more than half full, so that a search ends soon. Each thread has a table of its own, as large as it needs.
 */
#define MAX_PLACES 2048
#define PLACES_BITS 12
#define FIRST_SITES_BITS 3
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

/* One thread's releases from one place; a cache line. */
typedef struct {
    void *address;   /* where the call of PyEval_SaveThread returns to; NULL in a place of the table that is free */
    uint16_t number; /* the same in all threads' tables */
    releases released;
} site;

typedef struct account {
    struct account *next; /* what comes before the epoch stays from one installation to another */
    uint64_t number;
    site *sites; /* 1 << sites_bits of them, n_sites of these in use; only a drop makes the table larger */
    unsigned sites_bits, n_sites;
    uint32_t epoch; /* the installation it counts for; of another one, it says nothing. What follows begins anew */
    pid_t native_id;
    int dead;
    enum thread_state state;
    uint64_t since, born;
    uint64_t held, waited, longest_hold, longest_wait;
    uint64_t takes, drops, waits, forced;
    uint64_t asked, answered_at_once; /* drops that somebody had asked for; those within QUICK_ANSWER_NS */
    uint64_t longest_answer;          /* from the asking to the drop, less the time it was queued for a CPU */
    int last_was_asked;               /* whether somebody had asked for its last drop */
    releases released;
    site *at;                                         /* where the current release began, in its table */
    uint64_t read_at, waited_at_reading, cpu_read_ns; /* the last reading of the CPU clock; never, if read_at is 0 */
    uint64_t ending_cpu_ns;                           /* what it read when this release was about to end, or 0 */
    kernel_counts earlier;                            /* of this thread, in an account that it had and closed */
    kernel_counts at_end;                             /* of a thread that has ended */
    unsigned n_forks;                                 /* of its process: the kernel counts anew in a child */
} account;

/* A thread that was there without an account when a ledger was opened, and since when that is known. */
typedef struct {
    pid_t native_id; /* 0 once it has an account */
    uint64_t start, since;
    kernel_counts counts;
} thread_before;

static struct {
    account *first;
    uint64_t n_accounts;
    uint64_t n_unseen; /* events of threads for which no memory was left */
    uint32_t epoch;
    void *places[1 << PLACES_BITS]; /* a place's number is its index here + 1; under the GIL's mutex */
    unsigned n_places;
    uint64_t n_siteless; /* releases from places beyond MAX_PLACES, or for which no memory was left */
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
/* The place from which the calling thread is about to release a GIL. */
static __thread void *my_place __attribute__((tls_model("initial-exec")));
static __thread kernel_counts my_earlier __attribute__((tls_model("initial-exec")));

/* The entry of the calling thread among those that were there before: of that thread, and of no other that had its id;
 * or NULL. Some 10 us, once in a thread's life. */
static thread_before *
found_before(pid_t native_id)
{
    for (size_t i = 0; i < books.n_born_before; i++) {
        thread_before *const one = &books.born_before[i];
        if (one->native_id == native_id && one->start == start_of(native_id)) {
            return one;
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
    if (mine->n_sites > 0) {
        memset(mine->sites, 0, sizeof(site) << mine->sites_bits);
        mine->n_sites = 0;
    }
    mine->native_id = (pid_t)syscall(SYS_gettid);
    mine->earlier = my_earlier;
    thread_before *const before = found_before(mine->native_id);
    if (before != NULL) {
        before->native_id = 0;
        mine->state = STATE_RELEASED;
        mine->since = mine->born = mine->read_at = before->since;
        mine->cpu_read_ns = before->counts.cpu_ns < 0 ? 0 : (uint64_t)before->counts.cpu_ns;
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
            free(one->sites);
            free(one);
        }
        else {
            link = &one->next;
        }
    }
}

/* Where the search for an address begins, in a table of 1 << bits. */
static inline size_t
place_hash(const void *address, unsigned bits)
{
    return (size_t)(((uintptr_t)address * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - bits)); /* Fibonacci hashing */
}

/* The number of a place; 0 where MAX_PLACES have one. Under the GIL's mutex. */
static uint16_t
place_number(void *address)
{
    size_t i = place_hash(address, PLACES_BITS);
    while (books.places[i] != NULL && books.places[i] != address) {
        i = (i + 1) % (1 << PLACES_BITS);
    }
    if (books.places[i] == NULL) {
        if (books.n_places == MAX_PLACES) {
            return 0;
        }
        books.places[i] = address;
        books.n_places++;
    }
    return (uint16_t)(i + 1);
}

/* The entry of an address, or the free one where it belongs; a table is never full. */
static inline site *
site_search(site *sites, unsigned bits, const void *address)
{
    size_t i = place_hash(address, bits);
    while (sites[i].address != NULL && sites[i].address != address) {
        i = (i + 1) & (((size_t)1 << bits) - 1);
    }
    return &sites[i];
}

/* Make room for twice as many places of a thread. Return 0, or -1 where there is no memory. */
static int
sites_grow(account *mine)
{
    const unsigned bits = mine->sites == NULL ? FIRST_SITES_BITS : mine->sites_bits + 1;
    site *const larger = calloc((size_t)1 << bits, sizeof(site));
    if (larger == NULL) {
        return -1;
    }
    for (size_t i = 0; mine->sites != NULL && i < (size_t)1 << mine->sites_bits; i++) {
        if (mine->sites[i].address != NULL) {
            *site_search(larger, bits, mine->sites[i].address) = mine->sites[i];
        }
    }
    free(mine->sites);
    mine->sites = larger;
    mine->sites_bits = bits;
    return 0;
}

/* Add a place that is not in the calling thread's table; NULL, and counted, where that cannot be. */
static site *
site_add(account *mine, void *address)
{
    const uint16_t number = place_number(address);
    if (number == 0 || (4 * (mine->n_sites + 1) > 3u << mine->sites_bits && sites_grow(mine) < 0)) {
        books.n_siteless++;
        return NULL;
    }
    site *const one = site_search(mine->sites, mine->sites_bits, address);
    one->address = address;
    one->number = number;
    mine->n_sites++;
    return one;
}

/* The calling thread's account of a place, at a drop. */
static inline site *
site_of(account *mine, void *address)
{
    if (mine->sites != NULL) {
        site *const one = site_search(mine->sites, mine->sites_bits, address);
        if (__builtin_expect(one->address != NULL, 1)) {
            return one;
        }
    }
    return site_add(mine, address);
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
    mine->at = my_place == NULL ? NULL : site_of(mine, my_place);
    mine->ending_cpu_ns = 0;
    if (my_place == NULL && books.times_cpu && now - mine->read_at > books.fresh) {
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

/* The thread ends, and with it its last release. */
static void
account_close(void *closing)
{
    account *const mine = closing;
    my_account = NULL; /* what the thread still does on its way out gets an account of its own */
    my_earlier = kernel_counts_of(mine->native_id);
    pthread_mutex_lock(&books_mutex);
    mine->at_end = my_earlier;
    if (mine->state == STATE_RELEASED) {
        release_end(mine, ticks());
    }
    mine->state = STATE_UNKNOWN;
    mine->dead = 1; /* and from now on anybody's to free */
    pthread_mutex_unlock(&books_mutex);
}

#endif
