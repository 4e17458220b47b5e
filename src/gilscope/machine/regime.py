"""Which Python this is, and under which GIL regime it runs."""

import os
import platform
import re
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass

from gilscope.system.gil import gil_enabled

# What changes how Python, an allocator or a native thread pool works; nothing else of the environment is looked at.
_VARIABLES = re.compile(
    "PYTHON_(GIL|CPU_COUNT|JIT)|PYTHON(HASHSEED|MALLOC)|(OPENBLAS|MKL)_NUM_THREADS|(OMP|GOMP|KMP|MALLOC)_.*|LD_PRELOAD"
)
_FOLDERS = re.compile(r"""[^\s:;,=|'"]*[/\\]""")
_AN_EXTENSION = "an imported extension"
_LONGEST_VALUE = 200  # characters; an OMP_PLACES may name every CPU of a large machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """The interpreter, how it was built, and how it is set; None stands for what cannot be known here.

    Attributes
    ----------
    version, implementation, compiler : str
        As ``3.13.0``, ``cpython``, ``GCC 12.2.0``.
    debug, optimized : bool or None
        Built with assertions; built with profile-guided optimization.
    gil_built_in : bool
        False for a free-threaded build, where the GIL can be switched off.
    gil_enabled : bool
        Whether the GIL is in force now.
    gil_enabled_by : str or None
        On a free-threaded build with the GIL in force: ``"-X gil=1"``, ``"PYTHON_GIL=1"`` or
        ``"an imported extension"``.
    switch_interval_s : float
        After how many seconds a waiting thread asks for the GIL.
    start_method : str or None
        How `multiprocessing` starts processes here unless told otherwise. None where it cannot be imported.
    jit : bool or None
        Whether the JIT compiler is on.
    hash_randomized : bool
        False with PYTHONHASHSEED=0. Another fixed seed counts as random; it stands in `environment`.
    environment : dict of str to str
        The variables that matter here, their values without the folders of paths.
    """

    version: str
    implementation: str
    compiler: str
    debug: bool
    optimized: bool | None
    gil_built_in: bool
    gil_enabled: bool
    gil_enabled_by: str | None
    switch_interval_s: float
    start_method: str | None
    jit: bool | None
    hash_randomized: bool
    environment: dict[str, str]


def describe_python() -> Python:
    """Return the facts about this interpreter as it is set now."""
    built_in = not sysconfig.get_config_var("Py_GIL_DISABLED")
    enabled = gil_enabled()
    options = sysconfig.get_config_var("CONFIG_ARGS")
    return Python(
        version=platform.python_version(),
        implementation=sys.implementation.name,
        compiler=platform.python_compiler(),
        debug=hasattr(sys, "gettotalrefcount"),
        optimized="--enable-optimizations" in options if isinstance(options, str) else None,
        gil_built_in=built_in,
        gil_enabled=enabled,
        gil_enabled_by=None if built_in or not enabled else _who_enabled_the_gil(sys._xoptions, os.environ),
        switch_interval_s=sys.getswitchinterval(),
        start_method=_start_method(),
        jit=_jit(options),
        hash_randomized=bool(sys.flags.hash_randomization),
        environment=relevant_environment(os.environ),
    )


def gil_of_children() -> bool:
    """Return whether the GIL is in force in an interpreter that is started as this one was, before it imports."""
    if not gil_enabled() or not sysconfig.get_config_var("Py_GIL_DISABLED"):
        return gil_enabled()
    return _who_enabled_the_gil(sys._xoptions, os.environ) != _AN_EXTENSION


def relevant_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that change a measurement, by name, with nothing private in their values.

    Of every path only the last part is kept: the folders above it may name a user or a project.
    """
    names = sorted(name for name in environment if _VARIABLES.fullmatch(name))
    texts = {name: os.fsencode(environment[name]).decode(errors="replace") for name in names}  # any bytes may be set
    return {name: without_folders(text)[:_LONGEST_VALUE] for name, text in texts.items()}


def without_folders(text: str) -> str:
    """Return a text with every path in it cut to its last part."""
    return _FOLDERS.sub("", text)


def _who_enabled_the_gil(options: Mapping[str, str | bool], environment: Mapping[str, str]) -> str:
    """Return why the GIL of a free-threaded build is in force; an option overrules the environment."""
    if "gil" in options:  # with gil=0 no extension can bring it back
        return "-X gil=1"
    if environment.get("PYTHON_GIL") == "1" and not sys.flags.ignore_environment:
        return "PYTHON_GIL=1"
    return _AN_EXTENSION


def _start_method() -> str | None:
    try:
        import multiprocessing  # not at the top: it is the heaviest import here
    except ImportError:
        return None
    # Neither call fixes the default, as get_start_method() would; the default is the first of the list.
    return multiprocessing.get_start_method(allow_none=True) or multiprocessing.get_all_start_methods()[0]


def _jit(options: object) -> bool | None:
    jit = getattr(sys, "_jit", None)  # CPython 3.14
    if jit is not None:
        return bool(jit.is_enabled())
    # 3.13 can be built with one but does not say whether it is on. Before, there was none.
    return None if "--enable-experimental-jit" in str(options) else False
