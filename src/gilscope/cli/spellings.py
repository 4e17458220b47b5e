"""Spellings of before: they still work, and the new one is said, once, on standard error."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

_FILES, _NOTES = "gilscope.json_files", "gilscope.spellings"

#: Tells whether the word behind --json is a file: given that word, whether one that is no option stands before it, and
#: all the words behind it.
IsFile = Callable[[str, bool, Sequence[str]], bool]


@dataclass(frozen=True, slots=True)
class Before:
    """How a command was spelled before.

    Parameters
    ----------
    options : mapping of str to sequence of str
        Old option -> what stands for it now.
    is_file : callable, optional
        For a command whose --json took a file.
    """

    options: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_file: IsFile | None = None


def behind_target(word: str, has_target: bool, behind: Sequence[str]) -> bool:
    """Tell a file behind --json from the TARGET of a command that has one such word."""
    if word == "-" or word.startswith("-"):
        return word == "-"
    return word.endswith(".json") or has_target or bool(behind and not behind[0].startswith("-"))


def before_script(word: str, _has_target: bool, behind: Sequence[str]) -> bool:
    """Tell a file behind --json from the script of a command that runs one, whose own words come after it."""
    if word == "-" or word.endswith(".json") or "--" in behind[:1]:
        return True
    return not word.startswith("-") and not Path(word).exists() and any(Path(one).exists() for one in behind)


def renewed(command: click.Command, ctx: click.Context, args: Sequence[str], before: Before) -> list[str]:
    """Return the words of a command line in the new spelling, and keep what there is to say of them.

    Parameters
    ----------
    command : click.Command
    ctx : click.Context
        Of the command; what is kept is kept there.
    args : sequence of str
    before : Before
    """
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    with_value = {name for option in options if not option.is_flag for name in option.opts}
    known = {*(name for option in options for name in option.opts), *before.options, "--json"}
    new, rest, has_word = list[str](), list(args), False
    while rest:
        # What is behind "--" is no option, nor is what is behind the name of a program.
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if word == "--" or not (ctx.allow_interspersed_args or {name, word[:2]} & known):
            return [*new, word, *rest]
        if name == "--json" and before.is_file is not None:
            if not equals and rest and before.is_file(rest[0], has_word, rest[1:]):
                equals, value = " ", rest.pop(0)
            new += _renewed_json(ctx, equals, value)
        elif name in before.options:
            _note(ctx, name, " ".join(before.options[name]))
            new += [*before.options[name], *([value] if equals else [])]
        elif word in with_value and rest:
            new += [word, rest.pop(0)]
        else:
            has_word = has_word or not word.startswith("-")
            new.append(word)
    return new


def note(ctx: click.Context, text: str) -> None:
    """Keep what is to be said of a spelling."""
    notes = ctx.meta.setdefault(_NOTES, [])
    if text not in notes:
        notes.append(text)


def notes(ctx: click.Context) -> list[str]:
    """Return what is to be said of the spellings of a command line."""
    return list(ctx.meta.get(_NOTES, []))


def json_files(ctx: click.Context) -> list[Path]:
    """Return the files that --json named, which are JSON whatever their ending."""
    return list(ctx.meta.get(_FILES, []))


def _renewed_json(ctx: click.Context, equals: str, value: str) -> list[str]:
    if not equals:
        return ["--json"]
    if value == "-":
        _note(ctx, f"--json{equals}-", "--json")
        return ["--json"]
    ctx.meta.setdefault(_FILES, []).append(Path(value))
    _note(ctx, f"--json{equals}FILE", "-o FILE.json")
    return []


def _note(ctx: click.Context, old: str, new: str) -> None:
    note(ctx, f"{old} is now {new}; the old spelling still works")
