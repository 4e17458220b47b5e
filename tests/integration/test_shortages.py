"""Too few files, processes, threads or memory: 5 and a sentence, never half a traceback, and nothing is left."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from brief import BRIEFLY
from leftovers import nothing_left, processes_of

from gilscope.accounting.ledger import availability
from gilscope.errors import CannotRunError
from gilscope.probing import workers
from gilscope.running import strategies
from gilscope.running.strategies import crew as crews
from gilscope.running.strategies import host
from gilscope.targets.target import parse_target

# With -P, as for the installed command: CPython 3.13 itself minds an entry for a working folder that is gone.
GILSCOPE = [BRIEFLY[0], "-P", *BRIEFLY[1:]]
TINY = "run quad --implementations c --gil released --items 4096 --fast --ci-width 50% --max-time 10s --seed 1"
COMMANDS = {
    "run": f"{TINY} --strategies serial,threads",
    "many workers": f"{TINY} --workers 64 --oversubscribe",
    "probe": "probe sum(range(1000)) --max-time 0.1",
    "trace": "trace sum(range(1000)) --calls 3",
    "imports": "doctor --imports json",
    "ledger": "ledger -m this",
    "selftest": "selftest -n 10 --quiet-only --ci-width 90%",
}
SHORT = "too many files are open at once|no further thread or process|there is not enough memory|are too large"

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(availability() is not None, reason=str(availability())),
]


def ended(line: str, *before: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command line to its end, behind what sets a limit; no process of its session may be left."""
    process = subprocess.Popen(
        [*before, *GILSCOPE, *line.split()],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        out, err = process.communicate(timeout=200)
    assert processes_of(process.pid) == []
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def limited(option: str, value: int) -> list[str]:
    """Return what sets a limit before a command."""
    return ["sh", "-c", f'ulimit {option} {value}; exec "$@"', "sh"]


def is_told(done: subprocess.CompletedProcess[str]) -> bool:
    """Check that a command either worked or said in a sentence what was short; return whether it did the latter."""
    assert "Traceback" not in done.stderr, done.stderr
    if done.returncode in (0, 3) or "verdict" in done.stdout:
        return False
    assert done.returncode == 5, done.stderr
    told = [line for line in (done.stderr + done.stdout).splitlines() if any(word in line for word in SHORT.split("|"))]
    assert len(told) == 1, done.stderr
    return True


@pytest.mark.parametrize("name", COMMANDS)
def test_too_few_files_are_said(name: str) -> None:
    """Wherever the last of them is needed: in the command, its guard, a measuring process or a worker."""
    told = [is_told(ended(COMMANDS[name], *limited("-n", n))) for n in (10, 16, 22)]
    assert told[0], "the smallest limit is one that nothing works under"


def only_so_many(n: int) -> list[str]:
    """Return what runs a command as a user who may have so many processes and threads, where this process may do so."""
    setpriv, prlimit = shutil.which("setpriv"), shutil.which("prlimit")
    if setpriv is None or prlimit is None or os.geteuid() != 0:
        pytest.skip("this process may not become another user, and root has no limit")
    rights = "+dac_override,+dac_read_search"  # to reach the interpreter, wherever it is
    user = ["--reuid=23456", "--regid=23456", "--clear-groups", f"--inh-caps={rights}", f"--ambient-caps={rights}"]
    if subprocess.run([setpriv, *user, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this process may not become another user")
    return [setpriv, *user, prlimit, f"--nproc={n}:{n}"]


@pytest.mark.parametrize("name", COMMANDS)
def test_too_few_processes_are_said(name: str) -> None:
    """Wherever the last of them is needed: for a guard, a child, a worker or a thread of one."""
    told = [is_told(ended(COMMANDS[name], *only_so_many(n))) for n in (1, 3, 5, 8)]
    assert told[0]


@pytest.mark.parametrize(("option", "kilobytes"), [("-v", 200_000), ("-f", 100)])
def test_too_little_memory_is_said(option: str, kilobytes: int) -> None:
    """Arrays of more than a limit allows, of memory or of files, which they count as too; the interpreter starts."""
    line = "run quad --implementations c --items 40960000 --max-time 5s"
    assert is_told(ended(line, *limited(option, kilobytes)))


def test_a_working_folder_that_was_removed_is_no_hindrance(tmp_path: Path) -> None:
    """Nothing is looked for there; a file that was to be written there is refused before anything is measured."""
    folder = tmp_path / "gone"
    folder.mkdir()
    without = ["sh", "-c", 'rmdir "$PWD"; exec "$@"', "sh"]
    for name in ("run", "probe", "trace"):
        folder.mkdir(exist_ok=True)
        done = ended(COMMANDS[name], *without, folder=folder)
        assert done.returncode in (0, 3) or "verdict" in done.stdout, done.stderr
        assert done.stdout
    folder.mkdir(exist_ok=True)
    done = ended(f"{TINY} -o run.json", *without, folder=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot write run.json: there is no folder" in done.stderr


def test_a_process_with_many_descriptors_can_use_all_of_it(tmp_path: Path) -> None:
    """select() knows none above 1023, and a server has as many."""
    program = """
        import os, resource, sys
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard) if hard > 0 else 4096, hard))
        try:
            files = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
        except OSError:
            sys.exit(77)
        import gilscope
        from gilscope.running import calibration, plan
        calibration.MIN_SAMPLE_NS, plan.MIN_SPAN_S = 300_000, 0.0
        which = {"implementations": ("c",), "gil_modes": ("released",), "strategies": ("serial",), "n_items": 4096}
        result = gilscope.run(kernels=("quad",), **which, effort="fast", target=0.5, budget_s=5.0)
        assert result.state == "complete"
        from functools import partial
        from gilscope.probing import probe as probing
        probing.probe_target = partial(probing.probe_target, seconds=0.1)
        assert not gilscope.probe(sum, range(1000)).failure
        with gilscope.ledger():
            pass
    """
    (tmp_path / "program.py").write_text(textwrap.dedent(program))
    command = [sys.executable, "-W", "error", str(tmp_path / "program.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    if done.returncode == 77:
        pytest.skip("this process may not open as many files")
    assert (done.returncode, done.stderr) == (0, "")


def failing_at(number: int, function: Callable[..., object]) -> Callable[..., object]:
    """Return a function that works until its call of this number, which finds too few files."""
    calls = iter(range(number))

    def call(*arguments: object, **options: object) -> object:
        if next(calls, None) is None:
            raise OSError(24, "Too many open files")
        return function(*arguments, **options)

    return call


@pytest.mark.parametrize("number", range(5))
def test_a_crew_that_cannot_have_its_pipes_leaves_none(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that there were are closed."""
    with closing(strategies.SharedMemory("float64", 3, 32)) as memory, nothing_left():
        crew = strategies.find("processes")(memory, 3)
        with monkeypatch.context() as patched:
            patched.setattr(crews.os, "pipe", failing_at(number, os.pipe))
            with pytest.raises(OSError, match="Too many open files"):
                crew.__enter__()


def test_workers_whose_threads_cannot_be_started_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The coordinator hears of each, instead of waiting for ever; those that could be started serve until their end."""
    start = threading.Thread.start

    def one_only(self: threading.Thread) -> None:
        if self is not threads[0]:
            raise RuntimeError("can't start new thread")
        start(self)

    threads: list[threading.Thread] = []
    init = threading.Thread.__init__

    def note(self: threading.Thread, *arguments: object, **options: object) -> None:
        init(self, *arguments, **options)  # type: ignore[arg-type]
        threads.append(self)

    pipes = [crews.Channel() for _ in range(2)]
    with closing(strategies.SharedMemory("float64", 3, 32)) as memory, nothing_left():
        with monkeypatch.context() as patched:
            patched.setattr(host.signal, "signal", lambda *_: None)
            patched.setattr(host.gc, "disable", lambda: None)
            patched.setattr(threading.Thread, "__init__", note)
            patched.setattr(threading.Thread, "start", one_only)
            ends = [(host.Inherited(c.worker_reads), host.Inherited(c.worker_writes), crews.ANY_CPU) for c in pipes]
            os.close(pipes[0].start)  # the order to stop
            pipes[0].start = -1
            host.live(ends, host.Inherited(memory.fd), memory.n_bytes, in_interpreters=False, not_ours=[])
        crew = strategies.find("threads")(memory, 2)
        crew._channels = pipes
        assert "pid" in json.loads(crew._receive(0)[1])
        answer = json.loads(crew._receive(1)[1])
        assert "no further thread" in answer["short"]
        for channel in pipes:
            channel.close()


@pytest.mark.parametrize("number", range(2))
def test_a_worker_of_a_probe_that_cannot_be_started_leaves_nothing(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither pipes nor half a process."""
    target = parse_target("sum([])", statement=True)
    with nothing_left(), monkeypatch.context() as patched:
        patched.setattr(workers.os, "pipe", failing_at(number, os.pipe))
        with pytest.raises(CannotRunError, match="too many files"):
            workers.PipeChannel(target)
    with nothing_left(), monkeypatch.context() as patched:
        patched.setattr(workers, "Popen", failing_at(0, subprocess.Popen))
        with pytest.raises(CannotRunError, match="too many files"):
            workers.PipeChannel(target)

    def fail(_: object) -> None:
        raise RuntimeError("can't start new thread")

    with nothing_left(), monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        patched.setattr(workers.Thread, "start", fail)
        with pytest.raises(CannotRunError, match="no further thread"):
            workers.PipeChannel(target, lambda _: None)
        with pytest.raises(CannotRunError, match="no further thread"):
            workers.ThreadChannel(int)
