"""The sandbox: however a target misbehaves, the outcome names it and nothing of it is left."""

import sys
from pathlib import Path
from typing import Any

import pytest
from extensions import build_c
from leftovers import nothing_left

from gilscope.accounting.holding import whereabouts
from gilscope.children import descendants
from gilscope.children.start import OUTPUT_BYTES
from gilscope.errors import CannotRunError
from gilscope.probing.probe import probe_target
from gilscope.targets import sandbox
from gilscope.targets.outcome import Outcome
from gilscope.targets.sandbox import run_child
from gilscope.targets.target import parse_target

TARGETS = """
import atexit
import concurrent.futures
import faulthandler
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import shared_memory
from pathlib import Path

SLEEP = [sys.executable, "-c", "import time; time.sleep(1000)"]

def spin():
    while True: pass
def sleep(): time.sleep(1000)
def wait_for_lock():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()
def stop(): os.kill(os.getpid(), signal.SIGSTOP)
def deaf():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    time.sleep(1000)
def spin_later():
    if len(calls) == 2: spin()
    calls.append(1)
calls = []

def segfault():
    print("about to crash")
    faulthandler._sigsegv()
def abort(): os.abort()
def kill(): os.kill(os.getpid(), signal.SIGKILL)
def exit_at_once(): os._exit(3)
def close_all(): os.closerange(0, 1000)
def close_ours(): os.closerange(3, 1000)
def exit_with(code): sys.exit(code)

class Unprintable(Exception):
    def __str__(self): raise ValueError
def fail(): raise ValueError("no " * 10**6)
def fail_below(): fail_twice()
def fail_twice():
    try:
        {}["key"]
    except KeyError as error:
        raise RuntimeError("twice") from error
def fail_unprintably(): raise Unprintable
def interrupt(): raise KeyboardInterrupt
def recurse(): recurse()
def read(): input()

def print_much():
    for i in range(100_000): print("x" * 99)
    os.write(1, b"y" * 100_000)
    print("the end")
def big(): return bytes(300_000_000)
def ok(): return 1

def note(pid): Path("pids").open("a").write(f"{pid}\\n")
def leave_child(): note(subprocess.Popen(SLEEP).pid)
def leave_daemon(): note(subprocess.Popen(SLEEP, start_new_session=True).pid)
def leave_fork():
    pid = os.fork()
    if pid == 0: time.sleep(1000)
    note(pid)
def leave_deaf():
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.setsid()
        os.write(writer, b"x")
        time.sleep(1000)
    os.read(reader, 1)
    note(pid)
def come_back_twice(): note(os.fork() or os.getpid())
def leave_pool():
    pool = concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
    note(pool.submit(os.getpid).result())
    kept.append(pool)
kept = []
def leave_memory(): kept.append(shared_memory.SharedMemory(create=True, size=100))
def leave_and_kill():
    leave_daemon()
    leave_memory()
    kill()
def leave_and_wait():
    leave_daemon()
    time.sleep(1000)
def leave_daemon_thread(): threading.Thread(target=sleep, daemon=True).start()
def leave_thread(): threading.Thread(target=sleep).start()
def two_at_once():
    words = [sys.executable, "-c", "import time\\nwhile time.process_time() < 0.2: pass"]
    for process in [subprocess.Popen(words), subprocess.Popen(words)]: process.wait()
def write_everywhere(payload, at):
    is_now = {
        "": True,
        "later": len(calls) == 50,
        "in_thread": threading.current_thread() is not threading.main_thread(),
        "in_worker": any("probing.worker" in word for word in sys.orig_argv),
        "at_end": False,
    }[at]
    calls.append(1)
    if is_now: write(payload)
    if at == "at_end" and len(calls) == 1: atexit.register(write, payload)
def write(payload):
    for fd in range(3, 20):
        try:
            if "pipe" in os.readlink(f"/proc/self/fd/{fd}"): os.write(fd, payload)
        except OSError: pass
def be_alone(): assert len(os.listdir("/proc/self/task")) == 1
def loaded(): return sorted(name for name in sys.modules if name.startswith("gilscope"))
def spawn():
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        print(__name__, sys.argv[1:], os.getcwd() in sys.path, pool.submit(loaded).result())
"""

