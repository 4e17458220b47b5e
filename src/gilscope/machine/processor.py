"""Which processors this machine has, how fast they may run, and whether they are real."""

import os
import subprocess
import sys
from dataclasses import dataclass

from gilscope.system.cpus import UsableCpus, affinity, cpu_quota, logical_cpus, process_cpu_count, usable_cpus
from gilscope.system.procfs import as_int, read_cpu_list, read_int, read_text

_CPU = "sys/devices/system/cpu"

# A core below this share of the fastest core's capacity or clock is no performance core. Judgement: efficiency cores of
# Intel, AMD and Arm reach 0.25 to 0.74 of it, while cores of one kind that merely boost unequally stay above 0.85.
_PERFORMANCE_SHARE = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """The processors, and what limits their use; None stands for what cannot be read here.

    Attributes
    ----------
    model, architecture : str or None
        As the system names them.
    logical : int
        CPUs that are online.
    physical : int or None
        Cores: each counts once, however many threads it runs.
    performance : int or None
        Fast cores among the physical ones, all of them where the system says that they are alike.
    smt : bool or None
        Whether a core runs two or more threads.
    virtual : bool or None
        Whether this is a virtual machine.
    hypervisor : str or None
        Its name or maker.
    affinity : tuple of int or None
        CPUs that the scheduler may pick for the thread that asked.
    quota : float or None
        CPUs that the tightest cgroup quota pays for; None without a quota.
    quota_source : str or None
        ``"cgroup v1"`` or ``"cgroup v2"``.
    process_cpu_count : int or None
        `os.process_cpu_count`, which CPython has from 3.13 on.
    usable : UsableCpus
        The least of all.
    governor : str or None
        Frequency policy, several joined by commas.
    boost : bool or None
        Whether clocks above the nominal one are allowed.
    """

    model: str | None
    architecture: str | None
    logical: int
    physical: int | None
    performance: int | None
    smt: bool | None
    virtual: bool | None
    hypervisor: str | None
    affinity: tuple[int, ...] | None
    quota: float | None
    quota_source: str | None
    process_cpu_count: int | None
    usable: UsableCpus
    governor: str | None
    boost: bool | None


def describe_cpus(root: str = "/") -> Cpu:
    """Return the facts about the processors, reading files below `root`."""
    online = read_cpu_list(f"{_CPU}/online", root) or ()
    cores = _cores(online, root)
    virtual = _virtual(root)
    quota, quota_source = cpu_quota(root)
    return Cpu(
        model=_model(root),
        architecture=os.uname().machine if hasattr(os, "uname") else os.environ.get("PROCESSOR_ARCHITECTURE"),
        logical=logical_cpus(root),
        physical=len(set(cores.values())) if cores else as_int(_sysctl("hw.physicalcpu")),
        performance=_performance(cores, root),
        smt=_smt(cores, root),
        virtual=virtual,
        hypervisor=_hypervisor(root) if virtual else None,
        affinity=affinity(),
        quota=quota,
        quota_source=quota_source,
        process_cpu_count=process_cpu_count(),
        usable=usable_cpus(root),
        governor=_governor(online, root),
        boost=_boost(root),
    )


def _cores(online: tuple[int, ...], root: str) -> dict[int, str]:
    """Return CPU -> the list of CPUs on its core, which names the core; empty unless known of every CPU."""
    cores = {}
    for cpu in online:
        folder = f"{_CPU}/cpu{cpu}/topology"
        # Kernels before 5.4 know only the older name.
        siblings = read_text(f"{folder}/core_cpus_list", root) or read_text(f"{folder}/thread_siblings_list", root)
        if not siblings:
            return {}
        cores[cpu] = siblings
    return cores


def _performance(cores: dict[int, str], root: str) -> int | None:
    if not cores:
        return as_int(_sysctl("hw.perflevel0.physicalcpu"))
    fast = read_cpu_list("sys/devices/cpu_core/cpus", root)  # hybrid Intel names its performance CPUs outright
    if fast is None:
        fast = _fast(cores, "cpu_capacity", root)
        # Equal capacities are also what a kernel writes that knows nothing: then the clocks decide.
        if fast is None or len(fast) == len(cores):
            fast = _fast(cores, "cpufreq/cpuinfo_max_freq", root)
    return None if fast is None else len({cores[cpu] for cpu in fast if cpu in cores})


def _fast(cores: dict[int, str], file: str, root: str) -> tuple[int, ...] | None:
    """Return the CPUs near the top of what `file` says of each, or None unless it says so of all."""
    speeds = {cpu: read_int(f"{_CPU}/cpu{cpu}/{file}", root) or 0 for cpu in cores}
    if not all(speeds.values()):
        return None
    return tuple(cpu for cpu, speed in speeds.items() if speed >= _PERFORMANCE_SHARE * max(speeds.values()))


def _smt(cores: dict[int, str], root: str) -> bool | None:
    active = read_int(f"{_CPU}/smt/active", root)
    if active is not None:
        return active == 1
    return len(set(cores.values())) < len(cores) if cores else None


def _cpuinfo(root: str) -> list[tuple[str, str]]:
    pairs = (line.partition(":") for line in (read_text("proc/cpuinfo", root) or "").splitlines())
    return [(name.strip(), value.strip()) for name, colon, value in pairs if colon]


def _model(root: str) -> str | None:
    facts = _cpuinfo(root)
    for wanted in ("model name", "cpu", "uarch"):  # x86; POWER; RISC-V
        for name, value in facts:
            if name == wanted and value:
                return value
    # Arm gives numbers only. Big and little cores differ in them, so each kind is named once, in the order found.
    makers = [value for name, value in facts if name == "CPU implementer"]
    parts = list(dict.fromkeys(value for name, value in facts if name == "CPU part"))
    if makers and parts:
        return f"Arm, implementer {makers[0]}, part {' and '.join(parts)}"
    return _sysctl("machdep.cpu.brand_string") or os.environ.get("PROCESSOR_IDENTIFIER")


def _virtual(root: str) -> bool | None:
    """Tell whether this is a virtual machine; None where nothing says so either way."""
    if read_text("sys/hypervisor/type", root) or read_text("proc/device-tree/hypervisor/compatible", root):
        return True
    for name, value in _cpuinfo(root):
        if name == "flags":  # x86 only: the flag is there, or there is no hypervisor that admits to it
            return "hypervisor" in value.split()
    present = as_int(_sysctl("kern.hv_vmm_present"))
    return None if present is None else present == 1


def _hypervisor(root: str) -> str | None:
    named = read_text("sys/hypervisor/type", root) or read_text("proc/device-tree/hypervisor/compatible", root)
    # Of a virtual machine the vendor is the hypervisor or the cloud; of a real one it would be nobody's business.
    return (named or read_text("sys/class/dmi/id/sys_vendor", root) or "").strip("\0") or None


def _governor(online: tuple[int, ...], root: str) -> str | None:
    found = {read_text(f"{_CPU}/cpu{cpu}/cpufreq/scaling_governor", root) for cpu in online} - {None, ""}
    return ", ".join(sorted(str(name) for name in found)) or None


def _boost(root: str) -> bool | None:
    boost = read_int(f"{_CPU}/cpufreq/boost", root)
    if boost is not None:
        return boost == 1
    no_turbo = read_int(f"{_CPU}/intel_pstate/no_turbo", root)
    return None if no_turbo is None else no_turbo == 0


def _sysctl(name: str) -> str | None:
    """Return what macOS says under this name; None everywhere else."""
    if sys.platform != "darwin":
        return None
    try:
        command = ["/usr/sbin/sysctl", "-n", name]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None
