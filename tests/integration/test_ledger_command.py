"""`gilscope ledger` as a user meets it: the program is what it would be without, and the account comes after it."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from leftovers import wait_until_gone
from schemas import schema_of

from gilscope.accounting import view
from gilscope.accounting.ledger import availability
from gilscope.cli import main
from gilscope.errors import Unavailable
from gilscope.kernels import _capi

_ABSENCE = availability()
needs_ledger = pytest.mark.skipif(_ABSENCE is not None, reason=str(_ABSENCE))

LEDGER = [sys.executable, "-W", "error", "-m", "gilscope", "ledger"]
SCHEMA = schema_of("ledger")
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def ledger(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run([*LEDGER, *arguments], capture_output=True, text=True, timeout=100, check=False, **options)


def script(folder: Path, text: str) -> str:
    """Write a program and return its path."""
    path = folder / "prog.py"
    path.write_text(textwrap.dedent(text))
    return str(path)


def account(folder: Path, text: str, *options: str, code: int = 0) -> dict[str, Any]:
    """Run a program under the ledger and return its account, which fits the schema."""
    file = folder / "log.json"
    done = ledger("--json", str(file), "--force", *options, "--", script(folder, text))
    assert done.returncode == code, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(file.read_text())
    VALIDATOR.validate(found)
    return found


def pairs(log: dict[str, Any]) -> int:
    """Return how many releases of gilscope's own kernels an account has."""
    return sum(site["count"] for site in log["sites"] if Path(site["module"]).name == Path(_capi.__file__).name)


@contextmanager
def nothing_left_of_a_session(command: list[str]) -> Iterator["subprocess.Popen[str]"]:
    """Run a command in a session of its own, of which nothing is left at the end."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        yield process
    wait_until_gone(process.pid)


# The program.


def test_a_script_is_main(tmp_path: Path) -> None:
    """It finds its own name, arguments, folder and streams; nothing of the command line is loaded."""
    path = script(
        tmp_path,
        """
        import sys
        from pathlib import Path
        assert __name__ == "__main__" and sys.modules["__main__"].__file__ == __file__ == sys.argv[0]
        assert sys.argv[1:] == ["--json", "-m", "x"], sys.argv
        assert sys.path[0] == str(Path(__file__).parent), sys.path
        assert not {"click", "rich", "numpy"} & set(sys.modules)
        print(input()[::-1])
        print("to errors", file=sys.stderr)
        """,
    )
    done = ledger(path, "--json", "-m", "x", input="abc\n")
    assert (done.returncode, done.stdout) == (0, "cba\n"), done.stderr
    hint = f"gilscope: --json went to {path}; an option of gilscope's stands before the program's name\n"
    assert done.stderr.startswith(f"{hint}to errors\n")


def test_a_module_is_main(tmp_path: Path) -> None:
    """With -m the module is found from the folder that the command was called in."""
    (tmp_path / "some_module.py").write_text("import sys\nprint(__name__, sys.argv[1:])\n")
    done = ledger("-m", "some_module", "-x", "1", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "__main__ ['-x', '1']\n"), done.stderr


_ATTRIBUTES = """
import sys
for name in ("__name__", "__file__", "__package__", "__spec__", "__loader__", "__cached__", "__doc__", "__builtins__"):
    print(name, str(globals().get(name, "nothing")).split(" object at")[0])
