"""``%gil`` and ``%%gil`` in IPython and Jupyter; ``%load_ext gilscope`` brings them.

IPython is no dependency: what loads the extension hands its shell over, and three names of that are used.
"""

from collections.abc import Callable
from typing import Any, Protocol

from gilscope.errors import UsageError
from gilscope.probing import texts
from gilscope.probing.probe import probe_here
from gilscope.probing.result import Probe
from gilscope.probing.targets import Resolved, Target

ALONE = "only this session has its variables"


class Shell(Protocol):
    """What is used of IPython's ``InteractiveShell``."""

    user_ns: dict[str, Any]

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
    Both return a `Probe`, which a notebook shows as a table. The statement runs many times, in this session: a hang
    stays a hang, and processes are not measured, for they would not have the session's variables. What it assigns is
    lost; what it changes in place stays changed.
    """

    def gil(line: str, cell: str | None = None) -> Probe:
        """Measure a statement: ``%gil STATEMENT``, or ``%%gil [SETUP]`` with the statement in the cell."""
        setup, statement = ("", line) if cell is None else (line, cell)
        return _probe(shell, setup.strip(), statement.strip())

    shell.register_magic_function(gil, "line_cell", "gil")


def _probe(shell: Shell, setup: str, statement: str) -> Probe:
    if not statement:
        raise UsageError("%gil needs a statement behind it, and %%gil one in the cell")
    setup, statement = (shell.transform_cell(text).rstrip() if text else "" for text in (setup, statement))
    function = texts.compile_statement(statement, texts.run_setup(setup, shell.user_ns))
    target = Target(text=statement, kind="statement", setup=setup, is_object=True)
    return probe_here(Resolved(target=target, call=function, function=function), ALONE)
