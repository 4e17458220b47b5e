"""`gilscope doctor --imports MODULE ...`: what importing each module does to a process."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import click

from gilscope import words
from gilscope.cli import exit_codes, voice
from gilscope.cli.outputs import Outputs
from gilscope.errors import INTERRUPTED
from gilscope.importing.result import DOES_NOT_APPLY, TOO_OLD, Import, examine_import
from gilscope.places import portable
from gilscope.report.blocks import QUIET, Block, Column, Line, Sentences, Table
from gilscope.words import duration

_COLUMNS = (
    Column("module"),
    Column("import", wraps=True),
    Column("GIL", wraps=True),
    Column("interpreter with its own GIL", wraps=True),
    Column("threads started", drop=2, wraps=True),
    Column("pools loaded", drop=1, wraps=True),
)
#: What no module can change.
_OF_INTERPRETER = {DOES_NOT_APPLY, TOO_OLD}


def examine(modules: tuple[str, ...], outputs: Outputs, *, limit_s: float) -> int:
    """Import each module in a process of its own, show what that did, and return the exit code."""
    found: list[Import] = []
    is_interrupted = False
    try:
        for module in modules:
            voice.detail(f"Importing {module}")
            found.append(examine_import(module, limit_s))
    except KeyboardInterrupt:
        is_interrupted = True
    outputs.show(found)
    outputs.save(found)
    if is_interrupted:
        click.echo(f"gilscope: interrupted; {len(found)} of {words.counted(len(modules), 'module')} above", err=True)
    return outputs.conclude(INTERRUPTED if is_interrupted else exit_codes.of_imports(found))


def dumps(found: Sequence[Import]) -> str:
    """Return what was found as JSON text, ending in a newline."""
    return json.dumps(portable([asdict(one) for one in found]), indent=2, ensure_ascii=False) + "\n"


def blocks(found: Sequence[Import]) -> tuple[Block, ...]:
    """Return what was found as blocks; what is the same of every module is said below the table."""
    shared = absences(found)
    kept = [i for i, column in enumerate(_COLUMNS) if column.name not in shared]
    lines = tuple(Line(tuple(cells(one)[i] for i in kept)) for one in found)
    told = tuple(f"{title}: {why}" for title, why in shared.items())
    return Table(tuple(_COLUMNS[i] for i in kept), lines), Sentences(told, QUIET)


def absences(found: Sequence[Import]) -> dict[str, str]:
    """Return what is the same of every module, for it is a matter of this interpreter; by the title of its column."""
    imported = [cells(one) for one in found if one.outcome == "imported"]
    told = {title: {line[i] for line in imported} for i, title in enumerate(column.name for column in _COLUMNS)}
    return {title: next(iter(texts)) for title, texts in told.items() if len(texts) == 1 and texts <= _OF_INTERPRETER}


def cells(one: Import) -> tuple[str, ...]:
    """Return one line of the table."""
    if one.outcome != "imported" or one.import_ns is None:
        return one.module, f"{one.outcome}: {one.message}", "-", "-", "-", "-"
    threads = "unknown" if one.threads is None else ", ".join(one.threads) or "none"
    pools = ", ".join(one.pools) or "none known"
    return one.module, duration(one.import_ns), str(one.gil), str(one.own_gil), threads, pools
