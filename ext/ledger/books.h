/* A ledger as Python holds it: a base class whose start and stop are one step each, and which stops itself when it
 * goes.
 *
 * An exception may come between any two steps of bytecode, for a signal handler may raise: before the first step of a
 * function as well. So what turns the ledger on and what turns it off are functions of C that nothing of Python
 * interrupts, __exit__ is one of them, and an object that is dropped in between turns it off too.
 */
#ifndef GILSCOPE_LEDGER_BOOKS_H
#define GILSCOPE_LEDGER_BOOKS_H

#include "shared/undoing.h"
#include "read.h"

typedef struct books_object {
    PyObject_HEAD struct books_object *next; /* of those that are open */
    int is_open, cpu_clock;
    books_copy *before, *after;
    PyObject *events; /* of the timeline, if one was asked for and it has ended; else NULL */
    long long n_events;
    uint64_t first_event;
    books_copy **harvests; /* what the books said when others began the longest times anew */
    size_t n_harvests;
} books_object;

static books_object *open_books; /* guarded by the GIL */

static void
cpu_clock_choose(void)
{
    int wanted = installed.times_cpu;
    for (const books_object *one = open_books; one != NULL; one = one->next) {
        wanted |= one->cpu_clock;
    }
    pthread_mutex_lock(&books_mutex);
    __atomic_store_n(&books.times_cpu, wanted, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&books_mutex);
}

/* Have every ledger that is open keep a copy. Return 0, or -1 and nothing done where there is no memory. */
static int
books_keep(books_copy *copy)
{
    for (books_object *one = open_books; one != NULL; one = one->next) {
        books_copy **const grown = realloc(one->harvests, (one->n_harvests + 1) * sizeof(books_copy *));
        if (grown == NULL) {
            return -1;
        }
        one->harvests = grown;
    }
    for (books_object *one = open_books; one != NULL; one = one->next) {
        copy->n_owners++;
        one->harvests[one->n_harvests++] = copy;
    }
    return 0;
}

static PyObject *
books_start(PyObject *self, PyObject *args)
{
    books_object *const mine = (books_object *)self;
    long long n_events;
    int cpu_clock;
    thread_before *threads = NULL;
    size_t n_threads = 0;
    if (!PyArg_ParseTuple(args, "Lp", &n_events, &cpu_clock)) {
        return NULL;
    }
    if (mine->before != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "a ledger counts once; make another one with Ledger()");
        return NULL;
    }
    if (ring_want(n_events) < 0) {
        return NULL;
    }
    if (ledger_on(&threads, &n_threads) < 0) {
        PyErr_SetString(PyExc_RuntimeError, installed.unavailable);
        return NULL;
    }
    books_copy *const copy = books_read(1);
    if (copy == NULL || books_keep(copy) < 0) {
        books_free(copy);
        free(threads);
        ledger_off();
        return PyErr_NoMemory();
    }
    copy->threads = threads;
    copy->n_threads = n_threads;
    mine->before = copy;
    mine->n_events = n_events;
    mine->cpu_clock = cpu_clock;
    mine->is_open = 1;
    mine->next = open_books;
    open_books = mine;
    cpu_clock_choose();
    if (n_events > 0) {
        ring_switch(ring.kept); /* until the last one is closed */
    }
    Py_RETURN_NONE;
}

/* Close it if it is open; -1 with an exception where what it saw could not be kept, but closed it is. */
static int
books_close(books_object *mine)
{
    if (!mine->is_open) {
        return 0;
    }
    mine->after = books_read(0);
    mine->first_event = mine->before->n_events;
    mine->events = mine->n_events == 0 ? NULL : events_bytes(&mine->first_event);
    books_object **link = &open_books;
    while (*link != mine) {
        link = &(*link)->next;
    }
    *link = mine->next;
    mine->is_open = 0;
    ledger_off();
    cpu_clock_choose();
    if (mine->after == NULL) {
        PyErr_NoMemory();
    }
    else {
        mine->after->n_stolen = n_stolen(); /* with those that were missing just now */
    }
    return PyErr_Occurred() ? -1 : 0;
}

static PyObject *
books_stop(PyObject *self, PyObject *Py_UNUSED(args))
{
    books_object *const mine = (books_object *)self;
    if (!mine->is_open) {
        Py_RETURN_NONE;
    }
    PyObject *kind, *error, *at;
    if (books_close(mine) == 0) {
        return undo_by(self, "_left", Py_True);
    }
    PyErr_Fetch(&kind, &error, &at);
    Py_XDECREF(undo_by(self, "_left", Py_False));
    PyErr_Restore(kind, error, at);
    return NULL;
}

/* Nobody has the object any more, and so nobody leaves it. */
static void
books_finalize(PyObject *self)
{
    PyObject *kind, *error, *at;
    if (((books_object *)self)->is_open) {
        PyErr_Fetch(&kind, &error, &at);
        books_close((books_object *)self);
        PyErr_Clear(); /* nobody asks for what it could not keep */
        PyObject *const done =
            Py_IsInitialized() ? undo_by(self, "_left", Py_False) : NULL; /* or the interpreter ends */
        if (PyErr_Occurred()) {
            PyErr_WriteUnraisable(self);
        }
        Py_XDECREF(done);
        PyErr_Restore(kind, error, at);
    }
}

