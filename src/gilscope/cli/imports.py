"""`gilscope doctor --imports MODULE ...`: what importing each module does to a process."""

import json
from dataclasses import asdict

import click
from rich.markup import escape
from rich.table import Table

from gilscope.cli import exit_codes
from gilscope.machine.imports import Import, examine_import
from gilscope.places import portable
from gilscope.report.terminal import open_console
from gilscope.words import duration


def examine(modules: tuple[str, ...], *, limit_s: float, as_json: bool) -> int:
    """Import each module in a process of its own, show what that did, and return the exit code."""
    found = [examine_import(module, limit_s) for module in modules]
    if as_json:
        click.echo(json.dumps(portable([asdict(one) for one in found]), indent=2, ensure_ascii=False))
    else:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for title in ("module", "import", "GIL", "interpreter with its own GIL", "threads started", "pools loaded"):
            table.add_column(title, overflow="fold")
        for one in found:
            table.add_row(*(escape(cell) for cell in cells(one)))
        open_console().print(table)
    return exit_codes.of_imports(found)


def cells(one: Import) -> tuple[str, ...]:
    """Return one line of the table."""
    if one.outcome != "imported" or one.import_ns is None:
        return one.module, f"{one.outcome}: {one.message}", "-", "-", "-", "-"
    threads = "unknown" if one.threads is None else ", ".join(one.threads) or "none"
    pools = ", ".join(one.pools) or "none known"
    return one.module, duration(one.import_ns), str(one.gil), str(one.own_gil), threads, pools
