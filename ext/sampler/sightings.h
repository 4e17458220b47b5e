/* What all looks of one sampler together have seen. Two files implement this, and a build has one of them: holders.h
 * says who holds the GIL, and states.h, where there is no GIL, whose state is attached.
 */
#ifndef GILSCOPE_SAMPLER_SIGHTINGS_H
#define GILSCOPE_SAMPLER_SIGHTINGS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

typedef struct sightings sightings;

/* With nothing seen yet; NULL with an exception. */
static sightings *sightings_new(void);

/* Also in a forked child, and of NULL; no thread looks any more. */
static void sightings_free(sightings *seen);

/* Look once, and count what was seen. Called by the sampling thread: nothing of Python, and no allocation. */
static void sightings_look(sightings *seen);

/* See the calling thread too, where it is not seen anyway. Return 0, or -1 with an exception. */
static int sightings_watch(sightings *seen);

/* What has been seen so far; a thread may be looking meanwhile. */
static PyObject *sightings_dict(const sightings *seen);

static void sightings_after_fork(void);

/* The module's function of this name: where the GIL's record lies, or an exception. */
static PyObject *record(PyObject *module, PyObject *none);

#endif