static void
books_dealloc(PyObject *self)
{
    books_object *const mine = (books_object *)self;
    PyTypeObject *const type = Py_TYPE(self);
    if (mine->is_open && PyObject_CallFinalizerFromDealloc(self) < 0) {
        return;
    }
    books_free(mine->before);
    books_free(mine->after);
    while (mine->n_harvests > 0) {
        books_free(mine->harvests[--mine->n_harvests]);
    }
    free(mine->harvests);
    Py_XDECREF(mine->events);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
copy_or_none(books_copy *copy)
{
    return copy == NULL ? Py_NewRef(Py_None) : books_dict(copy);
}

static PyObject *
books_before(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return copy_or_none(((books_object *)self)->before);
}

/* What the books said when it was closed; of an open one, what they say now. */
static PyObject *
books_after(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    books_object *const mine = (books_object *)self;
    uint64_t first = mine->first_event;
    PyObject *bytes = Py_XNewRef(mine->events);
    books_copy *copy = mine->after;
    if (copy != NULL) {
        copy->n_owners++;
    }
    else if (mine->is_open) {
        copy = books_read(0);
        first = mine->before->n_events;
        bytes = mine->n_events == 0 ? NULL : events_bytes(&first);
    }
    if (copy == NULL || PyErr_Occurred()) {
        books_free(copy);
        Py_XDECREF(bytes);
        return PyErr_Occurred() ? NULL : PyErr_NoMemory();
    }
    PyObject *dict = books_dict(copy);
    books_free(copy);
    if (dict == NULL) {
        Py_XDECREF(bytes);
        return NULL;
    }
    bytes = bytes == NULL ? PyBytes_FromStringAndSize("", 0) : bytes;
    return bytes == NULL ? NULL : Py_BuildValue("NKN", dict, (unsigned long long)first, bytes);
}

/* What it was given to keep since the last time that it was asked. */
static PyObject *
books_harvests(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    books_object *const mine = (books_object *)self;
    books_copy **const kept = mine->harvests;
    const size_t n = mine->n_harvests;
    mine->harvests = NULL;
    mine->n_harvests = 0;
    PyObject *list = PyList_New(0);
    for (size_t i = 0; i < n; i++) {
        PyObject *dict = list == NULL ? NULL : books_dict(kept[i]);
        if (list != NULL && (dict == NULL || PyList_Append(list, dict) < 0)) {
            Py_CLEAR(list);
        }
        Py_XDECREF(dict);
        books_free(kept[i]);
    }
    free(kept);
    return list;
}

static PyObject *
books_nothing(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(is_wanted))
{
    Py_RETURN_NONE;
}

static PyMethodDef books_methods[] = {
    {"_start", books_start, METH_VARARGS,
     PyDoc_STR("_start(n_events, cpu_clock, /)\n--\n\nOpen it, once. GIL: released by the first one of a process.")},
    {"_stop", books_stop, METH_NOARGS, PyDoc_STR("_stop()\n--\n\nClose it if it is open. GIL: held.")},
    {"__exit__", books_stop, METH_VARARGS, PyDoc_STR("__exit__(*error)\n--\n\nClose it if it is open. GIL: held.")},
    {"_left", books_nothing, METH_O, PyDoc_STR("_left(is_wanted, /)\n--\n\nCalled when it has been closed.")},
    {"_before", books_before, METH_NOARGS,
     PyDoc_STR("_before()\n--\n\nReturn what the books said when it was opened.")},
    {"_after", books_after, METH_NOARGS,
     PyDoc_STR("_after()\n--\n\nReturn (books, first, events) of when it was closed, or of now. GIL: held.")},
    {"_harvests", books_harvests, METH_NOARGS,
     PyDoc_STR("_harvests()\n--\n\nReturn what the books said whenever another one was opened since the last call.")},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot books_slots[] = {
    {Py_tp_doc, (void *)PyDoc_STR("An account of the GIL from _start to __exit__.")},
    {Py_tp_new, (void *)PyType_GenericNew},
    {Py_tp_dealloc, (void *)books_dealloc},
    {Py_tp_finalize, (void *)books_finalize},
    {Py_tp_methods, books_methods},
    {0, NULL},
};

static PyType_Spec books_spec = {
    .name = "gilscope.accounting._ledger.Books",
    .basicsize = sizeof(books_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = books_slots,
};

/* The ledgers that are open. */
static PyObject *
opened(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    PyObject *list = PyList_New(0); /* the last thing here that may collect garbage, and so open or close one */
    for (books_object *one = open_books; one != NULL && list != NULL; one = one->next) {
        if (PyList_Append(list, (PyObject *)one) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

#endif
