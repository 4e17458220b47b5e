"""Find every CPython >= 3.11 on this machine: pyenv's, those on PATH and /usr/bin, free-threaded builds too.

--this prints the facts of the interpreter that runs this, as JSON. --others prints "version path", one line for each
release that is not the one that runs this; a release that is installed twice is listed once.
"""

import json
import os
import platform
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OLDEST = (3, 11)


def facts() -> dict[str, Any]:
    """Return what tells interpreters apart."""
    free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    return {
        "implementation": platform.python_implementation(),
        "release": list(sys.version_info[:2]),
        "version": platform.python_version() + ("t" if free_threaded else ""),
        "free_threaded": free_threaded,
    }


def candidates() -> Iterator[Path]:
    """Yield executables that may be a Python; some are pyenv's shims, which may lead nowhere."""
    roots = {Path(os.environ["PYENV_ROOT"])} if "PYENV_ROOT" in os.environ else set()
    for root in sorted({*roots, Path.home() / ".pyenv"}):
        yield from sorted(root.glob("versions/*/bin/python"))
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    for folder in dict.fromkeys([*folders, Path("/usr/bin"), Path("/usr/local/bin")]):
        if folder.is_dir():
            yield from sorted(path for path in folder.iterdir() if re.fullmatch(r"python3(\.\d+t?)?", path.name))


def ask(python: Path) -> dict[str, Any] | None:
    """Return an interpreter's facts, or None where it is none or too old to know them."""
    try:
        answer = subprocess.run(
            [python, "-I", __file__, "--this"], capture_output=True, text=True, timeout=30, check=True
        )
        found: dict[str, Any] = json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return found


def others() -> Iterator[tuple[str, Path]]:
    """Yield the releases beside this one."""
    seen = {facts()["version"]}
    for python in candidates():
        found = ask(python)
        if found is None or found["implementation"] != "CPython" or tuple(found["release"]) < OLDEST:
            continue
        if found["version"] not in seen:
            seen.add(found["version"])
            yield str(found["version"]), python


if __name__ == "__main__":
    if "--this" in sys.argv:
        print(json.dumps(facts()))
    else:
        for name, path in others():
            print(name, path)
