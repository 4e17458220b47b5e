"""Standard streams that are closed, full or no longer read: every command meets every such stream.

What was found decides the exit code, and files are written.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import IO

import fakes
import pytest
from brief import BRIEFLY

from gilscope.accounting.ledger import availability
from gilscope.cli import COMMANDS
from gilscope.running import document as running

GILSCOPE = [sys.executable, "-W", "error", "-m", "gilscope"]
#: Command lines that measure nothing, or hardly anything, and what each ends with. FOLDER is one with files in it.
QUICK = {
    "--help": 0,
    "run nosuchkernel": 2,
    "experiment nosuchexperiment": 2,
    "list": 0,
    "syllabus": 0,
    "doctor": None,  # the machine decides
    "doctor --imports nosuchmodule": 4,
    "report FOLDER/run.json": 0,
    "report FOLDER/run.json --format json": 0,
    "ledger FOLDER/fail.py": 7,
    "ledger --json - FOLDER/fail.py": 7,
    "probe 1/0": 4,
    "probe 1/0 --json": 4,
    "trace 1/0": 4,
    "atlas FOLDER/fails.toml": 4,
}
SLOW = "selftest -n 10 --quiet-only --ci-width 90%"
RUN = "run quad --implementations c --gil released --strategies serial --items 4096 --fast --ci-width 30% --max-time 9s"
#: Command lines that write a file, and what they may end with.
WRITING = {
    f"{RUN} -o FILE": {0, 3, 5},
    "probe sum(range(1000)) --max-time 0.1 --json=FILE": {0, 3},
    "trace sum(range(1000)) --calls 3 -o FILE": {0},
    "ledger --json FILE FOLDER/fail.py": {7},
    "atlas FOLDER/fails.toml -o FILE": {4},
}
WAYS = ["closed", "full", "gone", "left"]
#: Every command line with every way, and with one of standard output and error in turn, so that each way meets each of
#: the two under half of the command lines. What is written to a stream is the line's affair, and what comes of it the
#: way's: no third of the three has a say.
BROKEN = [(line, 1 + (i + j) % 2, way) for i, line in enumerate(QUICK) for j, way in enumerate(WAYS)]
#: Every command line that writes with every way, but the one that takes seconds with two: files that are opened where
#: streams were closed, and a stream that fails. A reader that is gone or leaves is met by the other lines.
SAVING = [(line, way) for line in WRITING for way in (WAYS[:2] if line.startswith("run") else WAYS)]
GIL = pytest.mark.skipif(availability() is not None, reason=str(availability()))

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/dev/full is Linux's")


def test_every_command_is_tried() -> None:
    """A command that is added is tried here too."""
    assert {line.split()[0] for line in (*QUICK, *WRITING, SLOW)} >= set(COMMANDS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a result, a program that fails, and a list with a call that fails."""
    folder = tmp_path_factory.mktemp("streams")
    running.RUN.write(fakes.hand_made(), folder / "run.json")
    (folder / "fail.py").write_text("raise SystemExit(7)\n")
    (folder / "fails.toml").write_text('title = "T"\n[[call]]\nname = "a"\ngroup = "g"\nstatement = "1 / 0"\n')
    return folder


@contextmanager
def stream(way: str) -> Iterator[int | None]:
    """Make a stream that does not work, in one of four ways; None for one that is to be closed."""
    if way == "closed":
        yield None
        return
    if way == "full":
        with open("/dev/full", "w") as full:
            yield full.fileno()
        return
    ours, theirs = os.pipe()
    reader = os.fdopen(ours, "rb", buffering=0)
    if way == "gone":
        reader.close()
        yield theirs
        os.close(theirs)
        return
    thread = Thread(target=read_a_little, args=(reader,))
    thread.start()
    try:
        yield theirs
    finally:
        os.close(theirs)
        thread.join()


def read_a_little(reader: IO[bytes]) -> None:
    """Read five bytes and leave, as `head -c 5` does."""
    with reader:
        reader.read(5)


