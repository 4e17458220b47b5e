"""The scripts of bench/, run as a person runs them, on budgets too small for their figures to mean anything."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).parents[2] / "bench"
#: What a person runs; crew_host.py is started by another script.
SCRIPTS = sorted({path.name for path in BENCH.glob("*.py") if "__main__" in path.read_text()} - {"crew_host.py"})

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform == "win32", reason="the strategies need POSIX pipes"),
]


def run(script: str, *arguments: str, folder: Path, python: tuple[str, ...] = ("-W", "error")) -> str:
    """Run a script in a folder, with warnings as errors; return what it printed."""
    command = [sys.executable, *python, str(BENCH / script), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def test_answers_counts_what_was_said(tmp_path: Path) -> None:
    """Of one call, once quiet and once beside a busy process; one answer cannot differ from another."""
    command = ("answers.py", "-n1", "--call", "waits", "--max-time", "0.2")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(BENCH / command[0]), *command[1:]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == "1 of 1\n"
    assert "no answer is one that its own figures exclude" in done.stdout
    assert "1 call of 1: all answers equal, or cannot tell" in done.stdout


def test_article_is_the_experiment(tmp_path: Path) -> None:
    """The script that the exercise was is a short name for it."""
    told = run("article.py", "--help", folder=tmp_path)
    assert "Usage: gilscope experiment" in told


def test_interrupted_keeps_what_there_is(tmp_path: Path) -> None:
    """Ctrl-C, which a terminal sends to the processes too, ends in the JSON, exit code 130 and no process left."""
    command = [sys.executable, "-u", str(BENCH / "overhead.py"), "--max-time=200", "--json=a.json"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("Measuring"):
            assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
        # Returns when whoever holds the pipes has ended, and that would be any process left behind.
        printed, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted" in printed
    assert errors == ""
    assert json.loads((tmp_path / "a.json").read_text())["interrupted"] is True


@pytest.mark.parametrize("script", ["overhead.py", "peers.py"])
def test_a_file_that_cannot_be_written_is_refused_first(tmp_path: Path, script: str) -> None:
    """Where the figures cannot go is said before they are measured, with 2."""
    command = [sys.executable, str(BENCH / script), "--json=none/a.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "there is no folder none" in done.stderr
    assert done.stdout == ""


def test_interrupted_peers_show_the_groups_they_have(tmp_path: Path) -> None:
    """Ctrl-C prints and writes the groups that were measured until then, and ends with 130."""
    command = [sys.executable, "-u", str(BENCH / "peers.py"), "--sizes=8", "--max-time=20", "--json=p.json"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "threads: 1" not in (line := process.stdout.readline()):
            assert line
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Interrupted" in printed
    document = json.loads((tmp_path / "p.json").read_text())
    assert document["interrupted"] is True
    assert [group["kernel"] for group in document["groups"]] == ["square"]


def test_overhead_has_every_section(tmp_path: Path) -> None:
    """Calls, counters, programs and crews are printed and saved; what cannot run is there with its reason."""
    printed = run("overhead.py", "--max-time=0", "--json=o.json", folder=tmp_path)
    for title in ("Calls, on one item", "One reading of the counters", "Programs, in fresh", "Crews of 2"):
        assert title in printed
    document: dict[str, Any] = json.loads((tmp_path / "o.json").read_text())
    for section, line in (
        ("calls", "C released - held"),
        ("calls", "bare release pair"),
        ("counters", "ThreadMeter.read"),
        ("programs", "python -m gilscope --help"),
    ):
        assert {"median_ns", "rounds_ns"} <= set(document[section][line])
    crews = document["crews"]
    assert {"serial", "threads", "processes", "processes:fork", "interpreters", "openmp"} <= set(crews)
    for name, crew in crews.items():
        assert "unavailable" in crew or {"first", "starts", "tasks", "task_ns"} <= set(crew), name
        if "unavailable" in crew:
            assert f"{name}: unavailable: {crew['unavailable']}" in printed
    assert [path.name for path in tmp_path.iterdir()] == ["o.json"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_help(tmp_path: Path, script: str) -> None:
    """--help explains the options and measures nothing; what only the extra bench brings is imported later."""
    assert "options:" in run(script, "--help", folder=tmp_path).lower()


def test_ledger_has_no_race_that_a_sanitizer_sees(tmp_path: Path) -> None:
    """A copy built with the thread sanitizer is turned on and off beside busy threads; one without a lock is caught."""
    command = [sys.executable, str(BENCH / "ledger_sanitized.py"), "--installs=30"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240)
    if done.returncode == 5:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Without its lock:" in done.stdout
    assert "As it is: 0 reports name the ledger in 30 installs" in done.stdout