print(sys.argv, sys.path, sys.modules["__main__"].__dict__ is globals())
"""


@pytest.mark.parametrize("words", [["one.py"], ["folder"], ["-m", "one"], ["-m", "folder"], ["folder/../one.py", "x"]])
def test_main_is_what_python_makes(tmp_path: Path, words: list[str]) -> None:
    """A script, a folder, a module and a package find the same about themselves as without gilscope."""
    for path in (tmp_path / "one.py", tmp_path / "folder" / "__main__.py"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(_ATTRIBUTES)
    plain = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True, cwd=tmp_path)
    done = ledger(*words, cwd=tmp_path)
    assert done.stdout == plain.stdout


@pytest.mark.parametrize("words", [["one.py"], ["-m", "one"]])
def test_main_outlives_its_main_thread(tmp_path: Path, words: list[str]) -> None:
    """Threads and exit handlers find the globals of the program, and pickle finds its functions."""
    (tmp_path / "one.py").write_text(
        textwrap.dedent(
            """
            import atexit, pickle, threading, time

            def function():
                return "found"

            def late():
                threading.main_thread().join()
                print(pickle.loads(pickle.dumps(function))())

            atexit.register(lambda: print(pickle.loads(pickle.dumps(function))()))
            threading.Thread(target=late).start()
            """
        )
    )
    done = ledger(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "found\nfound\n"), done.stderr


@needs_ledger
@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("raise SystemExit(7)", 7, ""),
        ("raise SystemExit('so')", 1, "so\n"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
        ("raise KeyboardInterrupt", 130, "KeyboardInterrupt\n"),
    ],
)
def test_ends_as_the_program_does(tmp_path: Path, text: str, code: int, said: str) -> None:
    """Exit codes are passed on, tracebacks are those of the program alone, and the account is there."""
    file = tmp_path / "log.json"
    done = ledger(
        "--json", str(file), script(tmp_path, f"from gilscope.kernels import _capi\n_capi.release_pairs(9)\n{text}")
    )
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "runpy" not in done.stderr
    assert "accounting/program.py" not in done.stderr
    assert pairs(json.loads(file.read_text())) == 9


@pytest.mark.parametrize(("text", "code"), [("os._exit(6)", 6), ("os.kill(os.getpid(), signal.SIGKILL)", 137)])
def test_no_account_is_said(tmp_path: Path, text: str, code: int) -> None:
    """Where the process is ended under the ledger's feet there is no account, and that is said."""
    file = tmp_path / "log.json"
    done = ledger("--json", str(file), script(tmp_path, f"import os, signal\n{text}"))
    assert done.returncode == code
    assert f"no account: the program ended with {code}" in done.stderr
    assert not file.exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_reach_the_program(tmp_path: Path, number: int, code: int) -> None:
    """Ctrl-C goes to both, as a terminal sends it, a supervisor's signals are passed on; the account is kept."""
    path = script(tmp_path, "import time\nprint('ready', flush=True)\ntime.sleep(100)\n")
    command = [*LEDGER, "--json", "-", path]
    with nothing_left_of_a_session(command) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)  # the program is in its sleep now, or soon
        if number == signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        printed, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    VALIDATOR.validate(json.loads(printed))
    assert "MainThread" in errors


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))", 9),  # a handler of its own: its own end
        ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", 3),
        ("signal.signal(signal.SIGTERM, signal.SIG_DFL)", 143),  # the system's: there is no account
        ("signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])", 3),
    ],
)
def test_signals_are_the_programs(tmp_path: Path, how: str, code: int) -> None:
    """What it does about a signal is done, and nothing else."""
    path = script(tmp_path, f"import os, signal, sys\n{how}\nos.kill(os.getpid(), 15)\nraise SystemExit(3)")
    done = ledger(path)
    assert done.returncode == code, done.stderr
    assert ("no account" in done.stderr) == (code == 143)


def test_a_signal_ends_a_copy_of_the_program_as_it_would(tmp_path: Path) -> None:
    """A fork has nothing to hand over; it dies of SIGTERM at once, however early that comes."""
    text = """
    import os, signal, time
    for _ in range(20):
        pid = os.fork()
        if pid == 0: time.sleep(1000)
        os.kill(pid, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGTERM
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])
    """
    done = ledger(script(tmp_path, text))
    assert done.returncode == 0, done.stderr


# What a program may do to the process that it shares with the ledger.

IS_ROOT = hasattr(os, "getuid") and os.getuid() == 0
TURNS = {
    "another user": "os.setgid(65534); os.setuid(65534)",
    "another root": "os.chroot('/proc')",
    "another folder": "os.chdir('/')",
    "a folder that is gone": "os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')",
    "no descriptors": "kept = []\ntry:\n    while True: kept.append(open('/dev/null'))\nexcept OSError: pass",
    "fewer descriptors": "resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))",
    "no files": "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))",
    "no streams": "sys.stdout = sys.stderr = sys.stdin = None",
    "closed streams": "os.close(0); os.close(1); os.close(2)",
    "writes everywhere": "for fd in range(3, 1100):\n    try: os.write(fd, b'garbage')\n    except OSError: pass",
    "other modules": "import json; json.dumps = json.JSONEncoder = None",
    "no temporary folder": "os.environ.update(TMPDIR='/nowhere', TMP='/nowhere', HOME='/nowhere')",
}


