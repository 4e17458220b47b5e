"""Workers of every kind do the same errands, and nothing is left of them, whichever side ends first."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from leftovers import nothing_left, wait_for

from gilscope.errors import KernelError
from gilscope.experiments.workers import KINDS, Worker, unavailable

_ANSWERED = """
import os, sys
from gilscope.experiments.workers import Worker, unavailable
if __name__ == "__main__":
    kind = sys.argv[1]
    assert unavailable(kind) is None, unavailable(kind)
    with Worker(kind, "hold_memory", 10) as worker:
        assert worker.hear() == (0,)
        worker.tell("touch")
        assert worker.hear() == (0,)
        assert (worker.pid == os.getpid()) == (kind in ("thread", "interpreter"))
    print("answered")
"""
_SERVED = """
import os, sys, time
from multiprocessing import util
from gilscope.experiments.workers import Worker
if __name__ == "__main__":
    with Worker("forkserver", "hold_memory", 1) as worker:
        worker.hear()
        print(util.get_temp_dir(), flush=True)
        sys.stdin.read()
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_answers_until_it_is_left(kind: str, tmp_path: Path) -> None:
    """It hears words, says numbers, and sees that there will be no more words."""
    if kind == "interpreter" and (reason := unavailable(kind)) is not None:
        pytest.skip(str(reason))
    script = tmp_path / "answered.py"
    script.write_text(_ANSWERED)
    with nothing_left():  # in a process of its own: a fork needs one that has no other thread
        done = subprocess.run([sys.executable, script, kind], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "answered\n"), done.stderr


@pytest.mark.parametrize("kind", ["thread", "spawn"])
def test_a_worker_that_has_ended_is_an_error(kind: str) -> None:
    """What it said before is heard first."""
    with nothing_left(), Worker(kind, "gilscope.experiments.failures:fail", "nothing") as worker:
        worker.tell("fail")
        assert worker.hear() == (0,)
        worker.tell("end")
        with pytest.raises(KernelError, match=f"a worker \\({kind}\\) ended"):
            worker.hear()


@pytest.mark.skipif(unavailable("forkserver") is not None, reason="no fork server on this platform")
def test_a_fork_server_removes_its_folder_where_the_process_that_it_serves_is_killed(tmp_path: Path) -> None:
    """By itself multiprocessing would leave it."""
    script = tmp_path / "served.py"
    script.write_text(_SERVED)
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as served:
        assert served.stdout is not None
        folder = Path(served.stdout.readline().strip())
        assert folder.is_dir() and folder.is_relative_to(tmp_path)
        served.send_signal(signal.SIGKILL)
        wait_for(lambda: not folder.exists())
