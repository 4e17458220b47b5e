"""What the tests share: every kernel as a fixture, and a header that says what they ran on."""

import compileall
import os
import platform
import signal
import sys
from pathlib import Path

import pytest

import gilscope
from gilscope import Unavailable
from gilscope.kernels import DTYPES, IMPLEMENTATIONS, KERNELS, Kernel, gil_modes, load

EVERY_KERNEL = [
    (name, implementation, gil)
    for name in KERNELS
    for implementation in IMPLEMENTATIONS
    for gil in gil_modes(implementation)
]


def gil_state() -> str:
    """Say whether this build has a GIL and whether it is on."""
    enabled = getattr(sys, "_is_gil_enabled", lambda: True)()
    return "on" if enabled else "off (free-threaded build)"


def pytest_configure(config: pytest.Config) -> None:
    """Give what the tests start the same signals, the same width and compiled modules, wherever they run.

    A script that runs this in the background has its shell ignore SIGINT, and each child inherits that. pytest imports
    readline, which puts a COLUMNS into the environment of children that `os.environ` does not show. Where nobody may
    write bytecode, each of a thousand processes would compile gilscope anew. So it is compiled here, as pip compiles
    what it installs but for an editable project.
    """
    os.environ.pop("COLUMNS", None)
    os.unsetenv("COLUMNS")
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.dont_write_bytecode and not hasattr(config, "workerinput"):
        compileall.compile_dir(Path(gilscope.__file__).parent, quiet=2)  # what cannot be written is done without


def pytest_report_header() -> str:
    """Say which interpreter, GIL state and OpenMP this run has."""
    from gilscope.kernels import _openmp

    openmp = _openmp.VERSION or "none: the compiler has no OpenMP"
    return f"CPython {platform.python_version()}, GIL {gil_state()}, OpenMP {openmp}"


# Session scope, because hypothesis runs a test many times and would not renew a narrower fixture in between.
@pytest.fixture(scope="session", params=EVERY_KERNEL, ids="-".join)
def kernel(request: pytest.FixtureRequest) -> Kernel:
    """Every kernel in every implementation and GIL mode, in turn."""
    loaded = load(*request.param)
    if isinstance(loaded, Unavailable):
        pytest.skip(str(loaded))
    return loaded


@pytest.fixture(scope="session", params=DTYPES)
def dtype(request: pytest.FixtureRequest) -> str:
    """Every element type, in turn."""
    return str(request.param)
