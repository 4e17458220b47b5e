"""The plugin as pytest loads it: the fixture, what it skips, and that loading it loads nothing else."""

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]
PLUGIN = ("-p", "gilscope.pytest_plugin", "-p", "no:cacheprovider")

TESTS = """
from array import array
from functools import partial
from gilscope import _capi

x = array("d", range(2048))
held, released = partial(_capi.quad_compute_held, x, 10_000), partial(_capi.quad_compute_released, x, 10_000)


def test_right(gil):
    gil.releases(released)
    gil.holds(held)
    gil.max_stall(held, ms=10_000)


def test_wrong_releases(gil):
    gil.releases(held, at_least=0.5)


def test_wrong_holds(gil):
    gil.holds(released)
"""


def test_fixture(pytester: pytest.Pytester) -> None:
    """Right claims pass, and wrong ones fail with what was measured; without a GIL or a ledger they skip."""
    from gilscope.accounting.ledger import availability

    pytester.makepyfile(TESTS)
    result = pytester.runpytest_subprocess(*PLUGIN)
    if availability() is not None:
        result.assert_outcomes(skipped=result.parseoutcomes().get("skipped", 0))
        return
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*AssertionError: the call released the GIL for 0.0%*", "*releases *1 per call*"])


def test_what_cannot_be_told_skips(pytester: pytest.Pytester) -> None:
    """A skip has the reason, and is neither a pass nor a failure."""
    pytester.makepyfile(
        "import sysconfig\n"
        "def test_it(gil, monkeypatch):\n"
        "    monkeypatch.setattr(sysconfig, 'get_config_var', lambda name: 1)\n"
        "    gil.holds(len)\n"
    )
    result = pytester.runpytest_subprocess(*PLUGIN, "-rs")
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