@needs_ledger
@pytest.mark.parametrize("name", TURNS)
def test_whatever_the_program_does_its_account_is_kept(tmp_path: Path, name: str) -> None:
    """What it takes to hand the account over was there before; the exit code is the program's."""
    if name in ("another user", "another root") and not IS_ROOT:
        pytest.skip("only root may do that")
    imports = "import os, resource, sys\nfrom gilscope.kernels import _capi"
    text = f"{imports}\n_capi.release_pairs(7)\n{TURNS[name]}\nsys.exit(6)"
    file = tmp_path / "log.json"
    (tmp_path / "prog.py").write_text(text)
    done = ledger("--json", str(file), "prog.py", cwd=tmp_path)
    assert done.returncode == 6, done.stderr
    assert "Traceback" not in done.stderr
    assert pairs(json.loads(file.read_text())) == 7


@needs_ledger
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("os.closerange(3, 4096)", "closed gilscope's file"),
        ("os.closerange(3, 4096)\nkept = [open('mine', 'w') for _ in range(2000)]", "closed gilscope's file"),
        ("from gilscope.accounting import program\nprogram.portable = None", "could not be made: TypeError"),
    ],
)
def test_an_account_that_is_lost_is_said(tmp_path: Path, text: str, said: str) -> None:
    """The program's own exit code wins, and no file of the program's is written to."""
    (tmp_path / "prog.py").write_text(f"import os\n{text}\nraise SystemExit(6)")
    done = ledger("prog.py", cwd=tmp_path)
    assert done.returncode == 6, done.stderr
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "mine").exists() or (tmp_path / "mine").read_text() == ""


@needs_ledger
@pytest.mark.parametrize(("code", "ends"), [(0, 5), (7, 7)])
def test_a_file_that_cannot_be_written_changes_no_failure(tmp_path: Path, code: int, ends: int) -> None:
    """A program that failed has failed, whatever becomes of the account; one that did well has no account to show."""
    folder = tmp_path / "folder"
    folder.mkdir()
    text = f"import os\nos.rmdir({str(folder)!r})\nraise SystemExit({code})"
    done = ledger("--json", str(folder / "log.json"), script(tmp_path, text))
    assert done.returncode == ends, done.stderr
    assert "cannot write" in done.stderr


def test_the_program_has_its_lowest_descriptors_and_none_of_ours(tmp_path: Path) -> None:
    """The next one that it opens is the next one without gilscope, and what it starts inherits no other."""
    text = """
    import os, subprocess, sys
    print(os.open("/dev/null", os.O_RDONLY))
    ours = [fd for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}") and int(fd) > 9]
    subprocess.run(["ls", "/proc/self/fd"], close_fds=False)
    """
    path = script(tmp_path, text)
    plain = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    done = ledger(path)
    assert done.stdout == plain.stdout, done.stderr


# The account.


@needs_ledger
def test_every_thread_to_its_end(tmp_path: Path) -> None:
    """Threads that outlive the main one count, those of a pool too, under their names; so do exit handlers."""
    log = account(
        tmp_path,
        """
        import atexit, threading, time
        from concurrent.futures import ThreadPoolExecutor
        from gilscope.kernels import _capi

        def late():
            time.sleep(0.1)
            _capi.release_pairs(20)

        atexit.register(_capi.release_pairs, 300)
        ThreadPoolExecutor(1, "pool").submit(_capi.release_pairs, 4000)
        threading.Thread(target=late, name="late one").start()
        _capi.release_pairs(1)
        """,
    )
    assert pairs(log) == 4321
    assert {"MainThread", "late one", "pool_0"} == {thread["name"] for thread in log["threads"]}


@needs_ledger
def test_modules_imported_later_have_their_places(tmp_path: Path) -> None:
    """Places that release in extensions which the program itself imports are known from their import on."""
    log = account(
        tmp_path,
        """
        import sys
        assert "gilscope.kernels._capi" not in sys.modules
        from gilscope.kernels import _capi
        _capi.release_pairs(33)
        """,
    )
    assert pairs(log) == 33


@needs_ledger
def test_children_are_not_in_it(tmp_path: Path) -> None:
    """A child that was forked and ends as a program does writes nothing, and its releases are its own."""
    log = account(
        tmp_path,
        """
        import os, sys
        from gilscope.kernels import _capi
        _capi.release_pairs(5)
        pid = os.fork()
        if pid == 0:
            _capi.release_pairs(100)
            sys.exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        """,
    )
    assert pairs(log) == 5


@needs_ledger
def test_events_are_kept_where_asked_for(tmp_path: Path) -> None:
    """--events keeps the newest ones and says how many are lost; sites are places in the list."""
    text = "from gilscope.kernels import _capi\n_capi.release_pairs(2000)\n"
    assert account(tmp_path, text)["events"] == []
    log = account(tmp_path, text, "--events", "1000")
    assert len(log["events"]) >= 1000
    assert log["n_lost_events"] > 0
    assert {event["site"] for event in log["events"]} - {None} <= set(range(len(log["sites"])))


