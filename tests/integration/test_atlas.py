"""`gilscope atlas` as a user meets it: a small list through the command line, resumed, interrupted and refused."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from leftovers import processes_of
from schemas import schema_of

GILSCOPE = [sys.executable, "-W", "error", "-m", "gilscope", "atlas"]
CALLS = """\
title = "Tiny"

[[call]]
name = "sleep"
group = "waiting"
setup = "import time"
statement = "time.sleep(0.002)"

[[call]]
name = "loop"
group = "working"
statement = "for _ in range(20_000): pass"

[[call]]
name = "division"
group = "working"
statement = "1 / 0"

[[call]]
name = "absent"
group = "elsewhere"
requires = ["no_such_module"]
statement = "no_such_module.work()"
"""

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the ledger needs Linux"),
    pytest.mark.skipif(not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="there is no GIL to account for"),
]


def atlas(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    command = [*GILSCOPE, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a list, `tiny.toml`, and the rows of its calls, `tiny.json`."""
    folder = tmp_path_factory.mktemp("atlas")
    (folder / "tiny.toml").write_text(CALLS)
    done = atlas(folder, "tiny.toml", "-o", "tiny.json", "--format", "json")
    assert done.returncode == 4, done.stderr
    (folder / "stdout.json").write_text(done.stdout)
    return folder


def rows(path: Path) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads(path.read_text())["rows"]}


def test_every_call_has_a_row(folder: Path) -> None:
    """What was measured, what failed and why, and what is not installed; as the schema says."""
    found = rows(folder / "tiny.json")
    assert list(found) == ["sleep", "loop", "division", "absent"]
    # A machine that is busy enough may leave a class open; it may not change it.
    assert found["sleep"]["class"] in {"waits", "undecided"}
    assert found["loop"]["class"] in {"Python bytecode", "undecided"}
    assert found["division"]["failure"] == "ZeroDivisionError: division by zero"
    assert found["absent"]["failure"] == "not installed: no_such_module"
    jsonschema.validate(json.loads((folder / "tiny.json").read_text()), schema_of("atlas"))


def test_standard_output_is_the_format_alone(folder: Path) -> None:
    """JSON on standard output is what the file holds."""
    assert json.loads((folder / "stdout.json").read_text()) == json.loads((folder / "tiny.json").read_text())


def test_a_second_run_measures_only_what_is_missing(folder: Path) -> None:
    """Rows whose code is the same are taken from the file; a failure is tried again."""
    before = rows(folder / "tiny.json")
    done = atlas(folder, "tiny.toml", "-o", "tiny.json", "--format", "markdown", "--sort", "class", "-k", "working")
    assert done.returncode == 4
    assert f"1 of 2: loop: {before['loop']['class']} (measured before)\n" in done.stderr
    assert "2 of 2: division: failed: ZeroDivisionError: division by zero\n" in done.stderr
    names = [line.split(" | ")[0] for line in done.stdout.splitlines()]
    assert [name for name in names if name in {"| division", "| loop"}] == ["| division", "| loop"]
    assert list(rows(folder / "tiny.json")) == list(before)
    assert rows(folder / "tiny.json")["loop"] == before["loop"]


def test_restart_measures_everything_anew(folder: Path) -> None:
    """The file then holds what this run measured."""
    (folder / "again.json").write_text((folder / "tiny.json").read_text().replace("20_000", "20_001"))
    done = atlas(folder, "tiny.toml", "-o", "again.json", "--restart", "-k", "sleep", "--format", "html")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("<!doctype html>")
    assert list(rows(folder / "again.json")) == ["sleep"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing.toml"], "there is no call list nothing.toml; with gilscope come stdlib and numpy"),
        (["tiny.toml", "-o", "tiny.toml"], "choose .txt, .md, .json or .html"),
        (["tiny.toml", "-o", "else.json"], "so it holds no results of an atlas: choose another name"),
        (["tiny.toml", "-o", "else.json", "--restart"], "so it holds no results of an atlas: choose another name"),
        (["tiny.toml", "-o", "a.json", "-o", "b.json"], "an atlas goes on from one .json"),
        (["tiny.toml", "-o", "no/tiny.json"], "there is no folder no"),
        (["stdlib", "-o", "tiny.json"], "holds 'Tiny', not 'The standard library'"),
        (["tiny.toml", "--filter", "class=quick"], "there is no such class"),
        (["tiny.toml", "--max-time", "0"], "--max-time must be above 0 and below --limit"),
        (["tiny.toml", "-k", "nowhere"], "no call has 'nowhere' in its name or group"),
    ],
)
def test_wrong_usage_measures_nothing(folder: Path, arguments: list[str], told: str) -> None:
    """It ends with 2, says what was wrong, and changes no file."""
    (folder / "else.json").write_text("else")
    before = (folder / "tiny.json").read_text(), (folder / "tiny.toml").read_text()
    done = atlas(folder, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert ((folder / "tiny.json").read_text(), (folder / "tiny.toml").read_text()) == before


def test_an_interrupted_run_keeps_what_it_has(folder: Path) -> None:
    """Control-C ends it with 130, shows and saves the rows so far, and leaves no process."""
    (folder / "long.toml").write_text(CALLS.replace("1 / 0", "import time; time.sleep(60)"))
    command = [*GILSCOPE, "long.toml", "-o", "long.json"]
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while not ((folder / "long.json").exists() and len(rows(folder / "long.json")) == 2):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    printed, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "loop" in printed
    assert "interrupted; 2 of 4 calls were measured and saved" in told
    assert not processes_of(process.pid)
