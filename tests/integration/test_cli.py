"""The command line as a user meets it: what each command prints and where, its exit codes, and what it leaves."""

import dataclasses
import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fakes
import jsonschema
import pytest
from brief import BRIEFLY
from leftovers import children_of, processes_of, wait_until_gone
from schemas import schema_of

from gilscope.cli import COMMANDS, main
from gilscope.cli.files import check_output
from gilscope.errors import CannotRunError, UsageError
from gilscope.machine.openmp_runtime import OpenMp
from gilscope.running import selftest
from gilscope.running.document import RUN
from gilscope.running.plan import Request
from gilscope.running.run import Session
from gilscope.running.view import COLUMNS
from gilscope.system.cpus import UsableCpus

GILSCOPE = [sys.executable, "-W", "error", "-m", "gilscope"]
# The smallest run there is: one kernel in one implementation and GIL mode, serial and processes, over few items.
SMALL = ["run", "quad", "--implementations", "c", "--gil", "released", "--strategies", "serial", "--items", "4096"]
TINY = [*SMALL, "--fast", "--ci-width", "30%", "--seed", "1"]
LONG = [*SMALL, "--rigorous", "--max-time", "5m", "--ci-width", "0.01%", "--seed", "1"]
#: What a run that measured something may end with: the machine decides which.
MEASURED = {0, 3, 5}


