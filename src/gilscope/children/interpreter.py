"""Running code in a new interpreter that has a GIL of its own.

`concurrent.interpreters` is public from CPython 3.14 on. 3.13 and 3.12 have the same machinery behind private modules,
which is used here as far as a trial on each of them showed that it works.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any


def run_in_new_interpreter(code: str) -> None:
    """Run source code in a new interpreter with its own GIL, then destroy it.

    Raises
    ------
    RuntimeError
        If the code raises; the text names the exception.

    Notes
    -----
    GIL: the calling thread leaves its interpreter's GIL for the new one's until the code ends. Safe from any thread.
    """
    create, execute, destroy = _machinery()
    interpreter = create()
    try:
        execute(interpreter, code)
    finally:
        destroy(interpreter)


def _machinery() -> tuple[Callable[[], Any], Callable[[Any, str], None], Callable[[Any], None]]:
    if sys.version_info >= (3, 14):
        interpreters = import_module("concurrent.interpreters")
        return interpreters.create, lambda interpreter, code: interpreter.exec(code), lambda it: it.close()
    if sys.version_info >= (3, 13):
        raw = import_module("_interpreters")

        def execute(interpreter: Any, code: str) -> None:
            failure = raw.exec(interpreter, code)
            if failure is not None:
                raise RuntimeError(failure.formatted)

        return lambda: raw.create("isolated"), execute, raw.destroy
    raw = import_module("_xxsubinterpreters")
    return lambda: raw.create(isolated=True), raw.run_string, raw.destroy


# Loaded at once, before the folder of the user is searched, in which a file may be called like what this needs.
if sys.version_info >= (3, 12):
    with suppress(ImportError):  # said when it is asked for
        _machinery()
