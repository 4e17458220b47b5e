"""No file that gilscope writes names the person who wrote it: neither home, nor folders, nor the host, nor a login."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from brief import BRIEFLY

from gilscope.accounting import ledger

TINY = ("--strategies", "threads", "--items", "4096", "--fast", "--ci-width", "50%")
NAME = "annabel"
needs_ledger = pytest.mark.skipif(ledger.availability() is not None, reason=str(ledger.availability()))
SCRIPT = """
import os, subprocess, sys, threading, time
def work():
    print(__file__, os.getcwd())
    time.sleep(0.001)
def fail():
    print(sys.path, os.environ["HOME"])
    raise ValueError(os.path.abspath(__file__))
def leave():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)", os.path.abspath(__file__)])
def die():
    os.abort()
def hang():
    time.sleep(60)
if __name__ == "__main__":
    thread = threading.Thread(target=work, name=os.path.abspath(__file__))
    thread.start()
    thread.join()
"""
ATLAS = """
title = "{home}"
[[call]]
name = "works"
group = "{home}"
setup = "import sys; sys.path.append('{work}')"
statement = "import script; sum(range(100))"
[[call]]
name = "fails"
group = "none"
statement = "import script; script.fail()"
"""
QUICK = ("--max-time", "0.05s")
COMMANDS = {
    "run": ("run", "quad", "--implementations", "c", *TINY, "-o", "{saved}"),
    "doctor": ("doctor", "--json"),
    "doctor, imports": ("doctor", "--json", "--imports", "script", "no_such"),
    "probe": ("probe", "script.py:work", *QUICK, "--workers", "1", "--json"),
    "probe, module": ("probe", "script:work", *QUICK, "--workers", "1", "--json"),
    "probe, leftovers": ("probe", "script.py:leave", *QUICK, "--workers", "1", "--json"),
    "probe, Markdown": ("probe", "script.py:fail", *QUICK, "--markdown"),
    "probe, NumPy": ("probe", "-s", "import numpy; x = numpy.ones(10**4)", "numpy.sort(x)", *QUICK, "--json"),
    "probe, no script": ("probe", "scrip.py:work", "--json"),
    "probe, no module": ("probe", "scrip:work", "--json"),
    "probe, failure": ("probe", "script.py:fail", "--json"),
    "probe, crash": ("probe", "script.py:die", "--json"),
    "probe, hang": ("probe", "script.py:hang", *QUICK, "--limit", "1s", "--json"),
    "ledger": ("ledger", "--json", "{saved}", "script.py"),
    "trace": ("trace", "{work}/script.py:work", "--calls", "3", "-o", "{saved}"),
    "trace, picture": ("trace", "{work}/script.py:work", "--calls", "3", "-o", "{saved}"),
    "atlas": ("atlas", "list.toml", *QUICK, "-o", "{saved}"),
    "atlas, page": ("atlas", "list.toml", *QUICK, "--format", "html"),
    "atlas, Markdown": ("atlas", "list.toml", *QUICK, "--format", "markdown"),
}
_ENDINGS = {"trace, picture": ".svg"}


@pytest.mark.parametrize("kind", COMMANDS)
@needs_ledger
def test_what_is_saved_names_nobody(kind: str, tmp_path: Path) -> None:
    """Whatever was measured, and however it failed."""
    home = tmp_path / NAME
    work = home / "work"
    work.mkdir(parents=True)
    (work / "script.py").write_text(SCRIPT)
    (work / "list.toml").write_text(ATLAS.format(home=home, work=work))
    saved = work / f"saved{_ENDINGS.get(kind, '.json')}"
    arguments = [argument.format(work=work, saved=saved) for argument in COMMANDS[kind]]
    environment = {**os.environ, "HOME": str(home), "USER": NAME, "LOGNAME": NAME}
    done = subprocess.run(
        [*BRIEFLY, *arguments], capture_output=True, text=True, check=False, cwd=work, env=environment, timeout=60
    )
    text = saved.read_text() if saved.exists() else done.stdout
    assert len(text) > 80, done.stderr
    for place in (NAME, str(home), str(work), sys.prefix, sys.base_prefix, os.path.realpath(sys.prefix)):
        where = text.find(place)
        assert where < 0, text[max(0, where - 200) : where + 200]
    if len(platform.node()) > 3:
        assert platform.node() not in text
