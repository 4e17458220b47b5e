/* To come back from a sleep without the GIL, and see how long it takes to get it: on any system. */
#ifndef GILSCOPE_SAMPLER_ARRIVAL_H
#define GILSCOPE_SAMPLER_ARRIVAL_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#ifdef _WIN32
#include <windows.h>
#else
#include <time.h>
#endif

static long long
arrival_clock_ns(void)
{
#ifdef _WIN32
    LARGE_INTEGER count, per_second;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&per_second);
    return count.QuadPart / per_second.QuadPart * 1000000000LL
           + count.QuadPart % per_second.QuadPart * 1000000000LL / per_second.QuadPart;
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000000000LL + now.tv_nsec;
#endif
}

static void
sleep_for(long long length_ns)
{
#ifdef _WIN32
    Sleep((DWORD)((length_ns + 999999) / 1000000)); /* whole milliseconds, and as late as the system's timer ticks */
#else
    const struct timespec length = {(time_t)(length_ns / 1000000000LL), (long)(length_ns % 1000000000LL)};
    nanosleep(&length, NULL); /* a signal may end it early: that is an arrival too */
#endif
}

static PyObject *
arrive(PyObject *Py_UNUSED(module), PyObject *sleep_ns)
{
    const long long length_ns = PyLong_AsLongLong(sleep_ns);
    if (length_ns == -1 && PyErr_Occurred()) {
        return NULL;
    }
    if (length_ns < 0 || length_ns > 3600000000000LL) {
        return PyErr_Format(PyExc_ValueError, "sleep_ns must be 0 to 3600 s; got %R", sleep_ns);
    }
    PyThreadState *const state = PyEval_SaveThread();
    sleep_for(length_ns);
    const long long arrived_ns = arrival_clock_ns();
    PyEval_RestoreThread(state);
    return Py_BuildValue("LL", arrived_ns, arrival_clock_ns());
}

#endif
