"""Children under their guard: what is heard of them, and that nothing outlives what it was started for."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from leftovers import nothing_left, wait_for

from gilscope.children import start
from gilscope.children.descendants import descendants_of
from gilscope.children.signals import signal_name
from gilscope.children.start import Child, ask, interpreter
from gilscope.errors import CannotRunError

# A child that has started others: in its session, in one of their own, and there without an environment.
FAMILY = """
import subprocess, sys, time
sleep = [sys.executable, "-c", "import time; time.sleep(1000)"]
others = [subprocess.Popen(sleep), subprocess.Popen(sleep, start_new_session=True)]
others += [subprocess.Popen(["/bin/sh", "-c", "sleep 1000 & echo $!"], start_new_session=True, env={}, stdout=-1)]
orphan = int(others[-1].stdout.readline())
others[-1].wait()
print(*[other.pid for other in others[:2]], orphan, flush=True)
time.sleep(1000)
"""
# A child with a segment of memory that has a name, and a process beside that no SIGTERM ends.
SEGMENT = """
import multiprocessing, signal, subprocess, sys, time
from multiprocessing import resource_tracker, shared_memory
segment = shared_memory.SharedMemory(create=True, size=4096)
deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(1000)"
fds = [resource_tracker.getfd()]
other = subprocess.Popen([sys.executable, "-c", deaf], stdout=-1, pass_fds=fds)
other.stdout.readline()
print(segment.name.lstrip("/"), flush=True)
time.sleep(1000)
"""
# Starts a child as gilscope does, and tells its process and whatever that says.
PARENT = """
import os, sys, time
from gilscope.children.start import Child, interpreter
child = Child(interpreter("-c", sys.argv[1]), stdin=None, stdout=None, is_program=sys.argv[2:] == ["program"])
print(child.pid, child._guard.pid, flush=True)
child.wait()
"""


def runs(pid: int) -> bool:
    """Tell whether a process has not ended; a zombie has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("pass", 0),
        ("raise SystemExit(7)", 7),
        ("import os; os.kill(os.getpid(), 15)", -15),
        ("import os; os._exit(3)", 3),
    ],
)
def test_how_a_child_ended_is_told(code: str, status: int) -> None:
    """As `subprocess` tells it, and by `poll`, which waits for nothing, once the guard has been heard."""
    with nothing_left(), Child(interpreter("-c", code)) as child:
        assert child.pid > 0
        assert child.wait() == child.poll() == child.returncode == status


def test_a_child_is_what_it_would_be_without_a_guard() -> None:
    """It leads a session of its own, with the descriptors it was given, signals as usual and the same environment."""
    ours = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("SigIgn"))
    code = f"""
    import os, signal, sys
    assert os.getsid(0) == os.getpgid(0) == os.getpid()
    ignored = [line for line in open("/proc/self/status") if line.startswith("SigIgn")][0].split()[1]
    assert ignored == {ours.split()[1]!r}, ignored  # what Python itself ignores, and what all here inherit
    os.write(int(sys.argv[1]), repr((sorted(os.listdir("/proc/self/fd"), key=int), dict(os.environ))).encode())
    """
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "", "LANG": "C", "PYTHONCOERCECLOCALE": "0"}
    with nothing_left():
        answer = ask(interpreter("-c", textwrap.dedent(code)), [], 60, environment)
    assert answer.status == 0, answer.printed
    descriptors, found = eval(answer.told)
    assert descriptors[:3] == ["0", "1", "2"]
    assert len(descriptors) == 5  # the one it was given, and the one that lists them
    assert found == environment


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_a_child_inherits_what_is_ignored(handler: signal.Handlers) -> None:
    """As without a guard, which itself has to hear of the end of children."""
    code = "import signal; raise SystemExit(signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN)"
    before = signal.signal(signal.SIGCHLD, handler)
    try:
        with Child(interpreter("-c", code)) as child:
            assert child.wait() == (handler == signal.SIG_IGN)
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_what_cannot_be_started_is_said() -> None:
    """With the system's reason, for the guard finds it out and not this process."""
    with nothing_left(), pytest.raises(CannotRunError, match=r"\./nowhere cannot be started: No such file"):
        Child(["./nowhere"])
    with nothing_left(), pytest.raises(CannotRunError, match=r"/ cannot be started: Permission denied"):
        Child(["/"])


def test_a_signal_reaches_a_child_that_runs_and_no_other() -> None:
    """It goes through the guard, which knows whether the process is still that one."""
    with nothing_left(), Child(interpreter("-c", "import time; time.sleep(1000)")) as child:
        assert child.wait(0.0) is None
        child.send_signal(signal.SIGUSR1)
        assert child.wait() == -signal.SIGUSR1
        child.send_signal(signal.SIGKILL)
    child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGUSR1


