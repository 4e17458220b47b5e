"""Targets: what may be asked for, what it resolves to, and what is said of the rest."""

import ast
import asyncio
import json
import math
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from gilscope.errors import UsageError
from gilscope.targets import hints, script_text
from gilscope.targets.first_call import examine, keeps_several_cpus_busy
from gilscope.targets.target import Resolved, Target, parse_target, resolve

MODULE = """
import asyncio
import threading
calls = []
def add(x, y=0, *, z=0): return x + y + z
def join(x, y): return x + y
def fail(): raise ValueError("no")
def generate(): yield 1
async def fetch(): return 1
async def stream(): yield 1
def nested():
    def inner(): return 1
    return inner
inner = nested()
square = lambda x: x * x
held = lambda: threading.Lock()
later = lambda: generate()
soon = lambda: fetch()
class Box:
    @staticmethod
    def fill(n): return [0] * n
    @staticmethod
    def each(*n, **key): yield n
    async def __call__(self): return 1
box = Box()
number = 5
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a folder of modules to be probed; what is imported from it is forgotten after the test."""
    for name, text in {
        "probed": MODULE,
        "needs": "import no_such_library\n",
        "broken": "def f(:\n",
        "raises": "import os\n1 / 0\n",
        "leaves": "import sys\nsys.exit(3)\n",
        "json": "def f(): pass\n",
        "not-a-name": "def f(): pass\n",
        "01_load": "def f(): pass\n",
        "a b": "def f(): pass\n",
        "my.bench.v2": "def f(): pass\n",
        "my-bench": MODULE,
        "script": 'def f(x=1): return x\ndata = [1]\nif __name__ == "__main__":\n    f()\n',
        "unguarded": '"""Doc."""\nimport os\nTRY = 1\ndef f(): pass\ntry:\n    f()\nexcept ValueError:\n    pass\n'
        "pool = os.Pool()\nfor _ in range(2):\n    f()\n",
    }.items():
        (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "tool").write_text("def f(): pass\n")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "apart.py").write_text(MODULE)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def resolved(text: str, **how: Any) -> Resolved:
    """Resolve a target as a child does, after its way through JSON."""
    return resolve(Target(**json.loads(json.dumps(asdict(parse_target(text, **how))))))


@pytest.mark.parametrize(
    ("text", "how", "result"),
    [
        ("probed:add", {"args": "2, y=3"}, 5),
        ("probed:add", {"args": "*range(1, 3), **{'z': 3},"}, 6),
        ("probed:add", {"args": "5 # a comment"}, 5),
        ("probed:Box.fill", {"args": "n", "setup": "n = 2"}, [0, 0]),
        ("math:sqrt", {"args": "m.pi ** 2", "setup": "import math as m"}, math.pi),
        ("script.py:f", {}, 1),
        ("script.py:f", {"args": "script.data", "setup": "import script"}, [1]),
        ("json.py:f", {}, None),
        ("not-a-name.py:f", {}, None),
        ("01_load.py:f", {}, None),
        ("a b.py:f", {}, None),
        ("my.bench.v2.py:f", {}, None),
        ("./tool:f", {}, None),
        ("sum(x)", {"statement": True, "setup": "x = [1, 2]"}, 3),
        ("y = 1\ny + x", {"statement": True, "setup": "x = 1"}, 2),
        ("x += 1\n'''a\nb'''", {"statement": True, "setup": "x = 1"}, "a\nb"),
        ("x = 1", {"statement": True}, None),
    ],
)
def test_a_target_is_called_with_its_arguments(text: str, how: dict[str, Any], result: object) -> None:
    """Functions, methods, scripts and statements, with a setup and arguments, give what they would in a program."""
    assert resolved(text, **how).call() == result


def test_a_statement_may_change_what_its_setup_made() -> None:
    """As with timeit, the setup runs once and its names live from call to call."""
    statement = resolved("n += 1; n", setup="n = 0", statement=True)
    assert [statement.call(), statement.call()] == [1, 2]


@pytest.mark.parametrize(
    ("text", "how", "message"),
    [
        ("math.sqrt", {}, "names no function. Allowed are module:function, .* Did you mean 'math:sqrt'"),
        ("math:sqrt(2)", {}, r"'sqrt\(2\)' is not the name of a function"),
        (":f", {}, "is not the name of a function"),
        ("a b:f", {}, "'a b' is not the name of a module"),
        ("__main__:f", {}, "'__main__' is not the name of a module"),
        ("  ", {"statement": True}, "The statement is empty"),
        ("f()", {"statement": True, "args": "1"}, "A statement takes no arguments"),
    ],
)
def test_what_is_no_target_is_refused(text: str, how: dict[str, Any], message: str) -> None:
    """The error says what was given and what is allowed."""
    with pytest.raises(UsageError, match=message):
        parse_target(text, **how)


