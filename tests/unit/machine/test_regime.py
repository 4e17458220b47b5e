"""Which Python this is: the GIL, the start method, and an environment with nothing private in it."""

import multiprocessing
import subprocess
import sys

import pytest

from gilscope.machine.regime import (
    _who_enabled_the_gil,
    describe_python,
    gil_enabled,
    gil_of_children,
    relevant_environment,
    without_folders,
)


@pytest.mark.parametrize(
    ("options", "environment", "who"),
    [
        ({"gil": "1"}, {}, "-X gil=1"),
        ({"gil": "1"}, {"PYTHON_GIL": "0"}, "-X gil=1"),
        ({}, {"PYTHON_GIL": "1"}, "PYTHON_GIL=1"),
        ({}, {}, "an imported extension"),
    ],
)
def test_who_enabled_the_gil_of_a_free_threaded_build(
    options: dict[str, str | bool], environment: dict[str, str], who: str
) -> None:
    """If the user did not ask for the GIL, an extension that does not declare free threading did."""
    assert _who_enabled_the_gil(options, environment) == who


def test_a_child_has_the_gil_that_this_interpreter_was_started_with() -> None:
    """What a child must report is what another interpreter, started alike, does report."""
    command = [sys.executable, *subprocess._args_from_interpreter_flags()]  # type: ignore[attr-defined]
    ask = "from gilscope.system.gil import gil_enabled; print(gil_enabled())"
    child = subprocess.run([*command, "-c", ask], capture_output=True, text=True, timeout=60, check=True)
    assert child.stdout.strip() == str(gil_of_children())


def test_a_build_with_the_gil_has_it_enabled_by_nobody() -> None:
    """Where the GIL is built in it is enabled, and there is nothing to explain."""
    python = describe_python()
    assert python.gil_enabled is gil_enabled()
    if python.gil_built_in:
        assert python.gil_enabled
        assert python.gil_enabled_by is None
    else:
        assert (python.gil_enabled_by is None) is not python.gil_enabled


def test_the_gil_is_enabled_where_python_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before CPython 3.13 there is no question and one answer."""
    monkeypatch.delattr(sys, "_is_gil_enabled", raising=False)
    assert gil_enabled() is True


def test_a_gil_that_is_off_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a free-threaded build the running interpreter answers."""
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    python = describe_python()
    assert python.gil_enabled is False
    assert python.gil_enabled_by is None


def test_only_variables_that_matter_are_taken() -> None:
    """What changes Python, allocators or thread pools is recorded, and nothing else of the environment."""
    wanted = {
        "PYTHON_GIL": "0",
        "PYTHONHASHSEED": "17",
        "PYTHON_CPU_COUNT": "2",
        "PYTHONMALLOC": "malloc",
        "OMP_NUM_THREADS": "2",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "GOMP_SPINCOUNT": "0",
        "KMP_BLOCKTIME": "0",
        "MALLOC_ARENA_MAX": "1",
    }
    others = {"HOME": "/home/someone", "API_TOKEN": "secret", "PYTHONPATH": "/x", "PATH": "/bin", "NOT_OMP_X": "1"}
    assert relevant_environment(wanted | others) == wanted


def test_paths_lose_their_folders() -> None:
    """The library matters, the folder it lies in may name a user."""
    environment = {
        "LD_PRELOAD": "/home/someone/lib/libjemalloc.so.2:/opt/x/libfoo.so libbar.so",
        "MALLOC_CONF": "prof:true,prof_prefix:/home/someone/secret/out",
        "OMP_PLACES": "{0:4},{4:4}",
        "PYTHONHASHSEED": "\udcff",
    }
    assert relevant_environment(environment) == {
        "LD_PRELOAD": "libjemalloc.so.2:libfoo.so libbar.so",
        "MALLOC_CONF": "prof:true,prof_prefix:out",
        "OMP_PLACES": "{0:4},{4:4}",
        "PYTHONHASHSEED": "\ufffd",
    }


def test_a_message_loses_its_folders_too() -> None:
    """Both kinds of slashes separate folders; a text without any is left as it is."""
    assert without_folders("cannot load '/home/someone/x.so'") == "cannot load 'x.so'"
    assert without_folders("cannot load C:\\Users\\someone\\x.pyd") == "cannot load C:x.pyd"
    assert without_folders("no such thing") == "no such thing"


def test_asking_for_the_start_method_does_not_fix_it() -> None:
    """After the facts are gathered a program may still choose how its processes start."""
    code = (
        "import multiprocessing as mp; from gilscope.machine.regime import describe_python\n"
        "named = describe_python().start_method\n"
        "assert mp.get_start_method(allow_none=True) is None\n"
        "print(named == mp.get_start_method())"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert child.stdout.strip() == "True"


def test_a_chosen_start_method_is_named() -> None:
    """The method in force is one that this system has."""
    assert describe_python().start_method in multiprocessing.get_all_start_methods()


def test_the_interpreter_describes_itself() -> None:
    """Version and switch interval are those of the running interpreter."""
    python = describe_python()
    assert python.version.startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert python.implementation == sys.implementation.name
    assert python.switch_interval_s == sys.getswitchinterval()
    assert python.hash_randomized is bool(sys.flags.hash_randomization)
