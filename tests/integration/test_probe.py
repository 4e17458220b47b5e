"""`gilscope probe` as a user meets it: what it prints and where, its exit codes, and that nothing is left."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from leftovers import nothing_left
from schemas import schema_of

import gilscope
from gilscope.accounting.ledger import availability
from gilscope.children import descendants
from gilscope.cli import main
from gilscope.probing import probe as probing

# As the installed script does, it finds its modules without looking in the working folder.
START = "import sys; del sys.path[0]; from gilscope.cli import main; main()"
GILSCOPE = [sys.executable, "-W", "error", "-c", START, "probe"]
SCHEMA = schema_of("probe")
#: Measured; whether the class could be told is the machine's affair.
MEASURED = {0, 3}
needs_ledger = pytest.mark.skipif(availability() is not None, reason=str(availability()))

SCRIPT = """
import functools, os, subprocess, sys, threading, time, warnings
import zlib

# A probe has threads of its own; where warnings are errors, CPython 3.15 lets nobody fork beside some.
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)

DATA = bytes(200_000)

def f(n=1000): return sum(range(n))
def hang(): time.sleep(1000)
def crash(): os.abort()
def leave(): os._exit(7)
def fail(): raise ValueError("no such luck")
def read(): return input()
def show():
    for _ in range(50): print("x" * 79)
def generate(): yield 1
async def wait(): pass
def fork():
    pid = os.fork()
    if pid == 0: os._exit(0)
    os.waitpid(pid, 0)
def fork_and_return(): return os.fork()
def start_thread():
    thread = threading.Thread(target=f)
    thread.start()
    thread.join()
def leave_thread(): threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
def leave_process(): subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
@functools.cache
def keep_pool(): leave_process()
def big(): return bytes(300_000_000)
def fail_in_workers():
    if threading.current_thread() is not threading.main_thread(): raise RuntimeError("not here")
def crash_beside_others():
    global inside
    inside += 1
    time.sleep(0.002)
    if inside > 1: os.abort()
    inside -= 1
inside = 0
def later(): calls.append(1); return 1 // (len(calls) < 3)
calls = []
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with the script, and with a file that hides a module that gilscope needs."""
    (tmp_path / "x.py").write_text(SCRIPT)
    (tmp_path / "queue.py").write_text("raise RuntimeError('hides the one that gilscope needs')\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def environment(mark: str, **more: str) -> dict[str, str]:
    """Return variables for a command whose processes can be found by one of them."""
    return {**os.environ, mark: "1", **more}


def probed(*arguments: str, quick: bool = True, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Probe in a few hundredths of a second, on one worker; whatever comes of it, no process of it is left."""
    mark = f"PROBE_TEST_{secrets.token_hex(8)}"
    short = ["--max-time", "0.05", *(["--workers", "1"] if quick else [])]
    with nothing_left():
        done = subprocess.run(
            [*GILSCOPE, *short, *arguments],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
            env=environment(mark, **variables),
        )
    assert descendants.found_by(mark) == set()
    assert "gilscope/cli" not in done.stderr  # no traceback of our own
    return done