def test_what_came_of_a_child_ends_with_it() -> None:
    """In its session, in others, and where an empty environment bears no mark."""
    with nothing_left():
        ours, theirs = os.pipe()
        with Child(interpreter("-c", FAMILY), stdout=theirs) as child:
            os.close(theirs)
            with os.fdopen(ours) as said:
                family = [child.pid, *map(int, said.readline().split())]
            assert descendants_of(os.getpid()) >= set(family)
        assert not [pid for pid in family if runs(pid)]


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="named memory has no folder to look into here")
def test_what_cleans_up_after_others_is_ended_last() -> None:
    """A segment with a name is removed when every process that may use it has ended, one that is deaf too."""
    with nothing_left():
        ours, theirs = os.pipe()
        with Child(interpreter("-c", SEGMENT), stdout=theirs) as child:
            os.close(theirs)
            with os.fdopen(ours) as said:
                segment = Path("/dev/shm", said.readline().strip())
            assert segment.exists() and runs(child.pid)
        assert not segment.exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_family_ends_with_its_parent(number: int) -> None:
    """However that ends: by kill -9, SIGTERM or SIGHUP."""
    with nothing_left():
        with subprocess.Popen([sys.executable, "-c", PARENT, FAMILY], stdout=subprocess.PIPE, text=True) as parent:
            assert parent.stdout is not None
            lines = sorted((parent.stdout.readline().split() for _ in range(2)), key=len)
            (child, guard), others = lines
            parent.send_signal(number)
        family = list(map(int, [child, guard, *others]))
        wait_for(lambda: not [pid for pid in family if runs(pid)])


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no signal comes when a parent ends")
def test_a_child_ends_with_its_guard() -> None:
    """Should the guard be killed alone; its parent hears of it."""
    sleep = "import time; print(flush=True); time.sleep(1000)"
    with (
        nothing_left(),
        subprocess.Popen([sys.executable, "-c", PARENT, sleep], stdout=subprocess.PIPE, text=True) as parent,
    ):
        assert parent.stdout is not None
        child, guard = (parent.stdout.readline() + parent.stdout.readline()).split()
        os.kill(int(guard), signal.SIGKILL)
        wait_for(lambda: not runs(int(child)))
        assert parent.wait(60) == 0


def test_a_program_ends_with_its_parent_and_what_it_started_does_not() -> None:
    """It is asked to end, so that it cleans up; its processes are its own, as without gilscope."""
    text = """
import os, signal, subprocess, time
signal.signal(signal.SIGTERM, lambda *_: (print("asked", flush=True), os._exit(0)))
print(os.getsid(0), subprocess.Popen(["sleep", "1000"], stdout=subprocess.DEVNULL).pid, flush=True)
time.sleep(1000)
"""
    with nothing_left():
        words = [sys.executable, "-c", PARENT, text, "program"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as parent:
            assert parent.stdout is not None
            numbers = [parent.stdout.readline().split() for _ in range(2)]
            parent.kill()
            asked = parent.stdout.readline()
            (session, sleep), (child, guard) = sorted(numbers, key=lambda pair: int(pair[0]) != os.getsid(0))
        try:
            assert int(session) == os.getsid(0)
            assert asked == "asked\n"
            wait_for(lambda: not [pid for pid in (child, guard) if runs(int(pid))])
            assert runs(int(sleep))
        finally:
            os.kill(int(sleep), signal.SIGKILL)


def test_a_copy_of_this_process_keeps_no_child_alive() -> None:
    """A fork holds no lifeline, so that the guard notices the end of the one that started it."""
    with nothing_left():
        reader, writer = os.pipe()
        with Child(interpreter("-c", "import time; time.sleep(1000)")) as child:
            copy = os.fork()
            if copy == 0:
                os.close(writer)
                os.read(reader, 1)  # until this process has closed its end
                os._exit(0)
        try:
            assert child.returncode == -signal.SIGKILL
        finally:
            for fd in (reader, writer):
                os.close(fd)
            os.waitpid(copy, 0)


def test_an_answer_is_apart_from_what_is_printed() -> None:
    """Of both no more is kept than is good, and what takes too long is ended."""
    code = "import os, sys\nprint('x' * 10**6 + 'end', flush=True)\nos.write(int(sys.argv[1]), sys.argv[2].encode())"
    with nothing_left():
        answer = ask(interpreter("-c", code), ["told"], 60)
        assert (answer.status, answer.told) == (0, b"told")
        assert answer.printed.endswith(b"xend\n")
        assert len(answer.printed) == start.OUTPUT_BYTES
        late = ask(interpreter("-c", "import time; time.sleep(1000)"), [], 0.2)
        assert (late.status, late.told) == (None, b"")


def test_signals_have_names() -> None:
    """Real-time ones have a number only."""
    assert (signal_name(9), signal_name(40)) == ("SIGKILL", "signal 40")
