/* Sampling on a free-threaded build: threads ask to be watched, and take their leave by ending. */
#ifndef GILSCOPE_SAMPLER_STATES_H
#define GILSCOPE_SAMPLER_STATES_H

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "sightings.h"

/* A thread that asked to be watched. Its state's memory goes with the thread, so the thread's own dictionary holds a
 * capsule that says when; the mutex is what keeps a look from coming after that. */
typedef struct {
    PyThreadState *state; /* NULL once the thread has ended */
    unsigned long native_id;
    int n_users; /* that dictionary, and samplers */
} beacon;

static pthread_mutex_t beacons_mutex = PTHREAD_MUTEX_INITIALIZER;

/* Values of PyThreadState.state: detached, attached, suspended; from 3.14 on one for the interpreter's end. */
#define N_STATES 4
#define ATTACHED 1
/* Those that have ended keep their place, for what was seen of them; a look at so many takes some microseconds. */
#define MOST_WATCHED 1024

struct sightings {
    int n_watched;
    beacon *watched[MOST_WATCHED];
    uint64_t n_in_state[MOST_WATCHED][N_STATES];
    uint64_t n_at_once[MOST_WATCHED + 1]; /* looks that saw so many of them attached */
};

static void
sightings_look(sightings *seen)
{
    int n_attached = 0;
    pthread_mutex_lock(&beacons_mutex);
    for (int i = 0; i < seen->n_watched; i++) {
        const PyThreadState *state = seen->watched[i]->state;
        if (state != NULL) {
            const unsigned now = (unsigned)__atomic_load_n(&state->state, __ATOMIC_RELAXED) % N_STATES;
            seen->n_in_state[i][now]++;
            n_attached += now == ATTACHED;
        }
    }
    seen->n_at_once[n_attached]++;
    pthread_mutex_unlock(&beacons_mutex);
}

#define BEACON_NAME "gilscope.accounting._sampler.beacon"

/* With the mutex locked. */
static void
beacon_drop(beacon *one)
{
    if (--one->n_users == 0) {
        free(one);
    }
}

/* The thread's dictionary is emptied before its state's memory goes. */
static void
thread_ends(PyObject *capsule)
{
    beacon *const one = PyCapsule_GetPointer(capsule, BEACON_NAME);
    pthread_mutex_lock(&beacons_mutex);
    one->state = NULL;
    beacon_drop(one);
    pthread_mutex_unlock(&beacons_mutex);
}

/* The calling thread's beacon, lit at its first call; NULL with an exception. */
static beacon *
beacon_here(void)
{
    PyObject *dictionary = PyThreadState_GetDict(); /* borrowed; nobody else uses it */
    PyObject *capsule = dictionary == NULL ? NULL : PyDict_GetItemString(dictionary, BEACON_NAME); /* borrowed */
    if (capsule != NULL) {
        return PyCapsule_GetPointer(capsule, BEACON_NAME);
    }
    beacon *one = dictionary == NULL ? NULL : calloc(1, sizeof(*one));
    if (one == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    *one = (beacon){PyThreadState_Get(), PyThread_get_thread_native_id(), 1};
    capsule = PyCapsule_New(one, BEACON_NAME, thread_ends);
    if (capsule == NULL) {
        free(one);
        return NULL;
    }
    const int failed = PyDict_SetItemString(dictionary, BEACON_NAME, capsule);
    Py_DECREF(capsule);
    return failed ? NULL : one;
}

/* Watch the calling thread too. Return 0, or -1 with an exception. */
static int
sightings_watch(sightings *seen)
{
    beacon *const one = beacon_here();
    if (one == NULL) {
        return -1;
    }
    pthread_mutex_lock(&beacons_mutex);
    int i = 0;
    while (i < seen->n_watched && seen->watched[i] != one) {
        i++;
    }
    const int full = i == MOST_WATCHED;
    if (i == seen->n_watched && !full) {
        one->n_users++;
        seen->watched[i] = one;
        seen->n_watched++;
    }
    pthread_mutex_unlock(&beacons_mutex);
    if (full) {
        PyErr_Format(PyExc_RuntimeError, "a sampler can watch %d threads", MOST_WATCHED);
    }
    return full ? -1 : 0;
}

static void
sightings_free(sightings *seen)
{
    if (seen == NULL) {
        return;
    }
    pthread_mutex_lock(&beacons_mutex);
    for (int i = 0; i < seen->n_watched; i++) {
        beacon_drop(seen->watched[i]);
    }
    pthread_mutex_unlock(&beacons_mutex);
    free(seen);
}

/* The thread that starts a sampler is watched from the beginning. */
static sightings *
sightings_new(void)
{
    sightings *seen = calloc(1, sizeof(*seen));
    if (seen == NULL) {
        return (sightings *)PyErr_NoMemory();
    }
    if (sightings_watch(seen) < 0) {
        sightings_free(seen);
        return NULL;
    }
    return seen;
}

/* (native id, looks that saw it attached) of each; and of how many looks saw so many at once. */
static PyObject *
sightings_dict(const sightings *seen)
{
    unsigned long ids[MOST_WATCHED];
    uint64_t attached[MOST_WATCHED], at_once[MOST_WATCHED + 1];
    pthread_mutex_lock(&beacons_mutex); /* nothing of Python inside: its allocator may stop the world */
    const int n = seen->n_watched;
    for (int i = 0; i <= n; i++) {
        at_once[i] = seen->n_at_once[i];
    }
    for (int i = 0; i < n; i++) {
        ids[i] = seen->watched[i]->native_id;
        attached[i] = seen->n_in_state[i][ATTACHED];
    }
    pthread_mutex_unlock(&beacons_mutex);
    PyObject *threads = PyList_New(n), *counts = PyList_New(n + 1);
    for (int i = 0; i <= n && threads != NULL && counts != NULL; i++) {
        PyList_SET_ITEM(counts, i, PyLong_FromUnsignedLongLong(at_once[i]));
        if (i < n) {
            PyList_SET_ITEM(threads, i, Py_BuildValue("kK", ids[i], (unsigned long long)attached[i]));
        }
    }
    return Py_BuildValue("{sNsN}", "threads", threads, "n_at_once", counts);
}

/* The parent's sampling thread may have held it. */
static void
sightings_after_fork(void)
{
    pthread_mutex_init(&beacons_mutex, NULL);
}

static PyObject *
record(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    PyErr_SetString(PyExc_RuntimeError, "a free-threaded build, whose threads need no GIL");
    return NULL;
}

#endif