def as_json(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    """Return what standard output holds as JSON, and nothing else, after comparing it with the schema."""
    data: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(data, SCHEMA)
    assert data["exit_code"] == done.returncode
    return data


# What can be measured.


@needs_ledger
def test_a_statement_is_measured_in_every_way() -> None:
    """Threads, processes, interpreters and the control, each with an interval or a reason."""
    done = probed("-s", "import zlib", "-s", "data = bytes(200_000)", "zlib.compress(data)", "--json", quick=False)
    assert done.returncode in MEASURED
    data = as_json(done)
    assert data["target"] == "zlib.compress(data)"
    assert data["releases"] >= 1
    assert data["shares"]["held"]["estimate"] < 1
    assert data["shares"]["blocked"]["estimate"] <= 1
    assert {one["way"] for one in data["measured"]} == {"threads", "processes", "interpreters", "control"}
    for one in data["measured"]:
        assert bool(one["absent"]) == (one["speed_up"] is None)
    by_way = {one["way"]: one for one in data["measured"] if one["n_workers"] == 2}
    assert by_way["threads"]["absent"] == by_way["processes"]["absent"] == ""
    assert (by_way["interpreters"]["absent"] == "") == (sys.version_info >= (3, 12))
    assert data["predicted"]["threads"]
    if "zlib" not in sys.builtin_module_names:  # inside of a static interpreter, nobody can be told apart
        assert any("compress" in site["symbol"] for site in data["sites"])


@needs_ledger
def test_a_function_that_sleeps_drops_the_gil() -> None:
    """Once a call."""
    data = as_json(probed("time:sleep", "--args", "0.003", "--json"))
    assert data["releases"] == 1
    assert data["measured"] == []
    assert data["advice"]


def test_a_gil_that_was_switched_on_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a free-threaded build too a call holds the GIL where that is in force."""
    monkeypatch.setenv("PYTHON_GIL", "1")
    found = as_json(probed("--json", "-", "sum(range(100_000))"))
    assert found["class"] in {"Python bytecode", "native, GIL held", "undecided"}
    assert found["machine"]["gil"]
    assert all(one["low"] < 1.2 for one in found["predicted"]["threads"])


@needs_ledger
def test_the_table_goes_to_standard_output_and_progress_to_standard_error() -> None:
    """One plain line of it where there is no terminal; as wide as COLUMNS says."""
    done = probed("sum(range(10**5))", COLUMNS="80")
    assert done.returncode in MEASURED
    assert done.stderr == "Probing sum(range(10**5)): about 50 ms of measuring\n"
    assert done.stdout.startswith("sum(range(10**5))\nclass ")
    assert max(map(len, done.stdout.splitlines())) <= 80


@needs_ledger
@pytest.mark.parametrize("target", ["x.py:f", "x:f"])
def test_a_function_of_a_script_or_module_is_found(target: str) -> None:
    """With arguments, after a setup."""
    data = as_json(probed(target, "--args", "n=n", "-s", "n = 10", "--json"))
    assert data["target"] == target
    assert data["shares"]["held"]["estimate"] == 1
    assert data["preflight"]["main_guard"] == (False if ".py" in target else None)


@needs_ledger
def test_what_cannot_be_sent_says_so() -> None:
    """An argument without a pickle is measured on threads, and the advice is about that."""
    data = as_json(probed("builtins:max", "--args", "[1, 2], key=lambda n: n", "--json"))
    assert data["preflight"]["arguments_obstacle"]
    assert "its arguments cannot be sent" in data["advice"]
    assert data["shipping_ns"] is None


@needs_ledger
@pytest.mark.parametrize("name", ["show", "start_thread", "keep_pool", "fork"])
def test_odd_calls_are_measured_too(name: str) -> None:
    """Printing much, starting threads or processes and waiting for them, keeping one: none of it is in the way."""
    done = probed(f"x:{name}", "--json")
    assert done.returncode in MEASURED
    assert as_json(done)["failure"] == ""
    assert "xxx" not in done.stderr


@needs_ledger
def test_a_large_result_is_no_trouble() -> None:
    """Three hundred megabytes, again and again."""
    data = as_json(probed("x:big", "--json"))
    assert data["preflight"]["result_bytes"] > 300_000_000
    assert data["shipping_ns"] > 0


@needs_ledger
def test_what_fails_beside_others_is_absent_with_the_reason() -> None:
    """A call that threads cannot make is measured on processes, and never advised for threads."""
    data = as_json(probed("x:fail_in_workers", "--json", quick=False))
    assert data["failure"] == ""
    threads = [one for one in data["measured"] if one["way"] == "threads"]
    assert {(one["absent"], one["failed"]) for one in threads} == {
        ("on a thread it raises RuntimeError: not here", True)
    }
    assert all(one["speed_up"] for one in data["measured"] if one["way"] in ("processes", "control"))
    assert data["pays"] != "threads"
    assert "Threads cannot make it (on a thread it raises RuntimeError: not here)" in data["advice"]


@needs_ledger
def test_a_call_that_two_threads_crash_keeps_its_profile() -> None:
    """One thread made it again and again: that is known, and so is what several at once do."""
    done = probed("x:crash_beside_others", quick=False)
    assert done.returncode == 4
    shown = " ".join(done.stdout.split())
    assert "one alone made it again and again, several at once did not get through it: SIGABRT ended it" in shown
    assert "with the GIL" in shown
    assert "in crash_beside_others" in done.stdout


@needs_ledger
def test_markdown_is_for_pasting() -> None:
    """The target first and the advice last, both in bold, and tables between."""
    done = probed("sum(range(10**5))", "--markdown")
    lines = done.stdout.splitlines()
    assert lines[:4] == ["**sum(range(10\\*\\*5))**", "", "|  |  |", "| --- | --- |"]
    assert lines[-1].startswith("**")
    assert sum(line.startswith("| --- ") for line in lines) == 3


@needs_ledger
def test_json_goes_to_a_file_too(folder: Path) -> None:
    """Beside the table."""
    done = probed("sum(range(10**5))", "--json=found.json")
    assert done.stdout.startswith("sum(range(10**5))\n")
    jsonschema.validate(json.loads((folder / "found.json").read_text()), SCHEMA)


# What cannot.


@pytest.mark.parametrize(
    ("target", "code", "message"),
    [
        ("x:crash", 4, "SIGABRT ended it, in its first call."),
        ("x:leave", 4, "It ended its process with exit status 7"),
        ("x:fail", 4, "ValueError: no such luck"),
        ("x:read", 4, "standard input is empty in a probe"),
        ("x:later", 4, "ZeroDivisionError"),
        ("x:generate", 2, "'list(generate())'"),
        ("x:wait", 2, "'asyncio.run(wait())'"),
        ("x:nothing", 2, "x has no attribute 'nothing'"),
        ("nowhere:f", 2, "finds no module 'nowhere'"),
        ("gone.py:f", 2, "There is no script"),
        ("x:DATA", 2, "which cannot be called"),
        ("x:fork_and_return", 4, "It forks and comes back in the child as well"),
        ("x:leave_thread", 4, "Each call leaves something running (Thread-"),
        ("x:leave_process", 4, "Each call leaves something running ("),
        ("1 / 0 + f(2)", 4, "ZeroDivisionError"),
        ("raise SystemExit(0)", 4, "SystemExit: 0"),
    ],
)
def test_what_fails_says_why_and_ends_with_its_code(target: str, code: int, message: str) -> None:
    """On standard error; the JSON is written all the same, and standard output holds nothing else."""
    done = probed(target, "--json", "-")
    assert done.returncode == code
    assert message in " ".join(done.stderr.split())
    data = as_json(done)
    assert message in data["failure"]
    assert data["class"] == "undecided"
    assert data["shares"] == {}


@needs_ledger
@pytest.mark.usefixtures("quick")
def test_an_iterator_is_noted() -> None:
    """The figures are of making it, which says nothing of what it does; a list has nothing to note."""
    assert "it returns an iterator (map) that has run nothing" in " ".join(probed("map(str, [])").stdout.split())
    assert any("iterator (map)" in note for note in gilscope.probe(lambda: map(str, [])).notes)
    assert "iterator" not in probed("list(map(str, []))").stdout


def test_a_hang_is_ended_and_shows_where() -> None:
    """With the traceback of what it was at."""
    done = probed("x:hang", "--limit", "1")
    assert done.returncode == 4
    assert "It did not end within 1 s, in its first call." in done.stderr
    assert "in hang" in done.stderr
    assert done.stdout == ""


def test_the_end_of_the_output_is_shown_after_a_failure() -> None:
    """It is often where the reason is."""
    done = probed("print('before'); raise KeyError(3)")
    assert done.returncode == 4
    assert "The end of what it printed:\nbefore" in done.stderr


# What is not understood.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["zlib.compress"], "Did you mean 'zlib:compress'?"),
        (["json"], "names no function"),
        (["nowhere.py"], "Name a function of it behind a colon."),
        (["x.py"], "Did you mean 'x.py:f' or 'x.py:hang' or 'x.py:crash' or 'x.py:leave' or 'x.py:fail'?"),
        (["./x.py", "-s", "n = 1"], "Did you mean './x.py:f' or"),
        (["y/z.py"], "Did you mean 'y/z.py:g'?"),
        (["what is it called"], "names no function"),
        (["math:sqrt(2)"], "'sqrt(2)' is not the name of a function"),
        (["kernel:quad/c"], "names no kernel"),
        (["kernel:quad/c/held", "-s", "n = 1"], "leave out --args and --setup"),
        (["sum([1])", "--args", "3"], "A statement takes no arguments"),
        (["sum(", "--statement"], "cannot be compiled"),
        (["f()", "-s", "def"], "The setup cannot be compiled"),
        (["x:f", "--args", "1, 2, 3"], "does not fit x:f(n=1000)"),
        (["x:f", "--workers", "0"], "numbers from 1 on"),
        (["x:f", "--workers", ","], "numbers from 1 on"),
        (["x:f", "--limit", "0.01"], "must be above 0 and below --limit"),
        (["x:f", "--max-time", "0"], "must be above 0 and below --limit"),
        (["x:f", "--markdown", "--json"], "takes one format"),
        (["x:f", "--json=nowhere/found.json"], "cannot write nowhere/found.json"),
        (["x:f", "--json=."], ". is not a regular file"),
        ([], "missing argument 'TARGET'"),
    ],
)
def test_wrong_usage_says_what_is_allowed(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 2, before anything is measured wherever that is possible."""
    Path("y").mkdir()
    Path("y/z.py").write_text("def g(): pass\ndef _h(): pass\n")
    with pytest.raises(SystemExit) as caught:
        main(["probe", *arguments])
    out, err = capsys.readouterr()
    assert (caught.value.code, out) == (2, "")
    assert message in " ".join(err.split())


@pytest.mark.parametrize("target", ["nofunc", "json.dumps", "sum("])
def test_json_is_there_for_what_names_no_function(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As for every other failure: the file has the reason, and the exit code is that of wrong usage."""
    with pytest.raises(SystemExit) as caught:
        main(["probe", target, "--json"])
    out, err = capsys.readouterr()
    found = json.loads(out)
    jsonschema.validate(found, SCHEMA)
    assert (caught.value.code, found["exit_code"], found["target"]) == (2, 2, target)
    assert "names no function" in found["failure"]
    assert "names no function" in " ".join(err.split())


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        (["x:f"], "module", "x:f"),
        (["a/b.py:C.f"], "script", "a/b.py:C.f"),
        (["x:f", "--statement"], "statement", "x:f"),
        (["f(1)"], "statement", "f(1)"),
        (["for i in range(3): pass"], "statement", "for i in range(3): pass"),
        (["f", "-s", "from x import f"], "statement", "f"),
        (["n: int = f(1)"], "statement", "n: int = f(1)"),
        (["kernel:quad/c/held"], "module", "kernel:quad/c/held"),
        (["x:f", "-s", "n = 1", "--args", "n"], "module", "x:f"),
    ],
)
def test_a_target_is_a_function_if_it_looks_like_one(
    arguments: list[str], kind: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a statement, if it is code or has a setup."""
    from gilscope.cli import probe as command

    seen: list[Any] = []

    def probe_target(target: Any, **_: Any) -> Any:
        seen.append(target)
        return gilscope.Probe(target=target.text, class_="undecided", advice="", failure="not measured", exit_code=3)

    monkeypatch.setattr(command, "probe_target", probe_target)
    with pytest.raises(SystemExit) as caught:
        main(["probe", *arguments])
    assert caught.value.code == 3
    assert [(target.kind, target.text) for target in seen] == [(kind, text)]


# Interrupted.


def test_ctrl_c_leaves_nothing() -> None:
    """It ends with 130, says so, and the target's process is gone."""
    mark = f"PROBE_TEST_{secrets.token_hex(8)}"
    with nothing_left():
        process = subprocess.Popen(
            [*GILSCOPE, "x:hang"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=environment(mark),
        )
        with process:
            assert process.stderr is not None
            assert process.stderr.readline() == "Probing x:hang: about 2 s of measuring\n"
            deadline = time.monotonic() + 60
            while len(descendants.found_by(mark)) < 2 and time.monotonic() < deadline:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err == "gilscope: interrupted; nothing was measured, and nothing is left running\n"
    assert descendants.found_by(mark) == set()


# From Python.


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a probe from Python short."""
    monkeypatch.setattr(probing, "probe_here", partial(probing.probe_here, seconds=0.05))
    monkeypatch.setattr(probing, "probe_target", partial(probing.probe_target, seconds=0.05, widths=[]))


class Counter:
    """Something whose method is bound to it."""

    def __init__(self) -> None:
        self.n = 0

    def add(self, n: int) -> int:
        self.n += n
        return self.n


@needs_ledger
@pytest.mark.usefixtures("quick")
def test_a_lambda_is_probed_in_this_process() -> None:
    """On threads alone, and the result says why."""
    probe = gilscope.probe(lambda ms: time.sleep(ms / 1000), 1)
    assert probe.failure == ""
    assert probe.releases == 1
    assert {one.way: bool(one.absent) for one in probe.measured} == {
        "threads": False,
        "processes": True,
        "interpreters": True,
    }
    assert "has no function of its own called" in probe.measured[-1].absent
    jsonschema.validate(probe.as_dict(), SCHEMA)


@needs_ledger
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("function", "args"), [(sum, ([1, 2],)), (time.sleep, (0.0001,)), (json.dumps, ("a",))])
def test_what_another_process_finds_is_probed_there(function: Callable[..., object], args: tuple[Any, ...]) -> None:
    """The very same call, arguments and all."""
    probe = gilscope.probe(function, *args)
    assert probe.failure == ""
    assert probe.target == f"{function.__module__}:{function.__name__}"
    assert probe.preflight["arguments_obstacle"] is None


@needs_ledger
@pytest.mark.usefixtures("quick")
def test_a_bound_method_keeps_its_object() -> None:
    """It is no function of its module, so it is called here."""
    counter = Counter()
    assert gilscope.probe(counter.add, 1).failure == ""
    assert counter.n > 1


@needs_ledger
@pytest.mark.usefixtures("quick")
def test_what_a_function_raises_here_is_raised() -> None:
    """Nothing stands between the caller and it."""
    with pytest.raises(ZeroDivisionError):
        gilscope.probe(lambda: 1 // 0)


def test_a_system_without_unix_processes_is_refused() -> None:
    """From Python and on the command line, with the reason and code 5, and not by a module that is missing."""
    code = """
import sys
sys.modules["resource"] = None
import gilscope
from gilscope.cli import main
for function in (len, lambda value: value):
    try:
        gilscope.probe(function, [])
    except gilscope.errors.CannotRunError as error:
        print(error)
main(["probe", "builtins:len", "--args", "[]"])
"""
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 5, done.stderr
    assert done.stdout.count("needs Python's module resource") == 2
    assert "needs Python's module resource" in done.stderr
    assert "Traceback" not in done.stderr
