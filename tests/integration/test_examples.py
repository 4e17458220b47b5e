"""The examples in Python that stand in the documents and in docstrings, run for real: each as it stands."""

import doctest
import re
import textwrap
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fakes
import pytest

import gilscope
from gilscope import testing
from gilscope.accounting import ledger
from gilscope.running.document import RUN

ROOT = Path(__file__).parents[2]
needs_ledger = pytest.mark.skipif(ledger.availability() is not None, reason=str(ledger.availability()))


def examples() -> dict[str, str]:
    """Return every fenced block of Python of the pages, by its page and number."""
    found: dict[str, str] = {}
    for page in [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))]:
        blocks = re.findall(r"^( *)```python\n(.*?)^ *```", page.read_text(), flags=re.DOTALL | re.MULTILINE)
        for number, (_, text) in enumerate(blocks, 1):
            found[f"{page.name} {number}"] = textwrap.dedent(text)
    return found


EXAMPLES = examples()


def run(name: str) -> dict[str, Any]:
    """Run an example as it stands; return the names that it has bound."""
    bound: dict[str, Any] = {}
    exec(compile(EXAMPLES[name], name, "exec"), bound)
    return bound


@needs_ledger
@pytest.mark.parametrize(
    "function",
    [gilscope.square, gilscope.quad, gilscope.ledger, testing.assert_releases_gil, testing.assert_holds_gil],
    ids=lambda function: function.__name__,
)
def test_the_examples_of_docstrings(function: Callable[..., object]) -> None:
    """What `help` shows gives what it says. Examples that take seconds, or name a time, are left out."""
    (found,) = doctest.DocTestFinder(recurse=False).find(function, globs={})
    assert found.examples
    said: list[str] = []
    assert not doctest.DocTestRunner().run(found, out=said.append).failed, "".join(said)


def test_every_example_is_run() -> None:
    """A new example gets its test here; those of the testing page speak of an extension of the reader's."""
    assert set(EXAMPLES) == {
        "README.md 1",
        "README.md 2",
        "atlas.md 1",
        "ledger.md 1",
        "reading-a-result.md 1",
        "testing.md 1",
    }


@needs_ledger
def test_the_ledgers_example(capsys: pytest.CaptureFixture[str]) -> None:
    """Its table names the thread, its mechanism is the ledger, and zlib is the place that released the GIL."""
    entered = run("ledger.md 1")["ledger"]
    printed = capsys.readouterr().out
    assert "MainThread" in printed
    assert "\nledger\n" in printed
    # An interpreter that is one static program has zlib inside, and its releases have no place (docs/ledger.md).
    if getattr(zlib, "__file__", None) is not None:
        assert any("zlib" in line for line in printed.splitlines()[-len(entered.sites) :])


def test_the_arithmetic_of_the_readme() -> None:
    """It asserts what it says."""
    run("README.md 2")


def test_a_file_that_setup_opens_is_closed_with_its_names() -> None:
    """The generator that the atlas page proposes closes its file when the names of the call go."""
    bound = run("atlas.md 1")
    file = bound["file"]
    assert not file.closed
    del bound["keep"]
    assert file.closed


def test_a_run_of_the_readme(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints a line for each arm, and what was found. A second is enough for that, with or without a round."""
    full = gilscope.run

    def shortened(**request: Any) -> gilscope.Result:
        return full(**request, budget_s=1.0, workers=(2,), oversubscribe=True)

    monkeypatch.setattr(gilscope, "run", shortened)
    result = run("README.md 1")["result"]
    printed = capsys.readouterr().out
    assert all(f"{row.arm.gil} {row.arm.strategy}" in printed for row in result.rows)
    assert all(finding in printed for finding in result.findings)


def test_another_estimator_on_a_saved_result(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page on results reads the rounds of a file, and finds what the table says."""
    plan = fakes.plan(kernels=("quad",), implementations=("c",), effort="fast")
    result, _ = fakes.finish(fakes.FakeMachine().runner(plan))
    monkeypatch.chdir(tmp_path)
    RUN.write(result, Path("result.json"))
    run("reading-a-result.md 1")
    (row,) = (row for row in result.rows if (row.arm.gil, row.arm.strategy) == ("released", "threads"))
    assert row.equal_width is not None
    assert float(capsys.readouterr().out) == pytest.approx(row.equal_width.estimate, rel=0.02)