def ended(line: str, folder: Path, ways: dict[int, str], start: Sequence[str] = GILSCOPE) -> tuple[int, str]:
    """Run a command line with broken streams to its end; return its exit code and what it wrote on the others."""
    words = [word.replace("FOLDER", str(folder)) for word in line.split()]
    closing = " ".join(f"{number}>&-" for number, way in ways.items() if way == "closed")
    command = ["sh", "-c", f'exec "$@" {closing}', "sh", *start, *words]
    with ExitStack() as stack:
        streams = {number: stack.enter_context(stream(way)) for number, way in ways.items()}
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if streams.get(1) is None else streams[1],
            stderr=subprocess.PIPE if streams.get(2) is None else streams[2],
            text=True,
            timeout=100,
            check=False,
        )
    return done.returncode, (done.stdout or "") + (done.stderr or "")


@pytest.fixture(scope="module")
def usual(folder: Path) -> dict[str, int]:
    """Return what each quick command line ends with where its streams work; the machine's affair is found out."""
    return {line: ended(line, folder, {})[0] if code is None else code for line, code in QUICK.items()}


@GIL
@pytest.mark.parametrize(("line", "number", "way"), BROKEN)
def test_a_broken_stream_changes_no_exit_code(
    line: str, number: int, way: str, folder: Path, usual: dict[str, int]
) -> None:
    """What was found decides; that standard output is full is said, and ends with 5 where nothing else was wrong."""
    code, rest = ended(line, folder, {number: way})
    is_said = "gilscope: cannot write the output: No space left on device\n" in rest
    assert "gilscope/cli" not in rest  # as a traceback of ours would have it
    if number == 1 and way == "full":
        assert code == (usual[line] or 5), rest
    else:
        assert code == usual[line], rest
        assert not is_said


@GIL
@pytest.mark.parametrize("line", ["report FOLDER/run.json", "list", "doctor --json", "--help"])
def test_an_output_that_is_full_is_said_once(line: str, folder: Path) -> None:
    """One line on standard error, and no traceback."""
    code, rest = ended(line, folder, {1: "full"})
    assert (code, rest) == (5, "gilscope: cannot write the output: No space left on device\n")


@GIL
@pytest.mark.parametrize(("line", "way"), SAVING)
def test_broken_streams_keep_no_file_from_being_written(line: str, way: str, folder: Path, tmp_path: Path) -> None:
    """Where neither stream works, the file is written all the same, whole, and the code is what was found."""
    file = tmp_path / "result.json"
    code, _ = ended(line.replace("FILE", str(file)), folder, {1: way, 2: way}, BRIEFLY)
    assert code in (WRITING[line] | {5} if way == "full" else WRITING[line])
    assert json.loads(file.read_text())
    assert os.listdir(tmp_path) == [file.name]


def test_a_reader_that_leaves_is_no_error_of_a_self_test(folder: Path) -> None:
    """As for all commands; it takes seconds, and so meets one such stream."""
    assert ended(SLOW, folder, {1: "gone", 2: "gone"}, BRIEFLY) == (0, "")


@GIL
def test_a_reader_of_both_streams_that_leaves_hides_no_code(folder: Path) -> None:
    """`gilscope ledger program 2>&1 | head -1` ends as the program did."""
    (folder / "prints.py").write_text("print('work', flush=True)\nraise SystemExit(7)\n")
    line = 'exec 3>&1; ("$@" 2>&1; echo $? >&3) | head -1 >&2'
    command = ["sh", "-c", line, "sh", *GILSCOPE, "ledger", str(folder / "prints.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (done.stdout, done.stderr) == ("7\n", "work\n")


def test_a_stream_that_does_not_wait_loses_nothing() -> None:
    """A pipe that was told not to block, by whoever shares it, gets all of it."""
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    with subprocess.Popen([*GILSCOPE, "doctor", "--imports", *["json"] * 3, "--json"], stdout=theirs) as process:
        os.close(theirs)
        with os.fdopen(ours, "rb") as reader:
            assert len(json.loads(reader.read())) == 3
    assert process.returncode == 0


def test_a_file_that_is_opened_is_no_standard_stream(folder: Path) -> None:
    """Where all three are closed, nothing that the command opens becomes one of them, and its program has them too."""
    (folder / "streams.py").write_text("import os\nos.write(1, b'x'), os.write(2, b'x')\nassert os.read(0, 1) == b''\n")
    line = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *GILSCOPE, "ledger", str(folder / "streams.py")]
    assert subprocess.run(line, timeout=100, check=False).returncode == 0
