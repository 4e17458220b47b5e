"""The interpreters that an experiment compares: this one and others, each with its GIL on and, where it can be, off."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from gilscope.children.start import interpreter
from gilscope.errors import CannotRunError
from gilscope.experiments.setting import Setting

#: An interpreter that has not said its version by then is none.
_LIMIT_S = 20.0
_SAY = (
    "import json, platform, sys, sysconfig; print(json.dumps([platform.python_version(), "
    "bool(sysconfig.get_config_var('Py_GIL_DISABLED')), getattr(sys, '_is_gil_enabled', lambda: True)()]))"
)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An interpreter, and whether its GIL is on.

    Parameters
    ----------
    name : str
        Such as ``"3.13.0"`` or ``"3.14.0t, GIL off"``, unique among those that are compared.
    path : str
    gil_enabled : bool
    environment : mapping
        Variables that make its GIL so.
    """

    name: str
    path: str
    gil_enabled: bool
    environment: Mapping[str, str] = field(default_factory=dict)


def of_setting(setting: Setting) -> list[Interpreter]:
    """Return this interpreter and the others of a setting; a free-threaded build twice.

    Raises
    ------
    CannotRunError
        If one does not run.
    """
    found: list[Interpreter] = []
    for path in dict.fromkeys((sys.executable, *setting.pythons)):
        version, is_free_threaded = _asked(path)
        if not is_free_threaded:
            found.append(Interpreter(version, path, gil_enabled=True))
            continue
        for gil_enabled, told in ((False, "off"), (True, "on")):
            variables = {"PYTHON_GIL": str(int(gil_enabled))}
            found.append(Interpreter(f"{version}t, GIL {told}", path, gil_enabled, variables))
    names = [one.name for one in found]
    return [
        Interpreter(f"{one.name} ({i + 1})", one.path, one.gil_enabled, one.environment)
        if names.count(one.name) > 1
        else one
        for i, one in enumerate(found)
    ]


@cache
def _asked(path: str) -> tuple[str, bool]:
    """Return an interpreter's version, and whether it is a free-threaded build."""
    try:
        told = subprocess.run(
            interpreter("-I", "-S", "-c", _SAY, python=path, is_safe=False),
            capture_output=True,
            timeout=_LIMIT_S,
            check=True,
            stdin=subprocess.DEVNULL,
        ).stdout
        version, is_free_threaded, _ = json.loads(told)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise CannotRunError(f"{path} is no Python interpreter that runs here: {error}") from None
    return str(version), bool(is_free_threaded)
