"""The child's side of a probe: `python -m gilscope.targets.child REQUEST EVENTS CRASHES`, three file descriptors.

It reads one JSON request, and writes events (see `gilscope.children.messages`), of which the last is a report or an
error. What the target prints goes elsewhere, and so do faulthandler's tracebacks, which none of the target's output can
then push out.
"""

import faulthandler
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from importlib import import_module
from json import loads
from pathlib import Path
from typing import Any

from gilscope.accounting.holding import whereabouts
from gilscope.children.messages import pack
from gilscope.documents.typed import plain
from gilscope.errors import CannotRunError, KernelError, UsageError
from gilscope.originals import time
from gilscope.targets import script_text, user_code
from gilscope.targets.first_call import Preflight, examine
from gilscope.targets.outcome import CUT_OFF
from gilscope.targets.target import Resolved, Target, resolve

Event = dict[str, Any]
Emit = Callable[[Event], None]
Job = Callable[[Resolved, Preflight, dict[str, Any], Emit], dict[str, Any]]


def count_calls(resolved: Resolved, preflight: Preflight, options: dict[str, Any], emit: Emit) -> dict[str, Any]:
    """Call the target `options["calls"]` times: the least that a job does.

    Parameters
    ----------
    resolved : Resolved
    preflight : Preflight
    options : dict
        As given to `gilscope.targets.sandbox.run_child`, and two more: "mark", as of `gilscope.children.descendants`;
        and "until_s", when by the monotonic clock this process will be ended.
    emit : callable
        Takes an event, a dict of plain data with an "event", and sends it to the parent.

    Returns
    -------
    dict
        The report, as plain data.
    """
    for calls in range(options["calls"]):
        resolved.call()
        emit({"event": "progress", "calls": calls + 1})
    return {"calls": options["calls"], "preflight_wall_ns": preflight.wall_ns}


def main() -> None:
    """Answer one request."""
    request_fd, events_fd, crashes_fd = map(int, sys.argv[1:])
    for fd in (request_fd, events_fd, crashes_fd):
        os.set_inheritable(fd, False)  # noqa: FBT003 - programs that the target starts have no part in this
    with open(request_fd, encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
        request = loads(file.readline())
    faulthandler.enable(crashes_fd)
    # Before the working folder is searched, so that no file there hides a module that the job needs.
    module, _, function = request["job"].partition(":")
    job: Job = getattr(import_module(module), function)
    _prepare()
    events = os.fdopen(events_fd, "wb")
    process = os.getpid()

    def emit(event: Event) -> None:
        if os.getpid() != process:
            os._exit(0)  # a copy that the target forked, and that came back from it
        try:
            events.write(pack(request["token"], event))
            events.flush()
        except OSError:
            os._exit(CUT_OFF)  # the target has closed it; nothing but an exit status can tell

    try:
        _probe(request, job, emit)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
        emit({"event": "error", **_told(error)})
    with suppress(OSError):  # the target may have closed it
        events.close()


def _prepare() -> None:
    """Make this process one in which the target finds what it would find in a program of its own."""
    sys.argv[1:] = []
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr] # so that a crash takes no whole line
    # Or each worker process that the target spawns would import this module, and be timed for it.
    program = sys.modules["__main__"]
    program.__spec__ = program.__file__ = None
    resource = import_module("resource")
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))  # no file of a crash


def _probe(request: dict[str, Any], job: Job, emit: Emit) -> None:
    target = Target(**request["target"])
    # Said before the import, which may not come back.
    is_script = target.kind == "script"
    until_s = time.monotonic() + request["limit_s"]
    work = script_text.top_level_work(Path(target.home)) if is_script else []
    emit({"event": "started", "top_level_work": work, "gil": whereabouts()})
    resolved = resolve(target)
    emit({"event": "resolved"})
    preflight = examine(resolved, request["mark"])
    emit({"event": "preflight", **asdict(preflight)})
    options = {**request["options"], "mark": request["mark"], "until_s": until_s}
    emit({"event": "report", "report": plain(job(resolved, preflight, options, emit))})


def _told(error: BaseException) -> dict[str, Any]:
    if isinstance(error, UsageError):
        return {"kind": "usage", "message": str(error)}
    if isinstance(error, CannotRunError):
        return {"kind": "cannot run", "message": str(error)}
    if isinstance(error, KernelError):  # what gilscope found wrong with the call itself, which no traceback explains
        return {"kind": "raised", "message": str(error)}
    told = {"message": user_code.describe(error), "traceback": user_code.trimmed_traceback(error)}
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
        return {"kind": "exited", "status": code, **told}
    return {"kind": "raised", **told}


if __name__ == "__main__":
    main()
