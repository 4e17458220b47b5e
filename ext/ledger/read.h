/* Reading the books out, and the kernel that the ledger is tested with. All but pattern hold the GIL throughout. */
#ifndef GILSCOPE_LEDGER_READ_H
#define GILSCOPE_LEDGER_READ_H

#include "copy.h"

/* Have room for a timeline of so many events; -1 with an exception where there is none. */
static int
ring_want(long long n_events)
{
    if (n_events < 0 || n_events > (1LL << 32)) {
        PyErr_Format(PyExc_ValueError, "n_events must be 0 to 2**32; got %lld", n_events);
        return -1;
    }
    if (n_events > 0 && ring_grow((uint64_t)n_events) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

static PyObject *
releases_dict(const releases *of)
{
    return Py_BuildValue("{sKsKsKsKsKsK}", "count", of->count, "ticks", of->ticks, "timed_ticks", of->timed_ticks,
                         "short_ticks", of->short_ticks, "cpu_ns", of->cpu_ns, "longest", of->longest);
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

/* One account as it would read if its present state had ended when it was copied. */
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
        const int timed = release_is_timed(&copy, length) && copied->counts.cpu_ns >= 0;
        const uint64_t cpu_ns = timed ? release_cpu_ns(&copy, length, (uint64_t)copied->counts.cpu_ns) : 0;
        releases_add(&copy.released, length, timed, cpu_ns);
        copy.released.count--; /* it has not ended */
        if (copied->at != NULL) {
            releases_add(&copied->at->released, length, timed, cpu_ns);
            copied->at->released.count--;
        }
    }
    return Py_BuildValue("{sKsisisisKsKsKsKsKsKsKsKsKsKsKsKsLsLsLsLsIsNsN}", "number", copy.number, "native_id",
                         (int)copy.native_id, "dead", copy.dead, "state", (int)copy.state, "born", copy.born, "held",
                         copy.held, "waited", copy.waited, "longest_hold", copy.longest_hold, "longest_wait",
                         copy.longest_wait, "takes", copy.takes, "drops", copy.drops, "waits", copy.waits, "forced",
                         copy.forced, "asked", copy.asked, "answered_at_once", copy.answered_at_once, "longest_answer",
                         copy.longest_answer, "cpu_ns", (long long)copied->counts.cpu_ns, "run_delay_ns",
                         (long long)copied->counts.run_delay_ns, "cpu_earlier_ns", (long long)copy.earlier.cpu_ns,
                         "run_delay_earlier_ns", (long long)copy.earlier.run_delay_ns, "n_forks", copy.n_forks,
                         "released", releases_dict(&copy.released), "sites", sites_list(copied));
}

static PyObject *
accounts_list(const books_copy *from)
{
    PyObject *list = PyList_New(0);
    for (size_t i = 0; i < from->n_accounts && list != NULL; i++) {
        PyObject *entry = account_dict(&from->accounts[i], from->ticks);
        if (entry == NULL || PyList_Append(list, entry) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(entry);
    }
    return list;
}

/* The kernel's counts of each thread that was there without an account, by its id. */
static PyObject *
threads_dict(const books_copy *from)
{
    PyObject *dict = PyDict_New();
    for (size_t i = 0; i < from->n_threads && dict != NULL; i++) {
        const thread_before *one = &from->threads[i];
        PyObject *key = PyLong_FromLong(one->native_id);
        PyObject *counts = Py_BuildValue("LL", (long long)one->counts.cpu_ns, (long long)one->counts.run_delay_ns);
        if (key == NULL || counts == NULL || PyDict_SetItem(dict, key, counts) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(key);
        Py_XDECREF(counts);
    }
    return dict;
}

static PyObject *
books_dict(books_copy *from)
{
    PyObject *accounts = accounts_list(from), *threads = threads_dict(from);
    if (accounts == NULL || threads == NULL) {
        Py_XDECREF(accounts);
        Py_XDECREF(threads);
        return NULL;
    }
    return Py_BuildValue("{sKsNsNsKsKsKsK}", "ticks", from->ticks, "accounts", accounts, "threads", threads, "n_events",
                         from->n_events, "n_unseen", from->n_unseen, "n_siteless", from->n_siteless, "n_stolen",
                         from->n_stolen);
}

static PyObject *
snapshot(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    books_copy *const copy = books_read(0);
    PyObject *dict = copy == NULL ? PyErr_NoMemory() : books_dict(copy);
    books_free(copy);
    return dict;
}

/* Events from the one with this number on, or from the oldest there is, which then is the first. */
static PyObject *
events_bytes(uint64_t *first)
{
    const uint64_t written = __atomic_load_n(&ring.written, __ATOMIC_RELAXED);
    *first = *first > written ? written : *first;
    const event_ring *from = ring.kept;
    const uint64_t capacity = from == NULL ? 0 : from->capacity;
    *first = written - *first > capacity ? written - capacity : *first;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)((written - *first) * sizeof(event)));
    if (bytes == NULL) {
        return NULL;
    }
    char *to = PyBytes_AS_STRING(bytes);
    pthread_mutex_lock(&books_mutex);
    for (uint64_t i = *first; i < written; i++, to += sizeof(event)) {
        memcpy(to, &from->slots[i & (capacity - 1)], sizeof(event));
    }
    pthread_mutex_unlock(&books_mutex);
    return bytes;
}

static PyObject *
events(PyObject *Py_UNUSED(module), PyObject *since)
{
    uint64_t first = PyLong_AsUnsignedLongLong(since);
    if (PyErr_Occurred()) {
        return NULL;
    }
    PyObject *bytes = events_bytes(&first);
    return bytes == NULL ? NULL : Py_BuildValue("KN", (unsigned long long)first, bytes);
}

static PyObject *
slots(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    PyObject *list = PyList_New(0);
    for (int i = 0; i < installed.n + imports.n && list != NULL; i++) {
        const slot one = i < installed.n ? installed.slots[i] : imports.slots[i - installed.n];
        void *both[2] = {(void *)&one, NULL};
        if (i < installed.n) {
            both[1] = slot_value(&one);
        }
        else if (!loader_visit(import_peek, both)) {
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
