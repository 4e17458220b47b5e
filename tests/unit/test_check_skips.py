"""The script that fails CI when a test was skipped under every interpreter."""

import importlib.util
import json
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci/check_skips.py"
CASE = '<testcase classname="tests.test_x" name="{name}">{inside}</testcase>'
SKIPPED = '<skipped type="pytest.skip" message="needs a harpsichord"/>'
XFAILED = '<skipped type="pytest.xfail" message="known"/>'


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_skips", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Judge runs, given as name -> inside of each testcase, with `allowed` as the list of exceptions."""

    def judge(*runs: dict[str, str], allowed: str = "", free_threaded: bool = False) -> int:
        for number, cases in enumerate(runs):
            text = "".join(CASE.format(name=name, inside=inside) for name, inside in cases.items())
            (tmp_path / f"{number}.xml").write_text(f"<testsuites><testsuite>{text}</testsuite></testsuites>")
            facts = {"version": f"3.{number}", "free_threaded": free_threaded}
            (tmp_path / f"{number}.json").write_text(json.dumps(facts))
        (tmp_path / "allowed.toml").write_text(allowed)
        monkeypatch.setattr(script, "ALLOWED", tmp_path / "allowed.toml")
        return script.main(tmp_path)

    return judge


def test_a_test_that_ran_somewhere_passes(run):
    """One interpreter that runs a test is enough, and an expected failure counts as run."""
    assert run({"test_a": SKIPPED, "test_b": XFAILED}, {"test_a": "", "test_b": SKIPPED}) == 0


def test_a_test_that_ran_nowhere_fails_and_is_named(run, capsys: pytest.CaptureFixture[str]):
    """The test and the reason of its skip are printed."""
    assert run({"test_a": SKIPPED, "test_b": ""}, {"test_a": SKIPPED}) == 1
    assert "NEVER RUN: tests.test_x::test_a: needs a harpsichord" in capsys.readouterr().out


def test_no_report_at_all_fails(run):
    """Where nothing was run, nothing has passed."""
    assert run() == 1


ALLOWED = '[[allowed]]\ntest = "tests.test_x::test_a*"\nneeds = "free-threading"\n'


@pytest.mark.parametrize(("free_threaded", "code"), [(False, 0), (True, 1)])
def test_an_exception_counts_only_where_the_thing_is_missing(run, *, free_threaded: bool, code: int):
    """On a machine that has what the test needs, its skip is a fault again."""
    assert run({"test_a[1]": SKIPPED}, allowed=ALLOWED, free_threaded=free_threaded) == code


def test_the_real_list_names_only_needs_that_are_known(script: ModuleType):
    """An entry with a need that nothing checks would be an exception for ever."""
    entries = tomllib.loads(script.ALLOWED.read_text()).get("allowed", [])
    assert {entry["needs"] for entry in entries} <= set(script.NEEDS)


def test_a_sanitizer_is_tried_and_not_taken_for_granted(script: ModuleType, monkeypatch: pytest.MonkeyPatch):
    """Where there is no compiler there is none, and what needs it may be skipped."""
    monkeypatch.setenv("PATH", "")
    assert not script.sanitizes()
    assert script.missing_here([{"free_threaded": True}]) == {"thread sanitizer"}
