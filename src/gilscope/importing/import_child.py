"""The child's side of examining an import: `python import_child.py ANSWER TOKEN outside|inside FIRST MODULE PATH...`.

A script of what every interpreter has loaded already, for what else it imported would cost the module nothing any more.
Hence its answer is a Python literal and not JSON: on the descriptor ANSWER, between two tokens, as
`gilscope.children.delivery` has it.
"""

import os
import sys
import time
from importlib import import_module

_INSIDE = """
import os, sys
from importlib import import_module
sys.path[:] = {path!r}
import_module({name!r})
threading = sys.modules.get("threading")
if threading is not None and threading.active_count() > 1:
    os.write({fd}, f"{token}{{dict(outcome='imported')}}{token}".encode())
    os._exit(0)
"""


def tasks() -> dict[str, str] | None:
    """Return the threads of this process, id -> name; None where the system does not list them."""
    found = {}
    try:
        for native_id in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{native_id}/comm") as file:
                found[native_id] = file.read().strip()
    except OSError:
        return None
    return found


def mapped() -> set[str]:
    """Return the names of the files mapped into this process; none where the system does not list them."""
    try:
        with open("/proc/self/maps") as file:
            return {os.path.basename(line.rstrip()) for line in file if "/" in line}
    except OSError:
        return set()


def gil_enabled() -> bool:
    """Tell whether the GIL is in force."""
    ask = getattr(sys, "_is_gil_enabled", None)
    return True if ask is None else bool(ask())


def examine(name: str) -> dict[str, object]:
    """Import a module, and tell what that did to this process."""
    gil_before, tasks_before, mapped_before = gil_enabled(), tasks(), mapped()
    begin_ns = time.perf_counter_ns()
    try:
        import_module(name)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
        return told(name, error)
    import_ns = time.perf_counter_ns() - begin_ns
    tasks_after = tasks()
    started = None
    if tasks_before is not None and tasks_after is not None:
        started = sorted(tasks_after[native_id] for native_id in tasks_after.keys() - tasks_before.keys())
    return {
        "outcome": "imported",
        "import_ns": import_ns,
        "gil_before": gil_before,
        "gil_after": gil_enabled(),
        "threads": started,
        "mapped": sorted(mapped() - mapped_before),
    }


def told(name: str, error: BaseException) -> dict[str, object]:
    """Tell a failure; a module that is not there differs from one that fails."""
    is_missing = isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}.")
    return {"outcome": "missing" if is_missing else "failed", "message": f"{type(error).__name__}: {last_line(error)}"}


def last_line(error: BaseException) -> str:
    """Return the last line of what an error says: NumPy says much before it comes to the point."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].removeprefix("Original error was: ") if lines else ""


def examine_inside(name: str, path: list[str], fd: int, token: str) -> dict[str, object]:
    """Import a module in an interpreter with a GIL of its own, and tell whether that works.

    The end of an interpreter waits for its threads, so where the module leaves one, its answer comes from inside.
    """
    # By name, for this script is no part of the package that it lies in.
    run = import_module("gilscope.children.interpreter").run_in_new_interpreter
    code = _INSIDE.format(path=path, name=name, fd=fd, token=token)
    try:
        run(code)
    except Exception as error:  # noqa: BLE001 - of the module, or of the interpreter, the answer is the same
        return {"outcome": "failed", "message": last_line(error) or type(error).__name__}
    return {"outcome": "imported"}


def main() -> None:
    """Answer one request."""
    fd, token, where, first, name, *path = sys.argv[1:]
    os.set_inheritable(int(fd), False)  # noqa: FBT003 - its only argument
    # In the folder that the user is in a file may hide what gilscope's own part needs.
    sys.path[:] = path[1:] if where == "inside" and first else path
    sys.argv[1:] = []
    answer = examine_inside(name, path, int(fd), token) if where == "inside" else examine(name)
    data = f"{token}{answer!a}{token}".encode()
    while data:
        data = data[os.write(int(fd), data) :]
    os._exit(0)  # what the module would do at the end is not asked, and its threads may not end


if __name__ == "__main__":
    main()
