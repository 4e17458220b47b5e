"""The facts about processors, on machines built from files."""

from collections.abc import Callable

import pytest

from gilscope.machine.processor import describe_cpus

Tree = Callable[[dict[str, str]], str]

CPU = "sys/devices/system/cpu"


def cores(*siblings: str, name: str = "core_cpus_list") -> dict[str, str]:
    """Return the topology of CPUs 0, 1, ... from the list of CPUs that stands on the core of each."""
    files = {f"{CPU}/online": f"0-{len(siblings) - 1}\n"}
    return files | {f"{CPU}/cpu{cpu}/topology/{name}": f"{text}\n" for cpu, text in enumerate(siblings)}


def each(file: str, *values: int) -> dict[str, str]:
    """Return one file of CPUs 0, 1, ... with these values."""
    return {f"{CPU}/cpu{cpu}/{file}": f"{value}\n" for cpu, value in enumerate(values)}


@pytest.mark.parametrize("name", ["core_cpus_list", "thread_siblings_list"])
def test_two_threads_of_a_core_are_one_physical_core(tree: Tree, name: str) -> None:
    """Four CPUs on two cores are SMT, under the file's new name and under its old one."""
    cpu = describe_cpus(tree(cores("0,2", "1,3", "0,2", "1,3", name=name)))
    assert (cpu.logical, cpu.physical, cpu.smt) == (4, 2, True)


def test_the_kernel_is_believed_on_smt(tree: Tree) -> None:
    """Where the kernel says outright whether SMT is active, nothing is derived."""
    assert describe_cpus(tree(cores("0", "1") | {f"{CPU}/smt/active": "0\n"})).smt is False


def test_cores_are_unknown_unless_every_cpu_tells_its_own(tree: Tree) -> None:
    """One CPU without a topology makes the number of cores unknown, not smaller."""
    files = cores("0", "1")
    del files[f"{CPU}/cpu1/topology/core_cpus_list"]
    cpu = describe_cpus(tree(files))
    assert (cpu.logical, cpu.physical, cpu.performance, cpu.smt) == (2, None, None, None)


def test_big_and_little_cores_are_told_apart_by_capacity(tree: Tree) -> None:
    """Two big cores beside four little ones make two performance cores."""
    arm = "".join(
        f"processor\t: {cpu}\nCPU implementer\t: 0x41\nCPU part\t: {'0xd0b' if cpu > 3 else '0xd05'}\n\n"
        for cpu in range(6)
    )
    files = cores(*"012345") | each("cpu_capacity", 250, 250, 250, 250, 1024, 1024) | {"proc/cpuinfo": arm}
    cpu = describe_cpus(tree(files))
    assert (cpu.physical, cpu.performance) == (6, 2)
    assert cpu.model == "Arm, implementer 0x41, part 0xd05 and 0xd0b"
    assert cpu.virtual is None


def test_hybrid_intel_names_its_performance_cpus(tree: Tree) -> None:
    """Two performance cores with two threads each and two efficiency cores: two performance cores, not four."""
    files = cores("0-1", "0-1", "2-3", "2-3", "4", "5")
    files |= {"sys/devices/cpu_core/cpus": "0-3\n", "sys/devices/cpu_atom/cpus": "4-5\n"}
    cpu = describe_cpus(tree(files))
    assert (cpu.logical, cpu.physical, cpu.performance) == (6, 4, 2)


def test_equal_capacities_leave_the_decision_to_the_clocks(tree: Tree) -> None:
    """A kernel that knows nothing writes the same capacity for all; slow clocks still give compact cores away."""
    files = cores("0", "1", "2", "3") | each("cpu_capacity", 1024, 1024, 1024, 1024)
    files |= each("cpufreq/cpuinfo_max_freq", 5_100_000, 5_000_000, 3_300_000, 3_300_000)
    assert describe_cpus(tree(files)).performance == 2


def test_equal_capacities_alone_prove_nothing(tree: Tree) -> None:
    """Without clocks to read, as in a virtual machine, the number of performance cores is unknown."""
    assert describe_cpus(tree(cores("0", "1") | each("cpu_capacity", 1024, 1024))).performance is None


def test_cores_that_merely_boost_unequally_are_all_performance_cores(tree: Tree) -> None:
    """Favoured cores of one kind differ by some per cent, which makes no classes."""
    files = cores("0", "1", "2", "3") | each("cpufreq/cpuinfo_max_freq", 5_700_000, 5_600_000, 5_400_000, 5_100_000)
    assert describe_cpus(tree(files)).performance == 4


