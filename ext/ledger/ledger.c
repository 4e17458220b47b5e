/* gilscope.accounting._ledger: every take, drop and wait of the GIL by every thread, exactly, while it is on.
 *
 * It patches three import slots of the interpreter: the drop, the take and the wait of the GIL pass through them. Where
 * that cannot be done, UNAVAILABLE says why, or start raises. One GIL is watched, the main interpreter's, and one
 * process has one ledger; so there is no state per interpreter, and only the main one can load it.
 *
 * Its pieces are headers, not objects of their own, because the hooks must inline into each other: a release and the
 * take after it have some 50 ns for all of this. They stand below in the order in which to read them.
 */
#define PY_SSIZE_T_CLEAN
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <Python.h>

#if defined(Py_GIL_DISABLED)
#define GILSCOPE_NO_LEDGER "this build of Python has no GIL"
#elif !defined(__linux__) || !defined(__GLIBC__)
#define GILSCOPE_NO_LEDGER "it patches import slots of ELF objects as glibc on Linux loads them"
#elif !defined(__x86_64__) && !defined(__aarch64__)
#define GILSCOPE_NO_LEDGER "it knows the relocations of x86-64 and aarch64 only"
#endif

#ifdef GILSCOPE_NO_LEDGER

static PyMethodDef methods[] = {{NULL, NULL, 0, NULL}};
#define UNAVAILABLE GILSCOPE_NO_LEDGER

#else

#define UNAVAILABLE ""

/* What is counted, and in which unit. */
#include "shared/clock.h"
#include "ticks.h"               /* the clock: the cheapest counter there is */
#include "threads.h"             /* what the kernel tells of a thread */
#include "accounts.h"            /* an account for each thread, and in it one for each place that releases */
#include "events.h"              /* the timeline */

/* What counts. */
#include "hooks.h"               /* which calls of the interpreter are hooked, and what each of them means */

/* Where the hooks go. */
#include "shared/gil_record.h"   /* the interpreter's own record of the GIL */
#include "shared/import_slots.h" /* how a call between two objects is found and changed */
#include "gil.h"                 /* how the GIL is known, in two ways that must agree */
#include "imports.h"             /* slots of extensions, each of them a place that releases */
#include "install.h"             /* slots of the interpreter; on and off */

/* How it is read. */
#include "copy.h"                /* the books at one moment */
#include "read.h"                /* the same as objects of Python */
#include "shared/undoing.h"
#include "books.h" /* an account from its start to its stop */

static PyObject *
start(PyObject *Py_UNUSED(module), PyObject *n_events)
{
    thread_before *threads = NULL;
    size_t n_threads;
    const long long wanted = PyLong_AsLongLong(n_events);
    if ((wanted == -1 && PyErr_Occurred()) || ring_want(wanted) < 0) {
        return NULL;
    }
    if (ledger_on(&threads, &n_threads) < 0) {
        PyErr_SetString(PyExc_RuntimeError, installed.unavailable);
        return NULL;
    }
    free(threads);
    installed.n_starts++;
    if (wanted > 0) {
        ring_switch(ring.kept); /* until the last stop */
    }
    Py_RETURN_NONE;
}

static PyObject *
stop(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    if (installed.n_starts == 0) {
        PyErr_SetString(PyExc_RuntimeError, "the ledger is not on by any start()");
        return NULL;
    }
    installed.n_starts--;
    ledger_off();
    Py_RETURN_NONE;
}

static PyObject *
refresh(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    imports_refresh();
    Py_RETURN_NONE;
}

static PyObject *
time_cpu(PyObject *Py_UNUSED(module), PyObject *on)
{
    const int wanted = PyObject_IsTrue(on);
    if (wanted < 0) {
        return NULL;
    }
    installed.times_cpu = wanted;
    cpu_clock_choose();
    Py_RETURN_NONE;
}

static PyObject *
sees_places(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return PyBool_FromLong(loader_is_free());
}

static PyObject *
my_number(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromLongLong(account_is_open() ? (long long)my_account->number : -1);
}

#define METHOD(name, kind, text) {#name, name, kind, PyDoc_STR(text)}

static PyMethodDef methods[] = {
    METHOD(
        start, METH_O,
        "start(n_events, /)\n--\n\nTurn the ledger on, with a ring of at least n_events events unless 0, until the\n"
        "stop that belongs to it: for what measures the ledger; an account is a Books. Raises RuntimeError with the\n"
        "reason where it cannot be. GIL: held, but released four times by the first start of a process."),
    METHOD(stop, METH_NOARGS, "stop()\n--\n\nTake one start back; the last one leaves the slots as they were."),
    METHOD(opened, METH_NOARGS, "opened()\n--\n\nReturn the Books that are open."),
    METHOD(refresh, METH_NOARGS, "refresh()\n--\n\nLook for release sites in libraries loaded since. GIL: held."),
    METHOD(sees_places, METH_NOARGS,
           "sees_places()\n--\n\nReturn whether release sites can be looked for: not in a child that was forked while\n"
           "another thread was loading or unloading a library. GIL: held."),
    METHOD(time_cpu, METH_O, "time_cpu(on, /)\n--\n\nWhether a start has long releases timed by the CPU clock too."),
    METHOD(my_number, METH_NOARGS, "my_number()\n--\n\nReturn the number of this thread's account, -1 if it has none."),
    METHOD(snapshot, METH_NOARGS, "snapshot()\n--\n\nReturn what the books say now, in ticks, as a dict. GIL: held."),
    METHOD(
        events, METH_O,
        "events(since, /)\n--\n\nReturn (first, bytes) of the timeline from the event numbered since on. GIL: held."),
    METHOD(slots, METH_NOARGS, "slots()\n--\n\nReturn (address, value, hooked) of every slot the ledger knows."),
    METHOD(where, METH_O, "where(address, /)\n--\n\nReturn (file, offset, symbol) of an address in the code."),
    METHOD(tick_ns, METH_NOARGS, "tick_ns()\n--\n\nReturn the nanoseconds in a tick."),
    METHOD(now, METH_NOARGS, "now()\n--\n\nReturn (ticks, CLOCK_MONOTONIC ns) of one moment."),
    METHOD(find, METH_NOARGS,
           "find()\n--\n\nReturn the addresses of the GIL's condition variables, and of its record."),
    {"pattern", (PyCFunction)(void (*)(void))pattern, METH_FASTCALL,
     PyDoc_STR("pattern(count, hold_ns, release_ns, /)\n--\n\nHold the GIL and release it in turn, computing; return\n"
               "(held_ns, released_ns) by its own stamps. GIL: released count times.")},
    {NULL, NULL, 0, NULL},
};

#endif

static int
execute(PyObject *module)
{
#ifndef GILSCOPE_NO_LEDGER
    PyObject *type = PyType_FromSpec(&books_spec);
    if (type == NULL || PyModule_AddObjectRef(module, "Books", type) < 0) {
        Py_XDECREF(type);
        return -1;
    }
    Py_DECREF(type);
#endif
    return PyModule_AddStringConstant(module, "UNAVAILABLE", UNAVAILABLE);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, execute},
#ifdef Py_mod_multiple_interpreters /* 3.12: its hooks serve the whole process, and its lock is the main GIL */
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
#ifdef Py_mod_gil /* 3.13: where there is no GIL there is nothing in here */
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "gilscope.accounting._ledger",
    .m_doc = PyDoc_STR("The GIL ledger: every take, drop and wait of the GIL by every thread."),
    .m_methods = methods,
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit__ledger(void)
{
    return PyModuleDef_Init(&definition);
}
