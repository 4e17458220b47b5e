"""`gilscope ledger`: a whole program with the GIL's books kept."""

import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType

import click

from gilscope.accounting import mechanisms
from gilscope.cli.files import check_output
from gilscope.documents.files import write_whole
from gilscope.errors import UsageError
from gilscope.report import accounting


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--json", "file", type=click.Path(dir_okay=False), help="Write everything here; - is standard output.")
@click.option("--force", is_flag=True, help="Overwrite the file of --json.")
@click.option(
    "--events",
    "n_events",
    type=click.IntRange(0, 1 << 32),
    default=0,
    show_default=True,
    help="Events of the timeline to keep, at 16 bytes each, for the JSON; the oldest are lost first, and counted.",
)
@click.argument("words", metavar="[--] (SCRIPT | -m MODULE) [ARGUMENTS]...", nargs=-1, type=click.UNPROCESSED)
def command(file: str | None, force: bool, n_events: int, words: tuple[str, ...]) -> int:
    """Run a Python program and account for the GIL: who held it, who waited for it, who ran without it, and where.

    The program runs in a fresh process with its own standard streams, and its exit code is passed on. When it has
    ended - also by an exception, sys.exit or Ctrl-C, but not by os._exit or a deadly signal - the account is printed
    on standard error. Processes that it starts are not in it. Each release of the GIL takes some 50 ns longer.

    Where there is no ledger, as on a free-threaded build, shares of time come from samples instead, and waits for locks
    are counted; what the figures rest on is said below them.
    """
    if file not in (None, "-"):
        check_output(Path(file), force=force)
    _check(words)
    mechanisms.ledger(n_events)  # says why there can be none before the program is started
    with tempfile.TemporaryDirectory(prefix="gilscope-") as folder:
        result = Path(folder) / "log.json"
        code = _run([str(result), str(n_events), *words])
        text = result.read_text() if result.exists() else None
    if text is None:
        click.echo(f"gilscope: no account: the program ended with {code} before it could be written", err=True)
        return code
    log = json.loads(text)
    if "unavailable" in log:
        click.echo(f"gilscope: no account: {log['unavailable']}", err=True)
        return code
    # First to where it cannot fail: the program has run, and may not run again for a disk that is full.
    accounting.render(log, accounting.open_console())
    if file == "-":
        click.echo(text)
    elif file is not None:
        write_whole(Path(file), f"{text}\n".encode())
    return code


def _check(words: tuple[str, ...]) -> None:
    if not words or words == ("-m",):
        raise UsageError("no program was given; write `gilscope ledger script.py` or `gilscope ledger -m module`")
    if words[0] == "-m":
        return
    if words[0].startswith("-"):
        raise UsageError(f"unknown option {words[0]!r}; options of the program come after its name")
    if not Path(words[0]).exists():
        raise UsageError(f"there is no file {words[0]!r}")


def _run(arguments: list[str]) -> int:
    """Run the program to its end and return its exit code, 128 + N after signal N as shells do.

    Ctrl-C reaches the program by itself, from the terminal; what a supervisor sends to this process is passed on.
    """
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined] # as multiprocessing does
    process = subprocess.Popen([sys.executable, *flags, "-m", "gilscope.accounting.program", *arguments])

    def pass_on(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    before = signal.signal(signal.SIGTERM, pass_on)
    try:
        while True:
            try:
                code = process.wait()
            except KeyboardInterrupt:
                continue
            return 128 - code if code < 0 else code
    finally:
        signal.signal(signal.SIGTERM, before)
