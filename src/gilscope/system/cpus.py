"""How many CPUs this process can keep busy, and what limits it.

Counts that people mix up stand side by side: what is online, what the scheduler may pick (affinity), what a container's
quota pays for (cgroup), and what Python says (`os.process_cpu_count`, which knows nothing of quotas). The least of them
decides, and `usable_cpus` names it.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from gilscope import words
from gilscope.system.procfs import as_int, cpu_cgroups, read_cpu_list, read_text


@dataclass(frozen=True, slots=True, kw_only=True)
class UsableCpus:
    """How many CPUs this process can keep busy at a time.

    Attributes
    ----------
    count : int
        At least 1. A quota counts in whole CPUs, rounded down.
    source : str
        The limit that decided: ``"logical CPUs"``, ``"affinity"``, ``"PYTHON_CPU_COUNT"``, ``"-X cpu_count"`` or a
        quota such as ``"cgroup v2 quota 1.5 CPUs"``.
    """

    count: int
    source: str


def usable_cpus(root: str = "/") -> UsableCpus:
    """Return how many CPUs this process can keep busy, and which limit decided.

    The least of the CPUs online, the affinity of the calling thread, the count that the user gave to Python, and the
    quotas of the process's cgroup and of all those above it. Where two agree, the earlier of this list is named.
    """
    limits = [(logical_cpus(root), "logical CPUs")]
    allowed = affinity()
    if allowed:
        limits.append((len(allowed), "affinity"))
    given = _given_to_python()
    if given:
        limits.append(given)
    quota, source = cpu_quota(root)
    if quota is not None:
        limits.append((max(1, int(quota)), f"{source} quota {words.counted(quota, 'CPU')}"))
    count, source = min(limits, key=lambda limit: limit[0])
    return UsableCpus(count=count, source=source)


def logical_cpus(root: str = "/") -> int:
    """Return how many CPUs are online, whatever Python was told to say."""
    online = read_cpu_list("sys/devices/system/cpu/online", root)
    if online:
        return len(online)
    # os.cpu_count gives way to PYTHON_CPU_COUNT, sysconf does not.
    try:
        count = os.sysconf("SC_NPROCESSORS_ONLN")
    except (AttributeError, ValueError, OSError):
        count = os.cpu_count() or 1
    return max(1, count)


def affinity() -> tuple[int, ...] | None:
    """Return the CPUs that the scheduler may pick for the calling thread; None where they cannot be asked for."""
    if sys.platform == "darwin" or not hasattr(os, "sched_getaffinity"):
        return None
    try:
        return tuple(sorted(os.sched_getaffinity(0)))
    except OSError:
        return None


def process_cpu_count() -> int | None:
    """Return `os.process_cpu_count()`, or None before CPython 3.13."""
    count = getattr(os, "process_cpu_count", None)
    return count() if count else None


def _given_to_python(
    options: Mapping[str, str | bool] | None = None, version: tuple[int, int] = sys.version_info[:2]
) -> tuple[int, str] | None:
    """Return the CPU count that the user imposed on Python, with its origin; older versions take no notice of it."""
    if version < (3, 13):
        return None
    option = (sys._xoptions if options is None else options).get("cpu_count")
    if isinstance(option, str):
        count, source = as_int(option), "-X cpu_count"
    elif sys.flags.ignore_environment:
        return None
    else:
        count, source = as_int(os.environ.get("PYTHON_CPU_COUNT")), "PYTHON_CPU_COUNT"
    return (count, source) if count is not None and count >= 1 else None


def cpu_quota(root: str = "/") -> tuple[float, str] | tuple[None, None]:
    """Return the tightest quota from the process's cgroup up to the topmost visible one, and where it stands.

    Returns
    -------
    (float, str) or (None, None)
        In CPUs, above 0, with ``"cgroup v1"`` or ``"cgroup v2"``; None where there is no quota.
    """
    found = []
    for version, folder in cpu_cgroups(root):
        if version == 2:
            fields = (read_text(f"{folder}/cpu.max", root) or "").split()  # "max 100000" is no quota
        else:
            fields = [read_text(f"{folder}/cpu.cfs_{name}_us", root) or "" for name in ("quota", "period")]
        quota_us, period_us = (as_int(fields[0]), as_int(fields[1])) if len(fields) == 2 else (None, None)
        if quota_us is not None and quota_us > 0 and period_us is not None and period_us > 0:  # v1: -1 is no quota
            found.append((quota_us / period_us, f"cgroup v{version}"))
    return min(found) if found else (None, None)
