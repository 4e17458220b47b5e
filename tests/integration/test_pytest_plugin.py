"""The plugin as pytest loads it: the fixture, what it skips, and that loading it loads nothing else."""

import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from gilscope.accounting.ledger import availability

pytest_plugins = ["pytester"]

#: Right claims, and each wrong one.
TESTS = """
from array import array
from functools import partial
from gilscope.kernels import _capi

x = array("d", range(2048))
held, released = partial(_capi.quad_compute_held, x, 10_000), partial(_capi.quad_compute_released, x, 10_000)
longer = partial(_capi.quad_compute_held, x, 100_000)


def raises():
    raise OSError("of the call")


def test_right(gil):
    gil.releases(released)
    gil.releases(released, at_most=1)
    gil.holds(held)
    gil.max_stall(held, ms=10_000)


def test_wrong_releases(gil):
    gil.releases(held, at_least=0.5)


def test_wrong_pieces(gil):
    gil.releases(partial(_capi.release_pairs, 5000))


def test_wrong_count(gil):
    gil.releases(partial(_capi.release_pairs, 3), at_least=0.001, at_most=2)


def test_wrong_holds(gil):
    gil.holds(released)


def test_wrong_stall(gil):
    gil.max_stall(longer, ms=0.2)


def test_raising(gil):
    gil.releases(raises)
"""
#: Has there be no ledger, so that a thread at a gate decides.
WITHOUT_LEDGER = """
from gilscope import Unavailable, testing

testing.availability = lambda: Unavailable("no ledger in this test")
"""


@pytest.fixture
def told(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pytest.RunResult]:
    """Run a file of tests with gilscope's plugin and no other: those of whoever runs this shuffle, retry and count."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_PLUGINS", raising=False)

    def run(tests: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(tests)
        own = ("-p", "gilscope.pytest_plugin", "-p", "no:cacheprovider")
        return pytester.runpytest_subprocess(*own, *options)

    return run


def failures(result: pytest.RunResult) -> dict[str, list[str]]:
    """Return the lines that pytest printed of each failed test, by its name; without the bare ones."""
    found: dict[str, list[str]] = {}
    for line in result.outlines:
        header = re.fullmatch(r"_+ (test_\w+) _+", line)
        if header:
            name = header[1]
            found[name] = []
        elif line.startswith("==="):
            name = ""
        elif found and name and line.strip():
            found[name].append(line)
    return found


def assert_shows_its_own_line(lines: list[str]) -> None:
    """Assert that of all code only the test's was printed, above the message."""
    assert sum(line.startswith(">") for line in lines) == 1, "\n".join(lines)
    assert not any(".py:" in line and not line.startswith(("test_", "E ")) for line in lines), "\n".join(lines)
    assert len(lines) <= 20, "\n".join(lines)


def test_fixture(told: Callable[..., pytest.RunResult]) -> None:
    """Right claims pass, and wrong ones fail with what was measured; without a GIL or a ledger they skip."""
    result = told(TESTS)
    if availability() is not None:
        assert result.parseoutcomes().get("failed", 0) <= 1  # what raises by itself
        return
    result.assert_outcomes(passed=1, failed=6)
    found = failures(result)
    for name, message in {
        "test_wrong_releases": "AssertionError: the call released the GIL for 0 % of its time; at least 50 %",
        "test_wrong_pieces": "AssertionError: the call released the GIL 5000 times, in pieces of",
        "test_wrong_count": "AssertionError: the call released the GIL 3 times, in pieces of",
        "test_wrong_holds": "AssertionError: the call released the GIL, ",
        "test_wrong_stall": "AssertionError: the call left a request for the GIL unanswered for ",
    }.items():
        assert_shows_its_own_line(found[name])
        assert message in "\n".join(found[name])
    result.stdout.fnmatch_lines(["*releases *1 per call*"])


def test_what_the_call_raises_is_shown_where_it_did(told: Callable[..., pytest.RunResult]) -> None:
    """Between the test's line and the call's there is nothing of gilscope's."""
    result = told(TESTS, "-k", "raising")
    if result.parseoutcomes().get("skipped"):
        pytest.skip("a free-threaded build")
    lines = failures(result)["test_raising"]
    assert [line.split(":")[0] for line in lines if ".py:" in line] == [lines[-1].split(":")[0]] * 2
    assert "OSError: of the call" in "\n".join(lines)


def test_without_a_ledger_failures_are_as_short(
    told: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> None:
    """What the gate shows is told in one line; what it cannot tell skips."""
    pytester.makeconftest(WITHOUT_LEDGER)
    result = told(TESTS, "-rs", "-k", "wrong_releases or wrong_holds or wrong_stall or wrong_count")
    found = failures(result)
    if not found:
        pytest.skip("a free-threaded build, or a machine on which no other thread got through a gate")
    for lines in found.values():
        assert_shows_its_own_line(lines)
    result.stdout.fnmatch_lines(["*AssertionError: the call never released the GIL: another thread got through in 0*"])
    result.stdout.fnmatch_lines(["*SKIPPED*how long a call stalls others cannot be told*no ledger in this test*"])


def test_what_cannot_be_told_skips(told: Callable[..., pytest.RunResult]) -> None:
    """A skip has the reason, and is neither a pass nor a failure."""
    result = told(
        "import sysconfig\n"
        "def test_it(gil, monkeypatch):\n"
        "    monkeypatch.setattr(sysconfig, 'get_config_var', lambda name: 1)\n"
        "    gil.holds(len)\n",
        "-rs",
    )
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*does not apply*free-threaded*"])


def test_loading_it_loads_nothing_of_gilscope() -> None:
    """It is imported in every run of pytest, so it brings neither NumPy nor a module of gilscope's."""
    code = (
        "import sys, gilscope.pytest_plugin\n"
        "print(*sorted(n for n in sys.modules if n.partition('.')[0] in ('gilscope', 'numpy', 'rich', 'click')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["gilscope", "gilscope.pytest_plugin"]
