/* Sampling where there is a GIL: finding its record, and naming its holders. */
#ifndef GILSCOPE_SAMPLER_HOLDERS_H
#define GILSCOPE_SAMPLER_HOLDERS_H

#include <stddef.h>

#include "thread.h"

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

/* Return 0, or -1 with an exception. */
static int
sightings_begin(sightings *seen)
{
    seen->gil = found_record();
    return seen->gil == NULL ? -1 : 0;
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
sightings_end(sightings *Py_UNUSED(seen))
{
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
after_fork(void)
{
}

#endif
