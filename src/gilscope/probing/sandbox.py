"""Running a target in a child process that may hang, crash, exit or leave things behind, and telling which it did."""

import json
import os
import secrets
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from gilscope.errors import CannotRunError
from gilscope.probing import processes
from gilscope.probing.outcome import CUT_OFF, Outcome
from gilscope.probing.preflight import availability
from gilscope.probing.targets import Target

# How long the interpreter may take to start, which is no fault of the target; to leave after its last word; and to
# write its tracebacks when it is stuck.
START_SECONDS = 60.0
LEAVE_SECONDS = 1.0
ABORT_SECONDS = 2.0
# How often an ended child is looked for while something that it left holds its pipes open.
LOOK_SECONDS = 0.2
OUTPUT_BYTES = 4096
CRASH_BYTES = 1 << 16
_PIPE_BYTES = 1 << 16
_PHASES = {"": "starting", "started": "importing it", "resolved": "its first call", "preflight": "the measurement"}


def run_child(
    target: Target,
    job: str,
    options: Mapping[str, Any],
    *,
    limit_s: float,
    python: str = sys.executable,
    environment: Mapping[str, str] | None = None,
    on_event: Callable[[dict[str, Any]], object] = lambda _: None,
) -> Outcome:
    """Run a job on a target in a fresh interpreter, and leave none of its processes.

    Parameters
    ----------
    target : Target
    job : str
        A function of gilscope, as ``module:function``; see `gilscope.probing.child.count_calls`.
    options : mapping
        Plain data for the job.
    limit_s : float
        From the start of the import of the target on; after that, it hangs.
    python : str
        An interpreter that has gilscope.
    environment : mapping, optional
        Variables to set for the child beside those of this process.
    on_event : callable
        Takes each event as it comes; nothing else is read meanwhile, so it should be short.

    Raises
    ------
    CannotRunError
        If there is no such interpreter, or no call can be probed on this system.
    """
    absence = availability()
    if absence is not None:
        raise CannotRunError(absence.reason)
    with _Child(target, job, options, limit_s, python, environment or {}, on_event) as child:
        child.listen()
    return child.outcome()


