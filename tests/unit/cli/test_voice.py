"""How much a command says on standard error: -q nothing but errors, -v more, both on no terminal and on one."""

import io
import sys
from typing import Any

import click
import pytest

from gilscope.cli import COMMANDS, at_work, cli, main, voice
from gilscope.cli.at_work import Steps, phases

#: Commands that measure, or run what takes long.
MEASURING = ("run", "experiment", "probe", "trace", "atlas", "ledger", "selftest")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@click.command()
@voice.options
def spoken() -> None:
    """Say something of each kind."""
    voice.say("usual")
    voice.detail("more")
    with phases("Probing f", {"started": "importing it"}) as show:
        show({"event": "started"})
        show({"event": "unknown"})
    with Steps(2, "control", "here") as steps:
        steps.done(1.0)
        steps.done(2.0)
    click.echo("error", err=True)


USUAL = ["usual", "Probing f", "here: 2 controls", "here: 1 of 2, nearly done", "here: 2 of 2", "error"]
MORE = [*USUAL[:1], "more", USUAL[1], "  importing it", *USUAL[2:]]


@pytest.mark.parametrize(("option", "said"), [([], USUAL), (["-q"], ["error"]), (["--verbose"], MORE)])
def test_what_is_said(
    option: list[str], said: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no terminal, line by line."""
    monkeypatch.setattr(at_work.TimeLeft, "__str__", lambda self: "nearly done")
    spoken(option, standalone_mode=False)
    assert capsys.readouterr().err.splitlines() == said


@pytest.mark.parametrize(("option", "said"), [(["-q"], ["error"]), (["-v"], MORE)])
def test_nothing_is_drawn_over_what_is_said(
    option: list[str], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal too: quiet draws nothing, and more is said in lines that stay."""
    monkeypatch.setattr(at_work.TimeLeft, "__str__", lambda self: "nearly done")
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    spoken(option, standalone_mode=False)
    assert screen.getvalue().splitlines() == said


def test_less_and_more_at_once_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With code 2, by both names."""
    with pytest.raises(SystemExit) as caught:
        main(["selftest", "-q", "-v"])
    assert caught.value.code == 2
    assert "-q says less and -v says more" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_measures_has_both(name: str) -> None:
    """And no other."""
    command: Any = cli.get_command(click.Context(cli), name)
    has = {option for parameter in command.params for option in parameter.opts} & {"-q", "--quiet", "-v", "--verbose"}
    assert len(has) == (4 if name in (*MEASURING, "doctor") else 0)
