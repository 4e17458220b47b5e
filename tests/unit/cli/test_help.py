"""What a command says of itself: examples, short sentences, hints for slips, and what a shell completes."""

import inspect
import re
import shlex
import subprocess
import sys
from typing import Any

import click
import pytest
from click.shell_completion import ShellComplete

from gilscope import kernels
from gilscope.cli import COMMANDS, cli, main
from gilscope.cli.command import Command
from gilscope.running import strategies

#: A sentence of help has so many words at most.
MOST_WORDS = 25


def command(name: str) -> Command:
    """Return a command by its name."""
    found = cli.get_command(click.Context(cli), name)
    assert isinstance(found, Command)
    return found


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[Any, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    return caught.value.code, *capsys.readouterr()


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_stand_before_the_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whole, on a terminal of 80 columns too: a line is to be copied."""
    code, out, _ = called(capsys, name, "--help")
    assert code == 0
    assert command(name).examples
    for line, text in command(name).examples:
        assert f"\n  gilscope {line}\n    {text}\n" in out[: out.index("\nOptions:")]
        assert max(len(f"  gilscope {line}"), len(f"    {text}")) <= 80


@pytest.mark.parametrize(("name", "line"), [(name, line) for name in COMMANDS for line, _ in command(name).examples])
def test_an_example_is_understood(name: str, line: str) -> None:
    """Every option of it is there, and takes what it is given."""
    first, *words = shlex.split(line)
    assert first == name
    ctx = command(name).make_context(name, words)
    assert not ctx.meta.get("gilscope.spellings")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_said_in_short_sentences(name: str) -> None:
    """The command's own text and that of its options."""
    options = [option.help or "" for option in command(name).params if isinstance(option, click.Option)]
    for text in (inspect.cleandoc(command(name).help or ""), COMMANDS[name][1], *options):
        for sentence in re.split(r"(?<=[.?!])\s+|\n\n|  \[", text):
            assert len(sentence.split()) <= MOST_WORDS, sentence


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["prob"], "unknown command 'prob'; choose from: run, .* Did you mean 'probe'"),
        (["run", "quat"], "unknown kernel 'quat'; choose from: square, quad. Did you mean 'quad'"),
        (["run", "--strategies", "thread"], "unknown strategy 'thread'.* Did you mean 'threads'"),
        (["run", "--implementations", "cyton"], "unknown implementation 'cyton'.* Did you mean 'cython'"),
        (["run", "--max-tim", "3"], "no such option:? '?--max-tim.*--max-time"),
        (["trace", "kernel:quat/c/held"], "unknown kernel 'quat'.* Did you mean 'quad'"),
        (["atlas", "stdlb"], "there is no call list stdlb.* Did you mean 'stdlib'"),
        (["probe"], "missing argument 'TARGET'"),
        (["probe", "x:f", "--max-time", "soon"], "invalid value for '--max-time'.*'soon' is not a time"),
        (["list", "--format", "xml"], "invalid value for '--format'.*'xml'"),
    ],
)
def test_a_slip_is_told_in_one_style(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What was given, what is allowed, and what was perhaps meant; with code 2."""
    code, out, err = called(capsys, *arguments)
    assert (code, out) == (2, "")
    assert re.match(f"gilscope: {told}", err), err
    assert "Usage:" not in err


def test_click_s_own_refusals_say_where_help_is(capsys: pytest.CaptureFixture[str]) -> None:
    """In a line of their own."""
    assert called(capsys, "probe")[2].splitlines()[1:] == ["Help: gilscope probe --help"]


def completed(*words: str) -> list[str]:
    """Return what a shell proposes for the last of these words."""
    *before, last = words
    complete = ShellComplete(cli, {}, "gilscope", "_GILSCOPE_COMPLETE")
    return [item.value for item in complete.get_completions(list(before), last)]


@pytest.mark.parametrize(
    ("words", "proposed"),
    [
        (("",), [*COMMANDS]),
        (("l",), ["ledger", "list"]),
        (("run", "q"), ["quad"]),
        (("run", "--implementations", "c"), ["cython", "c"]),
        (("run", "--implementations", "c,"), [f"c,{name}" for name in kernels.IMPLEMENTATIONS if name != "c"]),
        (("run", "--strategies", "threads,int"), ["threads,interpreters"]),
        (("run", "--gil", ""), ["held", "released", "chunked"]),
        (("run", "--dtype", "u"), ["uint64", "uint32"]),
        (("probe", "x:f", "--form"), ["--format"]),
        (("probe", "x:f", "--format", "h"), ["html"]),
        (("atlas", "std"), ["stdlib"]),
        (("experiment", "held"), ["held_versus_released"]),
    ],
)
def test_a_shell_completes(words: tuple[str, ...], proposed: list[str]) -> None:
    """Commands, options, and the names that some of them take."""
    assert completed(*words) == proposed


def test_all_strategies_are_completed() -> None:
    """But for the one that always runs."""
    assert completed("run", "--strategies", "") == [one.name for one in strategies.STRATEGIES if one.name != "serial"]


@pytest.mark.parametrize("words", ["gilscope p", *(f"gilscope {name} --" for name in COMMANDS)])
def test_completion_loads_little(words: str) -> None:
    """A shell asks at every press of a key: no NumPy, no rich, and no command but the one that is asked about."""
    program = (
        "import os, sys\n"
        "from gilscope.cli import cli\n"
        "try: cli.main(prog_name='gilscope')\n"
        "except SystemExit: pass\n"
        "names = ('numpy', 'rich', 'asyncio', 'jinja2')\n"
        "print([name for name in names if name in sys.modules])\n"
        "print(sorted(name for name in sys.modules if name in "
        f"{[module for module, _ in COMMANDS.values()]!r}))\n"
    )
    environment = {
        "_GILSCOPE_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True, env=environment
    )
    *proposed, loaded, modules = done.stdout.splitlines()
    assert proposed
    assert loaded == "[]"
    name = words.split()[1]
    assert modules == (repr([COMMANDS[name][0]]) if name in COMMANDS else "[]")
