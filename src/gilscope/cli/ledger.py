"""`gilscope ledger`: a whole program with the GIL's books kept."""

import json
import os
import platform
import selectors
import shlex
import signal
import sys
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Self

import click

from gilscope.accounting import mechanisms, view
from gilscope.accounting.document import LEDGER
from gilscope.children.delivery import delivered
from gilscope.children.signals import ENDING
from gilscope.children.start import Child, interpreter
from gilscope.cli import options, script_words, spellings, voice
from gilscope.cli.command import Command
from gilscope.cli.outputs import Outputs
from gilscope.documents.typed import typed
from gilscope.errors import DONE
from gilscope.system.cpus import usable_cpus
from gilscope.version import __version__

# A bare script; see there.
_START = str(Path(mechanisms.__file__).with_name("start_program.py"))
_PIPE_BYTES = 1 << 16
_EXAMPLES = (
    ("ledger script.py --its-option", "Run a script, then print the account."),
    ("ledger -o account.json -m unittest", "Run a module, and save the account too."),
)


@click.command(
    cls=Command,
    examples=_EXAMPLES,
    before=spellings.Before(is_file=spellings.before_script),
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@options.outputs("ledger", default="none; the account is text on standard error")
@click.option(
    "--events",
    "n_events",
    type=click.IntRange(0, 1 << 32),
    default=0,
    show_default=True,
    help="Events of the timeline to keep for the JSON, at 16 bytes each. The oldest are lost first, and counted.",
)
@options.voices
@click.argument("words", metavar="[--] (SCRIPT | -m MODULE) [ARGUMENTS]...", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def command(ctx: click.Context, outputs: Outputs, n_events: int, words: tuple[str, ...]) -> int:
    """Run a Python program and account for the GIL: who held it, who waited, who ran without it, and where.

    The program runs in a fresh process with its own standard streams, and its exit code is passed on. When it has
    ended, the account is printed on standard error. So it is after an exception, sys.exit, Ctrl-C, SIGTERM or SIGHUP,
    but not after os._exit or another deadly signal. Processes that the program starts are not in the account. Each
    release of the GIL takes about 50 ns longer.

    On a free-threaded build there is no ledger. Shares of time come from samples there, and waits for locks are
    counted. What the figures rest on is said below them.
    """
    script_words.check(ctx.command, words)
    mechanisms.ledger(n_events)  # says why there can be none before the program is started
    if hint := script_words.hint(ctx.command, words):
        voice.say(f"gilscope: {hint}")
    voice.detail(f"Running {shlex.join(words)}")
    started = datetime.now(UTC).isoformat(timespec="seconds")
    with _Program(n_events, words) as program:
        code = program.wait()
        voice.detail(f"It ended with {code}")
        return _show(code, program.account, started, outputs)


def _show(code: int, text: str | None, started: str, outputs: Outputs) -> int:
    """Show and save the account of a program; return its exit code, which wins over whatever goes wrong here."""
    if text is None:
        told = f"the program ended with {code} before it could be written, or closed gilscope's file"
        click.echo(f"gilscope: no account: {told}", err=True)
        return code
    data = json.loads(text)
    if "unavailable" in data:
        click.echo(f"gilscope: no account: {data['unavailable']}", err=True)
        return code
    log = replace(
        typed(LEDGER.holds, data, "the account"),
        tool=f"gilscope {__version__}",
        started=started,
        machine={"usable_cpus": usable_cpus().count, "python": platform.python_version()},
    )
    # First to where it cannot fail: the program has run, and may not run again for a disk that is full.
    from gilscope.report import terminal  # with rich, which completion and help go without

    if not voice.is_quiet() and outputs.style != "text":
        terminal.render(view.of_account(log), terminal.open_console(sys.stderr))
    if outputs.style is not None:
        outputs.show(log)
    outputs.save(log)
    lost = outputs.conclude(DONE)
    return code or lost


class _Program:
    """The program, started with the block and ended with it at the latest.

    Ctrl-C reaches it by itself, from the terminal; what a supervisor sends to this process is passed on.
    """

    def __init__(self, n_events: int, words: tuple[str, ...]) -> None:
        self._n_events, self._words = n_events, words
        self._token = os.urandom(8).hex()
        self._data = bytearray()
        self._child: Child | None = None
        self._early: list[int] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for number in ENDING:
                if signal.getsignal(number) != signal.SIG_IGN:
                    stack.callback(signal.signal, number, signal.signal(number, self._pass_on))
            self._selector = stack.enter_context(selectors.DefaultSelector())
            ours, theirs = os.pipe()
            stack.callback(os.close, ours)
            os.set_blocking(ours, False)
            self._selector.register(ours, selectors.EVENT_READ)
            command = [*interpreter(is_safe=sys.flags.safe_path), _START, str(theirs), self._token]
            try:
                self._child = Child(
                    [*command, str(self._n_events), *self._words], stdin=None, pass_fds=(theirs,), is_program=True
                )
            finally:
                os.close(theirs)
            stack.callback(self._child.close)
            self._selector.register(self._child, selectors.EVENT_READ)
            for early in self._early:
                self._child.send_signal(early)
            self._ours, self._stack = ours, stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def account(self) -> str | None:
        """What it handed over."""
        return delivered(bytes(self._data), self._token)

    def wait(self) -> int:
        """Wait for its end; return its exit code, 128 + N after signal N as shells do."""
        assert self._child is not None
        while self._child.returncode is None:
            with suppress(KeyboardInterrupt):  # it was the program's
                self._selector.select()
                self._child.poll()
                self._take()
        while self._take():
            pass
        code = self._child.returncode
        return 128 - code if code < 0 else code

    def _take(self) -> bool:
        """Take what has come over the pipe; return whether there may be more."""
        try:
            data = os.read(self._ours, _PIPE_BYTES)
        except BlockingIOError:
            return False
        if not data and self._ours in self._selector.get_map():
            self._selector.unregister(self._ours)
        self._data += data
        return bool(data)

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        if self._child is None:
            self._early.append(number)
        else:
            self._child.send_signal(number)
