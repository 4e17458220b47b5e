"""A result on a terminal, drawn by rich."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gilscope.report import table
from gilscope.running import verdicts
from gilscope.running.result import Result

# A pipe has no width; this one holds the whole table without wrapping.
_PIPE_WIDTH = 160

_STYLES = {
    verdicts.SCALES_WORD: "green",
    verdicts.GIL_BOUND: "red",
    verdicts.PARTLY: "yellow",
    verdicts.CEILING: "dim",
    verdicts.REFERENCE: "dim",
}


def open_console() -> Console:
    """Return a console on standard output, as wide as the terminal, or as every table where there is none."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPE_WIDTH)


def render(result: Result, console: Console | None = None) -> None:
    """Draw a result on a console; without one, on standard output."""
    console = console or open_console()
    console.print(table.heading(result), style="bold", markup=False)
    drawn = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in table.COLUMNS:
        drawn.add_column(column, overflow="fold", no_wrap=column != "verdict")
    for line in table.lines(result):
        if line.starts_kernel:
            drawn.add_row()
        style = _STYLES.get(line.verdict, "")
        drawn.add_row(*map(Text, line.cells[:-1]), Text(line.cells[-1], style=style))
    print_whole(console, drawn)
    console.print()
    for text in table.footer(result):
        console.print(text, style="dim", markup=False)
    console.print()
    console.print(" ".join(result.findings), markup=False)


def print_whole(console: Console, drawn: Table) -> None:
    """Print a table at the width it needs: a narrow terminal may break its lines, but must not cut a figure."""
    width = console.width
    needed = console.measure(drawn, options=console.options.update(width=_PIPE_WIDTH)).maximum
    console.width = max(width, needed)
    console.print(drawn)
    console.width = width
