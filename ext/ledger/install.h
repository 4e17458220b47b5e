/* Putting the hooks in place and taking them away again; every function here needs the GIL, which is its lock. */
#ifndef GILSCOPE_LEDGER_INSTALL_H
#define GILSCOPE_LEDGER_INSTALL_H

#include <dirent.h>
#include <stdio.h>

#include "shared/import_slots.h"
#include "gil.h"
#include "imports.h"

#define MAX_GIL_SLOTS 12
#define N_GIL_FUNCTIONS 3

static const hooked_function gil_hooks[N_GIL_FUNCTIONS] = {
    {"pthread_cond_signal", (void *)hook_signal, (void *)pthread_cond_signal},
    {"pthread_cond_timedwait", (void *)hook_timedwait, (void *)pthread_cond_timedwait},
    {"pthread_cond_wait", (void *)hook_wait, (void *)pthread_cond_wait},
};

static struct {
    slot slots[MAX_GIL_SLOTS];
    int n;
    int n_users;       /* of all kinds */
    int n_starts;      /* those of the module's own start */
    int times_cpu;     /* whether these want the CPU clock */
    uint64_t n_stolen; /* slots that were no longer ours when the ledger was taken away */
    char unavailable[256];
    int found;
    int finding; /* a thread is at it; under the GIL, which that thread releases half-way */
} installed;

static int
find_gil_slots(struct dl_phdr_info *info, size_t Py_UNUSED(size), void *Py_UNUSED(data))
{
    if (!holds(info, (uintptr_t)PyEval_SaveThread)) {
        return 0;
    }
    const object interpreter = object_of(info);
    for (int i = 0; i < N_GIL_FUNCTIONS; i++) {
        const int room = MAX_GIL_SLOTS - installed.n;
        const int found = slots_find(&interpreter, gil_hooks[i].function, installed.slots + installed.n, room);
        if (found == 0 || found > room) {
            snprintf(installed.unavailable, sizeof(installed.unavailable),
                     "the interpreter has %d import slots for %s, and the ledger can patch 1 to %d", found,
                     gil_hooks[i].function, room);
            installed.n = 0;
            return 1;
        }
        for (int j = 0; j < found; j++) {
            installed.slots[installed.n++].hook = gil_hooks[i].hook;
        }
    }
    return 1;
}

/* Whether an account of this installation is this thread's, and that has not ended; with books_mutex locked. */
static int
has_account(pid_t native_id)
{
    const account *one = books.first;
    while (one != NULL && (one->native_id != native_id || one->dead || one->epoch != books.epoch)) {
        one = one->next;
    }
    return one != NULL;
}

/* List the threads of this process that have no account, in memory that the caller frees; return how many. */
static size_t
list_threads(thread_before **list)
{
    size_t n = 0, room = 0;
    *list = NULL;
    DIR *tasks = opendir("/proc/self/task");
    if (tasks == NULL) {
        return 0;
    }
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
        thread_before one = {.native_id = (pid_t)atol(entry->d_name)};
        pthread_mutex_lock(&books_mutex);
        const int is_known = has_account(one.native_id);
        pthread_mutex_unlock(&books_mutex);
        if (is_known || one.native_id == 0 || (one.start = start_of(one.native_id)) == 0) { /* 0: it has just ended */
            continue;
        }
        if (n == room) {
            thread_before *grown = realloc(*list, (room + 256) * sizeof(*grown));
            if (grown == NULL) {
                break;
            }
            *list = grown;
            room += 256;
        }
        one.since = ticks();
        one.counts = kernel_counts_of(one.native_id);
        (*list)[n++] = one;
    }
    closedir(tasks);
    return n;
}

/* Remember the threads that are there without an account, and since when that is known; forget those that are not. */
static void
threads_note(const thread_before *list, size_t n)
{
    thread_before *const noted = malloc((n + 1) * sizeof(*noted));
    if (noted == NULL) {
        return; /* who is not remembered counts from its first event */
    }
    pthread_mutex_lock(&books_mutex);
    size_t n_noted = 0;
    for (size_t i = 0; i < n; i++) {
        size_t j = 0;
        while (
            j < books.n_born_before
            && (books.born_before[j].native_id != list[i].native_id || books.born_before[j].start != list[i].start)) {
            j++;
        }
        if (!has_account(list[i].native_id)) { /* it may have got one meanwhile */
            noted[n_noted++] = j < books.n_born_before ? books.born_before[j] : list[i];
        }
    }
    free(books.born_before);
    books.born_before = noted;
    books.n_born_before = n_noted;
    pthread_mutex_unlock(&books_mutex);
}

/* Hook the interpreter's slots. The caller holds the GIL, so that nobody takes or drops it half-way. */
static int
hook_interpreter(void)
{
    for (int i = 0; i < installed.n; i++) {
        if (slot_hook(&installed.slots[i]) < 0) {
            while (--i >= 0) {
                slot_unhook(&installed.slots[i]);
            }
            return -1;
        }
    }
    return 0;
}

static void
unhook_interpreter(void)
{
    for (int i = 0; i < installed.n; i++) {
        installed.n_stolen += !slot_unhook(&installed.slots[i]);
    }
}

/* Open the books of a new installation, with the caller as the one who holds the GIL. A thread that waits since an
 * earlier one may still be in a hook. */