class _Child:
    """A running child, and what has been heard of it. Leaving the block ends it and every process it has started."""

    def __init__(
        self,
        target: Target,
        job: str,
        options: Mapping[str, Any],
        limit_s: float,
        python: str,
        environment: Mapping[str, str],
        on_event: Callable[[dict[str, Any]], object],
    ) -> None:
        self._limit_s, self._python, self._on_event = limit_s, python, on_event
        self._mark = f"GILSCOPE_PROBE_{secrets.token_hex(8)}"
        self._environment = {**os.environ, **environment, self._mark: "1"}
        self._request = {
            "target": asdict(target),
            "job": job,
            "options": dict(options),
            "limit_s": limit_s,
            "mark": self._mark,
        }
        self._heard: dict[str, dict[str, Any]] = {}
        self._phase = ""
        self._line, self._output, self._crashes = b"", b"", b""
        self._is_late = False

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._selector = stack.enter_context(selectors.DefaultSelector())
            request = stack.enter_context(tempfile.TemporaryFile())
            request.write(json.dumps(self._request).encode())
            request.seek(0)
            with ExitStack() as ends:  # the child's, of which this process keeps none
                output, events, crashes = [
                    self._pipe(stack, ends, take) for take in (self._take_output, self._take_events, self._take_crashes)
                ]
                try:
                    self._process = subprocess.Popen(
                        [self._python, *self._flags(), *map(str, (request.fileno(), events, crashes))],
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=output,
                        env=self._environment,
                        pass_fds=(request.fileno(), events, crashes),
                        start_new_session=True,
                    )
                except OSError as error:
                    raise CannotRunError(f"{self._python} cannot be started: {error}") from error
            self._stack = stack.pop_all()
        return self

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        with self._stack:
            try:
                self._process.kill()
                self._process.wait()
            finally:
                processes.end_all(self._mark, self._process.pid)
            # What lies in the pipes; a process that escaped may still write, so no more than they hold.
            for key in list(self._selector.get_map().values()) if error_type is None else ():
                self._read(key)

    def listen(self) -> None:
        """Listen until the child has ended or its time is up; then make it show where it is."""
        self._listen(START_SECONDS)
        if self._process.poll() is None and not self._is_finished():
            self._is_late = True
            # faulthandler answers with the traceback of every thread, from a signal handler and so whatever holds the
            # GIL. Its dump_traceback_later() would add a thread to a process whose threads are counted.
            self._process.send_signal(signal.SIGABRT)
            self._listen(ABORT_SECONDS)

    def outcome(self) -> Outcome:
        """Say how it ended; to be asked after the block."""
        status = self._process.returncode
        about: dict[str, Any] = {}
        if "error" in self._heard:
            about = {name: value for name, value in self._heard["error"].items() if name != "event"}
        elif "report" in self._heard:
            about = {"kind": "done", "message": "", "report": self._heard["report"]["report"]}
        elif not self._phase:
            about = {"kind": "cannot run", "message": f"{self._python} cannot run gilscope."}
        elif self._is_late:
            about = {
                "kind": "hung",
                "message": f"It did not end within {self._limit_s:g} s",
                "traceback": self._frames(),
            }
        elif status < 0:
            name = _signal_name(-status)
            told = f"{name} ended it{', as when memory runs out' if name == 'SIGKILL' else ''}"
            about = {"kind": "crashed", "signal": name, "message": told, "traceback": self._frames()}
        else:
            told = f"It ended its process with exit status {status}"
            if status == CUT_OFF:
                told = "It closed files that it had not opened, among them the one that gilscope hears of it from"
            about = {"kind": "exited", "status": status, "message": told}
        if about["kind"] in {"hung", "crashed", "exited"}:
            about["message"] += f", in {self._told_phase()}."
        preflight = {name: value for name, value in self._heard.get("preflight", {}).items() if name != "event"}
        return Outcome(
            phase=_PHASES[self._phase],
            preflight=preflight or None,
            output=self._output.decode(errors="replace"),
            **about,
        )

    def _told_phase(self) -> str:
        work = self._heard.get("started", {}).get("top_level_work")
        told = _PHASES[self._phase]
        return f"{told}, which runs {work[0]}" if work and self._phase == "started" else told

    def _frames(self) -> str:
        """Return faulthandler's tracebacks without the frames that lead to the target, and without our own signal."""
        left_out = ['File "<frozen runpy>"', f'File "{Path(__file__).parent}{os.sep}']
        if self._is_late:
            left_out.append("Fatal Python error: Aborted")
        lines = self._crashes.decode(errors="replace").splitlines(keepends=True)
        return "".join(line for line in lines if not line.strip().startswith(tuple(left_out))).strip()

    def _flags(self) -> list[str]:
        inherited = subprocess._args_from_interpreter_flags() if self._python == sys.executable else []  # type: ignore[attr-defined] # as multiprocessing does
        return [*inherited, "-P", "-X", "faulthandler", "-m", "gilscope.probing.child"]

    def _pipe(self, stack: ExitStack, ends: ExitStack, take: Callable[[bytes], None]) -> int:
        """Have what comes through a new pipe taken by a method; return the end for the child."""
        ours, theirs = os.pipe()
        stack.callback(os.close, ours)
        ends.callback(os.close, theirs)
        os.set_blocking(ours, False)
        self._selector.register(ours, selectors.EVENT_READ, take)
        return theirs

    def _is_finished(self) -> bool:
        return bool(self._heard.keys() & {"report", "error"})

    def _listen(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        while self._process.poll() is None and (left := self._deadline - time.monotonic()) > 0:
            if self._selector.get_map():
                for key, _ in self._selector.select(min(left, LOOK_SECONDS)):
                    self._read(key)
            else:
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(left)

    def _read(self, key: selectors.SelectorKey) -> None:
        try:
            data = os.read(key.fd, _PIPE_BYTES)
        except BlockingIOError:
            return
        if data:
            key.data(data)
        else:
            self._selector.unregister(key.fd)

    def _take_output(self, data: bytes) -> None:
        self._output = (self._output + data)[-OUTPUT_BYTES:]

    def _take_crashes(self, data: bytes) -> None:
        self._crashes = (self._crashes + data)[:CRASH_BYTES]

    def _take_events(self, data: bytes) -> None:
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            event = json.loads(line)
            name = event["event"]
            self._heard[name] = event
            if name in _PHASES:
                self._phase = name
            if name == "started":
                self._deadline = time.monotonic() + self._limit_s
            elif self._is_finished():
                self._deadline = time.monotonic() + LEAVE_SECONDS
            self._on_event(event)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
