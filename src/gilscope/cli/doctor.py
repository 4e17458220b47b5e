"""`gilscope doctor`: this machine as gilscope sees it, and what will disturb or prevent a measurement."""

import json
from dataclasses import asdict, fields, is_dataclass
from typing import Any

import click
from rich.table import Table

from gilscope import words
from gilscope.cli import exit_codes, imports
from gilscope.cli.types import Duration
from gilscope.errors import UsageError
from gilscope.machine import cautions
from gilscope.machine.description import Machine, describe
from gilscope.places import portable
from gilscope.report import terminal
from gilscope.running import storage, strategies

#: What it means that there is nothing, where that is no lack of knowledge.
_ABSENT = {
    "cpu quota": "none",
    "cpu quota_source": "none",
    "cpu process_cpu_count": "needs CPython >= 3.13",
    "python gil_enabled_by": "nobody",
    "system host_name": "not asked for (--host-name)",
    "openmp reason": "none",
}
#: Units at the end of a fact's name, and how many ns each has: a person is shown the time with its unit.
_SCALES = {"_ns": 1.0, "_s": 1e9}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON, as they are stored with every result.")
@click.option("--host-name", is_flag=True, help="Include the host name.")
@click.option("--imports", "of_imports", is_flag=True, help="Say what importing each MODULE does instead.")
@click.option("--limit", "limit_s", type=Duration(), default="30s", show_default=True, help="For each import.")
@click.argument("modules", metavar="[MODULE]...", nargs=-1)
def command(as_json: bool, host_name: bool, of_imports: bool, limit_s: float, modules: tuple[str, ...]) -> int:
    """Show the machine, the interpreter and its GIL, what cannot run here and why. Changes nothing.

    Ends with 5 where there is no second CPU to compare with, else with 0.

    With --imports: import each MODULE in a fresh process and say whether that re-enables the GIL of a free-threaded
    build, works in an interpreter with a GIL of its own, starts threads, and how long it takes. Ends with 4 where an
    import fails, crashes or hangs, with 1 where one re-enables the GIL, else with 0.
    """
    if of_imports != bool(modules):
        raise UsageError("name the modules behind --imports, as in: gilscope doctor --imports numpy zlib")
    if of_imports:
        return imports.examine(modules, limit_s=limit_s, as_json=as_json)
    machine = describe(host_name=host_name, openmp=True)
    if as_json:
        click.echo(json.dumps(portable(storage.plain(asdict(machine))), indent=2, ensure_ascii=False))
    else:
        _draw(machine)
    return exit_codes.of_cpus(machine.cpu.usable.count)


def _draw(machine: Machine) -> None:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _facts("", machine):
        table.add_row(name, value)
    for strategy in strategies.STRATEGIES:
        absent = strategy.unavailable()
        if absent is not None:
            table.add_row(f"strategy {strategy.name}", str(absent))
    console = terminal.open_console()
    console.print(table)
    terminal.render(cautions.of_machine(machine), console)


def _facts(prefix: str, value: Any) -> list[tuple[str, str]]:
    """Return a tree of dataclasses as lines; what is unknown says so."""
    if is_dataclass(value) and not isinstance(value, type):
        return [line for f in fields(value) for line in _facts(f"{prefix} {f.name}".strip(), getattr(value, f.name))]
    if isinstance(value, tuple) and value and is_dataclass(value[0]):
        return [line for item in value for line in _facts(f"{prefix} {getattr(item, 'name', '')}", item)]
    if isinstance(value, dict):
        value = ", ".join(f"{key}={item}" for key, item in value.items()) or "none set"
    if name := next((prefix.removesuffix(unit) for unit in _SCALES if prefix.endswith(unit)), ""):
        scale = _SCALES[prefix.removeprefix(name)]
        return [(name, "unknown" if value is None else words.duration(scale * value))]
    if isinstance(value, tuple):
        value = ", ".join(words.number(item) if isinstance(item, float) else str(item) for item in value)
    if isinstance(value, float):
        value = words.number(value)
    told = {None: _ABSENT.get(prefix, "unknown"), True: "yes", False: "no"}
    return [(prefix, told.get(value, str(value)) if value is None or isinstance(value, bool) else str(value))]
