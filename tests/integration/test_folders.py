"""Modules of the user's folders: never run by gilscope's own start, and found where plain Python finds them."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from brief import SHORT_RUN

from gilscope.children.modules import give_back

SCRIPT = "def f(): return 1\nif __name__ == '__main__': print(f())\n"
CALLS = 'title = "one"\n[[call]]\nname = "a"\ngroup = "g"\nrequires = ["target"]\nstatement = "sum(range(1000))"\n'
QUICK = ["--max-time", "0.05", "--workers", "2"]
#: Each is run in a folder in which every module of the standard library has a namesake.
COMMANDS = {
    "ledger, elsewhere": ["ledger", "../script.py"],
    "ledger, beside it": ["ledger", "script.py"],
    "probe, statement": ["probe", "sum(range(1000))", *QUICK],
    "probe, module": ["probe", "target:f", *QUICK],
    "probe, script": ["probe", "script.py:f", *QUICK],
    "probe, script elsewhere": ["probe", "../script.py:f", *QUICK],
    "probe, missing": ["probe", "targit:f"],
    "trace": ["trace", "target:f", "--max-time", "0.05"],
    "trace, kernel": ["trace", "kernel:quad/c/released", "--max-time", "0.05"],
    "atlas": ["atlas", "calls.toml", "--max-time", "0.05"],
    "doctor": ["doctor"],
    "doctor --imports": ["doctor", "--imports", "target"],
    "list": ["list"],
    "run": SHORT_RUN,
}


def is_here(name: str) -> bool:
    """Tell whether this system has a module: some look for those of others, such as nt."""
    return name != "__main__" and find_spec(name) is not None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder full of modules that take note of being run, and targets in it and above it."""
    folder = tmp_path / "cwd"
    folder.mkdir()
    for name in filter(is_here, sys.stdlib_module_names):
        note = f"print({name!r}, file=open({str(tmp_path / 'log')!r}, 'a'))\nraise ImportError('a namesake')\n"
        (folder / f"{name}.py").write_text(note)
    for path in (folder / "script.py", folder / "target.py", tmp_path / "script.py"):
        path.write_text(SCRIPT)
    (folder / "calls.toml").write_text(CALLS)
    return folder


def gilscope(*words: str, **options: object) -> "subprocess.CompletedProcess[str]":
    """Run the installed command, whose own folder is not the working one."""
    script = Path(sys.executable).with_name("gilscope")
    if not script.exists():
        pytest.skip("gilscope is not installed with its command")
    command = [sys.executable, "-W", "error", str(script), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, **options)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("name", COMMANDS)
def test_no_namesake_of_a_module_is_run(folder: Path, name: str) -> None:
    """Neither the command nor a child of it runs a file of the working folder that nobody asked for."""
    done = gilscope(*COMMANDS[name], cwd=folder)
    log = folder.parent / "log"
    assert not log.exists(), (log.read_text(), done.stderr)
    assert done.returncode in ({2} if name == "probe, missing" else {0, 3, 5}), done.stderr


WHERE = "import sys, queue; print([sys.path[0], queue.__file__, sys.flags.safe_path])"
PLAIN = {"script": ["script.py"], "elsewhere": ["../above.py"], "module": ["-m", "script"], "statement": ["-c", WHERE]}


@pytest.mark.parametrize("flags", [[], ["-P"], ["-I"]])
@pytest.mark.parametrize("kind", PLAIN)
def test_modules_are_found_where_plain_python_finds_them(tmp_path: Path, kind: str, flags: list[str]) -> None:
    """Of a script beside it, else in the working folder, and in neither with -P or -I; the user's come first."""
    folder = tmp_path / "cwd"
    folder.mkdir()
    for path in (folder, tmp_path):
        (path / "queue.py").write_text("")
        (path / ("script.py" if path is folder else "above.py")).write_text(f"{WHERE}\ndef f(): return 1\n")
    command = [sys.executable, *flags]
    plain = subprocess.run([*command, *PLAIN[kind]], cwd=folder, capture_output=True, text=True, check=False)
    if "Error" in plain.stderr:
        assert (kind, flags) in [("module", ["-P"]), ("module", ["-I"])]
        return
    expected = plain.stdout.strip().replace("['', ", f"[{str(folder)!r}, ")  # "" is the working folder
    script = Path(sys.executable).with_name("gilscope")
    words = ["trace", "--statement", WHERE.replace("print", "raise SystemExit"), "--calls", "1"]
    if kind != "statement":
        words = ["ledger", *PLAIN[kind]]
    done = subprocess.run([*command, str(script), *words], cwd=folder, capture_output=True, text=True, check=False)
    if kind == "statement":  # -P keeps gilscope's own start safe, and the user's modules are found as without
        first = "queue" if flags else str(folder)
        assert first in done.stderr, done.stderr
    else:
        assert done.stdout.strip() == expected, done.stderr


@pytest.mark.parametrize("flags", [[], ["-P"]])
def test_a_script_that_is_probed_finds_what_lies_beside_it(tmp_path: Path, flags: list[str]) -> None:
    """And not what lies in the working folder; with -P neither, as when Python runs it."""
    folder = tmp_path / "cwd"
    folder.mkdir()
    (tmp_path / "beside.py").write_text("")
    (folder / "here.py").write_text("")
    names = "[name for name in ('beside', 'here') if importlib.util.find_spec(name)]"
    (tmp_path / "script.py").write_text(f"import importlib.util\ndef f(): raise ValueError({names})\n")
    script = Path(sys.executable).with_name("gilscope")
    command = [sys.executable, *flags, str(script), "probe", "../script.py:f"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert f"ValueError: {[] if flags else ['beside']}" in done.stderr


def test_what_gilscope_has_loaded_gives_way_to_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that was there before stays, and so does one of which there is a mere folder."""
    for name in ("queue", "heapq"):
        (tmp_path / f"{name}.py").write_text("")
    (tmp_path / "bisect").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for name in ("queue", "heapq", "bisect"):
        monkeypatch.setitem(sys.modules, name, sys)
    give_back(sys.modules.keys() - {"queue", "bisect"})
    assert "queue" not in sys.modules
    assert {"heapq", "bisect"} <= sys.modules.keys()
