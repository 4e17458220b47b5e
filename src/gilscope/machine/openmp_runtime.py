"""Which OpenMP the extension has, asked of a child process."""

import json
import sys
from dataclasses import dataclass

from gilscope import words
from gilscope.children.start import ask, search_path
from gilscope.errors import CannotRunError
from gilscope.machine.regime import without_folders


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMp:
    """The OpenMP that the extension was compiled for and the runtime that it loads.

    Attributes
    ----------
    version : int or None
        Date of the OpenMP specification that the compiler implements, as 201511 for 4.5.
    runtimes : tuple of str
        File names of the OpenMP runtimes in a process that has imported the extension; empty where that is not
        readable (not Linux).
    team : int or None
        Threads that took part when two were asked for.
    reason : str or None
        Why there is no OpenMP here. None where there is.
    """

    version: int | None = None
    runtimes: tuple[str, ...] = ()
    team: int | None = None
    reason: str | None = None


# Run by a child: how many threads take part in a team of two, and which runtimes that brought into the process.
_ASK_OPENMP = """
import json, os, sys
from array import array
sys.path[:] = json.loads(sys.argv[2])
from gilscope.kernels import _openmp
x = array("d", range(64))
team = _openmp.square(x, array("d", x), 2) if _openmp.VERSION else None
try:
    with open("/proc/self/maps") as file:
        files = {line.rstrip().rpartition("/")[2] for line in file}
except OSError:
    files = set()
runtimes = sorted(name for name in files if name.startswith(("libgomp", "libomp", "libiomp")))
os.write(int(sys.argv[1]), json.dumps({"version": _openmp.VERSION, "runtimes": runtimes, "team": team}).encode())
"""


def openmp_facts(timeout_s: float = 60.0) -> OpenMp:
    """Ask a child process which OpenMP the extension has; nothing is loaded into this one.

    Importing the extension loads an OpenMP runtime, and a process that has one must not fork any more. So the answer
    costs the start of an interpreter, and is not part of `describe` unless asked for.

    Parameters
    ----------
    timeout_s : float
        Seconds until the child is given up.
    """
    if not sys.executable:
        return OpenMp(reason="no process could be started: this Python does not know its own executable")
    path = json.dumps(search_path())
    try:
        told = ask([sys.executable, "-P", "-c", _ASK_OPENMP], [path], timeout_s)
    except CannotRunError as error:
        return OpenMp(reason=without_folders(str(error)))
    if told.status is None:
        return OpenMp(reason=f"the process that was asked gave no answer within {words.seconds(timeout_s)}")
    if told.status != 0:
        last = without_folders(told.printed.decode(errors="replace").strip().rpartition("\n")[2])
        return OpenMp(reason=f"the extension does not load: {last or f'exit status {told.status}'}")
    try:
        answer = json.loads(told.told)
    except ValueError:
        return OpenMp(reason="the process that was asked gave no answer that can be read")
    if not answer["version"]:
        return OpenMp(version=0, reason="the compiler that built gilscope had no OpenMP")
    return OpenMp(version=answer["version"], runtimes=tuple(answer["runtimes"]), team=answer["team"])
