/* Taking and checking the (x, out) buffers of one kernel call; shared by every extension, so that all of them
 * accept and refuse the same things in the same words. Needs the GIL (or an attached thread state) throughout.
 */
#ifndef GILSCOPE_BUFFERS_H
#define GILSCOPE_BUFFERS_H

#include <Python.h>

#include "arithmetic.h"

static const char *const gilscope_dtype_names[GILSCOPE_N_DTYPES] = {"float64", "float32", "int64",
                                                                    "int32",   "uint64",  "uint32"};

#define GILSCOPE_ALLOWED_DTYPES "float64, float32, int64, int32, uint64 and uint32 in native byte order"

typedef struct {
    Py_buffer x;
    Py_buffer out;
    enum gilscope_dtype dtype;
    size_t n_items;
} gilscope_pair;

/* The dtype of a struct-module format such as "d", "@q" or "<i", or GILSCOPE_N_DTYPES when it is none of ours. */
static enum gilscope_dtype
gilscope_dtype_of(const Py_buffer *view)
{
    const char *format = view->format == NULL ? "B" : view->format;
#if PY_LITTLE_ENDIAN
    const char native_prefixes[] = "@=<";
#else
    const char native_prefixes[] = "@=>!";
#endif
    if (format[0] != '\0' && strchr(native_prefixes, format[0]) != NULL) {
        format++;
    }
    if (format[0] == '\0' || format[1] != '\0') {
        return GILSCOPE_N_DTYPES;
    }
    const int wide = view->itemsize == 8;
    if (!wide && view->itemsize != 4) {
        return GILSCOPE_N_DTYPES;
    }
    if (strchr("df", format[0]) != NULL) {
        return wide ? GILSCOPE_FLOAT64 : GILSCOPE_FLOAT32;
    }
    if (strchr("ilqn", format[0]) != NULL) {
        return wide ? GILSCOPE_INT64 : GILSCOPE_INT32;
    }
    if (strchr("ILQN", format[0]) != NULL) {
        return wide ? GILSCOPE_UINT64 : GILSCOPE_UINT32;
    }
    return GILSCOPE_N_DTYPES;
}

/* Take one buffer and check all that can be said of it alone. Returns 0, or -1 with an exception set and
 * nothing held. */
static int
gilscope_take(PyObject *object, const char *name, int writable, Py_buffer *view, enum gilscope_dtype *dtype)
{
    if (!PyObject_CheckBuffer(object)) {
        PyErr_Format(PyExc_TypeError,
                     "%s must be a C-contiguous buffer (array.array, memoryview, shared memory, NumPy array) "
                     "of " GILSCOPE_ALLOWED_DTYPES "; got %.200s",
                     name, Py_TYPE(object)->tp_name);
        return -1;
    }
    if (PyObject_GetBuffer(object, view, PyBUF_FULL_RO) < 0) {
        return -1;
    }
    *dtype = gilscope_dtype_of(view);
    if (*dtype == GILSCOPE_N_DTYPES) {
        PyErr_Format(PyExc_TypeError,
                     "%s has items of format '%.50s' (%zd bytes each); allowed are " GILSCOPE_ALLOWED_DTYPES
                     ": convert it first, for example with numpy.asarray(%s, dtype='float64')",
                     name, view->format == NULL ? "B" : view->format, view->itemsize, name);
    }
    else if (view->ndim == 0) {
        PyErr_Format(PyExc_ValueError,
                     "%s is zero-dimensional; pass a buffer of one dimension or more, or a plain number to "
                     "gilscope.square and gilscope.quad",
                     name);
    }
    else if (writable && view->readonly) {
        PyErr_Format(PyExc_BufferError, "%s is read-only; pass a writable buffer", name);
    }
    else if (!PyBuffer_IsContiguous(view, 'C')) {
        PyErr_Format(PyExc_BufferError,
                     "%s is not C-contiguous; pass a contiguous copy, for example numpy.ascontiguousarray(%s)", name,
                     name);
    }
    else if (view->len > 0 && (uintptr_t)view->buf % (size_t)view->itemsize != 0) {
        PyErr_Format(PyExc_BufferError,
                     "%s starts at an address that is not a multiple of its %zd-byte items; pass an aligned copy", name,
                     view->itemsize);
    }
    else {
        return 0;
    }
    PyBuffer_Release(view);
    return -1;
}

