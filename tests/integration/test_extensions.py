"""The compiled modules where loading is hardest: own-GIL subinterpreters, free-threaded builds, fresh processes."""

import importlib
import subprocess
import sys
import textwrap
from array import array
from pathlib import Path
from typing import Any

import pytest

from gilscope.kernels import FORMATS, Kernel, load

EXTENSIONS = ("_capi", "_cython", "_openmp")
ISOLATED = [name for name in EXTENSIONS if name != "_openmp"]


def run_isolated(program: str) -> None:
    """Run a program in a fresh process, in a subinterpreter with a GIL of its own; fail with what it raised."""
    run_fresh(
        "from gilscope.children.interpreter import run_in_new_interpreter\n"
        f"run_in_new_interpreter({textwrap.dedent(program)!r})"
    )


def run_fresh(program: str) -> None:
    """Run a program in a fresh process where warnings are errors; fail with what it printed."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


needs_own_gil = pytest.mark.skipif(sys.version_info < (3, 12), reason="an own-GIL interpreter needs CPython >= 3.12")
needs_free_threading = pytest.mark.skipif(
    getattr(sys, "_is_gil_enabled", lambda: True)(), reason="needs a free-threaded CPython with its GIL off"
)


@needs_own_gil
@pytest.mark.parametrize("name", ISOLATED)
def test_loads_and_computes_with_a_gil_of_its_own(name: str) -> None:
    """Each kernel module loads in a subinterpreter with its own GIL, twice over, and computes there."""
    run_isolated(f"""
        from array import array
        from gilscope.kernels import {name} as module
        x, out = array("d", [7.0] * 3), array("d", [0.0] * 3)
        for gil in ("held", "released", "chunked"):
            getattr(module, f"square_{{gil}}")(x, out)
            assert out.tolist() == [49.0] * 3
            getattr(module, f"quad_{{gil}}")(x, out)
            assert out.tolist() == [2401.0] * 3
            assert getattr(module, f"quad_compute_{{gil}}")(x, 3) > 0
    """)


@needs_own_gil
@pytest.mark.parametrize("implementation", ["python", "cython", "c"])
def test_loads_through_the_table_with_a_gil_of_its_own(implementation: str) -> None:
    """The table of kernels works in such an interpreter, and the package brings no NumPy into it."""
    run_isolated(f"""
        import sys
        import gilscope
        from gilscope.kernels import load
        from array import array
        out = array("i", [0])
        load("quad", {implementation!r}, "held").apply(array("i", [7]), out)
        assert out[0] == gilscope.quad(7) == 2401
        assert "numpy" not in sys.modules
    """)


@needs_own_gil
def test_numpy_says_that_it_cannot() -> None:
    """The NumPy kernels are unavailable there, with the reason, rather than an error."""
    run_isolated("""
        from gilscope import Unavailable
        from gilscope.kernels import load
        absent = load("square", "numpy", "released")
        assert isinstance(absent, Unavailable) and "numpy" in absent.reason, absent
    """)


@needs_free_threading
@pytest.mark.parametrize("name", EXTENSIONS)
def test_does_not_bring_the_gil_back(name: str) -> None:
    """Importing a module on a free-threaded build leaves the GIL off, and warns of nothing."""
    run_fresh(f"import sys, gilscope.kernels.{name}; assert not sys._is_gil_enabled()")


def test_import_starts_and_loads_nothing() -> None:
    """Importing gilscope starts no thread and loads neither NumPy nor psutil nor OpenMP."""
    run_fresh("""
        import sys, threading
        import gilscope, gilscope.kernels
        from gilscope.kernels import load
        assert threading.active_count() == 1
        assert not {"numpy", "psutil", "gilscope.kernels._openmp"} & set(sys.modules)
        load("square", "c", "released"), load("square", "cython", "held"), load("quad", "python", "held")
        assert not {"numpy", "psutil", "gilscope.kernels._openmp"} & set(sys.modules)
        try:
            tasks, maps = len(__import__("os").listdir("/proc/self/task")), open("/proc/self/maps").read()
        except OSError:
            tasks, maps = 1, ""  # no /proc on this system
        assert tasks == 1 and "libgomp" not in maps and "libomp" not in maps
    """)


@pytest.mark.parametrize("name", EXTENSIONS)
def test_no_nogil_block_takes_the_gil_back(name: str) -> None:
    """No compiled module looks for an exception inside a nogil block, which would take the GIL to do so."""
    file = importlib.import_module(f"gilscope.kernels.{name}").__file__
    assert file is not None
    content = Path(file).read_bytes()
    assert b"PyInit_" + name.encode() in content
    assert b"ErrOccurredWithGIL" not in content


@pytest.fixture(scope="module")
def openmp() -> Any:
    """Return the OpenMP module, or skip where the compiler had none."""
    module = importlib.import_module("gilscope.kernels._openmp")
    if not module.VERSION:
        pytest.skip("gilscope was built by a compiler without OpenMP")
    return module


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("name", ["square", "quad"])
def test_openmp_equals_the_reference(openmp: Any, dtype: str, name: str, n_threads: int) -> None:
    """Teams of any size give what plain Python gives, also with fewer items than threads."""
    reference = load(name, "python", "held")
    assert isinstance(reference, Kernel)
    for n in (0, 1, 2, 3, 15, 16, 17, 100, 1000):
        x = array(FORMATS[dtype], [i % 50 for i in range(n)])
        out, expected = array(FORMATS[dtype], [9] * n), array(FORMATS[dtype], [9] * n)
        reference.apply(x, expected)
        assert 1 <= getattr(openmp, name)(x, out, n_threads) <= n_threads
        assert out == expected
        getattr(openmp, name)(x, x, n_threads)
        assert x == expected


@pytest.mark.parametrize(
    ("n_threads", "error"), [(0, ValueError), (-1, ValueError), (2**20, ValueError), ("2", TypeError)]
)
def test_openmp_refuses_impossible_teams(openmp: Any, n_threads: Any, error: type[Exception]) -> None:
    """A team of no thread, or of more than any machine could start, is refused and nothing is written."""
    x, out = array("d", [3.0]), array("d", [0.5])
    with pytest.raises(error, match=r"n_threads|int"):
        openmp.square(x, out, n_threads)
    assert out[0] == 0.5


def test_openmp_checks_its_buffers(openmp: Any) -> None:
    """Bad buffers are refused in the same words as by every kernel."""
    with pytest.raises(ValueError, match="out has 1 items and x has 2"):
        openmp.quad(array("d", [1.0, 2.0]), array("d", [1.0]), 2)
