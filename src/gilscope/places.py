"""What a saved file says of places on this machine: nothing that names its user or how its folders are laid out.

A path is recorded relative to what it belongs to: ``site-packages/numpy/_core/x.so``, ``<prefix>/lib/libpython3.so``,
``<cwd>/script.py``, ``<home>/data``. What is shown and not saved keeps its whole paths, which a person here can open.
"""

import os
import re
import sys
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from typing import Any

#: Where this package lies.
PACKAGE = os.path.dirname(os.path.abspath(__file__))
#: Folders whose frames lead to a user's code and are none of it, so that no traceback shows them.
LEADING_TO_TARGETS = tuple(os.path.join(PACKAGE, name) + os.sep for name in ("targets", "probing", "tracing"))
_SITES = ("site-packages", "dist-packages")


def _working_folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it has been removed
        return ""


# A program may change its folder; texts speak of the one that it began in, too.
_BEGUN_IN = _working_folder()


def portable(value: Any) -> Any:
    """Return data in which no text, however deep, holds a path into a folder of the user or of Python.

    Parameters
    ----------
    value : text, what JSON can hold, or dataclasses of it
        Keys of dicts stay as they are.
    """
    if isinstance(value, str):
        return _shortened(value) if "/" in value or "\\" in value else value
    if isinstance(value, dict):
        return {key: portable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(portable(item) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: portable(getattr(value, one.name)) for one in fields(value)})
    return value


def _shortened(text: str) -> str:
    pattern, names = _roots(_working_folder(), os.path.expanduser("~"), tuple(sys.path))
    return pattern.sub(lambda found: names[found[0]], text)


@lru_cache(maxsize=8)
def _roots(folder: str, home: str, path: tuple[str, ...]) -> tuple[re.Pattern[str], dict[str, str]]:
    """Return a pattern of the folders that have a name, and these; the longest first, for one lies in another."""
    named = {
        **dict.fromkeys((folder, _BEGUN_IN), "<cwd>"),
        **dict.fromkeys((home, _home_of_record()), "<home>"),
        **dict.fromkeys((sys.base_prefix, sys.base_exec_prefix, sys.prefix, sys.exec_prefix), "<prefix>"),
        **{entry: os.path.basename(entry) for entry in path if os.path.basename(entry) in _SITES},
        PACKAGE: "gilscope",
    }
    names: dict[str, str] = {}
    for root, name in named.items():
        for spelt in {root, os.path.realpath(root)} if root else ():
            bare = spelt.rstrip("/\\")
            if bare and not bare.endswith(":"):  # the root of all folders names nobody
                names |= {bare: name, bare.replace("\\", "\\\\"): name}  # as a repr has it, too
    longest_first = sorted(map(re.escape, names), key=len, reverse=True)
    # A path may follow an option, as in -I/usr/include, and is none in the middle of another.
    return re.compile(rf"(?:(?<![\w.-])|(?<=-[A-Z]))(?:{'|'.join(longest_first)})(?![\w-])"), names


def _home_of_record() -> str:
    """Return the home that the system has for this user, whatever the environment says."""
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_dir
    except (ImportError, KeyError):
        return ""
