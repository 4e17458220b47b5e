/* gilscope.accounting._sampler: who holds the GIL, looked at thousands of times a second from beside; and how long it
 * takes to get it at a random moment.
 *
 * The first needs the GIL's record, or on a free-threaded build the states of threads that ask to be watched; where
 * there is neither, UNAVAILABLE says why. The second, arrive, works everywhere. The pieces stand below in the order in
 * which to read them.
 */
#define PY_SSIZE_T_CLEAN
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <Python.h>

#include "arrival.h" /* getting the GIL at a random moment */

#if !defined(__linux__)
#define UNAVAILABLE "it samples with timers of Linux"
#elif !defined(Py_GIL_DISABLED) && !defined(__GLIBC__)
#define UNAVAILABLE "it asks glibc how large the interpreter's record is"
#else
#define GILSCOPE_HAS_SAMPLER
#define UNAVAILABLE ""
#include "shared/clock.h"
#include "sightings.h" /* one look, and what all looks have seen: what the next two implement */
#ifdef Py_GIL_DISABLED
#include "states.h" /* without a GIL: whose state is attached */
#else
#include "shared/gil_record.h" /* the interpreter's own record of the GIL */
#include "holders.h"           /* with one: who holds it */
#endif
#include "thread.h" /* the thread that looks */
#include "handle.h" /* a sampler as Python holds it */
#endif

#define METHOD(name, kind, text) {#name, name, kind, PyDoc_STR(text)}

static PyMethodDef methods[] = {
#ifdef GILSCOPE_HAS_SAMPLER
    METHOD(start, METH_O,
           "start(period_ns, /)\n--\n\nStart to sample, once in each period, and return a handle. Raises RuntimeError\n"
           "with the reason where it cannot be done. GIL: held; released some times by the first call."),
    METHOD(stop, METH_O, "stop(handle, /)\n--\n\nEnd the thread, and return what peek does. GIL: held."),
    METHOD(peek, METH_O, "peek(handle, /)\n--\n\nReturn what has been seen so far, as a dict. GIL: held."),
    METHOD(
        watch, METH_O,
        "watch(handle, /)\n--\n\nOn a free-threaded build, sample the calling thread's state from now on. Elsewhere\n"
        "whoever holds the GIL is seen anyway."),
    METHOD(
        record, METH_NOARGS,
        "record()\n--\n\nReturn where the GIL's record lies in memory, and in it, as offsets, its parts, and where a\n"
        "thread's state has its id. Raises RuntimeError where there is none. GIL: as start."),
#endif
    METHOD(
        arrive, METH_O,
        "arrive(sleep_ns, /)\n--\n\nSleep, then take the GIL; return (ns of the wish, ns of the take) by a monotonic\n"
        "clock. GIL: released, and taken as any thread does that comes back from a system call."),
    {NULL, NULL, 0, NULL},
};

static int
execute(PyObject *module)
{
#ifdef Py_GIL_DISABLED
    const int of_states = 1;
#else
    const int of_states = 0;
#endif
    if (PyModule_AddIntConstant(module, "OF_STATES", of_states) < 0) {
        return -1;
    }
    return PyModule_AddStringConstant(module, "UNAVAILABLE", UNAVAILABLE);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, execute},
#ifdef Py_mod_multiple_interpreters /* 3.12: it knows the main interpreter's GIL, and no other */
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
#ifdef Py_mod_gil /* 3.13: what threads share in here is behind a mutex, or written by one of them alone */
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "gilscope.accounting._sampler",
    .m_doc = PyDoc_STR("Who holds the GIL, by sampling from beside, and how long it takes to get it."),
    .m_methods = methods,
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit__sampler(void)
{
    return PyModuleDef_Init(&definition);
}
