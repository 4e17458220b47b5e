/* Undoing something with a method of Python's, although an interrupt may come: a signal handler may raise between any
 * two steps of bytecode, and before the first step of a method as well.
 */
#ifndef GILSCOPE_UNDOING_H
#define GILSCOPE_UNDOING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Call a method, a second time if it was interrupted, with no argument where that is NULL. What it raised first is what
 * is raised, and not the same or worse. */
static PyObject *
undo_by(PyObject *self, const char *method, PyObject *argument)
{
    const char *const format = argument == NULL ? NULL : "(O)";
    PyObject *const done = PyObject_CallMethod(self, method, format, argument);
    if (done == NULL) {
        PyObject *kind, *error, *at;
        PyErr_Fetch(&kind, &error, &at);
        Py_XDECREF(PyObject_CallMethod(self, method, format, argument));
        PyErr_Restore(kind, error, at);
    }
    return done;
}

#endif
