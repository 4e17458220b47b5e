"""The facts that are stored with every result: of machines built from files, and of this one."""

import json
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, fields, is_dataclass

import pytest

import gilscope
from gilscope.machine import description as machine
from gilscope.machine import openmp_runtime
from gilscope.machine.description import ClockName, Machine, describe, measure_clock
from gilscope.machine.openmp_runtime import OpenMp, openmp_facts

Tree = Callable[[dict[str, str]], str]


def leaves(value: object) -> list[object]:
    """Return every value of a tree of dataclasses, tuples and dicts that is none of these itself."""
    if is_dataclass(value) and not isinstance(value, type):
        return [leaf for field in fields(value) for leaf in leaves(getattr(value, field.name))]
    if isinstance(value, tuple):
        return [leaf for item in value for leaf in leaves(item)]
    if isinstance(value, dict):
        return [leaf for item in [*value, *value.values()] for leaf in leaves(item)]
    return [value]


@pytest.fixture(scope="module")
def here() -> Machine:
    """Describe this machine, once."""
    return describe()


def test_the_facts_are_plain_data(here: Machine) -> None:
    """Nothing but text, numbers, truth values and None, so that any program can read a stored result."""
    assert {type(leaf) for leaf in leaves(here)} <= {str, int, float, bool, type(None)}


def test_the_facts_survive_json(here: Machine) -> None:
    """What is written is what is read, tuples as lists."""
    written = json.dumps(asdict(here), allow_nan=False)
    assert json.dumps(json.loads(written)) == written


def test_the_facts_cannot_be_changed(here: Machine) -> None:
    """A result keeps the facts as they were when it was measured."""
    with pytest.raises(AttributeError):
        here.cpu.logical = 1  # type: ignore[misc]


def test_the_facts_agree_with_each_other(here: Machine) -> None:
    """No more CPUs are usable than there are, and no more cores than CPUs."""
    assert 1 <= here.cpu.usable.count <= here.cpu.logical
    assert 1 <= (here.cpu.physical or 1) <= here.cpu.logical
    assert 1 <= (here.cpu.performance or 1) <= (here.cpu.physical or here.cpu.logical)
    assert here.versions.gilscope == gilscope.__version__
    assert [clock.name for clock in here.clocks] == ["perf_counter", "thread_time"]
    assert here.openmp is None


def test_the_host_name_is_left_out_unless_asked_for(here: Machine) -> None:
    """A result may be published, and a host name may tell whose it is."""
    assert here.system.host_name is None
    assert describe(host_name=True).system.host_name == (platform.node() or None)


def test_the_system_is_read_from_its_files(tree: Tree) -> None:
    """Of several settings the kernel marks the one in force with brackets."""
    root = tree(
        {
            "sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet\n",
            "sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never\n",
            "proc/sys/kernel/randomize_va_space": "2\n",
        }
    )
    system = describe(root=root).system
    assert (system.clock_source, system.huge_pages, system.aslr) == ("hpet", "always", "full")


@pytest.mark.parametrize(
    ("level", "personality", "aslr"),
    [("0", "00000000", "off"), ("1", "", "partial"), ("2", "00040000", "off"), ("2", "zz", "full"), ("9", "0", None)],
)
def test_aslr_may_be_off_for_this_process_only(tree: Tree, level: str, personality: str, aslr: str | None) -> None:
    """The personality of the process overrules the setting of the system."""
    root = tree({"proc/sys/kernel/randomize_va_space": level, "proc/self/personality": personality})
    assert describe(root=root).system.aslr == aslr


@pytest.mark.parametrize("text", ["", "always madvise never", "[", "]["])
def test_a_setting_without_brackets_is_unknown(tree: Tree, text: str) -> None:
    """A malformed list of settings gives None."""
    assert describe(root=tree({"sys/kernel/mm/transparent_hugepage/enabled": text})).system.huge_pages is None


def test_without_files_the_facts_are_none(tree: Tree) -> None:
    """With no /proc and no /sys nothing is raised and nothing is guessed."""
    system = describe(root=tree({})).system
    assert (system.clock_source, system.huge_pages, system.aslr) == (None, None, None)


