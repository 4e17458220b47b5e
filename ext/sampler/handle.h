/* A sampler as Python holds it: a capsule. Whoever forgets to stop one stops it when the capsule goes. */
#ifndef GILSCOPE_SAMPLER_HANDLE_H
#define GILSCOPE_SAMPLER_HANDLE_H

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "sightings.h"
#include "thread.h"

#define HANDLE_NAME "gilscope.accounting._sampler"
/* The shortest sleep that is worth the name, and a slot short enough for joining its thread with the GIL held. */
#define SHORTEST_PERIOD_NS 20000
#define LONGEST_PERIOD_NS 20000000

typedef struct {
    sampler sampler; /* first: what the thread is given */
    int running;
    unsigned n_forks; /* before it was started: a child has the memory, and not the thread */
    uint64_t ended_ns;
} handle;

static unsigned n_forks; /* of this process, in its line from the one that loaded the module */

static void
in_forked_child(void)
{
    n_forks++;
    sightings_after_fork();
}

static void
handle_free(PyObject *capsule)
{
    handle *const one = PyCapsule_GetPointer(capsule, HANDLE_NAME);
    if (one->running && one->n_forks == n_forks) {
        sampler_end(&one->sampler);
    }
    sightings_free(one->sampler.seen);
    free(one);
}

/* Return the sampler, or NULL with an exception. */
static handle *
handle_of(PyObject *capsule)
{
    handle *const one = PyCapsule_GetPointer(capsule, HANDLE_NAME);
    if (one != NULL && one->n_forks != n_forks) {
        PyErr_SetString(PyExc_RuntimeError, "this process was forked from the one that samples; start another here");
        return NULL;
    }
    return one;
}

static PyObject *
start(PyObject *Py_UNUSED(module), PyObject *period)
{
    static int prepared;
    const long long period_ns = PyLong_AsLongLong(period);
    if (period_ns == -1 && PyErr_Occurred()) {
        return NULL;
    }
    if (period_ns < SHORTEST_PERIOD_NS || period_ns > LONGEST_PERIOD_NS) {
        return PyErr_Format(PyExc_ValueError, "period_ns must be 20 us to 20 ms; got %R", period);
    }
    if (!prepared && pthread_atfork(NULL, NULL, in_forked_child) != 0) {
        return PyErr_NoMemory();
    }
    prepared = 1;
    handle *one = calloc(1, sizeof(*one));
    PyObject *capsule = one == NULL ? PyErr_NoMemory() : PyCapsule_New(one, HANDLE_NAME, handle_free);
    if (capsule == NULL) {
        free(one);
        return NULL;
    }
    one->n_forks = n_forks;
    int error = 0;
    one->sampler.seen = sightings_new();
    if (one->sampler.seen == NULL || (error = sampler_begin(&one->sampler, (uint64_t)period_ns)) != 0) {
        Py_DECREF(capsule);
        return error ? PyErr_Format(PyExc_RuntimeError, "no thread can be started: %s", strerror(error)) : NULL;
    }
    one->running = 1;
    return capsule;
}

static PyObject *
handle_dict(const handle *one)
{
    const sampler *from = &one->sampler;
    const uint64_t now_ns = one->running ? clock_ns(CLOCK_MONOTONIC) : one->ended_ns;
    const uint64_t last_ns = __atomic_load_n(&from->last_ns, __ATOMIC_RELAXED);
    const uint64_t wall_ns = now_ns - from->began_ns, gap_ns = now_ns > last_ns ? now_ns - last_ns : 0;
    const uint64_t longest_ns = __atomic_load_n(&from->longest_gap_ns, __ATOMIC_RELAXED);
    return Py_BuildValue("{sKsKsKsKsN}", "wall_ns", (unsigned long long)wall_ns, "n_slots",
                         (unsigned long long)(wall_ns / from->period_ns), "n_looks",
                         (unsigned long long)__atomic_load_n(&from->n_looks, __ATOMIC_RELAXED), "longest_gap_ns",
                         (unsigned long long)(gap_ns > longest_ns ? gap_ns : longest_ns), "seen",
                         sightings_dict(from->seen));
}

static PyObject *
peek(PyObject *Py_UNUSED(module), PyObject *capsule)
{
    const handle *one = handle_of(capsule);
    return one == NULL ? NULL : handle_dict(one);
}

static PyObject *
stop(PyObject *Py_UNUSED(module), PyObject *capsule)
{
    handle *const one = handle_of(capsule);
    if (one == NULL) {
        return NULL;
    }
    if (one->running) {
        one->ended_ns = clock_ns(CLOCK_MONOTONIC);
        sampler_end(&one->sampler);
        one->running = 0;
    }
    return handle_dict(one);
}

static PyObject *
watch(PyObject *Py_UNUSED(module), PyObject *capsule)
{
    handle *const one = handle_of(capsule);
    if (one == NULL || sightings_watch(one->sampler.seen) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

#endif
