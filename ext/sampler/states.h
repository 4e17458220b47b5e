/* Sampling on a free-threaded build: threads ask to be watched, and take their leave by ending. */
#ifndef GILSCOPE_SAMPLER_STATES_H
#define GILSCOPE_SAMPLER_STATES_H

#include "thread.h"

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

static int
sightings_begin(sightings *seen)
{
    return sightings_watch(seen);
}

static void
sightings_end(sightings *seen)
{
    pthread_mutex_lock(&beacons_mutex);
    for (int i = 0; i < seen->n_watched; i++) {
        beacon_drop(seen->watched[i]);
    }
    seen->n_watched = 0;
    pthread_mutex_unlock(&beacons_mutex);
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
after_fork(void)
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