@pytest.mark.parametrize(
    ("text", "how", "message"),
    [
        ("prodeb:add", {}, "finds no module 'prodeb', .* Did you mean .*'probed:add'"),
        ("xml.etre:f", {}, "finds no module 'xml.etre', .* Did you mean 'xml.etree:f'"),
        ("math.sqrt:f", {}, "math is a module and no package; did you mean 'math:sqrt.f'"),
        ("needs:f", {}, "Importing needs failed: No module named 'no_such_library' in .*needs.py, line 1"),
        ("broken:f", {}, r"Importing broken raised .*SyntaxError.*"),
        ("raises:f", {}, "Importing raises raised ZeroDivisionError: division by zero in .*raises.py, line 2"),
        ("leaves:f", {}, "Importing leaves raised SystemExit: 3 in .*leaves.py, line 2"),
        ("scrpt.py:f", {}, "There is no script .*scrpt.py. Did you mean 'script.py:f'"),
        ("probed:ad", {}, "probed has no attribute 'ad'. Did you mean 'probed:add'"),
        ("probed:Box.fil", {}, "probed:Box has no attribute 'fil'. Did you mean 'probed:Box.fill'"),
        ("probed:number", {}, "of type int, which cannot be called"),
        ("probed:add", {}, r"add\(\) does not fit probed:add\(x, y=0, \*, z=0\): missing a required argument: 'x'"),
        ("probed:add", {"args": "1, w=2"}, "unexpected keyword argument 'w'"),
        ("probed:add", {"args": "1,, 2"}, "The arguments cannot be compiled: invalid syntax in '1,, 2'"),
        ("probed:add", {"args": "1)(2"}, "not what stands between the parentheses"),
        ("probed:add", {"args": "1); print(2"}, "not what stands between the parentheses"),
        ("probed:add", {"args": "missing"}, r"Evaluating the arguments \(missing\) .* raised NameError"),
        ("probed:add", {"setup": "if"}, "The setup cannot be compiled: invalid syntax in 'if'"),
        ("probed:add", {"setup": "\n1 / 0"}, "The setup raised ZeroDivisionError: .* in <setup>, line 2"),
        ("x = ", {"statement": True}, "The statement cannot be compiled: invalid syntax in 'x = '"),
        ("# nothing", {"statement": True}, "The statement does nothing"),
        ("return 1", {"statement": True}, "The statement cannot be compiled: 'return' outside function"),
        ("from math import *", {"statement": True}, "The statement cannot be compiled: import "),
        (
            "probed:generate",
            {},
            r"only makes a generator(?s:.*)-s 'from probed import generate' 'list\(generate\(\)\)'$",
        ),
        ("probed:fetch", {}, r"only makes a coroutine, (?s:.*)-s 'import asyncio' 'asyncio.run\(fetch\(\)\)'$"),
        ("probed:stream", {}, "only makes an asynchronous generator, (?s:.*)'asyncio.run"),
        ("probed:box", {}, "only makes a coroutine"),
    ],
)
def test_what_cannot_be_resolved_is_refused(text: str, how: dict[str, Any], message: str) -> None:
    """The error says what was looked for, what went wrong where, and what was perhaps meant."""
    with pytest.raises(UsageError, match=message):
        resolved(text, **how)


@pytest.mark.parametrize(
    ("text", "statement", "message"),
    [
        ("probed:later", False, "only makes a generator"),
        ("probed:soon", False, "only makes a coroutine"),
        ("(x for x in [])", True, r"'list\(\(x for x in \[\]\)\)'"),
    ],
)
def test_a_call_that_only_makes_a_generator_is_refused(text: str, statement: bool, message: str) -> None:
    """What no signature shows, the result of the first call does."""
    with pytest.raises(UsageError, match=message):
        examine(resolved(text, statement=statement))


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("probed:generate", {}),
        ("probed:fetch", {}),
        ("probed:stream", {}),
        ("probed:box", {}),
        ("probed:later", {}),
        ("probed:Box.each", {"args": "n, key={'a b': ':'}", "setup": "n = 'it\\'s'"}),
        ("my-bench.py:generate", {}),
        ("below/apart.py:fetch", {"args": "", "setup": "import apart"}),
        ("below/apart.py:Box.each", {"args": "apart.number", "setup": "import apart"}),
        ("generate()", {"setup": "from probed import generate"}),
        ("x = 1; generate()", {"setup": "from probed import generate"}),
        ("for x in [1]:\n    pass\ngenerate()", {"setup": "from probed import generate"}),
        ("math.sqrt", {"args": "2"}),
        ("script.py", {}),
        ("math.sqrt:__call__", {"args": "2"}),
        ("proobed:later", {}),
        ("probed:Bxo.fill", {"args": "2"}),
        ("scrpt.py:f", {}),
        ("below/aprt.py:square", {"args": "2"}),
    ],
)
def test_every_hint_works_when_it_is_typed(text: str, how: dict[str, Any]) -> None:
    """What an error proposes is given as it stands, and is called or leads on to its own hint, never in a circle."""
    arguments, seen = [text, how.get("args", ""), how.get("setup", "")], set()
    while True:
        try:
            examine(resolve(parse_target(arguments[0], args=arguments[1], setup=arguments[2])))
        except UsageError as error:
            arguments = _typed(str(error), arguments)
        else:
            break
        assert tuple(arguments) not in seen
        seen.add(tuple(arguments))
    assert seen


