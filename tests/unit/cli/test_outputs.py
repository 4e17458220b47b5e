"""The grammar of output: what an ending asks for, what is refused before anything is measured, what is said of it."""

import json
from pathlib import Path
from typing import Any

import fakes
import pytest
from probes import PROBES

from gilscope.cli import main, options, outputs
from gilscope.cli.kinds import KINDS, Kind
from gilscope.cli.outputs import Outputs
from gilscope.errors import CannotRunError, UsageError
from gilscope.running.document import RUN

RESULT = {"run": fakes.hand_made(), "probe": PROBES["releases"]}


@pytest.mark.parametrize("name", RESULT)
def test_an_ending_says_what_a_file_holds(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each -o is a file in the format of its ending, in any case, and all of them are named at the end."""
    files = [tmp_path / name for name in ("a.json", "a.md", "a.HTML", "a.txt")]
    asked = Outputs(KINDS[name], files)
    asked.save(RESULT[name])
    assert asked.conclude(3) == 3
    assert capsys.readouterr() == ("", f"Saved: {', '.join(map(str, files))}\n")
    assert json.loads(files[0].read_text())
    assert "| --- |" in files[1].read_text()
    assert files[2].read_text().startswith("<!doctype html>")
    assert "| --- |" not in files[3].read_text()
    assert all(file.read_text().endswith("\n") for file in files)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("path", ["result", "result.jsn", "result.json.gz", ".json", "result."])
def test_a_wrong_ending_is_refused_with_all_that_are_right(name: str, path: str) -> None:
    """Those that this kind has, and no others."""
    with pytest.raises(UsageError, match=r"the ending says what is written; choose \.") as caught:
        Outputs(KINDS[name], [Path(path)])
    told = str(caught.value)
    for form in ("svg", "png"):
        assert (f".{form}" in told) == (form in KINDS[name].formats)


def test_a_file_cannot_be_asked_for_twice(tmp_path: Path) -> None:
    """One would replace the other."""
    with pytest.raises(UsageError, match=r"a\.md is given twice"):
        Outputs(KINDS["run"], [tmp_path / "a.md", tmp_path / "a.json", tmp_path / "a.md"])


@pytest.mark.parametrize(("ending", "library"), [("html", "Jinja2"), ("svg", "matplotlib"), ("png", "matplotlib")])
def test_a_missing_extra_is_refused_before_anything_is_measured(
    ending: str, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its name, with what installs it."""

    def missing() -> None:
        raise CannotRunError(f"it needs {library}")

    monkeypatch.setattr("gilscope.report.html.check", missing)
    monkeypatch.setattr("gilscope.tracing.picture.check_available", missing)
    kind = Kind("some:view", "some:dumps", "some:picture")
    with pytest.raises(CannotRunError, match=library):
        Outputs(kind, [tmp_path / f"a.{ending}"])
    if ending == "html":
        with pytest.raises(CannotRunError, match=library):
            Outputs(kind, [], "html")


@pytest.mark.parametrize(("found", "code"), [(0, 5), (3, 5), (1, 1), (2, 2), (4, 4), (5, 5), (7, 7), (130, 130)])
def test_what_can_be_written_is_written(
    found: int, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what cannot be is said: 5 takes the place of success and of "not resolved" alone."""
    real = outputs.save
    full = CannotRunError("cannot write it: No space left on device")
    monkeypatch.setattr(outputs, "save", lambda path, data: full if path.suffix == ".json" else real(path, data))
    asked = Outputs(KINDS["run"], [tmp_path / "a.json", tmp_path / "a.md"])
    asked.save(RESULT["run"])
    assert asked.conclude(found) == code
    assert capsys.readouterr().err == f"Saved: {tmp_path / 'a.md'}\ngilscope: {full}\n"
    assert (tmp_path / "a.md").exists()


def test_a_later_save_that_works_takes_back_that_one_did_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after every launch of a run: the last try counts."""
    asked = Outputs(KINDS["run"], [tmp_path / "a.json"])
    with monkeypatch.context() as patched:
        patched.setattr(outputs, "save", lambda *_: CannotRunError("full"))
        asked.save(RESULT["run"])
    assert asked.lost
    asked.save(RESULT["run"])
    assert not asked.lost
    assert asked.conclude(0) == 0


def test_a_file_that_one_goes_on_from_need_not_be_forced(tmp_path: Path) -> None:
    """It is the command that looks what it holds; a page is replaced only where that was said."""
    for ending in ("json", "html"):
        (tmp_path / f"a.{ending}").write_text("dear")
    Outputs(KINDS["atlas"], [tmp_path / "a.json"], goes_on=True)
    with pytest.raises(UsageError, match=r"a\.html exists already; .*--force"):
        Outputs(KINDS["atlas"], [tmp_path / "a.json", tmp_path / "a.html"], goes_on=True)
    Outputs(KINDS["atlas"], [tmp_path / "a.json", tmp_path / "a.html"], goes_on=True, force=True)


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[Any, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(["report", *arguments])
    return caught.value.code, *capsys.readouterr()


@pytest.fixture
def saved(tmp_path: Path) -> str:
    """Return a file with a run."""
    path = tmp_path / "run.json"
    RUN.write(fakes.hand_made(), path)
    return str(path)


def test_json_is_short_for_its_format(saved: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And standard output takes one format."""
    assert report(capsys, saved, "--json") == report(capsys, saved, "--format", "json")
    code, out, err = report(capsys, saved, "--json", "--format", "html")
    assert (code, out) == (2, "")
    assert "standard output takes one format" in err


def test_a_report_makes_files_too(saved: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside what it shows, once it is known what kind of result it is."""
    page = tmp_path / "page.html"
    code, out, err = report(capsys, saved, "-o", str(page))
    assert (code, err) == (0, f"Saved: {page}\n")
    assert "verdict" in out
    assert report(capsys, saved, "-o", str(page))[0] == 2
    assert report(capsys, saved, "-o", str(page), "--force")[0] == 0
    code, out, err = report(capsys, saved, "-o", str(tmp_path / "a.png"))
    assert (code, out) == (2, "")
    assert "choose .txt, .md, .json or .html" in err


def test_the_format_of_before_is_understood(saved: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And the new one is said, once."""
    code, out, err = report(capsys, saved, "--format", "table")
    assert (code, out) == report(capsys, saved)[:2]
    assert err == "gilscope: --format table is now --format text; the old spelling still works\n"


def test_times_that_leave_nothing_are_refused() -> None:
    """By both of them."""
    options.check_times(1.0, 2.0)
    for times in ((0.0, 1.0), (2.0, 2.0), (float("nan"), 1.0)):
        with pytest.raises(UsageError, match="--max-time must be above 0 and below --limit"):
            options.check_times(*times)
