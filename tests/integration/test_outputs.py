"""Files that commands write: refused before anything is measured, and never a reason to hide what was measured."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fakes
import pytest
from brief import BRIEFLY

from gilscope.accounting.ledger import availability
from gilscope.cli import main
from gilscope.running import document as running

RUN = "run quad --implementations c --gil released --strategies serial --items 4096 --fast --ci-width 30% --seed 1"
#: Each option that names a file: a command line, what it shows of what it has measured, and what it may end with where
#: the file cannot be written. FOLDER is one with files in it.
WRITING = {
    "run": (f"{RUN} -o FILE.json", "verdict", 5),
    "probe": ("probe sum(range(1000)) --max-time 0.1 -o FILE.json", "holds", 5),
    "probe, as before": ("probe sum(range(1000)) --max-time 0.1 --json=FILE.json", "holds", 5),
    "a probe that fails": ("probe 1/0 --json=FILE.json", "ZeroDivisionError", 4),
    "trace": ("trace sum(range(1000)) --calls 3 -o FILE.json", "GIL", 5),
    "trace, a picture": ("trace sum(range(1000)) --calls 3 -o FILE.svg", "GIL", 5),
    "atlas": ("atlas FOLDER/good.toml --max-time 0.1 -o FILE.json", "good", 5),
    "an atlas that fails": ("atlas FOLDER/fails.toml -o FILE.json", "ZeroDivisionError", 4),
    "ledger": ("ledger -o FILE.json FOLDER/fine.py", "GIL: ", 5),
    "ledger, as before": ("ledger --json FILE.json FOLDER/fine.py", "GIL: ", 5),
}

pytestmark = pytest.mark.skipif(availability() is not None, reason=str(availability()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a program, and two lists of calls."""
    folder = tmp_path_factory.mktemp("outputs")
    (folder / "fine.py").write_text("sum(range(1000))\n")
    for name, statement in (("good", "sum(range(1000))"), ("fails", "1 / 0")):
        call = f'[[call]]\nname = "{name}"\ngroup = "g"\nstatement = "{statement}"\n'
        (folder / f"{name}.toml").write_text(f'title = "T"\n{call}')
    return folder


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system without room for a file of anything, where this process may."""
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(tmp_path)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this process may not mount a file system")
    (tmp_path / "filling").write_bytes(bytes(4096))
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def words(line: str, file: Path, folder: Path) -> list[str]:
    """Return a command line as its words."""
    return [word.replace("FILE", str(file)).replace("FOLDER", str(folder)) for word in line.split()]


def called(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Call the command line in this process, where nothing is going to be measured; return its code and its errors."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    out, err = capsys.readouterr()
    assert not out
    return int(caught.value.code or 0), err


@pytest.mark.parametrize("name", WRITING)
def test_a_full_disk_hides_nothing(name: str, folder: Path, full_disk: Path) -> None:
    """What was measured is shown, what could not be saved is said, what was found decides; and no file is left."""
    line, shown, code = WRITING[name]
    command = [*BRIEFLY, *words(line, full_disk / "result", folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == code, done.stderr
    assert shown in done.stdout + done.stderr
    last = done.stderr.splitlines()[-1]
    assert re.fullmatch(rf"gilscope: cannot write {full_disk}/result\.\w+: No space left on device", last)
    assert "Saved" not in done.stderr

    assert os.listdir(full_disk) == ["filling"]


def test_of_several_files_those_that_can_be_are_written(full_disk: Path, folder: Path) -> None:
    """One that fails neither hides the others nor is hidden by them."""
    good = folder / "trace.json"
    command = [sys.executable, "-W", "error", "-m", "gilscope", "trace", "sum(range(1000))", "--calls", "3"]
    command += ["-o", str(full_disk / "a.json"), "-o", str(good), "-o", str(full_disk / "b.svg")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 5
    assert done.stderr.count("No space left on device") == 2
    assert f"Saved: {good}\n" in done.stderr
    assert json.loads(good.read_text())


def bad_outputs(folder: Path) -> dict[Path, str]:
    """Return outputs that cannot be, and what is said of each."""
    pipe, existing, denied = folder / "pipe.json", folder / "existing.json", folder / "denied"
    os.mkfifo(pipe)
    existing.write_text("precious")
    denied.mkdir()
    (folder / "folder.json").mkdir()
    (folder / "device.json").symlink_to("/dev/null")
    (folder / "nowhere.json").symlink_to("none/r.json")
    return {
        existing: "exists already; choose another name",
        pipe: "is not a regular file",
        folder / "folder.json": "is not a regular file|is a directory",
        folder / "device.json": "is not a regular file",
        folder / "none" / "r.json": f"cannot write .*: there is no folder {folder}/none",
        folder / "nowhere.json": f"cannot write .*: there is no folder {folder}/none",
        existing / "r.json": f"cannot write .*: there is no folder {existing}",
        folder / ("x" * 300 + ".json"): "cannot write .*: File name too long",
        denied / "r.json": f"cannot write .*: the folder {denied} may not be written to",
    }


@pytest.mark.parametrize("name", ["run", "probe", "probe, as before", "trace", "atlas", "ledger", "ledger, as before"])
def test_an_output_that_cannot_be_is_refused_before_anything_is_measured(
    name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All commands refuse the same in the same words, end with 2, and touch nothing."""
    access = os.access  # root may write everywhere
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "denied" and access(path, mode))
    for path, reason in bad_outputs(tmp_path).items():
        if name == "atlas" and "exists already" in reason:
            reason = "is not JSON: .* it holds no results of an atlas"  # noqa: PLW2901 - its files are gone on with
        arguments = words(WRITING[name][0].replace("FILE.json", "FILE"), path, folder)
        code, err = called(arguments, capsys)
        assert code == 2, err
        assert re.search(reason, err), err
        assert path.name in err
    assert (tmp_path / "existing.json").read_text() == "precious"
    assert (tmp_path / "pipe.json").is_fifo()
    assert sorted(os.listdir(tmp_path)) == [
        "denied", "device.json", "existing.json", "folder.json", "nowhere.json", "pipe.json",
    ]  # fmt: skip


