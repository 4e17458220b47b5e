"""The command line: the list of commands, and the one place where errors become exit codes."""

import sys
from importlib import import_module

import click

from gilscope import shortages
from gilscope.cli.signals import interruptible
from gilscope.cli.streams import guarded
from gilscope.errors import DONE, EXIT_CODES, INTERRUPTED, GilscopeError
from gilscope.version import __version__

#: Command -> (module, one line of help). A command's module is imported when it is called, so `--help` costs nothing.
COMMANDS = {
    "run": ("gilscope.cli.run", "Measure kernels under strategies: does the GIL decide here, and what does each cost?"),
    "experiment": ("gilscope.cli.experiment", "Put a claim about threads and processes to the test."),
    "ledger": ("gilscope.cli.ledger", "Account for the GIL in a program: who held it, who waited, what released it."),
    "trace": ("gilscope.cli.trace", "Show who held the GIL when, thread by thread: for Perfetto, or as a picture."),
    "atlas": ("gilscope.cli.atlas", "Say of every call of a list what it does to the GIL, and whether threads pay."),
    "probe": ("gilscope.cli.probe", "Measure a call of yours: does it hold the GIL, and do threads or processes pay?"),
    "report": ("gilscope.cli.report", "Draw a saved result, from any machine."),
    "list": ("gilscope.cli.list_", "Show kernels, implementations, strategies, and what cannot run here and why."),
    "doctor": ("gilscope.cli.doctor", "Show this machine: CPUs, quota, GIL, clocks, OpenMP, and what disturbs."),
    "selftest": ("gilscope.cli.selftest", "Test the measuring method itself on ratios whose truth is known."),
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
        error.show()
        return error.exit_code
    except GilscopeError as error:
        click.echo(f"gilscope: {error}", err=True)
        return error.exit_code
