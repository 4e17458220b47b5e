"""`gilscope doctor --imports MODULE ...`: what importing each module does to a process."""

import json
from dataclasses import asdict

import click
from rich.markup import escape
from rich.table import Table

from gilscope import words
from gilscope.cli import exit_codes
from gilscope.errors import INTERRUPTED
from gilscope.importing.result import DOES_NOT_APPLY, TOO_OLD, Import, examine_import
from gilscope.places import portable
from gilscope.report.terminal import open_console
from gilscope.words import duration

_TITLES = ("module", "import", "GIL", "interpreter with its own GIL", "threads started", "pools loaded")
#: What no module can change.
_OF_INTERPRETER = {DOES_NOT_APPLY, TOO_OLD}


def examine(modules: tuple[str, ...], *, limit_s: float, as_json: bool) -> int:
    """Import each module in a process of its own, show what that did, and return the exit code."""
    found: list[Import] = []
    try:
        for module in modules:
            found.append(examine_import(module, limit_s))  # noqa: PERF401 - what is there is kept when interrupted
    except KeyboardInterrupt:
        _show(found, as_json=as_json)
        click.echo(f"gilscope: interrupted; {len(found)} of {words.counted(len(modules), 'module')} above", err=True)
        return INTERRUPTED
    _show(found, as_json=as_json)
    return exit_codes.of_imports(found)


def _show(found: list[Import], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(portable([asdict(one) for one in found]), indent=2, ensure_ascii=False))
    else:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        shared = absences(found)
        kept = [i for i, title in enumerate(_TITLES) if title not in shared]
        for i in kept:
            table.add_column(_TITLES[i], overflow="fold")
        for one in found:
            table.add_row(*(escape(cells(one)[i]) for i in kept))
        console = open_console()
        console.print(table)
        for title, why in shared.items():
            console.print(f"{title}: {why}", style="dim", markup=False)


def absences(found: list[Import]) -> dict[str, str]:
    """Return what is the same of every module, for it is a matter of this interpreter; by the title of its column."""
    imported = [cells(one) for one in found if one.outcome == "imported"]
    told = {title: {line[i] for line in imported} for i, title in enumerate(_TITLES)}
    return {title: next(iter(texts)) for title, texts in told.items() if len(texts) == 1 and texts <= _OF_INTERPRETER}


def cells(one: Import) -> tuple[str, ...]:
    """Return one line of the table."""
    if one.outcome != "imported" or one.import_ns is None:
        return one.module, f"{one.outcome}: {one.message}", "-", "-", "-", "-"
    threads = "unknown" if one.threads is None else ", ".join(one.threads) or "none"
    pools = ", ".join(one.pools) or "none known"
    return one.module, duration(one.import_ns), str(one.gil), str(one.own_gil), threads, pools
