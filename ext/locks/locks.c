/* gilscope.accounting._locks: how often and how long each thread blocks on the interpreter's locks, exactly, while it
 * is on.
 *
 * It patches import slots of the interpreter, as the ledger does and beside it. Where that cannot be done, UNAVAILABLE
 * says why, or count raises. One process has one such account, so there is no state per interpreter, and only the main
 * one can load it. The pieces stand below in the order in which to read them.
 */
#define PY_SSIZE_T_CLEAN
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <Python.h>

#if !defined(__linux__) || !defined(__GLIBC__)
#define UNAVAILABLE "it patches import slots of ELF objects as glibc on Linux loads them"
#elif !defined(__x86_64__) && !defined(__aarch64__)
#define UNAVAILABLE "it knows the relocations of x86-64 and aarch64 only"
#else
#define GILSCOPE_HAS_LOCKS
#define UNAVAILABLE ""
#include "shared/clock.h"
#include "shared/import_slots.h" /* how a call between two objects is found and changed */
#include "waits.h"               /* an account for each thread */
#include "hooks.h"               /* which calls of the interpreter are hooked, and what is counted there */
#include "install.h"             /* on and off */
#endif

#define METHOD(name, kind, text) {#name, name, kind, PyDoc_STR(text)}

#ifdef GILSCOPE_HAS_LOCKS

#define COUNTING_NAME "gilscope.accounting._locks"

static void
counting_free(PyObject *Py_UNUSED(capsule))
{
    locks_off();
}

/* No exception can come between what this turns on and what turns it off: it is on as long as somebody has the object.
 */
static PyObject *
count(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    PyObject *capsule = PyCapsule_New((void *)&locks, COUNTING_NAME, NULL);
    if (capsule == NULL) {
        return NULL;
    }
    if (locks_on() < 0) {
        PyErr_SetString(PyExc_RuntimeError, installed.unavailable);
        Py_DECREF(capsule);
        return NULL;
    }
    PyCapsule_SetDestructor(capsule, counting_free);
    return capsule;
}

static PyObject *
mine(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    const waits *here = my_waits;
    return Py_BuildValue("KK", (unsigned long long)(here == NULL ? 0 : here->count),
                         (unsigned long long)(here == NULL ? 0 : here->ns));
}

/* Nothing of Python is made with the mutex locked: its allocator may have to wait for a lock, and so for the hook. */
static PyObject *
snapshot(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    pthread_mutex_lock(&locks_mutex);
    size_t n = 0;
    for (const waits *one = locks.first; one != NULL; one = one->next) {
        n++;
    }
    waits *const copies = malloc((n + 1) * sizeof(*copies));
    const uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    n = 0;
    for (const waits *one = locks.first; one != NULL && copies != NULL; one = one->next) {
        const uint64_t since_ns = __atomic_load_n(&one->since_ns, __ATOMIC_RELAXED);
        copies[n] = (waits){.number = one->number, .native_id = one->native_id};
        copies[n].count = __atomic_load_n(&one->count, __ATOMIC_RELAXED);
        copies[n].ns = __atomic_load_n(&one->ns, __ATOMIC_RELAXED);
        copies[n++].ns += since_ns != 0 && since_ns < now_ns ? now_ns - since_ns : 0; /* as if it ended now */
    }
    pthread_mutex_unlock(&locks_mutex);
    PyObject *list = copies == NULL ? PyErr_NoMemory() : PyList_New(0);
    for (size_t i = 0; i < n && list != NULL; i++) {
        PyObject *entry = Py_BuildValue("KiKK", (unsigned long long)copies[i].number, (int)copies[i].native_id,
                                        (unsigned long long)copies[i].count, (unsigned long long)copies[i].ns);
        if (entry == NULL || PyList_Append(list, entry) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(entry);
    }
    free(copies);
    return list;
}

#endif

static PyMethodDef methods[] = {
#ifdef GILSCOPE_HAS_LOCKS
    METHOD(count, METH_NOARGS,
           "count()\n--\n\nReturn an object: waits are counted until it is gone, and until the last one is. Raises\n"
           "RuntimeError with the reason where that cannot be. GIL: held. Threads: from any."),
    METHOD(mine, METH_NOARGS, "mine()\n--\n\nReturn (waits, ns) of the calling thread, since it was first counted."),
    METHOD(
        snapshot, METH_NOARGS,
        "snapshot()\n--\n\nReturn (number, native id, waits, ns) of every thread that has waited; a number is never\n"
        "used twice. What has not ended counts as if it ended now. GIL: held."),
#endif
    {NULL, NULL, 0, NULL},
};

static int
execute(PyObject *module)
{
    return PyModule_AddStringConstant(module, "UNAVAILABLE", UNAVAILABLE);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, execute},
#ifdef Py_mod_multiple_interpreters /* 3.12: its hooks serve the whole process */
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
#ifdef Py_mod_gil /* 3.13: what threads share in here is behind a mutex, or written by one of them alone */
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "gilscope.accounting._locks",
    .m_doc = PyDoc_STR("How often and how long threads block on the interpreter's locks."),
    .m_methods = methods,
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit__locks(void)
{
    return PyModuleDef_Init(&definition);
}