def _typed(message: str, arguments: list[str]) -> list[str]:
    """Return TARGET, --args and --setup as a message proposes them."""
    if " instead:\n" in message:
        *setups, statement = shlex.split(message.partition(" instead:\n")[2])
        assert setups[::2] == ["-s"] * (len(setups) // 2)
        return [statement, "", "\n".join(setups[1::2])]
    target = re.search(r"[Dd]id you mean ('.*?')(?: or .*)?\?$", message)
    assert target, message
    return [ast.literal_eval(target[1]), *arguments[1:]]


def test_python_is_told_what_to_do_in_python() -> None:
    """Whoever gives an object, or a cell of a notebook, types no options of a shell."""

    def hint(made: str, **about: Any) -> str:
        return hints.drained(Target(is_object=True, **about), made)

    statement = {"text": "n = 3; f(n)", "kind": "statement"}
    assert hint("generator", **statement) == "n = 3; list(f(n))"
    assert hint("coroutine", **statement) == "import asyncio; n = 3; asyncio.run(f(n))"
    function = {"text": "m:f", "kind": "module", "home": "m", "attribute": "f", "args": "*sent[0]"}
    assert hint("generator", **function) == "a function that returns list(f(...))"

    async def inside() -> str:
        return hint("coroutine", **statement)

    assert "asyncio.run" in asyncio.run(inside())
    assert "f(n)" not in asyncio.run(inside())


@pytest.mark.parametrize(
    ("statement", "makes_iterator"),
    [
        ("map(str, [])", True),
        ("iter([])", True),
        ("import csv; csv.reader([])", True),
        ("[]", False),
        ("range(3)", False),
        ("import io; io.StringIO()", False),
    ],
)
def test_an_iterator_is_known(statement: str, makes_iterator: bool) -> None:
    """What can be drained has run nothing yet; what can be gone through again, and an open file, are there already."""
    assert examine(resolved(statement, statement=True)).makes_iterator is makes_iterator


def test_what_can_be_pickled_is_counted() -> None:
    """A function with a name, plain arguments and a plain result can go to another process."""
    seen = examine(resolved("probed:join", args="b'x' * 10**6, b''"))
    assert (seen.function_obstacle, seen.arguments_obstacle, seen.result_obstacle) == (None, None, None)
    assert seen.arguments_bytes is not None
    assert seen.result_bytes is not None
    assert 10**6 < seen.result_bytes < seen.arguments_bytes < 10**6 + 200
    assert (seen.result_type, seen.threads_left, seen.processes_left) == ("bytes", [], [])


@pytest.mark.parametrize(
    ("text", "how", "field", "reason"),
    [
        ("probed:square", {"args": "2"}, "function_obstacle", "it is a lambda"),
        ("probed:inner", {}, "function_obstacle", "nested.<locals>.inner is defined inside of a function"),
        ("sum([])", {"statement": True}, "function_obstacle", "a statement has no name"),
        ("probed:add", {"args": "A(), A()", "setup": "class A(int): pass"}, "arguments_obstacle", "__setup__"),
        ("probed:held", {}, "result_obstacle", "TypeError: cannot pickle '_thread.lock' object"),
    ],
)
def test_what_cannot_be_pickled_says_why(text: str, how: dict[str, Any], field: str, reason: str) -> None:
    """An obstacle is a reason, and nothing has failed."""
    assert reason in getattr(examine(resolved(text, **how)), field)


@pytest.mark.parametrize(("cpu_ns", "children_cpu_ns", "parallel"), [(12, 0, False), (13, 0, True), (1, 12, True)])
def test_more_cpu_time_than_one_thread_has_is_parallel(
    monkeypatch: pytest.MonkeyPatch, cpu_ns: int, children_cpu_ns: int, parallel: bool
) -> None:
    """Wherever the CPU time was spent, more than 1.2 times the wall time is more than one thread's."""
    monkeypatch.setattr("gilscope.targets.first_call._timed", lambda call: (None, 10, 0, cpu_ns, children_cpu_ns))
    assert keeps_several_cpus_busy(dict) is parallel


def test_a_busy_machine_hides_no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time in which the caller was queued for a CPU is none in which one thread could have used it."""
    monkeypatch.setattr("gilscope.targets.first_call._timed", lambda call: (None, 10, 6, 8, 0))
    assert keeps_several_cpus_busy(dict)


def test_what_a_script_runs_on_import_is_found(folder: Path) -> None:
    """Definitions, constants and guarded code are not it; calls, loops and pools are."""
    assert script_text.has_main_guard(folder / "script.py")
    assert script_text.top_level_work(folder / "script.py") == []
    assert script_text.has_main_guard(folder / "unguarded.py") is False
    work = script_text.top_level_work(folder / "unguarded.py")
    assert work == ["line 6: f()", "line 9: pool = os.Pool()", "line 10: for _ in range(2):"]
    assert script_text.has_main_guard(folder / "broken.py") is None
