/* Reading the books out, and the kernel that the ledger is tested with. All but pattern hold the GIL throughout. */
#ifndef GILSCOPE_LEDGER_READ_H
#define GILSCOPE_LEDGER_READ_H

#include "ledger_install.h"

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

static PyObject *
releases_dict(const releases *of)
{
    return Py_BuildValue("{sKsKsKsKsKsK}", "count", of->count, "ticks", of->ticks, "timed_ticks", of->timed_ticks,
                         "short_ticks", of->short_ticks, "cpu_ns", of->cpu_ns, "longest", of->longest);
}

/* An account and the places in use of its table, as they were at one moment. */
typedef struct {
    account account;
    site *sites;
    size_t n_sites;
    site *at; /* of these */
} account_copy;

/* Copy an account, and let its longest times begin anew if asked to; `sites` has room for all of its places. */
static account_copy
account_read(account *from, int restart_longest, site *sites)
{
    account_copy copy = {.sites = sites};
    pthread_mutex_lock(&books_mutex);
    copy.account = *from;
    for (size_t i = 0; from->n_sites > 0 && i < (size_t)1 << from->sites_bits; i++) {
        site *const one = &from->sites[i];
        if (one->address != NULL) {
            copy.at = one == from->at ? &sites[copy.n_sites] : copy.at;
            sites[copy.n_sites++] = *one;
            one->released.longest = restart_longest ? 0 : one->released.longest;
        }
    }
    if (restart_longest) {
        from->longest_hold = from->longest_wait = from->longest_answer = from->released.longest = 0;
    }
    pthread_mutex_unlock(&books_mutex);
    return copy;
}

/* Copy every account of this installation into memory that the caller frees, both of it; NULL where there is none.
 * Nothing of Python is made meanwhile: the garbage collector might run, and in its finalizers another thread, which may
 * begin the books anew. */
static account_copy *
accounts_read(int restart_longest, size_t *n_accounts, site **sites)
{
    size_t n = 0, n_sites = 0;
    pthread_mutex_lock(&books_mutex);
    account *const first = books.first;
    pthread_mutex_unlock(&books_mutex); /* accounts are added in front; with the GIL none is freed, no table grows */
    for (const account *one = first; one != NULL; one = one->next, n++) {
        n_sites += one->sites == NULL ? 0 : (size_t)1 << one->sites_bits;
    }
    account_copy *const copies = malloc((n + 1) * sizeof(*copies));
    *sites = malloc((n_sites + 1) * sizeof(site));
    *n_accounts = n_sites = 0;
    if (copies == NULL || *sites == NULL) {
        free(copies);
        free(*sites);
        return NULL;
    }
    for (account *one = first; one != NULL; one = one->next) {
        const account_copy copy = account_read(one, restart_longest, *sites + n_sites);
        if (copy.account.epoch == books.epoch) {
            copies[(*n_accounts)++] = copy;
            n_sites += copy.n_sites;
        }
    }
    return copies;
}

/* (address, releases, number) of each place that the thread has released the GIL from. */
static PyObject *
sites_list(const account_copy *copy)
{
    PyObject *list = PyList_New((Py_ssize_t)copy->n_sites);
    for (size_t i = 0; i < copy->n_sites && list != NULL; i++) {
        const site *one = &copy->sites[i];
        PyObject *entry =
            Py_BuildValue("(NNi)", PyLong_FromVoidPtr(one->address), releases_dict(&one->released), (int)one->number);
        if (entry == NULL) {
            Py_CLEAR(list);
            break;
        }
        PyList_SET_ITEM(list, (Py_ssize_t)i, entry);
    }
    return list;
}

/* One account as it would read if its present state ended now. */
static PyObject *
account_dict(const account_copy *copied, uint64_t at)
{
    account copy = copied->account;
    const uint64_t length = at > copy.since ? at - copy.since : 0;
    if (copy.state == STATE_HOLDING) {
        copy.held += length;
        copy.longest_hold = length > copy.longest_hold ? length : copy.longest_hold;
    }
    else if (copy.state == STATE_WAITING) {
        copy.waited += length;
        copy.longest_wait = length > copy.longest_wait ? length : copy.longest_wait;
    }
    else if (copy.state == STATE_RELEASED) {
        const int timed = release_is_timed(&copy, length);
        const uint64_t cpu_ns = timed ? release_cpu_ns(&copy, length, clock_ns(cpu_clock_of(copy.native_id))) : 0;
        releases_add(&copy.released, length, timed, cpu_ns);
        copy.released.count--; /* it has not ended */
        if (copied->at != NULL) {
            releases_add(&copied->at->released, length, timed, cpu_ns);
            copied->at->released.count--;
        }
    }
    return Py_BuildValue("{sKsisisisKsKsKsKsKsKsKsKsKsKsKsKsNsN}", "number", copy.number, "native_id",
                         (int)copy.native_id, "dead", copy.dead, "state", (int)copy.state, "born", copy.born, "held",
                         copy.held, "waited", copy.waited, "longest_hold", copy.longest_hold, "longest_wait",
                         copy.longest_wait, "takes", copy.takes, "drops", copy.drops, "waits", copy.waits, "forced",
                         copy.forced, "asked", copy.asked, "answered_at_once", copy.answered_at_once, "longest_answer",
                         copy.longest_answer, "released", releases_dict(&copy.released), "sites", sites_list(copied));
}

