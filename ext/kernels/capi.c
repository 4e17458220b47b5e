/* gilscope.kernels._capi: the kernels by hand over the C API, GIL held, released, or released per block.
 *
 * Every function is stateless and safe from any thread and interpreter: it touches its arguments and its own
 * stack only. Each held / released pair goes through one body that differs in the release alone.
 * The chunked form has a body of its own, so that no branch on it stands in the other two.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "blocks.h"
#include "buffers.h"

#ifndef GILSCOPE_CFLAGS
#define GILSCOPE_CFLAGS "unknown"
#endif
#ifndef GILSCOPE_CYTHON
#define GILSCOPE_CYTHON "unknown"
#endif

static int
check_arity(const char *signature, Py_ssize_t given, Py_ssize_t wanted)
{
    if (given == wanted) {
        return 0;
    }
    PyErr_Format(PyExc_TypeError, "%s takes %zd positional arguments; got %zd", signature, wanted, given);
    return -1;
}

static PyObject *
apply(enum gilscope_operation operation, int release, PyObject *const *args, Py_ssize_t n_args)
{
    gilscope_pair pair;
    if (check_arity("kernel(x, out)", n_args, 2) < 0 || gilscope_pair_take(args[0], args[1], &pair) < 0) {
        return NULL;
    }
    const int past_cache = gilscope_past_cache((size_t)pair.out.len);
    if (release) {
        /* Safe without the GIL: the two exported buffers cannot be moved or freed until they are released. */
        Py_BEGIN_ALLOW_THREADS
        gilscope_apply(operation, pair.dtype, past_cache, pair.x.buf, pair.out.buf, pair.n_items);
        Py_END_ALLOW_THREADS
    }
    else {
        gilscope_apply(operation, pair.dtype, past_cache, pair.x.buf, pair.out.buf, pair.n_items);
    }
    gilscope_pair_release(&pair);
    Py_RETURN_NONE;
}

static PyObject *
compute(enum gilscope_operation operation, int release, PyObject *const *args, Py_ssize_t n_args)
{
    Py_buffer x;
    enum gilscope_dtype dtype;
    uint64_t rounds;
    if (check_arity("kernel_compute(x, rounds)", n_args, 2) < 0
        || gilscope_lanes_take(args[0], args[1], 1, &x, &dtype, &rounds) < 0) {
        return NULL;
    }
    const size_t n = (size_t)(x.len / x.itemsize);
    uint64_t checksum;
    if (release) {
        /* Safe without the GIL: x stays exported, and the lanes are a private copy on this stack. */
        Py_BEGIN_ALLOW_THREADS
        checksum = gilscope_compute(operation, dtype, x.buf, n, rounds);
        Py_END_ALLOW_THREADS
    }
    else {
        checksum = gilscope_compute(operation, dtype, x.buf, n, rounds);
    }
    PyBuffer_Release(&x);
    return PyLong_FromUnsignedLongLong(checksum);
}

static PyObject *
apply_chunked(enum gilscope_operation operation, PyObject *const *args, Py_ssize_t n_args)
{
    gilscope_pair pair;
    if (check_arity("kernel(x, out)", n_args, 2) < 0 || gilscope_pair_take(args[0], args[1], &pair) < 0) {
        return NULL;
    }
    const int past_cache = gilscope_past_cache((size_t)pair.out.len);
    for (size_t first = 0, end; first < pair.n_items; first = end) {
        end = (size_t)gilscope_block_end(first, pair.n_items, GILSCOPE_BLOCK_ITEMS);
        /* Safe without the GIL: the two exported buffers stay so from the first block to the last. */
        Py_BEGIN_ALLOW_THREADS
        gilscope_apply_block(operation, pair.dtype, past_cache, pair.x.buf, pair.out.buf, (size_t)pair.x.itemsize,
                             first, end);
        Py_END_ALLOW_THREADS
    }
    gilscope_pair_release(&pair);
    Py_RETURN_NONE;
}

