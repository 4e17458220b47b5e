"""Why releases are fine: told from the place, and from the source of what Cython made, where that lies beside it."""

from functools import partial
from pathlib import Path

import pytest

from gilscope.accounting.cython_source import is_cython, python_name, release_cause
from gilscope.accounting.fine_releases import FINE_NS, fine_places, fine_release_cause
from gilscope.accounting.log import SiteAccount

SOURCE = """\
cdef double total

cdef inline void add(double x, double (*weight)(double)) nogil:
    global total
    total += x

cdef void add_safely(double x) noexcept nogil:
    pass

cdef int by_value(double x) except -1 nogil:
    return 0

cdef double maybe(double x) nogil:
    return x

cdef class Model:
    cdef void step(
        self, long i
    ) except * nogil:
        pass

def looped(long n):
    with nogil:
        for i in range(n):
            add(i, NULL)

def safe(long n):
    with nogil:
        add_safely(n)

def checked(long n):
    with nogil:
        for i in range(n):
            by_value(i)
            if i == 3:
                with gil:
                    print(i)
"""


def site(symbol: str, *, count: int = 1000, each_ns: float = 300, module: Path | str = "/lib/x.so") -> SiteAccount:
    return SiteAccount(
        module=str(module),
        symbol=symbol,
        offset=16,
        count=count,
        computing_ns=round(count * each_ns),
        blocked_ns=0,
        longest_release_ns=400,
    )


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Write a module that Cython made, with its source beside it."""
    (tmp_path / "model.pyx").write_text(SOURCE)
    module = tmp_path / "model.cpython-311-x86_64-linux-gnu.so"
    module.write_bytes(b"\x7fELF...cython_runtime\0...")
    return module


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("__pyx_pw_4noex_1missing", "missing"),
        ("__pyx_pf_4noex_2missing.isra.0", "missing"),
        ("__pyx_pw_3pkg_4noex_5Model_13predict", "predict"),
        ("__pyx_f_4noex_add", "add"),
        ("__pyx_f_11sub_package_x_2", "x_2"),
        ("__Pyx_ErrOccurredWithGIL", ""),
        ("pysqlite_cursor_iternext", ""),
        ("", ""),
    ],
)
def test_names_of_cython(symbol: str, name: str) -> None:
    """A C name gives the name in the source; other names give none."""
    assert python_name(symbol) == name


def test_the_function_that_lacks_noexcept_is_named(made: Path) -> None:
    """What the function calls and what returns nothing is named, with its line; what is noexcept is not."""
    told = release_cause(str(made), "looped")
    assert told.startswith("looped is made by Cython: add (model.pyx:3), called without the GIL, lacks `noexcept`")
    assert "step" not in told and "add_safely" not in told and "maybe" not in told
    # Where none is called by name, all that might be are: the calls may be in a function that the compiler has inlined.
    told = release_cause(str(made), "safe")
    assert "add (model.pyx:3), step (model.pyx:17), called without the GIL, lack `noexcept`" in told


def test_a_function_that_returns_a_number_is_named_where_no_other_is(made: Path) -> None:
    """One whose value may be that of an error makes Cython look too."""
    source = made.with_name("model.pyx")
    source.write_text(SOURCE.replace("void", "double"))
    assert "maybe (model.pyx:13)" in release_cause(str(made), "safe")


def test_with_gil_is_named(made: Path) -> None:
    """A block that takes the GIL is the cause where every function is noexcept or announces its errors."""
    made.with_name("model.pyx").write_text(SOURCE[SOURCE.index("def checked") :])
    assert "its `with gil` block (model.pyx:6) runs each time" in release_cause(str(made), "checked")


@pytest.mark.parametrize("module", ["/nowhere/model.so", ""])
def test_without_the_source_the_usual_causes_are_named(module: str) -> None:
    """It is one of three."""
    told = release_cause(module, "looped")
    assert told.startswith("looped is made by Cython: most often") and "`noexcept`" in told and "`with gil`" in told


def test_only_short_releases_are_fine() -> None:
    """The mean decides, place by place; the most frequent comes first."""
    short, shorter, long = site("a", count=5), site("b", count=50), site("c", each_ns=FINE_NS)
    assert fine_places([short, long, shorter]) == [shorter, short]
    assert fine_release_cause(len, [long]) == ""


def test_the_place_tells_the_cause(made: Path) -> None:
    """Cython's names, or its mark in the file, make it Cython's; anything else is named as it is."""
    assert "add (model.pyx:3)" in fine_release_cause(len, [site("__pyx_pw_5model_1looped", module=made)])
    assert is_cython(str(made)) and "add (model.pyx:3)" in fine_release_cause(len, [site("", module=made)])
    assert fine_release_cause(len, [site("step", module="/lib/_sqlite3.so")]).startswith("_sqlite3.so: step releases")


def test_without_a_place_the_call_tells() -> None:
    """The function that is called, also through a partial, shows by its type that Cython made it."""
    kind = type("cython_function_or_method", (), {"__call__": lambda self: None, "__name__": "looped"})
    function = kind()
    assert "looped is made by Cython" in fine_release_cause(partial(partial(function), 3), [])
    assert fine_release_cause(len, []) == ""