static PyObject *
accounts_list(uint64_t at, int restart_longest)
{
    size_t n;
    site *sites;
    account_copy *const copies = accounts_read(restart_longest, &n, &sites);
    if (copies == NULL) {
        return PyErr_NoMemory();
    }
    PyObject *list = PyList_New(0);
    for (size_t i = 0; i < n && list != NULL; i++) {
        PyObject *entry = account_dict(&copies[i], at);
        if (entry == NULL || PyList_Append(list, entry) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(entry);
    }
    free(copies);
    free(sites);
    return list;
}

static PyObject *
books_dict(int restart_longest)
{
    const uint64_t at = ticks();
    PyObject *accounts = accounts_list(at, restart_longest);
    if (accounts == NULL) {
        return NULL;
    }
    return Py_BuildValue("{sKsNsKsKsKsK}", "ticks", at, "accounts", accounts, "n_events",
                         __atomic_load_n(&ring.written, __ATOMIC_RELAXED), "n_unseen",
                         __atomic_load_n(&books.n_unseen, __ATOMIC_RELAXED), "n_siteless",
                         (unsigned long long)books.n_siteless, "n_stolen", installed.n_stolen + imports.n_stolen);
}

static PyObject *
snapshot(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return books_dict(0);
}

static PyObject *
harvest(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return books_dict(1);
}

static PyObject *
events(PyObject *Py_UNUSED(module), PyObject *since)
{
    uint64_t first = PyLong_AsUnsignedLongLong(since);
    if (PyErr_Occurred()) {
        return NULL;
    }
    const uint64_t written = __atomic_load_n(&ring.written, __ATOMIC_RELAXED);
    first = first > written ? written : first;
    const event_ring *from = ring.kept;
    const uint64_t capacity = from == NULL ? 0 : from->capacity;
    first = written - first > capacity ? written - capacity : first;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)((written - first) * sizeof(event)));
    if (bytes == NULL) {
        return NULL;
    }
    char *to = PyBytes_AS_STRING(bytes);
    pthread_mutex_lock(&books_mutex);
    for (uint64_t i = first; i < written; i++, to += sizeof(event)) {
        memcpy(to, &from->slots[i & (capacity - 1)], sizeof(event));
    }
    pthread_mutex_unlock(&books_mutex);
    return Py_BuildValue("KN", (unsigned long long)first, bytes);
}

static PyObject *
slots(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    PyObject *list = PyList_New(0);
    for (int i = 0; i < installed.n + imports.n && list != NULL; i++) {
        const slot one = i < installed.n ? installed.slots[i] : imports.slots[i - installed.n];
        void *both[2] = {(void *)&one, NULL};
        if (!dl_iterate_phdr(import_peek, both)) {
            continue; /* it was unloaded */
        }
        PyObject *entry =
            Py_BuildValue("(NNi)", PyLong_FromVoidPtr(one.address), PyLong_FromVoidPtr(both[1]), both[1] == one.hook);
        if (entry == NULL || PyList_Append(list, entry) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(entry);
    }
    return list;
}

static PyObject *
where(PyObject *Py_UNUSED(module), PyObject *address)
{
    void *place = PyLong_AsVoidPtr(address);
    if (place == NULL && PyErr_Occurred()) {
        return NULL;
    }
    Dl_info info;
    const ElfW(Sym) *symbol = NULL;
    if (!dladdr1(place, &info, (void **)&symbol, RTLD_DL_SYMENT)) {
        Py_RETURN_NONE;
    }
    /* The nearest exported name before it; it is the function's own only if the address lies inside. */
    const int inside = symbol != NULL && (uintptr_t)place - (uintptr_t)info.dli_saddr < symbol->st_size;
    return Py_BuildValue("sKs", info.dli_fname, (unsigned long long)((uintptr_t)place - (uintptr_t)info.dli_fbase),
                         inside ? info.dli_sname : "");
}

static PyObject *
tick_ns(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    clock_start();
    return PyFloat_FromDouble(ns_per_tick());
}

static PyObject *
now(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    clock_start();
    const reading both = read_both();
    return Py_BuildValue("KK", (unsigned long long)both.ticks, (unsigned long long)both.ns);
}

static PyObject *
find(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    const gil_record *record = gil_by_content();
    return Py_BuildValue("{sNsNsNsN}", "cond", PyLong_FromVoidPtr(gil.cond), "switch_cond",
                         PyLong_FromVoidPtr(gil.switch_cond), "record", PyLong_FromVoidPtr((void *)record),
                         "record_cond", PyLong_FromVoidPtr(record == NULL ? NULL : (void *)&record->cond));
}

static void
spin_until(uint64_t end)
{
    while (ticks() < end) {
    }
}

static PyObject *
pattern(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t n_args)
{
    double given[3];
    if (n_args != 3) {
        return PyErr_Format(PyExc_TypeError, "pattern(count, hold_ns, release_ns) takes 3 arguments; got %zd", n_args);
    }
    for (int i = 0; i < 3; i++) {
        given[i] = PyFloat_AsDouble(args[i]);
        if (given[i] == -1 && PyErr_Occurred()) {
            return NULL;
        }
        if (!(given[i] >= 0 && given[i] <= 1e12)) {
            return PyErr_Format(PyExc_ValueError, "pattern's numbers must be 0 to 1e12; got %R", args[i]);
        }
    }
    clock_start();
    const double length = ns_per_tick();
    const uint64_t hold = (uint64_t)(given[1] / length), release = (uint64_t)(given[2] / length);
    uint64_t held = 0, released = 0, since = ticks();
    for (uint64_t i = 0; i < (uint64_t)given[0]; i++) {
        spin_until(since + hold);
        const uint64_t drop = ticks();
        PyThreadState *state = PyEval_SaveThread();
        const uint64_t free_from = ticks();
        spin_until(free_from + release);
        const uint64_t free_to = ticks();
        PyEval_RestoreThread(state);
        held += drop - since;
        released += free_to - free_from;
        since = ticks();
    }
    return Py_BuildValue("dd", (double)held * length, (double)released * length);
}

#endif
