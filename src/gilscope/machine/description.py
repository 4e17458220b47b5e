"""What computer, build and GIL regime this is: the facts that are stored with every result.

Plain data, and only what can be read: None is never a guess. Nothing here loads NumPy or an OpenMP runtime; what only
the loaded runtime can tell is asked of a child process, and only on request.
"""

import os
import platform
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise, repeat
from typing import Literal

from gilscope.machine.openmp_runtime import OpenMp, openmp_facts
from gilscope.machine.processor import Cpu, describe_cpus
from gilscope.machine.regime import Python, describe_python
from gilscope.originals import time
from gilscope.system.cpus import UsableCpus, usable_cpus
from gilscope.system.procfs import read_int, read_text
from gilscope.version import __version__

__all__ = [
    "Clock",
    "Cpu",
    "Machine",
    "OpenMp",
    "Python",
    "System",
    "UsableCpus",
    "Versions",
    "describe",
    "measure_clock",
    "openmp_facts",
    "usable_cpus",
]

ClockName = Literal["monotonic", "perf_counter", "process_time", "thread_time", "time"]

_ADDR_NO_RANDOMIZE = 0x0040000  # personality(2): set by `setarch -R`


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """Versions of what measures; ``"not installed"`` for a package that is absent.

    Attributes
    ----------
    gilscope, numpy : str
        Of the package installed beside this interpreter.
    cython : str or None
        What the kernels were translated with. None where they are not built.
    compiler, compiler_flags : str or None
        What they were compiled with.
    libc : str or None
        Name and version of the C library.
    """

    gilscope: str
    numpy: str
    cython: str | None
    compiler: str | None
    compiler_flags: str | None
    libc: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One clock: what the system says of it and what was measured.

    Attributes
    ----------
    name : str
        As ``perf_counter``.
    implementation : str
        As ``clock_gettime(CLOCK_MONOTONIC)``.
    resolution_ns : float
        As the system gives it, in ns; often far finer than true.
    step_ns : int or None
        The smallest step seen between two readings, in ns. Not below the cost of a reading. None if it never moved.
    read_ns : float
        Cost of one reading, call and loop included, in ns: the median of batches.
    """

    name: str
    implementation: str
    resolution_ns: float
    step_ns: int | None
    read_ns: float


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """The operating system and its settings.

    Attributes
    ----------
    name, release : str
        As ``Linux`` and ``6.1.0``.
    clock_source : str or None
        Where the kernel takes its time from: ``tsc`` is fast, ``hpet`` or ``acpi_pm`` slow to read.
    huge_pages : str or None
        Transparent huge pages: ``always``, ``madvise`` or ``never``.
    aslr : str or None
        Randomization of addresses for this process: ``off``, ``partial`` or ``full``.
    load_average : tuple of float or None
        Runnable processes, averaged over 1, 5 and 15 minutes.
    host_name : str or None
        None unless asked for.
    """

    name: str
    release: str
    clock_source: str | None
    huge_pages: str | None
    aslr: str | None
    load_average: tuple[float, float, float] | None
    host_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Everything about the computer, the build and the GIL regime that a result depends on.

    `dataclasses.asdict` gives a tree that `json` can write: str, int, float, bool, None, tuple and dict only.

    Attributes
    ----------
    cpu : Cpu
        The processors, and what limits their use.
    python : Python
        The interpreter, and the regime of its GIL.
    versions : Versions
        Of what measures.
    clocks : tuple of Clock
        Those that time anything.
    system : System
        The operating system.
    openmp : OpenMp or None
        None where it was not asked for.
    """

    cpu: Cpu
    python: Python
    versions: Versions
    clocks: tuple[Clock, ...]
    system: System
    openmp: OpenMp | None


def describe(*, host_name: bool = False, openmp: bool = False, root: str = "/") -> Machine:
    """Return the facts about this machine and interpreter as they are now.

    Parameters
    ----------
    host_name : bool
        Whether to include the host name: a result may be published, so it is left out unless asked for.
    openmp : bool
        Whether to ask a child process about OpenMP (see `openmp_facts`); takes as long as starting an interpreter.
    root : str
        The folder that stands for ``/`` when /proc and /sys are read.

    Notes
    -----
    GIL: held. Takes some tens of milliseconds, most of it for the clocks: call it before measuring, not between.
    """
    return Machine(
        cpu=describe_cpus(root),
        python=describe_python(),
        versions=_versions(),
        clocks=(measure_clock("perf_counter"), measure_clock("thread_time")),
        system=_system(root, host_name=host_name),
        openmp=openmp_facts() if openmp else None,
    )


def measure_clock(name: ClockName, *, n_batches: int = 9, n_readings: int = 500) -> Clock:
    """Return what the system says of a clock, with its smallest step and the cost of reading it as measured.

    Parameters
    ----------
    name : ClockName
        As `time.get_clock_info` knows it.
    n_batches, n_readings : int
        Batches, and readings in each.
    """
    read: Callable[[], int] = getattr(time, f"{name}_ns")
    info = time.get_clock_info(name)
    steps, costs_ns = [], []
    for _ in range(n_batches):
        start = time.perf_counter_ns()
        for _ in repeat(None, n_readings):
            read()
        costs_ns.append((time.perf_counter_ns() - start) / n_readings)
        # Kept as they are read and compared later: less to do between two readings, so smaller steps are seen.
        readings = [read() for _ in repeat(None, n_readings)]
        steps += [after - before for before, after in pairwise(readings) if after > before]
    return Clock(
        name=name,
        implementation=info.implementation,
        resolution_ns=info.resolution * 1e9,
        step_ns=min(steps, default=None),
        read_ns=round(statistics.median(costs_ns), 1),
    )


def _versions() -> Versions:
    cython = compiler = flags = None
    try:
        from gilscope.kernels import _capi
    except ImportError:
        pass
    else:
        cython, compiler, flags = _capi.CYTHON, _capi.COMPILER, _capi.COMPILER_FLAGS
    return Versions(
        gilscope=__version__,
        numpy=_installed("numpy"),
        cython=cython,
        compiler=compiler,
        compiler_flags=flags,
        libc=" ".join(part for part in platform.libc_ver() if part) or None,
    )


def _installed(package: str) -> str:
    from importlib import metadata  # not at the top: it takes longer to import than all the rest of this module

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _system(root: str, *, host_name: bool) -> System:
    try:
        load_average = os.getloadavg()
    except (AttributeError, OSError):
        load_average = None
    return System(
        name=platform.system(),
        release=platform.release(),
        clock_source=read_text("sys/devices/system/clocksource/clocksource0/current_clocksource", root),
        huge_pages=_chosen(read_text("sys/kernel/mm/transparent_hugepage/enabled", root)),
        aslr=_aslr(root),
        load_average=load_average,
        host_name=platform.node() or None if host_name else None,
    )


def _chosen(text: str | None) -> str | None:
    """Return the word that the kernel puts in brackets: ``always [madvise] never``."""
    return (text or "").partition("[")[2].partition("]")[0] or None


def _aslr(root: str) -> str | None:
    level = read_int("proc/sys/kernel/randomize_va_space", root)
    try:
        personality = int(read_text("proc/self/personality", root) or "0", 16)
    except ValueError:
        personality = 0
    if level is not None and personality & _ADDR_NO_RANDOMIZE:
        return "off"
    return {0: "off", 1: "partial", 2: "full"}.get(-1 if level is None else level)
