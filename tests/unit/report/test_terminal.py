"""What is a terminal's own: its width, its colours, and what it shows of a long table."""

import io

import pytest
from rich.console import Console

from gilscope.report import terminal
from gilscope.report.blocks import GOOD, Caution, Column, Heading, Line, Sentences, Table

LONG = Table((Column("n", align="right"), Column("what")), tuple(Line((str(i), "x")) for i in range(12)), most_lines=10)


def drawn(*blocks: terminal.Block, **options: object) -> str:
    """Return what a console of 80 columns is sent."""
    stream = io.StringIO()
    terminal.render(blocks, Console(file=stream, width=80, highlight=False, **options))  # type: ignore[arg-type]
    return stream.getvalue()


def test_a_pipe_has_no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no table is cut for a file or a program, unless COLUMNS asks for it."""
    monkeypatch.delenv("COLUMNS", raising=False)
    assert terminal.open_console(io.StringIO()).width == terminal.NO_WIDTH
    monkeypatch.setenv("COLUMNS", "72")
    assert terminal.open_console(io.StringIO()).width == 72
    monkeypatch.setenv("COLUMNS", "wide")
    assert terminal.open_console(io.StringIO()).width == terminal.NO_WIDTH


def test_colours_go_to_terminals_only() -> None:
    """And tell nothing that words do not."""
    table = Table((Column("verdict"),), (Line(("scales",), GOOD),))
    assert "\x1b[32mscales" in drawn(table, force_terminal=True, color_system="standard")
    assert drawn(table) == "verdict\nscales\n"


def test_a_long_table_is_cut_and_says_so() -> None:
    """A screen has so many lines, and the JSON has all."""
    lines = drawn(LONG).splitlines()
    assert (lines[0], lines[1], lines[-2], lines[-1]) == ("n  what", "0  x", "9  x", "and 2 more")


def test_blocks_stand_apart() -> None:
    """But for what a heading is above, and cautions, which are a list."""
    said = drawn(Heading("a"), Sentences(("b", "c")), Caution("d", "e"), Caution("f", "g"), Sentences(()), Heading("h"))
    assert said.splitlines() == ["a", "b", "c", "", "caution: d: e", "caution: f: g", "", "h"]
