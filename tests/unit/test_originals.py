"""The real clocks, threads and locks: they work, also where all was replaced, and what measures uses no others."""

import ast
import importlib.util
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import gilscope
from gilscope import originals
from gilscope.originals import Flag, Lock, SimpleQueue, Thread, thread_for_user, threads_are_replaced

#: What begins in the user's process, or in a child that runs the user's code; what these import runs there too.
BEGINNINGS = (
    "gilscope.accounting.mechanisms",
    "gilscope.accounting.program",
    "gilscope.targets.child",
    "gilscope.probing.job",
    "gilscope.probing.worker",
    "gilscope.testing",
    "gilscope.tracing.job",
)
#: What a program of the user's calls to have something measured elsewhere: there it is the clock that must go on, or no
#: limit would ever pass. Of what these import, worker and strategies run in processes without the user's code.
CALLED = ("gilscope.probing.probe", "gilscope.running.run")
ELSEWHERE = ("gilscope.running.strategies", "gilscope.running.worker")
#: Modules whose functions are looked up when they are called, unless bound before; these may be replaced until then.
REPLACEABLE = {"json", "queue", "random", "select", "selectors", "subprocess", "threading", "time"}
#: Bound by name at import, as these are, they are what they were before the user's code. What `threading` knows of
#: the user's own threads is asked of it; everything else of its has a counterpart in `originals`.
BOUND = {
    "json": {"dumps", "loads"},
    "random": {"Random"},
    "threading": {"enumerate", "main_thread", "Thread"},
}
#: What of `os` gevent puts its own in the place of: a descriptor is closed later, and a child waited for in its loop.
REPLACEABLE_IN_OS = {"close", "fork", "forkpty", "posix_spawn", "posix_spawnp", "read", "wait", "waitpid", "write"}
#: What waits for a child may as well do so in the loop of the program that calls it: it measures nothing itself.
WAITING = {"gilscope.children.start": {"os", "select", "selectors", "subprocess"}}


def imports(path: Path) -> Iterator[tuple[str, str | None]]:
    """Return what a file imports when it is run or later, but for types: a module, or a name from one."""
    tree = ast.parse(path.read_text())
    typing = [
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    ]
    for node in ast.walk(tree):
        if node in typing:
            continue
        if isinstance(node, ast.Import):
            yield from ((name.name, None) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, name.name) for name in node.names)