static PyObject *
compute_chunked(enum gilscope_operation operation, PyObject *const *args, Py_ssize_t n_args)
{
    Py_buffer x;
    enum gilscope_dtype dtype;
    uint64_t rounds;
    if (check_arity("kernel_compute(x, rounds)", n_args, 2) < 0
        || gilscope_lanes_take(args[0], args[1], 1, &x, &dtype, &rounds) < 0) {
        return NULL;
    }
    const size_t n = (size_t)(x.len / x.itemsize);
    gilscope_lanes lanes;
    memcpy(&lanes, x.buf, (size_t)x.len);
    PyBuffer_Release(&x);
    for (uint64_t first = 0, end; first < rounds; first = end) {
        end = gilscope_block_end(first, rounds, GILSCOPE_BLOCK_ROUNDS);
        /* Safe without the GIL: the lanes are a private copy on this stack. */
        Py_BEGIN_ALLOW_THREADS
        gilscope_advance(operation, dtype, &lanes, n, first, end);
        Py_END_ALLOW_THREADS
    }
    return PyLong_FromUnsignedLongLong(gilscope_checksum(dtype, &lanes, n));
}

#define KERNEL(name, body, operation, release)                                                                         \
    static PyObject *name(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t n_args)                       \
    {                                                                                                                  \
        return body(operation, release, args, n_args);                                                                 \
    }

#define CHUNKED(name, body, operation)                                                                                 \
    static PyObject *name(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t n_args)                       \
    {                                                                                                                  \
        return body(operation, args, n_args);                                                                          \
    }

KERNEL(square_held, apply, GILSCOPE_SQUARE, 0)
KERNEL(square_released, apply, GILSCOPE_SQUARE, 1)
KERNEL(quad_held, apply, GILSCOPE_QUAD, 0)
KERNEL(quad_released, apply, GILSCOPE_QUAD, 1)
KERNEL(square_compute_held, compute, GILSCOPE_SQUARE, 0)
KERNEL(square_compute_released, compute, GILSCOPE_SQUARE, 1)
KERNEL(quad_compute_held, compute, GILSCOPE_QUAD, 0)
KERNEL(quad_compute_released, compute, GILSCOPE_QUAD, 1)
CHUNKED(square_chunked, apply_chunked, GILSCOPE_SQUARE)
CHUNKED(quad_chunked, apply_chunked, GILSCOPE_QUAD)
CHUNKED(square_compute_chunked, compute_chunked, GILSCOPE_SQUARE)
CHUNKED(quad_compute_chunked, compute_chunked, GILSCOPE_QUAD)

static PyObject *
check(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t n_args)
{
    gilscope_pair pair;
    if (check_arity("check(x, out)", n_args, 2) < 0 || gilscope_pair_take(args[0], args[1], &pair) < 0) {
        return NULL;
    }
    gilscope_pair_release(&pair);
    return Py_BuildValue("sn", gilscope_dtype_names[pair.dtype], (Py_ssize_t)pair.n_items);
}

static PyObject *
check_buffer(PyObject *Py_UNUSED(module), PyObject *x)
{
    Py_buffer view;
    enum gilscope_dtype dtype;
    if (gilscope_take(x, "x", 0, &view, &dtype) < 0) {
        return NULL;
    }
    const Py_ssize_t n = view.len / view.itemsize;
    PyBuffer_Release(&view);
    return Py_BuildValue("sn", gilscope_dtype_names[dtype], n);
}

static PyObject *
check_lanes(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t n_args)
{
    Py_buffer view;
    enum gilscope_dtype dtype;
    uint64_t rounds;
    if (check_arity("check_lanes(x, rounds)", n_args, 2) < 0
        || gilscope_lanes_take(args[0], args[1], 1, &view, &dtype, &rounds) < 0) {
        return NULL;
    }
    const Py_ssize_t n = view.len / view.itemsize;
    PyBuffer_Release(&view);
    return Py_BuildValue("snK", gilscope_dtype_names[dtype], n, (unsigned long long)rounds);
}

static PyObject *
empty(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    Py_RETURN_NONE;
}

static PyObject *
release_pairs(PyObject *Py_UNUSED(module), PyObject *count)
{
    const Py_ssize_t n = PyNumber_AsSsize_t(count, PyExc_OverflowError);
    if (n == -1 && PyErr_Occurred()) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyEval_RestoreThread(PyEval_SaveThread()); /* nothing happens between the two: their cost is the result */
    }
    Py_RETURN_NONE;
}

#define FAST(name, text) {#name, (PyCFunction)(void (*)(void))name, METH_FASTCALL, PyDoc_STR(text)}

