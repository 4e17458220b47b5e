"""``%gil`` and ``%%gil`` in IPython and Jupyter; ``%load_ext gilscope`` brings them.

IPython is no dependency: what loads the extension hands its shell over, and four names of that are used.
"""

from collections.abc import Callable
from dataclasses import fields
from importlib import import_module
from typing import Any, Protocol

from gilscope.errors import UsageError
from gilscope.probing.probe import probe_here
from gilscope.probing.result import Probe
from gilscope.targets import user_code
from gilscope.targets.target import Resolved, Target

ALONE = "only this session has its variables"


class Shell(Protocol):
    """What is used of IPython's ``InteractiveShell``."""

    user_ns: dict[str, Any]
    execution_count: int

    def transform_cell(self, raw_cell: str) -> str:
        """Turn a cell with magics and the like into Python."""

    def register_magic_function(self, func: Callable[..., Any], magic_kind: str, magic_name: str) -> None:
        """Make a function a magic."""


def load_ipython_extension(shell: Shell) -> None:
    """Add ``%gil STATEMENT``, and ``%%gil [SETUP]`` above a cell, to a shell.

    Parameters
    ----------
    shell : Shell
        IPython gives it.

    Notes
    -----
    Both show a `Probe`, wherever in a cell they stand, and return it to be assigned. The statement runs many times, in
    this session: a hang stays a hang, and processes are not measured, for they would not have the session's variables.
    What it assigns is lost; what it changes in place stays changed.
    """

    def gil(line: str, cell: str | None = None) -> Probe:
        """Measure a statement: ``%gil STATEMENT``, or ``%%gil [SETUP]`` with the statement in the cell."""
        setup, statement = ("", line) if cell is None else (line, cell)
        probe = _probe(shell, setup.strip(), statement.strip())
        _display(probe)
        return ShownProbe.of(probe, shell)

    shell.register_magic_function(gil, "line_cell", "gil")


class ShownProbe(Probe):
    """A probe that its cell has shown: as that cell's last value it is not shown once more, and later it is."""

    _shell: Shell
    _shown_in: int

    @classmethod
    def of(cls, probe: Probe, shell: Shell) -> "ShownProbe":
        """Return a probe that was shown in the cell that runs now."""
        shown = cls(**{field.name: getattr(probe, field.name) for field in fields(probe)})
        object.__setattr__(shown, "_shell", shell)  # a probe is frozen, and this is no part of what it found
        object.__setattr__(shown, "_shown_in", shell.execution_count)
        return shown

    def _ipython_display_(self) -> None:
        if self._shell.execution_count != self._shown_in:
            _display(Probe(**{field.name: getattr(self, field.name) for field in fields(self)}))


def _display(probe: Probe) -> None:
    """Show a probe where IPython shows values: in a notebook as a table."""
    import_module("IPython.display").display(probe)


def _probe(shell: Shell, setup: str, statement: str) -> Probe:
    if not statement:
        raise UsageError("%gil needs a statement behind it, and %%gil one in the cell")
    setup, statement = (shell.transform_cell(text).rstrip() if text else "" for text in (setup, statement))
    function = user_code.compile_statement(statement, user_code.run_setup(setup, shell.user_ns))
    target = Target(text=statement, kind="statement", setup=setup, is_object=True)
    return probe_here(Resolved(target=target, call=function, function=function), ALONE)
