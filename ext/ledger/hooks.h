/* The hooks: what stands in the interpreter's import slots while the ledger is on.
 *
 * take_gil and drop_gil are static, but they call the C library, and differ in what they call:
 *   drop   pthread_cond_signal(&gil->cond)               when the GIL has just become free
 *   wait   pthread_cond_timedwait(&gil->cond, ...)       while another thread has it
 *   take   pthread_cond_signal(&gil->switch_cond)        when the GIL has just become this thread's
 *   forced pthread_cond_wait(&gil->switch_cond, ...)     when a drop was asked for, until somebody has taken it
 * so the addresses of two condition variables tell them from each other and from everything else. The first three
 * are called with gil->mutex locked: one global order, and no two hooks at once.
 */
#ifndef GILSCOPE_LEDGER_HOOKS_H
#define GILSCOPE_LEDGER_HOOKS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <pthread.h>

#include "accounts.h"
#include "events.h"

/* A thread asked to drop the GIL does so at its next look at the eval breaker: within some microseconds in bytecode,
 * at the end of the call in native code. */
#define QUICK_ANSWER_NS 50000

/* The GIL that is watched; both NULL until it has been found, and constant from then on. */
static struct {
    void *cond, *switch_cond;
} gil;

/* Whether it is this one of the two; atomically, for a thread may be in a hook while the GIL is being found. */
static inline int
is_the_gils(const void *cond, void *const *which)
{
    return cond == __atomic_load_n(which, __ATOMIC_RELAXED);
}

/* When a waiter asked the holder to drop, or 0; and how often the GIL has gone from one thread to another, for a waiter
 * whose time is up asks only if it has not meanwhile. All under gil->mutex, and a new installation begins them anew
 * with the GIL and books_mutex. */
static uint64_t asked_at, n_switches;
static const account *last_taker;
static uint64_t quick_answer;
/* Who was asked, and how long it had been queued for a CPU and on one by then. */
static const account *asked_of;
static int64_t run_delay_asked_ns;
static uint64_t cpu_asked_ns;

/* While this thread listens for which condition variables its own release and take signal; see gil.h. */
#define HEARD_ROOM 16
static __thread struct {
    int on, n;
    void *signalled[HEARD_ROOM];
} listening __attribute__((tls_model("initial-exec")));

static inline void
hold_end(account *mine, uint64_t now)
{
    const uint64_t length = now - mine->since;
    mine->held += length;
    if (length > mine->longest_hold) {
        mine->longest_hold = length;
    }
}

/* A thread was asked to drop the GIL, by a waiter whose time was up. With books_mutex locked. */
static void
on_ask(void)
{
    asked_of = last_taker;
    run_delay_asked_ns = asked_of == NULL ? 0 : run_delay_of(asked_of->native_id);
    cpu_asked_ns = asked_of == NULL ? 0 : clock_ns(cpu_clock_of(asked_of->native_id));
    asked_at = ticks();
}

/* The ticks of an answer without those in which the thread was only queued for a CPU: that is not the code's doing. If
 * it was queued already when it was asked, the queueing counts from before then; its own time on a CPU is never taken
 * away with it. */
static uint64_t
answer_length(const account *mine, uint64_t answer)
{
    if (mine != asked_of) {
        return answer;
    }
    const int64_t now_ns = run_delay_of(mine->native_id);
    const uint64_t cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    const uint64_t delay_ns = now_ns > run_delay_asked_ns ? (uint64_t)(now_ns - run_delay_asked_ns) : 0;
    const uint64_t worked_ns = cpu_ns > cpu_asked_ns ? cpu_ns - cpu_asked_ns : 0;
    const uint64_t delay = delay_ns * quick_answer / QUICK_ANSWER_NS;
    const uint64_t worked = worked_ns * quick_answer / QUICK_ANSWER_NS;
    const uint64_t least = worked < answer ? worked : answer;
    return answer > delay + least ? answer - delay : least;
}

static void
on_drop(void)
{
    const uint64_t now = ticks();
    account *mine = account_of_holder(now);
    const uint64_t asked = asked_at;
    asked_at = 0;
    if (mine == NULL) {
        return;
    }
    if (mine->state == STATE_HOLDING) {
        hold_end(mine, now);
    }
    mine->drops++;
    mine->last_was_asked = asked != 0;
    if (asked != 0) {
        const uint64_t answer = answer_length(mine, now - asked);
        mine->asked++;
        mine->answered_at_once += answer < quick_answer;
        if (answer > mine->longest_answer) {
            mine->longest_answer = answer;
        }
    }
    release_begin(mine, now);
    ring_put(now, (uint32_t)mine->number, EVENT_DROP, mine->at == NULL ? 0 : mine->at->number);
}

static void
on_wait(void)
{
    pthread_mutex_lock(&books_mutex);
    const uint64_t now = ticks(); /* not before: the ledger may be turned off and on meanwhile, and begin later */
    account *mine = account_is_open() ? my_account : account_open(now);
    if (mine != NULL && mine->state != STATE_WAITING) { /* or it has timed out once and waits on */
        if (mine->state == STATE_RELEASED) {
            release_end(mine, now);
        }
        mine->waits++;
        mine->state = STATE_WAITING;
        mine->since = now;
        ring_put(now, (uint32_t)mine->number, EVENT_WAIT, 0);
    }
    pthread_mutex_unlock(&books_mutex);
}