COUNT = "gilscope.targets.child:count_calls"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a working folder with the targets in a module."""
    (tmp_path / "targets.py").write_text(TARGETS)
    (tmp_path / "json.py").write_text("raise RuntimeError('hides the one that gilscope needs')\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def probe(text: str, *, calls: int = 1, limit_s: float = 60.0, args: str = "", **how: Any) -> Outcome:
    """Probe a function of the targets, or what else names one; whatever it does, nothing is left of it."""
    target = parse_target(text if ":" in text else f"targets:{text}", args=args)
    with nothing_left():
        outcome = run_child(target, COUNT, {"calls": calls}, limit_s=limit_s, **how)
    pids = Path("pids").read_text().split() if Path("pids").exists() else []
    assert [pid for pid in pids if descendants.command(int(pid))] == []
    return outcome


def test_a_target_that_ends_is_measured() -> None:
    """The job's report comes back, the preflight with it, and every event on the way."""
    events: list[dict[str, Any]] = []
    outcome = probe("ok", calls=3, on_event=events.append)
    assert (outcome.kind, outcome.message, outcome.phase, outcome.exit_code) == ("done", "", "the measurement", 0)
    assert outcome.report is not None
    assert outcome.preflight is not None
    assert outcome.report["calls"] == 3
    assert outcome.report["preflight_wall_ns"] == outcome.preflight["wall_ns"] > 0
    assert outcome.preflight["result_type"] == "int"
    names = [event["event"] for event in events]
    assert names == ["started", "resolved", "preflight", *["progress"] * 3, "report"]


DEADLOCK = """
#include <Python.h>
#include <pthread.h>

static void *ask(void *unused)
{
    PyGILState_Release(PyGILState_Ensure());
    return unused;
}

/* The mistake: it waits for a thread that needs the GIL, and keeps it. */
static PyObject *join(PyObject *module, PyObject *unused)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, ask, NULL) || pthread_join(thread, NULL)) {
        return PyErr_NoMemory();
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"join", join, METH_NOARGS, ""}, {0}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "deadlock", "", -1, methods};

PyMODINIT_FUNC PyInit_deadlock(void) { return PyModule_Create(&definition); }
"""


def gil_can_be_seen() -> bool:
    """Tell whether this interpreter's GIL can be looked at, and the memory of children be read."""
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    return whereabouts() is not None and not (scope.exists() and int(scope.read_text()) > 1)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("spin", "the GIL was always held by the calling thread, which was computing."),
        ("sleep", "no thread held the GIL: the calling thread waits without it."),
        ("wait_for_lock", "no thread held the GIL: the calling thread waits without it."),
    ],
)
def test_what_hangs_shows_where_and_who_held_the_gil(name: str, told: str) -> None:
    """In Python or below it: the time limit ends it, faulthandler says where it was, the record who had the GIL."""
    outcome = probe(name, limit_s=1)
    assert (outcome.kind, outcome.exit_code, outcome.phase) == ("hung", 4, "its first call")
    assert outcome.message.startswith("It did not end within 1 s, in its first call.")
    frames = [line for line in outcome.traceback.splitlines() if line.lstrip().startswith("File")]
    assert f"in {name}" in frames[0]
    assert "gilscope" not in outcome.traceback
    assert "Aborted" not in outcome.traceback
    assert told in outcome.message or not gil_can_be_seen()


def test_a_deadlock_with_the_gil_is_said(folder: Path) -> None:
    """It is told from a wait without the GIL, and from work."""
    if not gil_can_be_seen():
        pytest.skip("this interpreter's GIL, or the memory of children, cannot be looked at")
    build_c(folder, "deadlock", DEADLOCK)
    told = "held by the calling thread, which waits, and 1 other thread waits for it: a deadlock, if"
    assert told in probe("deadlock:join", limit_s=1).message


