"""The command line: the list of commands, and the one place where errors become exit codes."""

import sys
from importlib import import_module

import click
from click.shell_completion import CompletionItem

from gilscope import shortages
from gilscope.cli.signals import interruptible
from gilscope.cli.streams import guarded
from gilscope.errors import DONE, EXIT_CODES, INTERRUPTED, GilscopeError, unknown
from gilscope.version import __version__

#: Command -> (module, one line of help). A command's module is imported when it is called, so `--help` costs nothing.
COMMANDS = {
    "run": ("gilscope.cli.run", "Measure kernels under strategies: what does the GIL cost here, and does it decide?"),
    "experiment": ("gilscope.cli.experiment", "Put a claim about threads and processes to the test."),
    "syllabus": ("gilscope.cli.syllabus", "Show the article's claims, their experiments, and what was found here."),
    "probe": (
        "gilscope.cli.probe",
        "Probe one of your functions: does it hold the GIL, and would threads or processes help?",
    ),
    "atlas": ("gilscope.cli.atlas", "Check a list of calls: which hold the GIL, and where threads would help."),
    "ledger": ("gilscope.cli.ledger", "Account for the GIL in a program: who held it, who waited, what released it."),
    "trace": ("gilscope.cli.trace", "Show who held the GIL when, thread by thread: for Perfetto, or as a picture."),
    "report": ("gilscope.cli.report", "Show a saved result, from any machine."),
    "list": ("gilscope.cli.list_", "Show kernels, implementations, strategies, and what cannot run here and why."),
    "doctor": ("gilscope.cli.doctor", "Check this machine: CPUs, quotas, GIL, and what would distort a measurement."),
    "selftest": ("gilscope.cli.selftest", "Test the measuring method itself, on ratios whose truth is known."),
}


class _Commands(click.Group):
    """Commands that are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name][0]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            raise unknown("command", name, COMMANDS)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return what may stand here; click's own would import every command to ask whether it is hidden."""
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [
            *(CompletionItem(name, help=text) for name, (_, text) in COMMANDS.items() if name.startswith(incomplete)),
            *options,
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"Exit codes: {', '.join(f'{code} {says}' for code, says in EXIT_CODES.items())}.",
)
@click.version_option(__version__, prog_name="gilscope")
def cli() -> None:
    """Measure what CPython's global interpreter lock (GIL) costs on this machine."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    sys.exit(guarded(lambda: interruptible(lambda: _run(arguments))))


def _run(arguments: list[str] | None) -> int:
    """Run the command line and return the exit code that it deserves; say what went wrong on standard error."""
    try:
        with shortages.named():
            return cli.main(arguments, prog_name="gilscope", standalone_mode=False) or DONE
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("gilscope: interrupted", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        _say(error)
        return error.exit_code
    except GilscopeError as error:
        click.echo(f"gilscope: {error}", err=True)
        return error.exit_code


def _say(error: click.ClickException) -> None:
    """Say what click refuses as gilscope says what it refuses itself, and where help is."""
    if type(error).__name__ == "NoArgsIsHelpError":  # click's from 8.2 on; its text is the help
        error.show()
        return
    text = error.format_message()
    click.echo(f"gilscope: {text[:1].lower()}{text[1:]}", err=True)
    if isinstance(error, click.UsageError) and error.ctx is not None:
        click.echo(f"Help: {error.ctx.command_path} --help", err=True)