static void
books_open(void)
{
    const double length = ns_per_tick();
    pthread_mutex_lock(&books_mutex);
    asked_at = 0;
    last_taker = asked_of = NULL; /* they may be freed now */
    accounts_reap();
    __atomic_store_n(&books.epoch, books.epoch + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&books.n_unseen, 0, __ATOMIC_RELAXED);
    books.n_siteless = 0;
    memset(books.places, 0, sizeof(books.places));
    books.n_places = 0;
    books.ns_per_tick = length;
    __atomic_store_n(&books.long_release, (uint64_t)(LONG_RELEASE_NS / length), __ATOMIC_RELAXED);
    __atomic_store_n(&books.fresh, (uint64_t)(FRESH_NS / length), __ATOMIC_RELAXED);
    quick_answer = (uint64_t)(QUICK_ANSWER_NS / length);
    books.n_born_before = 0;
    books.began = ticks();
    account *mine = account_open(books.began);
    if (mine != NULL) {
        mine->state = STATE_HOLDING;
        mine->since = mine->born = books.began;
    }
    last_taker = mine;
    pthread_mutex_unlock(&books_mutex);
}

/* After a fork only the calling thread is left, and it holds the GIL. Its account goes on, under its new id. */
static void
after_fork_in_child(void)
{
    pthread_mutex_init(&books_mutex, NULL);
    for (account *one = books.first; one != NULL; one = one->next) {
        if (one == my_account) {
            one->native_id = (pid_t)syscall(SYS_gettid);
            one->n_forks++;
        }
        else {
            one->dead = 1;
            one->epoch = 0;
        }
    }
    books.n_born_before = 0;
    asked_at = 0;
    if (installed.finding) { /* half-way, by a thread that is not here: begin anew when asked */
        unhook_interpreter();
        installed.finding = 0;
    }
}

/* Prepare what lasts as long as the process. Return 0, or -1 with the reason in installed.unavailable. */
static int
prepare_once(void)
{
    static int prepared;
    if (prepared) {
        return installed.unavailable[0] ? -1 : 0;
    }
    prepared = 1;
    if (!keep_loaded((void *)hook_signal)) {
        snprintf(installed.unavailable, sizeof(installed.unavailable), "the ledger's own module cannot be kept loaded");
    }
    else if (pthread_key_create(&account_key, account_close) != 0
             || pthread_atfork(NULL, NULL, after_fork_in_child) != 0) {
        snprintf(installed.unavailable, sizeof(installed.unavailable), "no thread-local key or fork handler is left");
    }
    else if (!loader_visit(find_gil_slots, NULL)) {
        snprintf(installed.unavailable, sizeof(installed.unavailable),
                 "no loaded object holds the interpreter's PyEval_SaveThread");
    }
    clock_start();
    return installed.unavailable[0] ? -1 : 0;
}

/* Find the GIL by behaviour and by content; both must agree. Return 0, or -1 with the reason. */
static int
find_gil(void)
{
    void *cond = NULL, *switch_cond = NULL;
    while (installed.finding) { /* by another thread, which releases the GIL for it; hooks are no originals */
        Py_BEGIN_ALLOW_THREADS
        usleep(100);
        Py_END_ALLOW_THREADS
    }
    if (installed.found || installed.unavailable[0]) {
        return installed.found ? 0 : -1;
    }
    installed.finding = 1;
    if (hook_interpreter() < 0) {
        snprintf(installed.unavailable, sizeof(installed.unavailable), "the interpreter's import slots are read-only");
        installed.finding = 0;
        return -1;
    }
    const int heard = gil_by_behaviour(&cond, &switch_cond);
    unhook_interpreter();
    const gil_record *record = gil_by_content();
    if (heard < 0) {
        snprintf(installed.unavailable, sizeof(installed.unavailable),
                 "releasing the GIL does not signal two condition variables in turn (%d signals for %d releases)",
                 listening.n, N_PAIRS);
    }
    else if (record == NULL) {
        snprintf(installed.unavailable, sizeof(installed.unavailable),
                 "no word of _PyRuntime, or more than one, follows the switch interval");
    }
    else if ((const void *)&record->cond != cond || (const void *)&record->switch_cond != switch_cond) {
        snprintf(installed.unavailable, sizeof(installed.unavailable),
                 "two ways of finding the GIL disagree: %p, %p by behaviour and %p, %p by content", cond, switch_cond,
                 (const void *)&record->cond, (const void *)&record->switch_cond);
    }
    else {
        __atomic_store_n(&gil.cond, cond, __ATOMIC_RELAXED);
        __atomic_store_n(&gil.switch_cond, switch_cond, __ATOMIC_RELAXED);
        installed.found = 1;
    }
    installed.finding = 0;
    return installed.found ? 0 : -1;
}

/* Turn the ledger on; every success needs one ledger_off. Return 0, or -1 with the reason in installed.unavailable.
 * `list`, which the caller frees, has the `n` threads without an account that are there. */
static int
ledger_on(thread_before **list, size_t *n)
{
    if (prepare_once() < 0 || (!installed.found && find_gil() < 0)) {
        return -1;
    }
    if (installed.n_users == 0) { /* asked only now, for finding the GIL releases it */
        books_open();
    }
    *n = list_threads(list);
    threads_note(*list, *n);
    if (installed.n_users > 0) {
        imports_refresh();
    }
    else if (hook_interpreter() < 0) {
        snprintf(installed.unavailable, sizeof(installed.unavailable), "the interpreter's import slots are read-only");
        free(*list);
        return -1;
    }
    else {
        imports_begin();
    }
    installed.n_users++;
    return 0;
}

static void
ledger_off(void)
{
    if (--installed.n_users == 0) {
        imports_end();
        unhook_interpreter();
        ring_switch(NULL);
    }
}

#endif
