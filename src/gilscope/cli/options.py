"""Options that several commands have, each written once."""

from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any

import click

from gilscope.cli import spellings, voice
from gilscope.cli.formats import FORMATS
from gilscope.cli.kinds import KINDS
from gilscope.cli.outputs import Outputs
from gilscope.cli.types import Choice, Duration
from gilscope.errors import UsageError
from gilscope.words import joined, seconds

#: What decorates a command.
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def outputs(command: str, *, goes_on: bool = False, default: str = "text") -> Decorator:
    """Give a command -o, --force, --format and --json, and hand it what they ask for as `outputs`.

    Parameters
    ----------
    command : str
        Its name in the table of kinds.
    goes_on : bool, optional
        Whether a JSON file that exists is gone on with, which the command itself has to check.
    default : str, optional
        What is shown without --format, in words.
    """
    kind = KINDS[command]
    force = "Overwrite files that exist; a .json is gone on with instead." if goes_on else "Overwrite files that exist."

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        return _with_outputs(
            lambda make, **given: function(outputs=make(kind, goes_on=goes_on), **given),
            kind.formats,
            force,
            default,
            function,
        )

    return decorate


def outputs_of(*kinds: str) -> Decorator:
    """Give a command the same, and hand it as `outputs` what makes them of the kind that it turns out to find.

    Parameters
    ----------
    *kinds : str
        Their names in the table of kinds.
    """
    formats = [form for form in FORMATS if any(form in KINDS[name].formats for name in kinds)]

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        return _with_outputs(
            lambda make, **given: function(outputs=make, **given),
            formats,
            "Overwrite files that exist.",
            "text",
            function,
        )

    return decorate


def _with_outputs(
    call: Callable[..., Any], formats: list[str], force: str, default: str, function: Callable[..., Any]
) -> Callable[..., Any]:
    endings = joined([FORMATS[form].endings[0] for form in formats], "or")
    styles = [form for form in formats if not FORMATS[form].is_picture]

    @click.option(
        "-o",
        "--output",
        "files",
        type=click.Path(path_type=Path, dir_okay=False),
        multiple=True,
        metavar="FILE",
        help=f"Save it here, in the format of the ending: {endings}; repeatable.",
    )
    @click.option("--force", is_flag=True, help=force)
    @click.option(
        "--format", "style", type=Choice(styles, {"table": "text"}), help=f"Of standard output.  [default: {default}]"
    )
    @click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
    @wraps(function)
    def decorated(*, files: tuple[Path, ...], force: bool, style: str | None, as_json: bool, **given: Any) -> Any:
        if as_json and style not in (None, "json"):
            raise UsageError(f"standard output takes one format: --json, or --format {style}; save the other with -o")
        return call(
            partial(
                Outputs,
                files=list(files),
                style="json" if as_json else style,
                force=force,
                as_json=spellings.json_files(click.get_current_context()),
            ),
            **given,
        )

    return decorated


def target(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command TARGET, and what a call of it needs."""
    for decorate in reversed(
        (
            click.argument("target"),
            click.option(
                "--args", default="", help="The arguments, as between the parentheses of the call: '3, key=len'."
            ),
            click.option(
                "-s",
                "--setup",
                multiple=True,
                metavar="CODE",
                help="Setup code, run once first (like timeit); repeatable.",
            ),
            click.option(
                "--statement", is_flag=True, help="TARGET is a statement, even if it looks like module:function."
            ),
        )
    ):
        function = decorate(function)
    return function


def max_time(text: str, default_s: float | None = None) -> Decorator:
    """Give a command --max-time, in seconds, whose meaning the text tells."""
    told = "" if default_s is None else f"  [default: {seconds(default_s)}]"
    return click.option("--max-time", type=Duration(), default=default_s, help=f"{text}{told}")


def limit(default: str) -> Decorator:
    """Give a command --limit, in seconds, or None where none is given.

    Parameters
    ----------
    default : str
        What is taken then, in words.
    """
    return click.option(
        "--limit",
        "limit_s",
        type=Duration(),
        help=f"Stop after this long and report the call as hung.  [default: {default}]",
    )


def check_times(max_time_s: float, limit_s: float) -> None:
    """Refuse times that leave nothing to be measured.

    Raises
    ------
    UsageError
    """
    if not 0 < max_time_s < limit_s:
        raise UsageError(
            f"--max-time must be above 0 and below --limit, got {seconds(max_time_s)} and {seconds(limit_s)}"
        )


def seed(text: str = "Seed of every random choice.", default: int | None = None) -> Decorator:
    """Give a command --seed."""
    return click.option("--seed", type=int, default=default, show_default=default is not None, help=text)


voices = voice.options