def test_a_probe_replaces_a_file_when_told_to(tmp_path: Path) -> None:
    """With --force, whole, through the user's link and with the file's own mode."""
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "real.json").chmod(0o600)
    (tmp_path / "r.json").symlink_to("real.json")
    command = [sys.executable, "-W", "error", "-m", "gilscope", "probe", "1/0", f"--json={tmp_path}/r.json"]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert refused.returncode == 2
    assert "add --force" in refused.stderr
    assert (tmp_path / "real.json").read_text() == "old"
    assert subprocess.run([*command, "--force"], capture_output=True, timeout=100, check=False).returncode == 4
    assert json.loads((tmp_path / "real.json").read_text())["exit_code"] == 4
    assert (tmp_path / "r.json").is_symlink()
    assert (tmp_path / "real.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("line", ["report PATH", "atlas PATH"])
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/dev/zero", "it is a device, not a file"),
        (".", "Is a directory"),
        ("x" * 300, "too long|no call list"),
    ],
)
def test_an_input_that_cannot_be_is_refused(
    line: str, path: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A device, which might never end, a folder, and a name that cannot be, in one style."""
    code, err = called([word.replace("PATH", path) for word in line.split()], capsys)
    assert code == 2
    assert re.fullmatch(rf"gilscope: (cannot read {re.escape(path)}: )?.*({reason}).*\n", err), err


@pytest.mark.parametrize("kind", ["run", "a probe that fails", "an atlas that fails"])
def test_a_report_reads_a_pipe_once(kind: str, folder: Path, tmp_path: Path) -> None:
    """`gilscope report <(zcat result.json.gz)` draws what the file would, whatever kind of result it is."""
    file = tmp_path / "result.json"
    command = [sys.executable, "-W", "error", "-m", "gilscope"]
    if kind == "run":
        running.RUN.write(fakes.hand_made(), file)
    else:
        line = words(WRITING[kind][0], tmp_path / "result", folder)
        subprocess.run([*command, *line], capture_output=True, timeout=100, check=False)
    drawn = subprocess.run([*command, "report", str(file)], capture_output=True, timeout=100, check=True)
    piped = ["sh", "-c", 'cat "$1" | "$2" -m gilscope report /dev/stdin', "sh", str(file), sys.executable]
    assert subprocess.run(piped, capture_output=True, timeout=100, check=True).stdout == drawn.stdout
