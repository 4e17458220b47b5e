/* Sampling where there is a GIL: finding its record, and naming its holders. */
#ifndef GILSCOPE_SAMPLER_HOLDERS_H
#define GILSCOPE_SAMPLER_HOLDERS_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "shared/gil_record.h"
#include "sightings.h"

/* Holders told apart; what others hold is counted together. */
#define MOST_HOLDERS 256

typedef struct {
    void *state; /* compared, never followed: the thread may have ended */
    uint64_t n;
} holder;

struct sightings {
    const gil_record *gil; /* static memory of the interpreter, there until the process ends */
    uint64_t n_free, n_others;
    int n_holders;
    holder holders[MOST_HOLDERS];
};

static inline void
one_more(uint64_t *count)
{
    __atomic_store_n(count, *count + 1, __ATOMIC_RELAXED); /* only the sampling thread writes */
}

static void
sightings_look(sightings *seen)
{
    const int locked = __atomic_load_n(&seen->gil->locked, __ATOMIC_RELAXED);
    void *const state = __atomic_load_n(&seen->gil->holder, __ATOMIC_RELAXED);
    if (locked <= 0) {
        one_more(&seen->n_free);
        return;
    }
    int i = 0;
    while (i < seen->n_holders && seen->holders[i].state != state) {
        i++;
    }
    if (i == MOST_HOLDERS) {
        one_more(&seen->n_others);
        return;
    }
    if (i == seen->n_holders) {
        seen->holders[i].state = state;
        __atomic_store_n(&seen->n_holders, i + 1, __ATOMIC_RELEASE);
    }
    one_more(&seen->holders[i].n);
}

/* Releases that must show how the record changes; another thread may take the GIL in each of them. */
#define N_CHECKS 20

/* Whether a record says what is so: that this thread holds the GIL, and during a release that it does not. */
static int
record_is_true(const gil_record *record)
{
    int n_free = 0;
    for (int i = 0; i < N_CHECKS; i++) {
        PyThreadState *const state = PyThreadState_Get();
        if (__atomic_load_n(&record->locked, __ATOMIC_RELAXED) != 1
            || __atomic_load_n(&record->holder, __ATOMIC_RELAXED) != (void *)state) {
            return 0;
        }
        PyEval_SaveThread();
        const int locked = __atomic_load_n(&record->locked, __ATOMIC_RELAXED);
        n_free += locked == 0 || __atomic_load_n(&record->holder, __ATOMIC_RELAXED) != (void *)state;
        PyEval_RestoreThread(state);
    }
    return 2 * n_free > N_CHECKS;
}

/* The record, or NULL with an exception. */
static const gil_record *
found_record(void)
{
    static const gil_record *found; /* by the first that looks for it; guarded by the GIL, constant from then on */
    if (found == NULL) {
        const gil_record *record = gil_by_content();
        if (record == NULL) {
            PyErr_SetString(PyExc_RuntimeError, "no word of _PyRuntime, or more than one, follows the switch interval");
            return NULL;
        }
        if (!record_is_true(record)) {
            PyErr_SetString(PyExc_RuntimeError, "what looks like the GIL's record does not follow who holds it");
            return NULL;
        }
        found = record;
    }
    return found;
}

static sightings *
sightings_new(void)
{
    const gil_record *gil = found_record();
    sightings *seen = gil == NULL ? NULL : calloc(1, sizeof(*seen));
    if (seen == NULL) {
        return gil == NULL ? NULL : (sightings *)PyErr_NoMemory();
    }
    seen->gil = gil;
    return seen;
}

/* Where another process that may read this one's memory finds who holds the GIL, and tells who waits for it. */
static PyObject *
record(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    const gil_record *found = found_record();
    if (found == NULL) {
        return NULL;
    }
    return Py_BuildValue("{sKsksksksksk}", "address", (unsigned long long)(uintptr_t)found, "holder",
                         (unsigned long)offsetof(gil_record, holder), "locked",
                         (unsigned long)offsetof(gil_record, locked), "waiting_begin",
                         (unsigned long)offsetof(gil_record, cond), "waiting_end",
                         (unsigned long)(offsetof(gil_record, cond) + sizeof(pthread_cond_t)), "native_id",
                         (unsigned long)offsetof(PyThreadState, native_thread_id));
}

static void
sightings_free(sightings *seen)
{
    free(seen);
}

static int
sightings_watch(sightings *Py_UNUSED(seen))
{
    return 0;
}

/* The kernel's id of a holder; 0 if it has ended. States are removed with the GIL held, as it is here. */
static unsigned long
native_id_of(const void *holder)
{
    PyThreadState *state = PyInterpreterState_ThreadHead(PyInterpreterState_Get());
    while (state != NULL && (void *)state != holder) {
        state = PyThreadState_Next(state);
    }
    return state == NULL ? 0 : state->native_thread_id;
}

/* (native id or 0, looks that saw it hold the GIL) of each; and looks that saw it free, or held by somebody else. */
static PyObject *
sightings_dict(const sightings *seen)
{
    const int n = __atomic_load_n(&seen->n_holders, __ATOMIC_ACQUIRE);
    PyObject *threads = PyList_New(0);
    for (int i = 0; i < n && threads != NULL; i++) {
        const uint64_t count = __atomic_load_n(&seen->holders[i].n, __ATOMIC_RELAXED);
        PyObject *entry = Py_BuildValue("kK", native_id_of(seen->holders[i].state), (unsigned long long)count);
        if (entry == NULL || PyList_Append(threads, entry) < 0) {
            Py_CLEAR(threads);
        }
        Py_XDECREF(entry);
    }
    return Py_BuildValue("{sNsKsK}", "threads", threads, "n_free",
                         (unsigned long long)__atomic_load_n(&seen->n_free, __ATOMIC_RELAXED), "n_others",
                         (unsigned long long)__atomic_load_n(&seen->n_others, __ATOMIC_RELAXED));
}

static void
sightings_after_fork(void)
{
}

#endif
