"""Spellings of before, and the words of a program: who gets which, and what is said of it."""

import shlex
from pathlib import Path

import click
import pytest

from gilscope.cli import COMMANDS, cli, script_words, spellings
from gilscope.cli.command import Command
from gilscope.errors import UsageError


def renewed(name: str, *args: str) -> tuple[list[str], list[str], list[str]]:
    """Return the new words of a command line, the files that are JSON, and what is said."""
    command = cli.get_command(click.Context(cli), name)
    assert isinstance(command, Command)
    ctx = click.Context(command, **command.context_settings)
    words = spellings.renewed(command, ctx, args, command.before)
    return words, [str(path) for path in spellings.json_files(ctx)], spellings.notes(ctx)


FILE_NOTE = "--json FILE is now -o FILE.json; the old spelling still works"
EQUALS_NOTE = FILE_NOTE.replace(" FILE is", "=FILE is")


@pytest.mark.parametrize(
    ("line", "words", "files"),
    [
        ("x:f --json=a.txt", "x:f", ["a.txt"]),
        ("x:f --json a.txt", "x:f", ["a.txt"]),
        ("--json a.json x:f", "x:f", ["a.json"]),
        ("--json a.txt x:f", "x:f", ["a.txt"]),
        ("--json x:f", "--json x:f", []),
        ("--json x:f --max-time 1", "--json x:f --max-time 1", []),
        ("x:f --json", "x:f --json", []),
        ("x:f --json --force", "x:f --json --force", []),
        ("x:f --json -", "x:f --json", []),
        ("--json - x:f", "--json x:f", []),
        ("--args --json x:f", "--args --json x:f", []),
        ("-s --json=a x:f", "-s --json=a x:f", []),
        ("x:f --markdown", "x:f --format markdown", []),
        ("-- --markdown", "-- --markdown", []),
    ],
)
def test_a_probe_of_before_is_understood(line: str, words: str, files: list[str]) -> None:
    """Its --json took a file, which is JSON whatever its ending; what is another option's value is left alone."""
    new, found, notes = renewed("probe", *line.split())
    assert (new, found) == (words.split(), files)
    assert bool(notes) == (words != line)


def test_what_is_said_names_the_new_spelling() -> None:
    """Once, however often it was used."""
    assert renewed("probe", "x:f", "--json=a", "--json=b")[2] == [EQUALS_NOTE]
    assert renewed("ledger", "--json", "a.json", "x.py")[2] == [FILE_NOTE]
    assert renewed("trace", "x:f", "--picture", "a.svg") == (
        ["x:f", "-o", "a.svg"],
        [],
        ["--picture is now -o; the old spelling still works"],
    )
    assert renewed("trace", "x:f", "--picture=a.svg")[0] == ["x:f", "-o", "a.svg"]


@pytest.mark.parametrize(
    ("line", "words", "files"),
    [
        ("--json a.json x.py --json b.json", "x.py --json b.json", ["a.json"]),
        ("--json a.out x.py", "x.py", ["a.out"]),
        ("--json a.out -- x.py", "-- x.py", ["a.out"]),
        ("--json - x.py", "--json x.py", []),
        ("--json=a.out -m this", "-m this", ["a.out"]),
        ("--json x.py a.out", "--json x.py a.out", []),
        ("--json x.py y.py", "--json x.py y.py", []),
        ("--json -m this", "--json -m this", []),
        ("--events 3 --json x.py", "--events 3 --json x.py", []),
        ("x.py --json=a.json", "x.py --json=a.json", []),
        ("-m this --json=a.json", "-m this --json=a.json", []),
    ],
)
def test_a_ledger_of_before_is_understood(
    line: str, words: str, files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where --json stands before a program that there is; what is behind the program's name is the program's."""
    monkeypatch.chdir(tmp_path)
    for name in ("x.py", "y.py"):
        Path(name).touch()
    assert renewed("ledger", *line.split())[:2] == (words.split(), files)


def ledger() -> click.Command:
    command = cli.get_command(click.Context(cli), "ledger")
    assert command is not None
    return command


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("x.py --json", "--json went to x.py"),
        ("x.py --events=3 y --json", "--events and --json went to x.py"),
        ("-m pytest --force -q", "--force went to pytest"),
        ("x.py -o a.json", "-o went to x.py"),
        ("x.py -o a.out", ""),
        ("x.py --help -v -q --verbose --version", ""),
        ("x.py --else -x", ""),
        ("-m this", ""),
        ("x.py", ""),
    ],
)
def test_an_option_behind_the_program_is_pointed_out(line: str, told: str) -> None:
    """Where it is one of gilscope's that not every program has."""
    found = script_words.hint(ledger(), line.split())
    assert found.startswith(told)
    assert bool(found) == bool(told)


def test_a_slip_before_the_program_is_refused() -> None:
    """With what was perhaps meant."""
    with pytest.raises(UsageError, match="unknown option '--evnts'; .* Did you mean '--events'"):
        script_words.check(ledger(), ["--evnts", "3", "x.py"])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_of_a_help_is_a_command_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Typed as it stands it is understood, and nothing in it is a spelling of before."""
    monkeypatch.chdir(tmp_path)
    command = cli.get_command(click.Context(cli), name)
    assert isinstance(command, Command)
    assert command.examples
    for line, _ in command.examples:
        first, *words = shlex.split(line)
        assert first == name
        with command.make_context(name, words) as ctx:
            assert spellings.notes(ctx) == []


def test_the_stall_of_an_atlas_is_its_longest_hold() -> None:
    """The column has the name that a trace gives it; the old key still sorts, and the new one is said."""
    command = cli.get_command(click.Context(cli), "atlas")
    assert isinstance(command, Command)
    with command.make_context("atlas", ["numpy", "--sort", "stall"]) as ctx:
        assert ctx.params["sort"] == "longest-hold"
        assert spellings.notes(ctx) == ["--sort stall is now --sort longest-hold; the old spelling still works"]
