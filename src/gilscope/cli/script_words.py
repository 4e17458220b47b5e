"""The words of a command that runs a program: what stands behind the program's name is the program's."""

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import click

from gilscope.cli.formats import FORMATS
from gilscope.errors import UsageError, near

#: Options that nearly every program has too: one behind its name is meant for it.
_EVERYBODYS = {"--help", "--version", "--verbose", "--quiet"}
_ENDINGS = {ending for one in FORMATS.values() for ending in one.endings}


def check(command: click.Command, words: Sequence[str]) -> None:
    """Refuse words that name no program.

    Raises
    ------
    UsageError
    """
    if not words or list(words) == ["-m"]:
        raise UsageError(
            f"no program was given; write `gilscope {command.name} script.py` or `gilscope {command.name} -m module`"
        )
    if words[0] == "-m":
        return
    if words[0].startswith("-"):
        meant = near(words[0], _options(command))
        raise UsageError(f"unknown option {words[0]!r}; options of the program come after its name.{meant}")
    if not Path(words[0]).exists():
        raise UsageError(f"there is no file {words[0]!r}")


def hint(command: click.Command, words: Sequence[str]) -> str:
    """Return what to say where an option of gilscope's stands behind the program's name; "" where none does."""
    n_name = 2 if words[0] == "-m" else 1
    program, own = words[n_name - 1], words[n_name:]
    found = [
        word.partition("=")[0]
        for word, following in zip_longest(own, own[1:], fillvalue="")
        if _is_ours(word.partition("=")[0], following, command)
    ]
    if not found:
        return ""
    told = " and ".join(dict.fromkeys(found))
    return f"{told} went to {program}; an option of gilscope's stands before the program's name"


def _is_ours(name: str, following: str, command: click.Command) -> bool:
    if name == "-o":
        return Path(following).suffix in _ENDINGS
    return name.startswith("--") and name not in _EVERYBODYS and name in _options(command)


def _options(command: click.Command) -> list[str]:
    return [name for option in command.params if isinstance(option, click.Option) for name in option.opts]
