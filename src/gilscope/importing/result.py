"""What importing a module does to a process: to its GIL, its threads, its time, and in an interpreter of its own.

Each import happens in a fresh child process, for it may crash or hang, and what it changes cannot be taken back.
"""

import ast
import os
import re
import sys
import sysconfig
from dataclasses import dataclass
from typing import Any

from gilscope import words
from gilscope.children.delivery import delivered
from gilscope.children.signals import signal_name
from gilscope.children.start import ask, first_folder, search_path
from gilscope.errors import CannotRunError
from gilscope.importing import import_child
from gilscope.machine.regime import without_folders

DOES_NOT_APPLY, STAYS_OFF, REENABLED = "does not apply", "stays off", "re-enabled"
TOO_OLD = "needs CPython >= 3.12"
#: Libraries that keep a pool of threads, by how their files are called.
_POOLS = {
    "GNU OpenMP": r"libgomp\b",
    "Intel OpenMP": r"libiomp5",
    "LLVM OpenMP": r"libomp\b",
    "OpenBLAS": r"lib\w*openblas",
    "BLIS": r"libblis\b",
    "MKL": r"libmkl_",
    "TBB": r"libtbb\b",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What importing a module does.

    Parameters
    ----------
    module : str
    outcome : {"imported", "missing", "failed", "crashed", "hung", "not tried"}
    message : str
        Of what did not end well.
    import_ns : int or None
    gil : {"does not apply", "stays off", "re-enabled"} or None
        What it does to the GIL of a free-threaded build, where that is off.
    own_gil : str or None
        Whether it can be imported in an interpreter with a GIL of its own: "works", or why not.
    threads : tuple of str or None
        Names of the threads that it started and that still run; None where the system does not tell.
    pools : tuple of str
        Known libraries with a pool of threads that it loaded; they may start theirs when first used.
    """

    module: str
    outcome: str
    message: str = ""
    import_ns: int | None = None
    gil: str | None = None
    own_gil: str | None = None
    threads: tuple[str, ...] | None = None
    pools: tuple[str, ...] = ()


def examine_import(module: str, limit_s: float = 30.0) -> Import:
    """Import a module in a fresh child process, and in a second one within an interpreter with a GIL of its own.

    Parameters
    ----------
    module : str
    limit_s : float
        Seconds for each child, its start included; after that, it hangs.
    """
    answer = _ask(module, limit_s, inside=False)
    if answer["outcome"] != "imported":
        return Import(module=module, outcome=answer["outcome"], message=answer["message"])
    gil = DOES_NOT_APPLY
    if sysconfig.get_config_var("Py_GIL_DISABLED") and not answer["gil_before"]:
        gil = REENABLED if answer["gil_after"] else STAYS_OFF
    return Import(
        module=module,
        outcome="imported",
        import_ns=answer["import_ns"],
        gil=gil,
        own_gil=_own_gil(module, limit_s),
        threads=None if answer["threads"] is None else tuple(answer["threads"]),
        pools=pools_among(answer["mapped"]),
    )


def pools_among(files: list[str]) -> tuple[str, ...]:
    """Return the known pools among the names of libraries."""
    return tuple(pool for pool, pattern in _POOLS.items() if any(re.match(pattern, file) for file in files))


def _own_gil(module: str, limit_s: float) -> str:
    if sys.version_info < (3, 12):
        return TOO_OLD
    answer = _ask(module, limit_s, inside=True)
    return "works" if answer["outcome"] == "imported" else str(answer["message"])


def _ask(module: str, limit_s: float, *, inside: bool) -> dict[str, Any]:
    # First the current folder, which `python -m` searches and an installed command does not; "" means it too.
    first = first_folder()
    path = search_path(first) if first else search_path()
    token = os.urandom(8).hex()
    arguments = [token, "inside" if inside else "outside", first, module, *path]
    # What forces the GIL on or off from outside would answer in the module's place.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHON_GIL"}
    try:
        answer = ask([sys.executable, "-P", import_child.__file__], arguments, limit_s, environment)
    except CannotRunError as error:
        return {"outcome": "not tried", "message": without_folders(str(error))}
    if answer.status is None:
        return {"outcome": "hung", "message": f"it did not end within {words.seconds(limit_s)}"}
    try:
        # What follows the token: the module may have written to descriptors that it did not open.
        told: dict[str, Any] = ast.literal_eval((delivered(answer.told, token) or "").strip())
    except (ValueError, SyntaxError):
        return _ended(answer.status)
    return told | {"message": without_folders(told.get("message", ""))}


def _ended(status: int) -> dict[str, Any]:
    """Tell how a child ended that gave no answer."""
    if status >= 0:
        return {"outcome": "failed", "message": f"it ended its process with exit status {status}"}
    return {"outcome": "crashed", "message": f"{signal_name(-status)} ended it"}