static void
gilscope_pair_release(gilscope_pair *pair)
{
    PyBuffer_Release(&pair->out);
    PyBuffer_Release(&pair->x);
}

/* Take x and out and check them against each other. Returns 0, or -1 with an exception set and nothing held.
 * out is not written to, whatever happens. */
static int
gilscope_pair_take(PyObject *x, PyObject *out, gilscope_pair *pair)
{
    enum gilscope_dtype out_dtype;
    if (gilscope_take(x, "x", 0, &pair->x, &pair->dtype) < 0) {
        return -1;
    }
    if (gilscope_take(out, "out", 1, &pair->out, &out_dtype) < 0) {
        PyBuffer_Release(&pair->x);
        return -1;
    }
    const char *x_start = (const char *)pair->x.buf;
    const char *out_start = (const char *)pair->out.buf;
    if (out_dtype != pair->dtype) {
        PyErr_Format(PyExc_TypeError, "out holds %s and x holds %s; they must hold the same",
                     gilscope_dtype_names[out_dtype], gilscope_dtype_names[pair->dtype]);
    }
    else if (pair->out.len != pair->x.len) {
        PyErr_Format(PyExc_ValueError, "out has %zd items and x has %zd; they must have the same number",
                     pair->out.len / pair->out.itemsize, pair->x.len / pair->x.itemsize);
    }
    else if (x_start != out_start && x_start < out_start + pair->out.len && out_start < x_start + pair->x.len) {
        PyErr_Format(PyExc_ValueError,
                     "out overlaps x without being x (they start %zd bytes apart); pass x itself to work in place, "
                     "or a separate buffer",
                     (Py_ssize_t)(out_start - x_start));
    }
    else {
        pair->n_items = (size_t)(pair->x.len / pair->x.itemsize);
        return 0;
    }
    gilscope_pair_release(pair);
    return -1;
}

/* Read how many rounds the compute form shall do. Returns 0, or -1 with an exception set. */
static int
gilscope_rounds_take(PyObject *object, uint64_t *rounds)
{
    if (!PyIndex_Check(object)) {
        PyErr_Format(PyExc_TypeError, "rounds must be an int from 0 to 2**64 - 1; got %.200s",
                     Py_TYPE(object)->tp_name);
        return -1;
    }
    PyObject *index = PyNumber_Index(object);
    if (index == NULL) {
        return -1;
    }
    *rounds = PyLong_AsUnsignedLongLong(index);
    if (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_OverflowError)) {
        PyErr_Clear();
        PyErr_Format(PyExc_ValueError, "rounds must be an int from 0 to 2**64 - 1; got %S", index);
    }
    Py_DECREF(index);
    return PyErr_Occurred() ? -1 : 0;
}

/* Take the arguments of the compute form: x holds n_chunks equal chunks, each computed on its own. Returns 0, or -1
 * with an exception set and nothing held. */
static int
gilscope_lanes_take(PyObject *x, PyObject *rounds_object, int n_chunks, Py_buffer *view, enum gilscope_dtype *dtype,
                    uint64_t *rounds)
{
    if (gilscope_rounds_take(rounds_object, rounds) < 0 || gilscope_take(x, "x", 0, view, dtype) < 0) {
        return -1;
    }
    const Py_ssize_t n_items = view->len / view->itemsize;
    if (n_items / n_chunks > GILSCOPE_MAX_LANES) {
        PyErr_Format(PyExc_ValueError, "x has %zd items; the compute form takes at most %d, so that they stay in cache",
                     n_items, n_chunks * GILSCOPE_MAX_LANES);
    }
    else if (n_items % n_chunks != 0) {
        PyErr_Format(PyExc_ValueError, "x has %zd items, which do not make %d equal chunks", n_items, n_chunks);
    }
    else {
        return 0;
    }
    PyBuffer_Release(view);
    return -1;
}

#endif
