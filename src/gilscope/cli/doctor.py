"""`gilscope doctor`: this machine as gilscope sees it, and what will disturb or prevent a measurement."""

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import click

from gilscope import words
from gilscope.cli import exit_codes, imports, options
from gilscope.cli.command import Command
from gilscope.cli.kinds import KINDS, Kind
from gilscope.cli.outputs import Outputs
from gilscope.documents.typed import plain
from gilscope.errors import UsageError
from gilscope.machine import cautions
from gilscope.machine.description import Machine, describe
from gilscope.places import portable
from gilscope.report.blocks import Block, Fact, Facts
from gilscope.running import strategies

_EXAMPLES = (
    ("doctor", "Check this machine, before you trust its figures."),
    ("doctor --imports numpy zlib", "Check what importing each module does to a process."),
    ("doctor -o machine.json", "Save the facts, as they are stored with every result."),
)
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


#: Of each import, in seconds.
_LIMIT_S = 30.0


@click.command(cls=Command, examples=_EXAMPLES)
@click.option("--host-name", is_flag=True, help="Include the host name.")
@click.option("--imports", "of_imports", is_flag=True, help="Check what importing each MODULE does, instead.")
@options.limit(f"{words.seconds(_LIMIT_S)} for each import")
@options.outputs_of("doctor", "imports")
@options.voices
@click.argument("modules", metavar="[MODULE]...", nargs=-1)
def command(
    host_name: bool,
    of_imports: bool,
    limit_s: float | None,
    outputs: Callable[[Kind], Outputs],
    modules: tuple[str, ...],
) -> int:
    """Check this machine: CPUs, quotas, GIL, clocks, OpenMP, and anything that would distort a measurement.

    It changes nothing. It ends with 5 where there is no second CPU to compare with, else with 0.

    With --imports, each MODULE is imported in a fresh process. The table says whether that brings the GIL of a
    free-threaded build back, and works in an interpreter with a GIL of its own. It says which threads the module
    starts, and how long the import takes. It ends with 4 where an import fails, crashes or hangs, with 1 where
    one brings the GIL back, else with 0.
    """
    if of_imports != bool(modules):
        raise UsageError("--imports and modules go together; write for example: gilscope doctor --imports numpy zlib")
    if of_imports:
        return imports.examine(modules, outputs(KINDS["imports"]), limit_s=_LIMIT_S if limit_s is None else limit_s)
    asked = outputs(KINDS["doctor"])
    machine = describe(host_name=host_name, openmp=True)
    asked.show(machine)
    asked.save(machine)
    return asked.conclude(exit_codes.of_cpus(machine.cpu.usable.count))


def dumps(machine: Machine) -> str:
    """Return the facts as JSON text, ending in a newline."""
    return json.dumps(portable(plain(machine)), indent=2, ensure_ascii=False) + "\n"


def blocks(machine: Machine) -> tuple[Block, ...]:
    """Return the facts, what cannot run here, and what disturbs."""
    facts = [Fact(name, value) for name, value in _facts("", machine)]
    missing = [(one.name, one.unavailable()) for one in strategies.STRATEGIES]
    facts += [Fact(f"strategy {name}", str(reason)) for name, reason in missing if reason is not None]
    return Facts(tuple(facts)), *cautions.of_machine(machine)


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