def gilscope(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    options.setdefault("env", dict(os.environ))  # without the COLUMNS that readline, which pytest loads, gives children
    return subprocess.run([*GILSCOPE, *arguments], capture_output=True, text=True, timeout=100, check=False, **options)


def measured(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Make a real but tiny run, which ends when its intervals are narrow enough."""
    return subprocess.run([*BRIEFLY, *TINY, *arguments], capture_output=True, text=True, timeout=100, check=False)


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Call the command line in this process, where nothing is going to be measured; return code, output, errors."""
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    return int(caught.value.code or 0), *capsys.readouterr()


@contextmanager
def running(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Start the command line in a session of its own, as a shell does; end it with the block."""
    process = subprocess.Popen(
        [*GILSCOPE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    launches: set[int] = set()
    try:
        with process:
            try:
                wait_for_workers(process, launches)
                yield process
            finally:
                process.kill()
    finally:
        for session in (process.pid, *launches):
            for pid in processes_of(session):
                os.kill(pid, signal.SIGKILL)


def wait_for_workers(process: "subprocess.Popen[str]", launches: set[int]) -> None:
    """Wait until the measuring process has started its workers, and measured for a moment."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        launches.update(pid for guard in children_of(process.pid) for pid in children_of(guard))
        if any(len(workers_of(launch)) >= 2 for launch in launches):
            break
        time.sleep(0.05)
    assert process.stderr is not None
    for line in process.stderr:
        if line.endswith(": measuring\n"):  # its first round has ended
            return
    pytest.fail(f"no workers were started: {process.communicate(timeout=5) if process.poll() is not None else ''}")


def launch_of(process: "subprocess.Popen[str]") -> int:
    """Return the measuring process, which leads a session of its own under a guard."""
    (launch,) = [pid for guard in children_of(process.pid) for pid in children_of(guard)]
    return launch


def workers_of(launch: int) -> list[int]:
    """Return the spawned workers of a measuring process."""
    return [pid for pid in children_of(launch) if b"spawn_main" in command_line(pid)]


def command_line(pid: int) -> bytes:
    """Return the command line of a process, empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


# What can be asked without measuring.


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command explains itself and each of its options, on standard output."""
    code, out, err = called(capsys, command, "--help")
    assert code == 0
    assert out.startswith(f"Usage: gilscope {command} ")
    options = re.findall(r"^  (?:-\w, )?--[\w-]+(.*(?:\n {10,}.*)*)", out, re.MULTILINE)
    assert options
    for text in options:
        assert len(text.split()) > 2, f"an option without help: {text!r}"
    assert not err


def test_help_lists_every_command_and_exit_code() -> None:
    """`gilscope --help` and `python -m gilscope --help` say what there is and what the exit codes mean."""
    done = gilscope("--help")
    assert done.returncode == 0
    for word in (*COMMANDS, "1 an import brings the GIL back", "2 wrong usage", "130 interrupted"):
        assert word in " ".join(done.stdout.split())
    script = Path(sys.executable).with_name("gilscope")
    if script.exists():
        by_script = subprocess.run([script, "--help"], capture_output=True, text=True, timeout=60, check=False)
        assert by_script.stdout == done.stdout


def test_help_and_import_load_neither_numpy_nor_rich() -> None:
    """Importing gilscope loads next to nothing, and help no more: no NumPy, no rich, no measuring code.

    Nor does a command load what knows results of another command's kind.
    """
    program = (
        "import sys, threading, gilscope\n"
        "print(sorted(name for name in sys.modules if name.startswith('gilscope')))\n"
        "sys.argv = ['gilscope', '--help']\n"
        "from gilscope.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert threading.active_count() == 1\n"
        "late = ('numpy', 'rich', 'gilscope.running.runner', 'gilscope.kernels._capi')\n"
        "print([name for name in late if name in sys.modules])\n"
        "import gilscope.cli.report\n"
        "rooms = ('atlas', 'experiments', 'importing', 'probing', 'running', 'tracing')\n"
        "print([name for name in sys.modules if name.startswith('gilscope.') and name.split('.')[1] in rooms])\n"
        "import gilscope.cli.run\n"
        "print([name for name in sys.modules if name.startswith('gilscope.experiments')])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    first, *_, last, of_report, of_run = done.stdout.splitlines()
    assert first == "['gilscope']"
    assert last == "[]"
    assert of_report == of_run == "[]"


def test_the_version_is_said() -> None:
    """`--version` says the package's own."""
    import gilscope as package

    assert gilscope("--version").stdout == f"gilscope, version {package.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["walk"], ["walk"]),
        (["run", "cube"], ["'cube'", "square, quad"]),
        (["run", "--implementations", "rust"], ["'rust'", "python, numpy, cython, c"]),
        (["run", "--gil", "shared"], ["'shared'", "held, released"]),
        (["run", "--strategies", "thread"], ["'thread'", "serial, threads, processes", "interpreters, openmp"]),
        (["run", "--dtype", "float16"], ["'float16'", "float64, float32"]),
        (["run", "--workers", "two"], ["'two'", "1,2,4"]),
        (["run", "--workers", "0"], ["workers must be 1 or more", "0"]),
        (["run", "--items", "0"], ["items must be above 0", "0"]),
        (["run", "--items", "many"], ["many"]),
        (["run", "--items", "64", "--task-time", "1ms"], ["items", "task time", "one of them"]),
        (["run", "--max-time", "soon"], ["'soon'", "20s"]),
        (["run", "--max-time", "0s"], ["max time must be above 0"]),
        (["run", "--ci-width", "200%"], ["between 0 and 1", "2.0"]),
        (["run", "--ci-width", "narrow"], ["'narrow'", "2%"]),
        (["run", "--format", "xml"], ["'xml'", "markdown"]),
        (["run", "--implementations", "python", "--gil", "released"], ["no kernel is left"]),
        (["run", "--items", "1000000000000"], ["TiB", "half of this machine's", "fewer items"]),
        (["run", "-o", "no/such/folder/run.json"], ["no/such/folder", "there is no folder"]),
        (["report", "none.json"], ["none.json", "No such file"]),
        (["report"], ["RESULT"]),
        (["selftest", "-n", "3"], ["3", "10"]),
    ],
    ids=" ".join,
)
def test_a_wrong_request_ends_with_2(
    arguments: list[str],
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What cannot be understood ends with 2 and a text that names what was given and what is allowed."""
    monkeypatch.chdir(tmp_path)
    code, out, err = called(capsys, *arguments)
    assert code == 2, err
    assert not out
    for word in words:
        assert word in err
    assert os.listdir(tmp_path) == []


def test_more_workers_than_cpus_end_with_5() -> None:
    """More workers than this process may use CPUs are refused with both numbers, and the way to insist."""
    done = gilscope("run", "--workers", "4096")
    assert done.returncode == 5
    assert "4096 workers" in done.stderr
    assert "--oversubscribe" in done.stderr
    assert not done.stdout


def test_a_folder_that_may_not_be_searched_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it cannot even be seen whether the output exists, the reason is the system's."""

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "stat", denied)
        with pytest.raises(UsageError, match="run.json: Permission denied"):
            check_output(tmp_path / "run.json", force=False)


@pytest.mark.parametrize("text", ["", "{", '{"a": 1}', '{"schema_version": 9}', '{"schema_version": 1}'])
def test_a_broken_result_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    """A file that is no result is refused by name, without a traceback."""
    path = tmp_path / "run.json"
    path.write_text(text)
    code, out, err = called(capsys, "report", str(path))
    assert code == 2
    assert str(path) in err
    assert not out


def test_list_shows_what_there_is() -> None:
    """`list` names kernels, implementations, strategies and dtypes, and why something cannot run here."""
    done = gilscope("list")
    assert done.returncode == 0
    for word in ("square", "quad", "python", "numpy", "cython", "processes:forkserver", "interpreters", "uint32"):
        assert word in done.stdout
    assert ("needs CPython >= 3.12" in done.stdout) == (sys.version_info < (3, 12))
    assert "a fork would copy" not in done.stdout


def test_list_says_why_there_is_no_openmp(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the extension has no OpenMP, `list` gives the reason, as `doctor` does."""
    reason = "the compiler that built gilscope had no OpenMP"
    monkeypatch.setattr("gilscope.machine.openmp_runtime.openmp_facts", lambda: OpenMp(version=0, reason=reason))
    code, out, _ = called(capsys, "list")
    assert code == 0
    assert re.search(rf"openmp +unavailable: {reason}", out)


def test_doctor_prints_facts_as_json_and_as_text() -> None:
    """`doctor --json` prints one JSON object and nothing else; without it, the same facts as lines."""
    done = gilscope("doctor", "--json")
    assert done.returncode in {0, 5}
    assert not done.stderr
    facts = json.loads(done.stdout)
    assert facts["python"]["version"] == ".".join(map(str, sys.version_info[:3]))
    assert facts["system"]["host_name"] is None
    text = gilscope("doctor")
    assert text.returncode == done.returncode
    assert "cpu usable count" in text.stdout


def test_selftest_prints_coverage_of_both_truths(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`selftest` prints one line for each truth, with the share of intervals that hold it."""
    monkeypatch.setattr(selftest, "MAX_CONTROL_S", 0.3)
    monkeypatch.setattr(selftest, "FIRST_LOOK", 10)
    code, out, _ = called(capsys, "selftest", "-n", "10", "--quiet-only", "--ci-width", "60%", "--seed", "1")
    assert code == 0
    assert "coverage" in out
    for truth in ("1", "1.05"):
        # A host that lets it have a few rounds only leaves no interval an end.
        assert re.search(rf"beside nothing of ours\n(.*\n)*{truth} +10 +(unknown|\d+(\.\d)? % \[)", out)


# A real run, in each format.


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Make one run that saves what it measured and prints it as JSON."""
    path = tmp_path_factory.mktemp("run") / "run.json"
    return path, measured("-o", str(path), "--format", "json")


def test_what_cannot_run_is_said_once() -> None:
    """In a line while it runs, and in a line below the table, however many arms it keeps away."""
    done = measured("--gil", "held,released", "--strategies", "interpreters")
    assert done.returncode in MEASURED, done.stderr
    for text in (done.stdout, done.stderr):
        absent = [line for line in text.splitlines() if "unavailable" in line]
        assert len(absent) == (sys.version_info < (3, 12)), text
        assert all(line.startswith("interpreters: unavailable: needs CPython >= 3.12") for line in absent)


def test_a_run_prints_nothing_but_json(saved: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """With --format json, standard output is the saved file; progress is on standard error, a line an arm."""
    path, done = saved
    assert done.returncode in MEASURED, done.stderr
    assert done.stdout == path.read_text(encoding="utf-8")
    for word in ("launch 1 of 2: done, ", "quad/c/released/2/serial: ", f"Saved: {path}"):
        assert word in done.stderr


def test_a_saved_run_is_what_the_schema_says(saved: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """The file of a real run fits the schema and holds every round, warm-ups too, with times above zero."""
    path, done = saved
    data = json.loads(path.read_text(encoding="utf-8"))
    schema = schema_of("run")
    jsonschema.Draft202012Validator(schema).validate(data)
    result = RUN.read(path)
    assert RUN.dumps(result) == done.stdout
    assert result.state == "complete"
    assert {round_.warm_up for round_ in result.rounds} == {True, False}
    assert all(sample.wall_ns > 0 and sample.cpu_ns > 0 for round_ in result.rounds for sample in round_.samples)
    assert {worker["gil_enabled"] for worker in result.workers} == {getattr(sys, "_is_gil_enabled", lambda: True)()}
    assert result.argv == (*TINY, "-o", str(path), "--format", "json")


def test_a_run_from_python_keeps_nothing_of_the_host_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a host program was called with is none of the result's: it may be private, and says nothing of the run."""
    monkeypatch.setattr(sys, "argv", ["host", "--password", "secret"])
    assert Session(Request()).result().argv == ()


def test_a_report_of_a_saved_run_is_that_run(saved: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """`report` draws the saved file: as JSON it is the file, as Markdown and as a table it has every arm's verdict."""
    path, done = saved
    result = RUN.read(path)
    assert gilscope("report", str(path), "--format", "json").stdout == done.stdout
    for style in ("markdown", "text"):
        drawn = gilscope("report", str(path), "--format", style)
        assert drawn.returncode == 0
        assert not drawn.stderr
        for row in result.rows:
            assert row.verdict in drawn.stdout
        assert result.findings[0] in " ".join(drawn.stdout.split())


def test_a_run_draws_what_report_draws(tmp_path: Path) -> None:
    """The Markdown that a run prints parses as a table, and is what `report` prints of its file.

    The file's name is no text, as a name may be any bytes; the result that is saved under it is text all the same.
    """
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/run-\xff.json"))
    path.write_text("old")
    done = measured("-o", str(path), "--force", "--format", "markdown")
    assert done.returncode in MEASURED, done.stderr
    assert done.stdout == gilscope("report", str(path), "--format", "markdown").stdout
    table = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert table[0] == f"| {' | '.join(column.name for column in COLUMNS)} |"
    assert {line.count("|") for line in table} == {len(COLUMNS) + 1}
    assert len(table) == 2 + 1 + len(RUN.read(path).rows)  # the name of the kernel has a line
    assert os.listdir(tmp_path) == [path.name]
    assert any(word.endswith("run-\ufffd.json") for word in RUN.read(path).argv)


# What goes wrong.


def test_an_interrupt_saves_what_was_measured(tmp_path: Path) -> None:
    """Ctrl-C in the middle of a run ends with 130, the table, a saved file and no process of the run."""
    path = tmp_path / "run.json"
    with running(*LONG, "-o", str(path)) as process:
        launch = launch_of(process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "interrupted; what was measured so far is above and saved" in err
        assert "Traceback" not in err
        assert "verdict" in out
        wait_until_gone(launch)
    result = RUN.read(path)
    assert result.state == "partial"
    assert result.rounds
    assert os.listdir(tmp_path) == ["run.json"]


@pytest.mark.parametrize("line", [SMALL, ["experiment", "held_versus_released", "--fast"]], ids=["run", "experiment"])
@pytest.mark.parametrize("where", ["gilscope.running.run.describe", "gilscope.running.runner.Runner.events"])
def test_an_interrupt_before_the_first_round_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], where: str, line: list[str]
) -> None:
    """Ctrl-C while the machine is described or a launch starts ends with 130, a word, and the old file as it was."""
    path = tmp_path / "run.json"
    path.write_text("precious")

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(where, interrupt)
    monkeypatch.setattr("gilscope.cli.experiment.usable_cpus", lambda: UsableCpus(count=2, source="a test says so"))
    code, out, err = called(capsys, *line, "-o", str(path), "--force")
    assert (code, out) == (130, "")
    assert "interrupted; nothing was measured yet" in err
    assert path.read_text() == "precious"


def test_an_interrupt_does_not_say_saved_where_saving_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C with a disk that is full ends with 130, the table, and why there is no file."""

    def interrupt(self: Session) -> Iterator[None]:
        yield from ()
        raise KeyboardInterrupt

    def full(*_: object) -> CannotRunError:
        return CannotRunError("cannot write run.json: No space left on device")

    monkeypatch.setattr(Session, "events", interrupt)
    monkeypatch.setattr(Session, "result", lambda self: fakes.hand_made())
    monkeypatch.setattr("gilscope.cli.outputs.save", full)
    code, out, err = called(capsys, *SMALL, "-o", str(tmp_path / "run.json"))
    assert code == 130
    assert "verdict" in out
    assert "what was measured so far is above\ngilscope: cannot write run.json: No space left on device" in err
    assert "saved" not in err.lower()


def test_a_killed_worker_ends_the_run_with_4(tmp_path: Path) -> None:
    """A kill -9 of a worker ends with 4 and a message that names it; what was measured is kept, no process is."""
    path = tmp_path / "run.json"
    with running(*LONG, "-o", str(path)) as process:
        launch = launch_of(process)
        os.kill(workers_of(launch)[0], signal.SIGKILL)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 4
        assert re.search(r"worker \d of strategy 'processes' died: killed by SIGKILL", err)
        assert "Traceback" not in err
        wait_until_gone(launch)
    result = RUN.read(path)
    assert result.state == "partial"
    assert "died: killed by SIGKILL" in result.stop_reason


def test_a_killed_launch_ends_the_run_with_4() -> None:
    """A kill -9 of the measuring process ends with 4 and says so, and its workers end by themselves."""
    with running(*LONG) as process:
        launch = launch_of(process)
        os.kill(launch, signal.SIGKILL)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 4
        assert "the measuring process stopped" in err
        wait_until_gone(launch)


def test_workers_end_when_gilscope_is_killed() -> None:
    """A kill -9 of gilscope itself leaves nobody to clean up; its measuring process and workers end by themselves."""
    with running(*LONG) as process:
        launch = launch_of(process)
        assert processes_of(launch)
        process.kill()
        process.wait(10)
        wait_until_gone(launch)


def test_a_terminal_without_our_letters_gets_the_figures(tmp_path: Path) -> None:
    """Where standard output is ASCII the table has ? for µ and ±, and JSON is the file all the same."""
    path = tmp_path / "run.json"
    row = fakes.hand_made().rows[1]
    RUN.write(dataclasses.replace(fakes.hand_made(), rows=(dataclasses.replace(row, wall_ns=8_100.0),)), path)
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    table = gilscope("report", str(path), env=environment)
    assert (table.returncode, table.stderr) == (0, "")
    assert "8.1 ?s" in table.stdout
    assert gilscope("report", str(path), "--format", "json", env=environment).stdout == path.read_text()


def test_a_time_in_which_nothing_can_be_measured_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run whose time is gone before its first round starts no second launch, draws and saves nothing, ends with 3."""
    code, out, err = called(capsys, *SMALL, "--max-time", "1ms", "-o", str(tmp_path / "run.json"))
    assert (code, out) == (3, "")
    assert os.listdir(tmp_path) == []
    assert "no round ended in time; give more time (--max-time)" in err
    assert err.count("launch ") == 1
