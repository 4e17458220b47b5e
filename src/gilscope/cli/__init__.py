"""The command line: the list of commands, and the one place where errors become exit codes."""

import io
import os
import sys
from importlib import import_module

import click

import gilscope
from gilscope.errors import INTERRUPTED, CannotRunError, GilscopeError

#: Command -> (module, one line of help). A command's module is imported when it is called, so `--help` costs nothing.
COMMANDS = {
    "run": ("gilscope.cli.run", "Measure kernels under strategies: does the GIL decide here, and what does each cost?"),
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

    def invoke(self, ctx: click.Context) -> object:
        """Run a command. That its reader has gone (`| head`) is no error, though click and rich would end with 1."""
        try:
            value = super().invoke(ctx)
            sys.stdout.flush()  # that nobody reads, or that the disk is full, may be noticed only here
        except (BrokenPipeError, SystemExit) as error:
            if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):
                raise
            _discard_output()
            return 0
        return value

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 an import brings the GIL back (doctor --imports), 2 wrong usage, 3 nothing resolved, "
    "4 a kernel or a probed call failed, or a result was wrong, 5 this machine cannot do what was asked, 130 "
    "interrupted.",
)
@click.version_option(gilscope.__version__, prog_name="gilscope")
def cli() -> None:
    """Measure what CPython's global interpreter lock (GIL) costs on this machine."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")  # a terminal without µ and ± still gets the figures
    try:
        code = cli.main(arguments, prog_name="gilscope", standalone_mode=False)
    except click.exceptions.Exit as error:
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("gilscope: interrupted", err=True)
        code = INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except GilscopeError as error:
        click.echo(f"gilscope: {error}", err=True)
        code = error.exit_code
    except OSError as error:
        if error.filename is not None:  # no file of ours: those have errors of their own
            raise
        click.echo(f"gilscope: cannot write the output: {error.strerror}", err=True)
        _discard_output()
        code = CannotRunError.exit_code
    sys.exit(code or 0)


def _discard_output() -> None:
    """Send what the buffer still holds nowhere: Python would try once more as it ends, and fail as loudly."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
