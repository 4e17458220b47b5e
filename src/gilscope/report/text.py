"""Reports as plain text, for what prints itself."""

import io
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from rich.console import Console

from gilscope.errors import Unavailable
from gilscope.report import accounting, terminal
from gilscope.running.result import Result

# As wide as every table, for a notebook scrolls where a terminal would wrap.
_WIDTH = 180


def of_result(result: Result) -> str:
    """Return what `gilscope run` prints."""
    return _drawn(lambda console: terminal.render(result, console))


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
    return _drawn(lambda console: accounting.render({**data, "wall_ns": wall_ns}, console))


def _drawn(render: Callable[[Console], None]) -> str:
    stream = io.StringIO()
    # In a notebook rich would show it there and then, and give no text.
    render(Console(file=stream, width=_WIDTH, highlight=False, color_system=None, force_jupyter=False))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())