static PyMethodDef methods[] = {
    FAST(square_held, "square_held(x, out, /)\n--\n\nWrite x*x to out. GIL: held throughout."),
    FAST(square_released, "square_released(x, out, /)\n--\n\nWrite x*x to out. GIL: released for the loop."),
    FAST(quad_held, "quad_held(x, out, /)\n--\n\nWrite x*x*x*x to out. GIL: held throughout."),
    FAST(quad_released, "quad_released(x, out, /)\n--\n\nWrite x*x*x*x to out. GIL: released for the loop."),
    FAST(square_compute_held,
         "square_compute_held(x, rounds, /)\n--\n\nReturn the checksum of rounds of square. GIL: held."),
    FAST(square_compute_released,
         "square_compute_released(x, rounds, /)\n--\n\nReturn the checksum of rounds of square. GIL: released."),
    FAST(quad_compute_held, "quad_compute_held(x, rounds, /)\n--\n\nReturn the checksum of rounds of quad. GIL: held."),
    FAST(quad_compute_released,
         "quad_compute_released(x, rounds, /)\n--\n\nReturn the checksum of rounds of quad. GIL: released."),
    FAST(square_chunked, "square_chunked(x, out, /)\n--\n\nWrite x*x to out. GIL: released per block of items."),
    FAST(quad_chunked, "quad_chunked(x, out, /)\n--\n\nWrite x*x*x*x to out. GIL: released per block of items."),
    FAST(square_compute_chunked, "square_compute_chunked(x, rounds, /)\n--\n\n"
                                 "Return the checksum of rounds of square. GIL: released per block of rounds."),
    FAST(quad_compute_chunked, "quad_compute_chunked(x, rounds, /)\n--\n\n"
                               "Return the checksum of rounds of quad. GIL: released per block of rounds."),
    FAST(check, "check(x, out, /)\n--\n\nReturn (dtype, n_items), or raise what the kernels would. GIL: held."),
    FAST(check_lanes, "check_lanes(x, rounds, /)\n--\n\n"
                      "Return (dtype, n_items, rounds), or raise what the compute form would. GIL: held."),
    {"check_buffer", check_buffer, METH_O,
     PyDoc_STR("check_buffer(x, /)\n--\n\nReturn (dtype, n_items), or raise what a kernel would of x. GIL: held.")},
    {"empty", empty, METH_NOARGS, PyDoc_STR("empty()\n--\n\nDo nothing: the cost of a call. GIL: held.")},
    {"release_pairs", release_pairs, METH_O,
     PyDoc_STR("release_pairs(count, /)\n--\n\nRelease and take the GIL count times, doing nothing between.")},
    {NULL, NULL, 0, NULL},
};

static int
execute(PyObject *module)
{
#if defined(__clang__)
    const char *compiler = __VERSION__; /* clang's begins with its name, gcc's is the bare number */
#elif defined(__GNUC__)
    const char *compiler = "gcc " __VERSION__;
#else
    const char *compiler = "unknown";
#endif
    if (PyModule_AddStringConstant(module, "COMPILER", compiler) < 0
        || PyModule_AddStringConstant(module, "COMPILER_FLAGS", GILSCOPE_CFLAGS) < 0
        || PyModule_AddStringConstant(module, "CYTHON", GILSCOPE_CYTHON) < 0 /* what translated its siblings */
        || PyModule_AddIntConstant(module, "MAX_LANES", GILSCOPE_MAX_LANES) < 0
        || PyModule_AddIntConstant(module, "BLOCK_ITEMS", GILSCOPE_BLOCK_ITEMS) < 0
        || PyModule_AddIntConstant(module, "BLOCK_ROUNDS", GILSCOPE_BLOCK_ROUNDS) < 0) {
        return -1;
    }
    return 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
#ifdef Py_mod_multiple_interpreters /* 3.12: stateless, so each interpreter may have a GIL of its own */
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil /* 3.13: without it an import on a free-threaded build turns the GIL back on */
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "gilscope.kernels._capi",
    .m_doc = PyDoc_STR("square and quad by hand over the C API, with the GIL held, released, or released per block."),
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__capi(void)
{
    return PyModuleDef_Init(&definition);
}
