/* gilscope.experiments._cells: counting in cells of a buffer, in the ways that keep a count right and that do not.
 *
 * Every function is stateless and safe from any thread and interpreter. That two threads lose each other's counts in
 * add_released is what it is for.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

#ifdef _MSC_VER
#include <intrin.h>
#define ADD_ATOMICALLY(cell) _InterlockedExchangeAdd64((volatile __int64 *)(cell), 1)
#else
/* Relaxed: nothing but the count itself is to be right. */
#define ADD_ATOMICALLY(cell) __atomic_fetch_add((cell), 1, __ATOMIC_RELAXED)
#endif

/* Takes (cells, index, n): a writable buffer of 64-bit integers, which one, and how often to add 1. */
static int64_t *
take_cell(PyObject *const *args, Py_ssize_t n_args, Py_buffer *view, uint64_t *n)
{
    if (n_args != 3) {
        PyErr_Format(PyExc_TypeError, "add(cells, index, n) takes 3 positional arguments; got %zd", n_args);
        return NULL;
    }
    const Py_ssize_t index = PyNumber_AsSsize_t(args[1], PyExc_IndexError);
    if (index == -1 && PyErr_Occurred()) {
        return NULL;
    }
    *n = PyLong_AsUnsignedLongLong(args[2]);
    if (PyErr_Occurred() || PyObject_GetBuffer(args[0], view, PyBUF_WRITABLE | PyBUF_FORMAT) < 0) {
        return NULL;
    }
    if (view->itemsize != (Py_ssize_t)sizeof(int64_t) || view->format == NULL
        || strchr("qlQL", view->format[0]) == NULL) {
        PyErr_SetString(PyExc_TypeError, "cells must be 64-bit integers, as in array('q')");
        PyBuffer_Release(view);
        return NULL;
    }
    if (index < 0 || index >= view->len / view->itemsize) {
        PyErr_Format(PyExc_IndexError, "index must be from 0 to %zd; got %zd", view->len / view->itemsize - 1, index);
        PyBuffer_Release(view);
        return NULL;
    }
    return (int64_t *)view->buf + index;
}

/* Volatile: one load, one add and one store each time, as bytecode does it, and no sum kept in a register. */
static void
add_each(volatile int64_t *cell, uint64_t n)
{
    while (n-- > 0) {
        *cell = *cell + 1;
    }
}

static void
add_each_atomically(volatile int64_t *cell, uint64_t n)
{
    while (n-- > 0) {
        ADD_ATOMICALLY(cell);
    }
}

static PyObject *
add(void (*times)(volatile int64_t *, uint64_t), int release, PyObject *const *args, Py_ssize_t n_args)
{
    Py_buffer view;
    uint64_t n;
    int64_t *const cell = take_cell(args, n_args, &view, &n);
    if (cell == NULL) {
        return NULL;
    }
    if (release) {
        /* Safe for memory without the GIL, because the exported buffer stays. For the count only atomic steps are safe:
         * what add_released does to it is the point. */
        Py_BEGIN_ALLOW_THREADS
        times(cell, n);
        Py_END_ALLOW_THREADS
    }
    else {
        times(cell, n);
    }
    PyBuffer_Release(&view);
    Py_RETURN_NONE;
}

#define ADD(name, times, release)                                                                                      \
    static PyObject *name(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t n_args)                       \
    {                                                                                                                  \
        return add(times, release, args, n_args);                                                                      \
    }

ADD(add_held, add_each, 0)
ADD(add_released, add_each, 1)
ADD(add_atomically, add_each_atomically, 1)

static PyMethodDef methods[] = {
    {"add_held", (PyCFunction)(void (*)(void))add_held, METH_FASTCALL,
     PyDoc_STR("add_held(cells, index, n, /)\n--\n\nAdd 1 to a cell n times. GIL: held for the whole call.")},
    {"add_released", (PyCFunction)(void (*)(void))add_released, METH_FASTCALL,
     PyDoc_STR("add_released(cells, index, n, /)\n--\n\nThe same. GIL: released. Threads lose each other's counts.")},
    {"add_atomically", (PyCFunction)(void (*)(void))add_atomically, METH_FASTCALL,
     PyDoc_STR(
         "add_atomically(cells, index, n, /)\n--\n\nThe same in indivisible steps. GIL: released. Threads: any.")},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
#ifdef Py_mod_multiple_interpreters /* 3.12 */
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil /* 3.13 */
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "gilscope.experiments._cells",
    .m_doc = PyDoc_STR("Counting in cells of a buffer, in the ways that keep a count right and that do not."),
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__cells(void)
{
    return PyModuleDef_Init(&definition);
}