@pytest.mark.parametrize("name", ["stop", "deaf"])
def test_what_hears_nothing_is_ended_too(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is stopped, or blocks every signal, hangs without a traceback."""
    monkeypatch.setattr(sandbox, "ABORT_SECONDS", 0.1)
    outcome = probe(name, limit_s=0.5)
    assert (outcome.kind, outcome.traceback) == ("hung", "")


def test_a_hang_says_what_it_was_in() -> None:
    """In the import of a script it names the line; later it is in the measurement, and the preflight is kept."""
    Path("script.py").write_text("import time\n\ndef f(): pass\n\ntime.sleep(1000)\n")
    outcome = probe("script.py:f", limit_s=0.5)
    assert outcome.message.startswith(
        "It did not end within 500 ms, in importing it, which runs line 5: time.sleep(1000)."
    )
    outcome = probe("spin_later", calls=5, limit_s=1)
    assert (outcome.kind, outcome.phase) == ("hung", "the measurement")
    assert outcome.preflight is not None


@pytest.mark.parametrize(("name", "signal"), [("segfault", "SIGSEGV"), ("abort", "SIGABRT"), ("kill", "SIGKILL")])
def test_what_crashes_names_its_signal(name: str, signal: str) -> None:
    """The outcome has the signal, the traceback where there can be one, and what was printed before."""
    outcome = probe(name)
    assert (outcome.kind, outcome.signal, outcome.exit_code) == ("crashed", signal, 4)
    assert outcome.message.startswith(f"{signal} ended it, ")
    assert outcome.message.endswith("in its first call.")
    assert (f"in {name}" in outcome.traceback) == (signal != "SIGKILL")
    assert outcome.output == ("about to crash\n" if name == "segfault" else "")


@pytest.mark.parametrize(
    ("name", "args", "status"),
    [("exit_at_once", "", 3), ("exit_with", "4", 4), ("exit_with", "", 0), ("exit_with", "'why'", 1)],
)
def test_what_exits_has_a_status(name: str, args: str, status: int) -> None:
    """Whether by sys.exit or below it: no measurement, even where the status says that all is well."""
    outcome = probe(name, args=args or ("None" if name == "exit_with" else ""))
    assert (outcome.kind, outcome.status, outcome.exit_code) == ("exited", status, 4)


@pytest.mark.parametrize("name", ["close_all", "close_ours"])
def test_what_closes_our_files_is_told_so(name: str) -> None:
    """A target that cuts the child off from its parent hears that, and not where gilscope noticed."""
    outcome = probe(name)
    assert (outcome.kind, outcome.exit_code) == ("exited", 4)
    assert outcome.message.startswith("It closed files that it had not opened")
    assert not outcome.output


PAYLOADS = [
    b"garbage\n",
    b"x" * 200_000,
    b"garbage",
    b"3\n",
    b'{"event": "report", "report": {"calls": 1}}\n',
    b'{"begin_ns": 0, "end_ns": 1}\n',
    b'{"event": "preflight"}\n' * 3,
    b"\xff\xfe\n",
]
WRITES = [(payload, "") for payload in PAYLOADS]
WRITES += [(payload, at) for at in ("later", "in_thread", "in_worker", "at_end") for payload in PAYLOADS[:2]]


@pytest.mark.parametrize(("payload", "at"), WRITES, ids=lambda word: str(word)[:9])
def test_what_writes_to_our_files_is_told_so(payload: bytes, at: str) -> None:
    """Whatever it writes there and whenever: it hears that, nothing of it is taken for true, and nothing hangs."""
    probed = probe_target(
        parse_target("targets:write_everywhere", args=f"{payload!r}, {at!r}"), seconds=0.05, widths=[2], limit_s=60
    )
    told = " ".join(str(probed).split())
    if at != "at_end":  # when all has been measured
        assert "files that it ha" in told, probed
    assert probed.exit_code in ({0, 3, 4} if at else {4})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fail_below", "RuntimeError: twice"),
        ("fail_unprintably", "Unprintable: <exception str() failed>"),
        ("interrupt", "KeyboardInterrupt"),
        ("recurse", "RecursionError: maximum recursion depth exceeded"),
        ("read", "EOFError: EOF when reading a line (standard input is empty in a probe)"),
    ],
)
def test_what_raises_has_a_message_and_its_own_traceback(name: str, message: str) -> None:
    """Type and text in a line, and the target's own frames."""
    outcome = probe(name)
    assert (outcome.kind, outcome.exit_code) == ("raised", 4)
    assert message in outcome.message
    assert "targets.py" in outcome.traceback
    assert "gilscope" not in outcome.traceback


def test_a_long_message_is_cut() -> None:
    """An error that holds megabytes is told in a line."""
    outcome = probe("fail")
    assert outcome.message.startswith("ValueError: no no no")
    assert len(outcome.message) + len(outcome.traceback) < 10_000


def test_of_what_is_printed_the_end_is_kept() -> None:
    """Ten megabytes pass through, and a few thousand bytes stay."""
    outcome = probe("print_much", calls=0)
    assert outcome.kind == "done"
    assert outcome.output.endswith("yyy" + "the end\n")
    assert len(outcome.output) == OUTPUT_BYTES


def test_a_large_result_is_counted_and_dropped() -> None:
    """Three hundred megabytes are as good as any result."""
    outcome = probe("big", calls=0)
    assert outcome.preflight is not None
    assert outcome.preflight["result_bytes"] > 300_000_000


@pytest.mark.parametrize(
    "name", ["leave_child", "leave_daemon", "leave_fork", "leave_deaf", "leave_pool", "leave_memory"]
)
def test_what_leaves_processes_loses_them(name: str) -> None:
    """Children, forks, daemons in sessions of their own and pools are seen by the preflight, and then ended."""
    outcome = probe(name)
    assert outcome.kind == "done"
    assert outcome.preflight is not None
    assert bool(outcome.preflight["processes_left"]) == (name != "leave_memory")


def test_a_target_that_forks_and_comes_back_twice_is_heard_once() -> None:
    """The copy of the child does not measure on beside it."""
    events: list[str] = []
    assert probe("come_back_twice", calls=2, on_event=lambda event: events.append(event["event"])).kind == "done"
    assert events == ["started", "resolved", "preflight", "progress", "progress", "report"]


@pytest.mark.parametrize(("name", "kind"), [("leave_and_kill", "crashed"), ("leave_and_wait", "hung")])
def test_what_fails_loses_its_processes_too(name: str, kind: str) -> None:
    """A child that is gone or stuck cannot clean up, and is cleaned up after."""
    assert probe(name, limit_s=1 if kind == "hung" else 60).kind == kind


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interrupted_probe_leaves_nothing(interruption: type[BaseException]) -> None:
    """Ctrl-C, or an error of the caller's own, ends the child and what it started."""

    def interrupt(event: dict[str, Any]) -> None:
        if event["event"] == "preflight":
            raise interruption

    with pytest.raises(interruption):
        probe("leave_daemon", on_event=interrupt)
    # On a busy machine the child may have made its next call before it is ended.
    left = [pid for pid in Path("pids").read_text().split() if descendants.command(int(pid))]
    assert not left


@pytest.mark.parametrize(
    ("name", "left"), [("leave_daemon_thread", "Thread-1 (sleep) (daemon)"), ("leave_thread", "Thread-1 (sleep)")]
)
def test_threads_that_are_left_are_named(name: str, left: str) -> None:
    """One that never ends does not keep the child from ending."""
    outcome = probe(name, calls=0)
    assert outcome.kind == "done"
    assert outcome.preflight is not None
    assert outcome.preflight["threads_left"] == [left]


def test_a_probe_has_no_thread_of_its_own() -> None:
    """Nothing in the child but the target starts threads, or a fork would be warned of, and a count be wrong."""
    outcome = probe("be_alone")
    assert (outcome.kind, outcome.message) == ("done", "")


def test_children_count_for_the_cpu_time() -> None:
    """What a call has computed elsewhere is CPU time of the call."""
    outcome = probe("two_at_once", calls=0)
    assert outcome.preflight is not None
    assert outcome.preflight["children_cpu_ns"] >= 0.4e9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nowhere:f", "finds no module 'nowhere'"),
        ("targets:nothing", "targets has no attribute 'nothing'"),
        ("targets:exit_with", "missing a required argument"),
        ("targets:SLEEP", "cannot be called"),
    ],
)
def test_what_cannot_be_resolved_is_a_usage_error(text: str, message: str) -> None:
    """The child's sentence comes back, with the exit code of wrong usage."""
    outcome = probe(text)
    assert (outcome.kind, outcome.exit_code, outcome.phase) == ("usage", 2, "importing it")
    assert message in outcome.message


