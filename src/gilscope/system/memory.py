"""How much memory a process takes: its own (USS), and with its share of what several have (PSS).

The resident set counts what processes share once for each of them, so that its sum says nothing. Linux tells both in
smaps_rollup; elsewhere psutil tells the first, where it is installed.
"""

import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from gilscope.errors import Unavailable
from gilscope.system.procfs import as_int, read_text

_KIB = 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process takes.

    Parameters
    ----------
    own_bytes : int
        Pages that no other process has: what would come free with its end (USS).
    share_bytes : int
        The same, and of each page that n processes have an n-th (PSS). Where it cannot be told, as `own_bytes`.
    """

    own_bytes: int
    share_bytes: int


def unavailable(root: str = "/") -> Unavailable | None:
    """Return why memory cannot be told here, or None."""
    if _of_smaps("self", root) is not None or find_spec("psutil") is not None:
        return None
    where = "/proc/PID/smaps_rollup, from Linux 4.14 on" if sys.platform == "linux" else "psutil installed"
    return Unavailable(f"what memory a process has for itself cannot be told here; it needs {where}")


def knows_shares(root: str = "/") -> bool:
    """Tell whether `Memory.share_bytes` is a figure of its own here."""
    return _of_smaps("self", root) is not None


def memory_of(pid: int, root: str = "/") -> Memory:
    """Return what a process takes at the moment; it takes some 0.1 ms to some ms to find out.

    Raises
    ------
    ProcessLookupError
        If there is no such process, or it may not be asked.
    """
    found = _of_smaps(str(pid), root)
    if found is not None:
        return found
    if find_spec("psutil") is None:
        raise ProcessLookupError(f"the memory of process {pid} cannot be told")
    own_bytes: int = import_module("psutil").Process(pid).memory_full_info().uss
    return Memory(own_bytes, own_bytes)


def _of_smaps(pid: str, root: str) -> Memory | None:
    text = read_text(f"/proc/{pid}/smaps_rollup", root)
    values: dict[str, int] = {}
    for line in text.splitlines() if text else ():
        name, _, rest = line.partition(":")
        kib = as_int(rest.removesuffix("kB").strip())
        if kib is not None:
            values[name] = kib * _KIB
    if not {"Pss", "Private_Clean", "Private_Dirty"} <= set(values):
        return None
    return Memory(values["Private_Clean"] + values["Private_Dirty"] + values.get("Private_Hugetlb", 0), values["Pss"])
