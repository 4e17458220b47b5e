/* gilscope.accounting._leaving: a base class whose __exit__ no interrupt can come before.
 *
 * A signal handler may raise between any two steps of bytecode, and before the first step of a function, __exit__ as
 * much as any. This __exit__ is a function of C: it calls the method _leave, and calls it again if that was
 * interrupted, so that what it undoes is undone. It needs no state, and so serves every interpreter.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "shared/undoing.h"

static PyObject *
leave(PyObject *self, PyObject *Py_UNUSED(error))
{
    PyObject *const done = undo_by(self, "_leave", NULL);
    if (done == NULL) {
        return NULL;
    }
    Py_DECREF(done);
    Py_RETURN_NONE;
}

static void
dealloc(PyObject *self)
{
    PyTypeObject *const type = Py_TYPE(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef leaving_methods[] = {
    {"__exit__", leave, METH_VARARGS,
     PyDoc_STR("__exit__(*error)\n--\n\nCall _leave, a second time if it raises. GIL: held.")},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot leaving_slots[] = {
    {Py_tp_doc, (void *)PyDoc_STR("What is left by calling _leave, which may be called again and again.")},
    {Py_tp_new, (void *)PyType_GenericNew},
    {Py_tp_dealloc, (void *)dealloc},
    {Py_tp_methods, leaving_methods},
    {0, NULL},
};

static PyType_Spec leaving_spec = {
    .name = "gilscope.accounting._leaving.Leaving",
    .basicsize = sizeof(PyObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = leaving_slots,
};

static int
execute(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&leaving_spec);
    const int failed = type == NULL || PyModule_AddObjectRef(module, "Leaving", type) < 0;
    Py_XDECREF(type);
    return failed ? -1 : 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, execute},
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
    .m_name = "gilscope.accounting._leaving",
    .m_doc = PyDoc_STR("A base class whose __exit__ no interrupt can come before."),
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit__leaving(void)
{
    return PyModuleDef_Init(&definition);
}
