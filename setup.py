"""The list of extensions and their flags; everything else is in pyproject.toml."""

import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import Cython
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# Equal flags for both kernel extensions, or their comparison would be one of compilers. -ffp-contract=off: no fused
# multiply-add, so that every CPU gives the same bits. -g0: nobody debugs a wheel, and it halves its size.
FLAGS = [] if sys.platform == "win32" else ["-O3", "-ffp-contract=off", "-g0"]
OPENMP = ["/openmp"] if sys.platform == "win32" else ["-fopenmp"]
DIRECTIVES = {"subinterpreters_compatible": "own_gil", "freethreading_compatible": True, "autotestdict": False}


def compiles(source: str, flags: list[str]) -> bool:
    """Tell whether the compiler that builds extensions takes this source with these flags."""
    if sys.platform == "win32":
        return True
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "probe.c"
        path.write_text(source)
        compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()
        include = f"-I{sysconfig.get_path('include')}"
        command = [*compiler, include, *flags, "-shared", "-fPIC", str(path), "-o", str(path.with_suffix(".so"))]
        try:
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            return False


if "sdist" not in sys.argv and "egg_info" not in sys.argv and not compiles("#include <Python.h>\n", []):
    sys.exit(
        "gilscope needs a C compiler and the Python headers, and could not compile a file that includes Python.h.\n"
        "  Debian, Ubuntu:  apt-get install gcc python3-dev libc6-dev\n"
        "  Fedora, RHEL:    dnf install gcc python3-devel\n"
        "  macOS:           xcode-select --install"
    )
openmp = OPENMP if compiles("#include <omp.h>\nint f(void) { return omp_get_max_threads(); }\n", OPENMP) else []


class BuildExt(build_ext):
    """Link without the search paths that some builds of Python hand down, for a wheel serves other machines too."""

    def build_extensions(self) -> None:
        """Drop them from the link command, then build as usual."""
        command = getattr(self.compiler, "linker_so", [])
        command[:] = [word for word in command if not word.startswith(("-Wl,-rpath", "-L"))]
        super().build_extensions()


def family(folder: str) -> list[str]:
    """Return what a source in a folder of ext/ may include: that folder's pieces, and those that all folders share."""
    return [
        str(path)
        for suffix in ("h", "pxd")
        for kin in (folder, "shared")
        for path in Path("ext", kin).glob(f"*.{suffix}")
    ]


def extension(name: str, source: str, extra: list[str]) -> Extension:
    """Describe one extension module of the package."""
    flags = [*FLAGS, *extra]
    return Extension(
        f"gilscope.{name}",
        [f"ext/{source}"],
        include_dirs=["ext"],
        depends=family(source.partition("/")[0]),
        # Module state is what lets a Cython module be loaded once per interpreter.
        define_macros=[
            ("GILSCOPE_CFLAGS", f'"{" ".join(flags)}"'),
            ("GILSCOPE_CYTHON", f'"{Cython.__version__}"'),
            ("CYTHON_USE_MODULE_STATE", "1"),
        ],
        extra_compile_args=flags,
        extra_link_args=extra,
    )


setup(
    cmdclass={"build_ext": BuildExt},
    ext_modules=[
        extension("kernels._capi", "kernels/capi.c", []),
        extension("accounting._ledger", "ledger/ledger.c", []),
        extension("accounting._sampler", "sampler/sampler.c", []),
        extension("accounting._locks", "locks/locks.c", []),
        extension("accounting._leaving", "leaving/leaving.c", []),
        extension("experiments._cells", "experiments/cells.c", []),
        *cythonize(
            [
                extension("kernels._cython", "kernels/cython.pyx", []),
                extension("kernels._openmp", "kernels/openmp.pyx", openmp),
                extension("experiments._nogil_pairs", "experiments/nogil_pairs.pyx", []),
            ],
            build_dir="build/cython",
            include_path=["ext/kernels"],
            compiler_directives=DIRECTIVES,
        ),
    ],
)
