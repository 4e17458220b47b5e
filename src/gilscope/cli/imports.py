"""`gilscope doctor --imports MODULE ...`: what importing each module does to a process."""

import json
from dataclasses import asdict

import click
from rich.markup import escape
from rich.table import Table

from gilscope.errors import GilscopeError, KernelError
from gilscope.machine.imports import REENABLED, Import, examine_import
from gilscope.report.terminal import open_console
from gilscope.words import duration


def examine(modules: tuple[str, ...], *, limit_s: float, as_json: bool) -> int:
    """Import each module in a process of its own, show what that did, and return the exit code."""
    found = [examine_import(module, limit_s) for module in modules]
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False))
    else:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for title in ("module", "import", "GIL", "interpreter with its own GIL", "threads started", "pools loaded"):
            table.add_column(title, overflow="fold")
        for one in found:
            table.add_row(*(escape(cell) for cell in cells(one)))
        open_console().print(table)
    return exit_code(found)


def cells(one: Import) -> tuple[str, ...]:
    """Return one line of the table."""
    if one.outcome != "imported" or one.import_ns is None:
        return one.module, f"{one.outcome}: {one.message}", "-", "-", "-", "-"
    threads = "unknown" if one.threads is None else ", ".join(one.threads) or "none"
    pools = ", ".join(one.pools) or "none known"
    return one.module, duration(one.import_ns), str(one.gil), str(one.own_gil), threads, pools


def exit_code(found: list[Import]) -> int:
    """Return 4 where an import failed, 1 where one re-enabled the GIL, else 0."""
    if any(one.outcome != "imported" for one in found):
        return KernelError.exit_code
    return GilscopeError.exit_code if any(one.gil == REENABLED for one in found) else 0
