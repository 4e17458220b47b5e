"""What every command has in common: examples in its help, and spellings of before."""

from collections.abc import Sequence
from typing import Any

import click

from gilscope.cli import spellings, voice
from gilscope.cli.spellings import Before


class Command(click.Command):
    """A command of gilscope's.

    Parameters
    ----------
    examples : sequence of (str, str), optional
        Command lines, without "gilscope", and what each is for: the first that its help shows.
    before : Before, optional
        How it was spelled before.
    """

    def __init__(
        self, *args: Any, examples: Sequence[tuple[str, str]] = (), before: Before | None = None, **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self.examples = examples
        self.before = before or Before()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the words of a command line."""
        return super().parse_args(ctx, spellings.renewed(self, ctx, args, self.before))

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command."""
        for text in spellings.notes(ctx):
            voice.say(f"gilscope: {text}")
        return super().invoke(ctx)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what it does, and how it is called."""
        super().format_help_text(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                for line, text in self.examples:  # not to be broken: a line is to be copied
                    formatter.write(f"{'':{formatter.current_indent}}gilscope {line}\n")
                    formatter.write(f"{'':{formatter.current_indent}}  {text}\n")
