"""Where the strategies' suite runs: here, but for what must begin in a process of a single thread."""

import subprocess
import sys

import pytest

CALL = """
import importlib.util, json, sys
sys.path[:0] = {path!r}
spec = importlib.util.spec_from_file_location("suite", {file!r})
suite = importlib.util.module_from_spec(spec)
spec.loader.exec_module(suite)
suite.{function}(**{arguments!r})
"""


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test of the fork strategy in a fresh process: here, some other test may have left threads."""
    arguments = pyfuncitem.callspec.params if hasattr(pyfuncitem, "callspec") else {}
    if arguments.get("strategy") != "processes:fork":
        return None
    path = [str(pyfuncitem.config.rootpath / folder) for folder in pyfuncitem.config.getini("pythonpath")]
    program = CALL.format(
        path=path, file=str(pyfuncitem.path), function=pyfuncitem.originalname, arguments=dict(arguments)
    )
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr, done.stderr
    return True
