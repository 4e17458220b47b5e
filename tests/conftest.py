"""What the tests share: every kernel as a fixture, and a header that says what they ran on."""

import os
import platform
import signal
import sys

import pytest

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


def pytest_configure() -> None:
    """Give what the tests start the same signals and the same width, wherever they run.

    A script that runs this in the background has its shell ignore SIGINT, and each child inherits that. pytest imports
    readline, which puts a COLUMNS into the environment of children that `os.environ` does not show.
    """
    os.environ.pop("COLUMNS", None)
    os.unsetenv("COLUMNS")
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
