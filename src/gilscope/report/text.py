"""Blocks as text without colours: of whatever prints itself, and in a notebook that has no HTML."""

import io
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from rich.console import Console

from gilscope.errors import Unavailable
from gilscope.report import accounting, terminal
from gilscope.report.blocks import Block


def render(blocks: Iterable[Block], width: int | None = None) -> str:
    """Return blocks as text, without a newline at its end.

    Parameters
    ----------
    blocks : iterable of Block
    width : int, optional
        In characters; by default that of the terminal on standard output, and none where that is no terminal.
    """
    stream = io.StringIO()
    width = width or terminal.open_console().width
    # In a notebook rich would show it there and then, and give no text.
    terminal.render(blocks, Console(file=stream, width=width, highlight=False, color_system=None, force_jupyter=False))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def of_account(account: Any) -> str:
    """Return what `gilscope ledger` prints of a log, or of what keeps one.

    Parameters
    ----------
    account : Ledger, Sampler, Witness, Log, SampledLog or WitnessLog
    """
    try:
        log = getattr(account, "log", account)
    except RuntimeError as error:  # it has not begun
        return str(error)
    if isinstance(log, Unavailable):
        return f"no account: {log.reason}"
    data = log.as_dict() if hasattr(log, "as_dict") else asdict(log)
    # A witness's log does not know how long it is; what keeps it does.
    wall_ns = data.get("wall_ns") or getattr(account, "wall_ns", None)
    stream = io.StringIO()
    accounting.render(
        {**data, "wall_ns": wall_ns},
        Console(file=stream, width=180, highlight=False, color_system=None, force_jupyter=False),
    )
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())