@needs_ledger
def test_the_tables_go_to_standard_error(tmp_path: Path) -> None:
    """Standard output is the program's, and the JSON's after it where that was asked for."""
    # A place of its own: an interpreter that is one static program shows none of those inside of it.
    text = "from gilscope.kernels import _capi\n_capi.release_pairs(3)\nprint('mine')\n"
    done = ledger("--json", "-", script(tmp_path, text))
    first, rest = done.stdout.split("\n", 1)
    assert first == "mine"
    VALIDATOR.validate(json.loads(rest))
    assert re.search(r"^thread +held +waited +computing +blocked or queued +takes +forced", done.stderr, re.MULTILINE)
    assert re.search(r"^MainThread +[\d.]+ [mµn]?s +\d+ %", done.stderr, re.MULTILINE)
    assert re.search(r"^released by +place +count +computing +blocked or queued +mean", done.stderr, re.MULTILINE)
    told = " ".join(done.stderr.split())
    assert re.search(r"Mechanism: ledger\. It cannot see: interpreters with a GIL.*\. It costs about 50 ns", told), told


@needs_ledger
def test_a_file_is_replaced_only_where_that_was_said(tmp_path: Path) -> None:
    """Without --force the program does not even run; with it the file holds the account."""
    file, path = tmp_path / "log.json", script(tmp_path, "print('ran')")
    file.write_text("dear")
    done = ledger("--json", str(file), path)
    assert (done.returncode, done.stdout, file.read_text()) == (2, "", "dear")
    assert "add --force" in done.stderr
    done = ledger("--json", str(file), "--force", path)
    assert (done.returncode, done.stdout) == (0, "ran\n"), done.stderr
    VALIDATOR.validate(json.loads(file.read_text()))


@needs_ledger
def test_an_account_that_cannot_be_saved_is_shown(tmp_path: Path) -> None:
    """The program has run, so its account is on the terminal before the error, which is no traceback."""
    folder = tmp_path / "folder"
    folder.mkdir()
    done = ledger("--json", str(folder / "log.json"), script(tmp_path, f"import os\nos.rmdir({str(folder)!r})"))
    assert done.returncode == 5, done.stderr
    assert re.search(r"^MainThread .*^gilscope: cannot write ", done.stderr, re.MULTILINE | re.DOTALL)
    assert "Traceback" not in done.stderr


# What can be asked without running a program.


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no program was given"),
        (["-m"], "no program was given"),
        (["nowhere.py"], "there is no file 'nowhere.py'"),
        (["--evnts", "3", "x.py"], "unknown option '--evnts'"),
        (["--events", "-1", "x.py"], "-1 is not in the range"),
        (["--json", "/nowhere/at/all.json", "-m", "this"], "there is no folder"),
    ],
)
def test_wrong_usage(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What was given, what is allowed, and code 2."""
    with pytest.raises(SystemExit) as caught:
        main(["ledger", *arguments])
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


def test_a_timeline_needs_the_ledger(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is none, nothing is run that was to be told event by event: code 5 and the reason."""
    monkeypatch.setattr("gilscope.accounting.ledger._verdict", [Unavailable("forced by a test")])
    with pytest.raises(SystemExit) as caught:
        main(["ledger", "--events", "10", "-m", "this"])
    assert caught.value.code == 5
    assert "a timeline needs the ledger: forced by a test" in capsys.readouterr().err


def test_cells() -> None:
    """Times with their shares, places by symbol and offset, and what is unknown as a dash."""
    thread = dict.fromkeys(SCHEMA["$defs"]["threadAccount"]["required"], 0)
    thread |= {"name": "one", "held_ns": 3_000_000, "blocked_ns": 1_000_000, "takes": 5, "run_delay_ns": None}
    assert view.thread_cells(thread) == (
        *("one", "3 ms  75 %", "0 ns   0 %", "0 ns   0 %", "1 ms  25 %"),
        *("5", "0", "0 ns", "-"),
    )
    site = {"module": "/a/b.so", "symbol": "", "offset": 255, "count": 4}
    site |= {"computing_ns": 4000, "blocked_ns": 0, "longest_release_ns": 2500}
    assert view.site_cells(site) == (
        *("b.so", "0xff", "4", "4 µs 100 %", "0 ns   0 %"),
        *("1 µs", "2.5 µs"),
    )
