"""Small extension modules that a test builds for itself: of C, and of Cython where that is installed."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest


def build_c(folder: Path, name: str, source: str) -> None:
    """Build a module of C in a folder; skip where nothing compiles it.

    Parameters
    ----------
    folder : Path
    name : str
    source : str
    """
    path = folder / f"{name}.c"
    path.write_text(source)
    if sys.platform == "win32":
        pytest.skip("the tests build their extensions with a Unix compiler")
    command = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()
    module = folder / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
    flags = ["-O1", "-fPIC", *(["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-pthread"])]
    include = f"-I{sysconfig.get_path('include')}"
    try:
        done = subprocess.run(
            [*command, "-shared", *flags, include, path, "-o", module], capture_output=True, text=True, check=False
        )
    except OSError as error:
        pytest.skip(f"there is no C compiler: {error}")
    if done.returncode and "Python.h" in done.stderr:
        pytest.skip("there are no headers of Python's")
    assert done.returncode == 0, done.stderr


def build_cython(folder: Path, name: str, source: str) -> None:
    """Build a module of Cython in a folder, with its source beside it; skip where there is no Cython."""
    compiling = pytest.importorskip("Cython.Compiler.Main", reason="there is no Cython")
    path = folder / f"{name}.pyx"
    path.write_text(source)
    result = compiling.compile_single(str(path), compiling.CompilationOptions(language_level=3), full_module_name=name)
    build_c(folder, name, Path(result.c_file).read_text())
