"""How commands end that are ended from outside: what was measured is shown and saved, and nothing goes on."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from leftovers import wait_for

# Each leaves a file that says which process came so far.
MARK = "import os, pathlib, time; pathlib.Path(FOLDER, f'mark{os.getpid()}').touch()"
MODULES = {
    "hanging.py": "def sleep():\n"
    "    subprocess.Popen(['sleep', '1000'], env={}, start_new_session=True)\n    MARK\n    time.sleep(1000)\n",
    "import_hangs.py": "MARK\ntime.sleep(1000)\n",
    "program.py": "MARK\ntime.sleep(1000)\n",
}
CALLS = """
title = "two"
[[call]]
name = "first"
group = "g"
statement = "sum(range(1000))"
[[call]]
name = "second"
group = "g"
setup = "import hanging"
statement = "hanging.sleep()"
"""
# Without the GIL, so that nobody asks for it for seconds before there are workers.
SETUP = "MARK; import zlib; data = bytes(10**6)"
TWO_PROCESSES = ["-s", SETUP, "zlib.crc32(data)", "--max-time", "100", "--limit", "1000"]
#: Command -> its words; how many processes of the target's there are in the middle of its work; what standard error
#: says at its end, and standard output of what was measured.
COMMANDS = {
    "run": (
        ["run", "quad", "--implementations", "c", "--strategies", "serial", "--rigorous"],
        0,
        "so far is above and saved",
        "verdict",
    ),
    "probe, hung": (["probe", "hanging:sleep"], 1, "nothing was measured", ""),
    "probe": (["probe", *TWO_PROCESSES], 2, "so far is above", "releases"),
    "trace": (["trace", "hanging:sleep", "--calls", "1"], 1, "interrupted", ""),
    "atlas": (["atlas", "calls.toml"], 1, "1 of 2 calls were measured and saved", "first"),
    "selftest": (["selftest", "-n", "1000", "--quiet-only"], 0, "(had|has) ended", ""),
    "doctor": (["doctor", "--imports", "zlib", "import_hangs"], 1, "1 of 2 modules above", "zlib"),
    "ledger": (["ledger", "program.py"], 1, "MainThread", ""),
}
#: Every command with Ctrl-C, and with one of the other two signals in turn: one handler serves both.
ENDED = [
    (name, number)
    for i, name in enumerate(COMMANDS)
    for number in (signal.SIGINT, (signal.SIGTERM, signal.SIGHUP)[i % 2])
]
SAVED = {"run": "-o", "probe": "--json", "atlas": "-o", "ledger": "--json"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a working folder with targets that do not come back."""
    for name, text in MODULES.items():
        imports = "import subprocess, time\n"
        (tmp_path / name).write_text(imports + text.replace("MARK", MARK).replace("FOLDER", repr(str(tmp_path))))
    (tmp_path / "calls.toml").write_text(CALLS)
    return tmp_path


@contextmanager
def begun(folder: Path, name: str) -> Iterator["subprocess.Popen[str]"]:
    """Start a command in a session of its own, and wait until it is in the middle of its work."""
    words, n_marks, _, _ = COMMANDS[name]
    words = [word.replace("MARK", MARK.replace("FOLDER", repr(str(folder)))) for word in words]
    if name in SAVED:
        words[1:1] = [SAVED[name], "saved.json"] if name != "probe" else ["--json=saved.json"]
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "gilscope", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, "GILSCOPE_TEST": str(folder)},
        start_new_session=True,
    ) as process:
        try:
            if n_marks:
                wait_for(lambda: len(list(folder.glob("mark*"))) >= n_marks or process.poll() is not None, 60)
            elif name == "run":
                assert process.stderr is not None
                assert any(line.endswith(": measuring\n") for line in process.stderr)
            else:
                wait_for(lambda: any("spawn_main" in words for words in family(folder)), 60)
            yield process
        finally:
            process.kill()


def family(folder: Path) -> list[str]:
    """Return the command lines of the processes that were started for a test, wherever they are."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
            is_marked = f"GILSCOPE_TEST={folder}" in Path(f"/proc/{pid}/environ").read_text(errors="replace").split(
                "\0"
            )
            # One that was started without an environment.
            is_sleep = words == "sleep 1000 " and os.readlink(f"/proc/{pid}/cwd") == str(folder)
            found += [words] if is_marked or is_sleep else []
        except OSError:
            pass
    return found


@pytest.mark.parametrize(("name", "number"), ENDED)
def test_what_was_measured_is_shown_and_saved(folder: Path, name: str, number: int) -> None:
    """Ctrl-C, a supervisor and a terminal that goes away end each command alike: 128 + N, and nothing is left."""
    _, _, said, shown = COMMANDS[name]
    with begun(folder, name) as process:
        if name == "ledger" and number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal sends it
        else:
            process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    assert re.search(said, err), err
    assert shown in out
    assert "Traceback" not in err.replace('Traceback (most recent call last):\n  File "' + str(folder), "")
    wait_for(lambda: not family(folder))
    if name in SAVED:
        assert json.loads((folder / "saved.json").read_text())


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_outlives_a_command_that_is_killed(folder: Path, name: str) -> None:
    """After kill -9 of the command alone its children end, and what they have started, in whatever session."""
    with begun(folder, name) as process:
        assert len(family(folder)) > 1
        process.kill()
        process.communicate(timeout=60)
        wait_for(lambda: not family(folder))


def test_a_signal_that_is_ignored_stays_so() -> None:
    """Under nohup a terminal that goes away ends nothing."""
    program = """
import os, signal
from gilscope import cli
signal.signal(signal.SIGHUP, signal.SIG_IGN)
cli._run = lambda _: os.kill(os.getpid(), signal.SIGHUP) or 3
cli.main()
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=60)
    assert done.returncode == 3


def test_a_signal_that_comes_twice_interrupts_once() -> None:
    """A shell and a terminal both send it; what is being saved meanwhile is saved."""
    program = """
import os, signal
from gilscope import cli
def work(_):
    try:
        os.kill(os.getpid(), signal.SIGHUP)
    except KeyboardInterrupt:
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)
        print("saved")
        return 130
cli._run = work
cli.main()
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (129, "saved\n"), done.stderr