def files_of(beginnings: Sequence[str]) -> dict[str, Path]:
    """Return the modules that these import, and they themselves, by their names."""
    root = Path(gilscope.__file__).parent.parent
    found: dict[str, Path] = {}
    todo = list(beginnings)
    while todo:
        module = todo.pop()
        path = root.joinpath(*module.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if module in found or not path.is_file():
            continue
        found[module] = path
        for home, name in imports(path):
            if home.partition(".")[0] == "gilscope":
                todo += [home, f"{home}.{name}"]
    return found


FILES = files_of(BEGINNINGS)
CALLERS = files_of(CALLED)


def test_the_modules_are_found() -> None:
    """The search goes through what they import."""
    assert {"gilscope.testing.gate", "gilscope.system.threads", "gilscope.children.messages"} <= FILES.keys()


@pytest.mark.parametrize("module", sorted(FILES.keys() - {"gilscope.originals"}))
def test_nothing_replaceable_is_used(module: str) -> None:
    """No module looks up a clock, a thread or a lock of the standard library when the user's code has begun."""
    wrong = [
        f"{home}.{name}" if name else home
        for home, name in imports(FILES[module])
        if home in REPLACEABLE - WAITING.get(module, set()) and (name is None or name not in BOUND.get(home, ()))
    ]
    if ("os", None) in imports(FILES[module]) and "os" not in WAITING.get(module, ()):
        used = {
            ast.unparse(node)
            for node in ast.walk(ast.parse(FILES[module].read_text()))
            if isinstance(node, ast.Attribute)
        }
        wrong += sorted(used & {f"os.{name}" for name in REPLACEABLE_IN_OS})
    assert not wrong, f"{module} uses {', '.join(wrong)}; bind by name what no user replaces, or see gilscope.originals"


@pytest.mark.parametrize("module", sorted(CALLERS.keys() - FILES.keys()))
def test_a_stopped_clock_stops_nobody(module: str) -> None:
    """What waits for a measurement elsewhere waits by a clock that goes on."""
    if not module.startswith(ELSEWHERE):
        assert "time" not in {home for home, _ in imports(CALLERS[module])}


def test_threads_are_threads_of_the_system() -> None:
    """A thread has an id of the kernel's from its start on, and runs beside this one; `threading` lists it nowhere."""
    seen: SimpleQueue[int] = SimpleQueue()
    thread = Thread(lambda: seen.put(originals.get_native_id()), "a test's")
    before = threading.active_count()
    thread.start()
    thread.join()
    assert seen.get() == thread.native_id != threading.get_native_id()
    assert threading.active_count() == before


def test_locks_and_flags() -> None:
    """They are what their names say."""
    lock, flag = Lock(), Flag()
    assert lock.acquire(blocking=False) and not lock.acquire(blocking=False)
    assert not flag.is_set()
    flag.set()
    assert flag.is_set()


def test_what_is_the_users_runs_in_a_thread_that_threading_knows() -> None:
    """As long as that makes threads of the system, the user's code is to find one of its own kind."""
    found: SimpleQueue[threading.Thread] = SimpleQueue()
    thread = thread_for_user(lambda: found.put(threading.current_thread()), "the user's")
    thread.start()
    thread.join()
    assert found.get() is thread and not threads_are_replaced()


def test_replaced_threads_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that gilscope starts is a real one nevertheless."""
    start = "_start_joinable_thread" if hasattr(threading, "_start_joinable_thread") else "_start_new_thread"
    monkeypatch.setattr(threading, start, lambda *_, **__: pytest.fail("this starts a task"))
    assert threads_are_replaced()
    found: SimpleQueue[int] = SimpleQueue()
    thread = thread_for_user(lambda: found.put(originals.get_native_id()), "the user's")
    thread.start()
    thread.join()
    assert isinstance(thread, Thread) and found.get() == thread.native_id
    monkeypatch.undo()
    monkeypatch.setattr(threading, "Thread", type("Task", (), {}))
    assert threads_are_replaced()


def test_what_was_replaced_before_is_found_nevertheless() -> None:
    """Where a library had its turn first, clocks go on, and sleeping, starting and waiting are the system's."""
    program = """
        import _thread, queue, threading, time
        def refuse(*_, **__):
            raise AssertionError("a replacement was called")
        for name in ("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep", "time"):
            setattr(time, name, refuse)
        for module in (_thread, threading):  # but for _thread.allocate_lock, which every import needs
            for name in ("start_new_thread", "start_joinable_thread", "_start_new_thread", "_start_joinable_thread",
                         "Lock", "RLock", "_allocate_lock", "Event"):
                if hasattr(module, name) and (module, name) != (_thread, "RLock"):
                    setattr(module, name, refuse)
        queue.SimpleQueue = refuse
        from gilscope.originals import SimpleQueue, Thread, threads_are_replaced, time
        assert threads_are_replaced()
        begin, done = time.monotonic_ns(), SimpleQueue()
        thread = Thread(lambda: (time.sleep(0.001), done.put(1)), "one")
        thread.start()
        thread.join()
        assert done.get() == 1 and time.monotonic_ns() - begin >= 1_000_000
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_copies_are_nobody_elses() -> None:
    """A library that replaces functions in all modules it can find does not find these."""
    assert originals.time is not time and originals.time.monotonic is not time.monotonic
    assert originals.time not in sys.modules.values()
    assert importlib.util.find_spec("time") is not None