@pytest.mark.parametrize(
    ("cpuinfo", "virtual", "hypervisor"),
    [
        ("model name\t: Some CPU\nflags\t\t: fpu sse2 hypervisor avx2\n", True, "QEMU"),
        ("model name\t: Some CPU\nflags\t\t: fpu sse2 avx2\n", False, None),
        ("model name\t: Some CPU\n", None, None),
    ],
)
def test_a_virtual_machine_is_known_by_its_flag(
    tree: Tree, cpuinfo: str, virtual: bool | None, hypervisor: str | None
) -> None:
    """The vendor of a virtual machine names the hypervisor; that of a real one is nobody's business."""
    cpu = describe_cpus(tree({"proc/cpuinfo": cpuinfo, "sys/class/dmi/id/sys_vendor": "QEMU\n"}))
    assert (cpu.model, cpu.virtual, cpu.hypervisor) == ("Some CPU", virtual, hypervisor)


@pytest.mark.parametrize("path", ["sys/hypervisor/type", "proc/device-tree/hypervisor/compatible"])
def test_a_hypervisor_may_name_itself(tree: Tree, path: str) -> None:
    """Xen and the device tree of an Arm machine name it; a device tree ends its texts with a zero byte."""
    cpu = describe_cpus(tree({path: "xen\0"}))
    assert (cpu.virtual, cpu.hypervisor) == (True, "xen")


@pytest.mark.parametrize(
    ("files", "boost"),
    [
        ({f"{CPU}/cpufreq/boost": "1\n"}, True),
        ({f"{CPU}/cpufreq/boost": "0\n"}, False),
        ({f"{CPU}/intel_pstate/no_turbo": "1\n"}, False),
        ({f"{CPU}/intel_pstate/no_turbo": "0\n"}, True),
        ({f"{CPU}/cpufreq/boost": "maybe\n"}, None),
        ({}, None),
    ],
)
def test_boost_is_read_from_either_driver(tree: Tree, files: dict[str, str], boost: bool | None) -> None:
    """Intel's driver says it the other way round."""
    assert describe_cpus(tree(files)).boost is boost


def test_every_governor_in_use_is_named(tree: Tree) -> None:
    """CPUs may be governed differently, and then both names matter."""
    files = cores("0", "1", "2") | {
        f"{CPU}/cpu{cpu}/cpufreq/scaling_governor": f"{name}\n"
        for cpu, name in enumerate(("powersave", "performance", "powersave"))
    }
    assert describe_cpus(tree(files)).governor == "performance, powersave"


@pytest.mark.parametrize("text", ["", "\n", ":::\n", "flags\n", "\xff\xfe", "0-\n"])
def test_malformed_files_are_unknown_facts(tree: Tree, text: str) -> None:
    """Whatever stands in these files, nothing is raised, and nothing is made up."""
    paths = ("proc/cpuinfo", f"{CPU}/online", f"{CPU}/smt/active", f"{CPU}/cpufreq/boost", "sys/devices/cpu_core/cpus")
    cpu = describe_cpus(tree(dict.fromkeys(paths, text)))
    assert (cpu.physical, cpu.performance, cpu.smt, cpu.boost, cpu.governor) == (None,) * 5
    assert cpu.logical >= 1


def test_without_any_file_the_counts_remain(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """No /proc and no /sys leave what the system calls tell, and None for the rest."""
    monkeypatch.delenv("PROCESSOR_IDENTIFIER", raising=False)
    monkeypatch.setattr("gilscope.machine.processor._sysctl", {}.get)
    cpu = describe_cpus(tree({}))
    assert (cpu.model, cpu.physical, cpu.virtual, cpu.hypervisor, cpu.quota) == (None,) * 5
    assert cpu.usable.count >= 1


def test_macos_is_asked_by_name(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is neither /proc nor /sys, sysctl tells model, cores and performance cores."""
    answers = {
        "machdep.cpu.brand_string": "Some chip",
        "hw.physicalcpu": "8",
        "hw.perflevel0.physicalcpu": "4",
        "kern.hv_vmm_present": "0",
    }
    monkeypatch.setattr("gilscope.machine.processor._sysctl", answers.get)
    cpu = describe_cpus(tree({}))
    assert (cpu.model, cpu.physical, cpu.performance, cpu.virtual) == ("Some chip", 8, 4, False)
