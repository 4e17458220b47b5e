/* The GIL's own record inside the interpreter, found by its content, without any header of CPython's internals.
 *
 * The switch interval is its first word: set that to odd values, and one word of _PyRuntime follows.
 */
#ifndef GILSCOPE_GIL_RECORD_H
#define GILSCOPE_GIL_RECORD_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>

/* How it begins in CPython 3.11 to 3.14, with a GIL; whoever uses it checks it against what behaviour shows. */
typedef struct {
    unsigned long interval;
    void *holder;
    int locked;
    unsigned long switch_number;
    pthread_cond_t cond;
    pthread_mutex_t mutex;
    pthread_cond_t switch_cond;
} gil_record;

static int
set_switch_interval(double seconds)
{
    PyObject *set = PySys_GetObject("setswitchinterval"); /* borrowed */
    PyObject *result = set == NULL ? NULL : PyObject_CallFunction(set, "d", seconds);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* The one word of _PyRuntime that follows the switch interval; NULL, without an exception, where there is not one. */
static const gil_record *
gil_by_content(void)
{
    PyObject *get = PySys_GetObject("getswitchinterval"), *before;
    void *runtime = dlsym(RTLD_DEFAULT, "_PyRuntime");
    Dl_info info;
    const ElfW(Sym) *symbol = NULL;
    if (get == NULL || runtime == NULL || !dladdr1(runtime, &info, (void **)&symbol, RTLD_DL_SYMENT) || symbol == NULL
        || (before = PyObject_CallNoArgs(get)) == NULL) {
        PyErr_Clear();
        return NULL;
    }
    const double interval_s = PyFloat_AsDouble(before);
    Py_DECREF(before);
    const unsigned long *words = runtime, *found = NULL;
    const size_t n_words = symbol->st_size / sizeof(*words);
    int n_found = 0;
    /* Microseconds that nobody else sets; half a one more, for the interpreter cuts the rest off. */
    static const unsigned long values[] = {4973, 4987, 4993, 4999, 5009};
    const size_t n_values = sizeof(values) / sizeof(values[0]);
    if (n_words == 0 || set_switch_interval((double)values[0] * 1e-6 + 5e-7) < 0) {
        PyErr_Clear();
        return NULL;
    }
    for (size_t i = 0; i < n_words && n_found < 2; i++) {
        size_t value = 0;
        while (value < n_values && *(const volatile unsigned long *)&words[i] == values[value]) {
            value++;
            if (set_switch_interval((double)values[value % n_values] * 1e-6 + 5e-7) < 0) {
                break;
            }
        }
        if (value == n_values) {
            found = &words[i];
            n_found++;
        }
        else if (value > 0 && set_switch_interval((double)values[0] * 1e-6 + 5e-7) < 0) {
            break;
        }
    }
    if (PyErr_Occurred() || n_found != 1) {
        found = NULL;
    }
    PyErr_Clear();
    if (set_switch_interval(interval_s) < 0) {
        PyErr_Clear();
    }
    return (const gil_record *)found;
}

#endif