@pytest.mark.parametrize("name", ["perf_counter", "thread_time", "monotonic"])
def test_a_clock_is_measured(name: ClockName) -> None:
    """A step is a whole number of ns above zero, and a reading costs something."""
    clock = measure_clock(name, n_batches=3, n_readings=50)
    assert clock.name == name
    assert clock.step_ns is None or clock.step_ns > 0
    assert clock.read_ns > 0
    assert clock.resolution_ns > 0


def test_the_smallest_step_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a clock that stands still, then moves by 7 or 40, the step is 7."""
    readings = iter([0, 0, 0, 40, 40, 47, 87] * 20)
    monkeypatch.setattr("gilscope.originals.time.process_time_ns", lambda: next(readings))
    assert measure_clock("process_time", n_batches=2, n_readings=14).step_ns == 7


def test_a_clock_that_never_moves_has_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock coarser than the whole measurement has an unknown step, not one of zero."""
    monkeypatch.setattr("gilscope.originals.time.process_time_ns", lambda: 5)
    assert measure_clock("process_time", n_batches=2, n_readings=5).step_ns is None


def test_an_absent_package_is_said_to_be_absent() -> None:
    """A version is never empty."""
    assert machine._installed("gilscope-has-no-such-neighbour") == "not installed"


def test_openmp_is_asked_in_another_process() -> None:
    """Either there is OpenMP, with a team, or the reason why not; this process loads nothing of it."""
    loaded = "gilscope.kernels._openmp" in sys.modules
    openmp = openmp_facts()
    assert ("gilscope.kernels._openmp" in sys.modules) is loaded
    if openmp.reason is None:
        assert openmp.version
        assert openmp.version > 199700
        assert openmp.team in {1, 2}
    else:
        assert openmp.team is None


# What a child does that has an answer.
TELL = "import os, sys; os.write(int(sys.argv[1]), b'%s')"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise ImportError('no /home/someone/lib.so')", "the extension does not load: ImportError: no lib.so"),
        ("raise SystemExit(3)", "the extension does not load: exit status 3"),
        (TELL % '{"version": 0, "runtimes": [], "team": null}', "the compiler that built gilscope had no OpenMP"),
        (TELL % "surprise", "the process that was asked gave no answer that can be read"),
        ("print('said aloud')", "the process that was asked gave no answer that can be read"),
    ],
)
def test_no_openmp_comes_with_its_reason(monkeypatch: pytest.MonkeyPatch, code: str, reason: str) -> None:
    """An extension that does not load, one without OpenMP and a broken answer are told apart."""
    monkeypatch.setattr(openmp_runtime, "_ASK_OPENMP", code)
    openmp = openmp_facts()
    assert openmp == OpenMp(version=0 if "compiler" in reason else None, reason=reason)


def test_a_child_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A runtime that hangs does not hang the one who asks."""
    monkeypatch.setattr(openmp_runtime, "_ASK_OPENMP", "import threading; threading.Event().wait()")
    assert "no answer within" in str(openmp_facts(timeout_s=0.01).reason)


@pytest.mark.parametrize("executable", ["/missing/python", "", None])
def test_no_interpreter_to_ask_is_a_reason(monkeypatch: pytest.MonkeyPatch, executable: str | None) -> None:
    """An executable that is gone, or unknown as in an embedded Python, gives a reason and raises nothing."""
    monkeypatch.setattr("sys.executable", executable)
    assert "be started" in str(openmp_facts().reason)


def test_gathering_loads_neither_numpy_nor_psutil_nor_openmp() -> None:
    """Facts can be gathered before a fork and beside a subinterpreter."""
    code = (
        "import sys; from gilscope.machine.description import describe; describe()\n"
        "print(*{'numpy', 'psutil', 'gilscope.kernels._openmp', 'gilscope.kernels._cython'} & set(sys.modules))"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert child.stdout.strip() == ""
