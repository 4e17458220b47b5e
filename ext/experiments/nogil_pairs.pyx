# cython: language_level=3, binding=False
"""Functions that are all declared nogil, and differ in how they say that they failed: some take the GIL to ask.

Each is called n times from a loop without the GIL. Every function is stateless, and safe from any thread and
interpreter.
"""


cdef double square_noexcept(double x) noexcept nogil:
    return x * x


cdef void square_star(double x, double *total) except * nogil:
    # Nothing is returned that could say so: the caller takes the GIL after each call, to see whether it failed.
    total[0] += x * x


cdef double square_value(double x) except? -1 nogil:
    # The caller looks only where -1 is returned.
    return x * x if x >= 0 else -1.0


cdef double square_gil(double x, bint wanted) noexcept nogil:
    if wanted:
        with gil:
            x = float(x)
    return x * x


def run_noexcept(long n, double x, /):
    """Call a function that is `noexcept` n times. GIL: released for the loop."""
    cdef double total = 0
    cdef long i
    # Safe without the GIL: nothing but locals is touched, here and below.
    with nogil:
        for i in range(n):
            total += square_noexcept(x + i % 2)
    return total


def run_star(long n, double x, /):
    """Call a function that is `except *` n times. GIL: released for the loop, and taken after each call."""
    cdef double total = 0
    cdef long i
    with nogil:
        for i in range(n):
            square_star(x + i % 2, &total)
    return total


def run_value(long n, double x, /):
    """Call a function that is `except? -1` n times. GIL: released, and taken after each call where x is below -1."""
    cdef double total = 0
    cdef long i
    with nogil:
        for i in range(n):
            total += square_value(x + i % 2)
    return total


def run_gil(long n, double x, bint wanted, /):
    """Call a function with a conditional `with gil` n times. GIL: released for the loop, and taken as it is reached."""
    cdef double total = 0
    cdef long i
    with nogil:
        for i in range(n):
            total += square_gil(x + i % 2, wanted)
    return total