@pytest.mark.parametrize("guard", [True, False])
def test_a_script_is_imported_and_not_run(guard: bool) -> None:
    """What stands under the guard does not run; what stands without one does, and is listed."""
    work = "print('ran')"
    Path("script.py").write_text(
        f"def f(): return __name__\n{'if __name__ == ' + repr('__main__') + ': ' if guard else ''}{work}\n"
    )
    outcome = probe("script.py:f")
    assert outcome.preflight is not None
    assert outcome.preflight["main_guard"] == guard
    assert outcome.preflight["top_level_work"] == ([] if guard else ["line 2: print('ran')"])
    assert outcome.preflight["function_obstacle"] is None
    assert outcome.output == ("" if guard else "ran\n")


def test_an_interpreter_that_cannot_run_gilscope_is_said(tmp_path: Path) -> None:
    """None at all is an error at once; one that ends before it has begun has an outcome with its last words."""
    with pytest.raises(CannotRunError, match=r"no-such-python cannot be started: .*No such file"):
        probe("ok", python="./no-such-python")
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho I am no Python\nexit 1\n")
    fake.chmod(0o755)
    outcome = probe("ok", python=str(fake))
    assert (outcome.kind, outcome.exit_code, outcome.output) == ("cannot run", 5, "I am no Python\n")


def test_a_target_finds_the_working_folder_and_its_workers_do_not_import_the_probe() -> None:
    """No file of the folder hides a module that gilscope imports; a spawned worker has loaded nothing of gilscope."""
    assert probe("spawn", calls=0).output == "targets [] True []\n"
    assert "targets" not in sys.modules  # nor is the target imported here
