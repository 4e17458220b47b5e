"""Imports in child processes: what really happens to modules that behave well and badly."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gilscope.importing.result import examine_import

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads are listed on Linux only")

SOURCES = {
    "fine": "",
    "starts_a_thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
    "leaves_a_thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()",
    "raises": "raise ValueError('told so')",
    "needs_more": "import no_such_module_anywhere",
    "exits": "raise SystemExit(3)",
    "exits_at_once": "import os\nos._exit(3)",
    "crashes": "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)",
    "hangs": "import time\nwhile True: time.sleep(60)",
    "hangs_with_a_child": "import subprocess, time\nsubprocess.Popen(['sleep', '61'])\ntime.sleep(60)",
    "prints": "print('x' * 1_000_000)",
    "writes_to_every_pipe": "import os\nfor fd in range(3, 16):\n"
    "    try: os.write(fd, b'dict(outcome=\\'failed\\')')\n    except OSError: pass",
}


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules of every kind, where imports find them."""
    for name, source in SOURCES.items():
        (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize(
    ("module", "outcome", "message"),
    [
        ("no_such_module", "missing", "No module named 'no_such_module'"),
        ("fine.below", "missing", "fine.below"),
        ("needs_more", "failed", "No module named 'no_such_module_anywhere'"),
        ("raises", "failed", "ValueError: told so"),
        ("exits", "failed", "SystemExit: 3"),
        ("exits_at_once", "failed", "exit status 3"),
        ("crashes", "crashed", "SIGSEGV"),
    ],
)
def test_what_does_not_end_well(module: str, outcome: str, message: str) -> None:
    """A module that is missing, fails, ends its process or crashes is told from the others, and why."""
    found = examine_import(module)
    assert found.outcome == outcome
    assert message in found.message
    assert found.import_ns is None


@pytest.mark.parametrize("module", ["hangs", "hangs_with_a_child"])
def test_what_hangs_is_given_up(module: str) -> None:
    """An import that does not come back is ended, with what it started."""
    found = examine_import(module, limit_s=1)
    assert found.outcome == "hung"
    assert "1 s" in found.message


@pytest.mark.parametrize("module", ["fine", "prints", "writes_to_every_pipe", "zlib"])
def test_what_behaves_well(module: str) -> None:
    """It starts nothing, and works in an interpreter of its own where there are such."""
    found = examine_import(module)
    assert found.outcome == "imported"
    assert found.threads == ()
    assert found.pools == ()
    assert found.own_gil == ("works" if sys.version_info >= (3, 12) else "needs CPython >= 3.12")


def test_threads_are_seen() -> None:
    """A thread that an import leaves running is listed."""
    found = examine_import("starts_a_thread")
    assert found.threads is not None
    assert len(found.threads) == 1


def test_a_thread_that_goes_on_is_no_hang() -> None:
    """An interpreter of its own would wait for it; the import has worked all the same."""
    found = examine_import("leaves_a_thread", limit_s=10)
    assert found.threads is not None
    assert len(found.threads) == 1
    assert found.own_gil == ("works" if sys.version_info >= (3, 12) else "needs CPython >= 3.12")


def test_the_current_folder_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `python -m` does, also where the command's own folder is first; its files hide nothing that gilscope needs."""
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "in_this_folder.py").write_text("")
    (folder / "contextlib.py").write_text("raise RuntimeError('hides the one that gilscope needs')")
    (folder / "typing.py").write_text("raise RuntimeError('hides the one that gilscope needs')")
    monkeypatch.chdir(folder)
    found = examine_import("in_this_folder")
    assert (found.outcome, found.message) == ("imported", "")
    assert found.own_gil == ("works" if sys.version_info >= (3, 12) else "needs CPython >= 3.12")


def test_what_needs_the_main_interpreter_says_so() -> None:
    """The ledger is for the main interpreter, and refuses any other."""
    found = examine_import("gilscope.accounting._ledger")
    assert found.outcome == "imported"
    if sys.version_info >= (3, 12):
        assert "does not support loading in subinterpreters" in str(found.own_gil)


def test_command_prints_json_and_ends_with_4(tmp_path: Path) -> None:
    """One module that fails decides the exit code, and the others are there all the same."""
    command = [sys.executable, "-W", "error", "-m", "gilscope", "doctor", "--imports", "--json", "fine", "crashes"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=100)
    assert done.returncode == 4, done.stderr
    fine, crashes = json.loads(done.stdout)
    told: dict[str, Any] = {"module": "fine", "outcome": "imported", "threads": [], "pools": []}
    assert told.items() <= fine.items()
    assert crashes["message"] == "SIGSEGV ended it"
