"""A result as Markdown that pastes into an issue or a pull request."""

from gilscope.report import table
from gilscope.running.result import Result


def render(result: Result) -> str:
    """Return a result as Markdown, ending in a newline."""
    lines = [
        f"**{table.heading(result)}**",
        "",
        _row(table.COLUMNS),
        _row(["---"] * len(table.COLUMNS)),
        *(_row(line.cells) for line in table.lines(result)),
        "",
        *(f"{_escaped(text)}  " for text in table.footer(result)),
        "",
        " ".join(result.findings),
    ]
    return "\n".join(lines) + "\n"


def _row(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(map(_escaped, cells))} |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")