static void
on_take(void)
{
    const uint64_t now = ticks();
    account *mine = account_of_holder(now);
    asked_at = 0;
    n_switches += mine != last_taker;
    last_taker = mine;
    if (mine == NULL) {
        return;
    }
    if (mine->state == STATE_RELEASED) {
        release_end(mine, now);
    }
    else if (mine->state == STATE_HOLDING) {
        hold_end(mine, now); /* a forked child makes a new GIL and takes that */
    }
    else if (mine->state == STATE_WAITING) {
        const uint64_t length = now - mine->since;
        mine->waited += length;
        if (length > mine->longest_wait) {
            mine->longest_wait = length;
        }
    }
    mine->takes++;
    mine->state = STATE_HOLDING;
    mine->since = now;
    ring_put(now, (uint32_t)mine->number, EVENT_TAKE, 0);
}

static uint64_t
on_forced(void)
{
    pthread_mutex_lock(&books_mutex);
    const uint64_t now = ticks();
    account *mine = account_is_open() ? my_account : account_open(now);
    if (mine != NULL) {
        mine->forced++;
        if (!mine->last_was_asked) { /* by one that had begun to wait before the hooks were there, unseen */
            mine->last_was_asked = 1;
            mine->asked++;
        }
        ring_put(now, (uint32_t)mine->number, EVENT_FORCED, 0);
    }
    pthread_mutex_unlock(&books_mutex);
    return now;
}

/* Somebody else has taken the GIL, for which this thread had to wait although it had dropped it. */
static void
on_switched(uint64_t since)
{
    pthread_mutex_lock(&books_mutex);
    account *mine = my_account;
    if (account_is_open() && mine->state == STATE_RELEASED && mine->since <= since) {
        const uint64_t length = ticks() - since;
        mine->waited += length;
        mine->since += length; /* what was before it is some nanoseconds of releasing */
        if (length > mine->longest_wait) {
            mine->longest_wait = length;
        }
    }
    pthread_mutex_unlock(&books_mutex);
}

static int
hook_signal(pthread_cond_t *cond)
{
    if (is_the_gils(cond, &gil.switch_cond)) {
        on_take();
    }
    else if (is_the_gils(cond, &gil.cond)) {
        on_drop();
    }
    else if (listening.on && listening.n < HEARD_ROOM) {
        listening.signalled[listening.n++] = cond;
    }
    return pthread_cond_signal(cond);
}

static int
hook_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until)
{
    if (!is_the_gils(cond, &gil.cond)) {
        return pthread_cond_timedwait(cond, mutex, until);
    }
    on_wait();
    const uint64_t switches = n_switches;
    const int result = pthread_cond_timedwait(cond, mutex, until);
    if (result == ETIMEDOUT) {
        pthread_mutex_lock(&books_mutex);
        if (asked_at == 0 && n_switches == switches) {
            on_ask(); /* the interpreter now asks the holder to drop, unless the GIL has become free */
        }
        pthread_mutex_unlock(&books_mutex);
    }
    return result;
}

static int
hook_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    if (!is_the_gils(cond, &gil.switch_cond)) {
        return pthread_cond_wait(cond, mutex);
    }
    const uint64_t since = on_forced();
    const int result = pthread_cond_wait(cond, mutex);
    on_switched(since);
    return result;
}

/* Whether this thread has released the GIL, and its CPU clock is wanted; without a lock, as are the two below. */
static inline int
cpu_clock_is_wanted(void)
{
    return account_is_open() && __atomic_load_n(&books.times_cpu, __ATOMIC_RELAXED)
           && my_account->state == STATE_RELEASED;
}

/* In the slots of extensions: remember which place in the code releases, for the drop that follows on this thread. The
 * CPU clock is read only here and in the next hook, where the GIL and its mutex are free: a thread that asks the kernel
 * for it may lose its CPU there, and nobody should have to wait for that. */
static PyThreadState *
hook_save_thread(void)
{
    my_place = __builtin_return_address(0);
    PyThreadState *const state = PyEval_SaveThread();
    my_place = NULL; /* the GIL of another interpreter was dropped if it has not been used */
    account *const mine = my_account;
    if (cpu_clock_is_wanted() && mine->since - mine->read_at > __atomic_load_n(&books.fresh, __ATOMIC_RELAXED)) {
        const uint64_t cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        pthread_mutex_lock(&books_mutex);
        cpu_clock_note(mine, mine->since, cpu_ns);
        pthread_mutex_unlock(&books_mutex);
    }
    return state;
}

/* Beside it: a long release is about to end. */
static void
hook_restore_thread(PyThreadState *state)
{
    account *const mine = my_account;
    if (cpu_clock_is_wanted() && ticks() - mine->since >= __atomic_load_n(&books.long_release, __ATOMIC_RELAXED)) {
        const uint64_t cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        pthread_mutex_lock(&books_mutex);
        mine->ending_cpu_ns = cpu_ns;
        pthread_mutex_unlock(&books_mutex);
    }
    PyEval_RestoreThread(state);
}

#endif
