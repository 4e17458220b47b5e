"""Running a target in a child process that may hang, crash, exit or leave things behind, and telling which it did."""

import re
import selectors
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from json import dumps
from typing import Any, Self

from gilscope import shortages, words
from gilscope.accounting.holding import Holding, look_from_outside
from gilscope.accounting.holding import told as told_holding
from gilscope.children.messages import GarbledError, Lines
from gilscope.children.signals import signal_name
from gilscope.children.start import OUTPUT_BYTES, Child, interpreter
from gilscope.errors import CannotRunError
from gilscope.originals import os, time
from gilscope.places import LEADING_TO_TARGETS
from gilscope.targets.first_call import availability
from gilscope.targets.outcome import CUT_OFF, Outcome
from gilscope.targets.target import Target

# How long the interpreter may take to start, which is no fault of the target; to leave after its last word; and to
# write its tracebacks when it is stuck.
START_SECONDS = 60.0
LEAVE_SECONDS = 1.0
ABORT_SECONDS = 2.0
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
    keep_interrupted: bool = False,
) -> Outcome:
    """Run a job on a target in a fresh interpreter, and leave none of its processes.

    Parameters
    ----------
    target : Target
    job : str
        A function of gilscope, as ``module:function``; see `gilscope.targets.child.count_calls`.
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
    keep_interrupted : bool
        Whether to return what there is already of a measurement that Ctrl-C interrupts.

    Raises
    ------
    CannotRunError
        If there is no such interpreter, or no call can be probed on this system.
    """
    absence = availability()
    if absence is not None:
        raise CannotRunError(absence.reason)
    with _Child(target, job, options, limit_s, python, environment or {}, on_event) as child:
        try:
            child.listen()
        except KeyboardInterrupt:
            if not keep_interrupted or not child.has_profile:
                raise
            child.is_interrupted = True
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
        mark, token = f"GILSCOPE_PROBE_{os.urandom(8).hex()}", os.urandom(8).hex()
        self._environment = {**os.environ, **environment, mark: "1"}
        request = {
            "target": asdict(target),
            "job": job,
            "options": dict(options),
            "limit_s": limit_s,
            "mark": mark,
            "token": token,
        }
        self._request = dumps(request).encode() + b"\n"
        self._events = Lines(token)
        self._heard: dict[str, dict[str, Any]] = {}
        self._phase = ""
        self._output, self._crashes = b"", b""
        self._is_late = self._is_garbled = self.is_interrupted = False
        self._holding: Holding | None = None

    def __enter__(self) -> Self:
        with shortages.named(), ExitStack() as stack:
            self._selector = stack.enter_context(selectors.DefaultSelector())
            with ExitStack() as ends:  # the child's, of which this process keeps none
                takers = (self._take_output, self._take_events, self._take_crashes)
                output, events, crashes = [self._pipe(stack, ends, take) for take in takers]
                # Over a pipe, for a disk may be full, and written bit by bit, for arguments may be of any size.
                request, ours = os.pipe()
                ends.callback(os.close, request)
                stack.callback(os.close, ours)
                os.set_blocking(ours, False)
                self._selector.register(ours, selectors.EVENT_WRITE, partial(self._send, ours))
                fds = (request, events, crashes)
                words = ("-X", "faulthandler", "-m", "gilscope.targets.child", *map(str, fds))
                self._child = Child(
                    interpreter(*words, python=self._python),
                    stdout=output,
                    stderr=output,
                    pass_fds=fds,
                    environment=self._environment,
                )
            self._selector.register(self._child, selectors.EVENT_READ, self._child.poll)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        with self._stack:
            self._selector.unregister(self._child)
            self._child.close()
            # What lies in the pipes; a process that escaped may still write, so no more than they hold.
            for key in list(self._selector.get_map().values()) if error_type is None else ():
                key.data()

    def listen(self) -> None:
        """Listen until the child has ended or its time is up; then make it show where it is."""
        self._listen(START_SECONDS)
        if self._child.returncode is None and not self._is_finished():
            self._is_late = True
            where = self._heard.get("started", {}).get("gil")
            self._holding = look_from_outside(self._child.pid, where) if where else None
            # faulthandler answers with the traceback of every thread, from a signal handler and so whatever holds the
            # GIL. Its dump_traceback_later() would add a thread to a process whose threads are counted.
            self._child.send_signal(signal.SIGABRT)
            self._listen(ABORT_SECONDS)

    @property
    def has_profile(self) -> bool:
        """Whether it has told what the call does on one thread."""
        return "profile" in self._heard

    def outcome(self) -> Outcome:
        """Say how it ended; to be asked after the block."""
        status = self._child.returncode
        assert status is not None  # it has been ended
        about: dict[str, Any] = {}
        if self._is_garbled:
            told = "It wrote to files that it had not opened, among them the one that gilscope hears of it from"
            about = {"kind": "raised", "message": f"{told}, in {self._told_phase()}."}
        elif self.is_interrupted:
            about = {"kind": "interrupted", "message": "It was interrupted"}
        elif "error" in self._heard:
            about = {name: value for name, value in self._heard["error"].items() if name != "event"}
        elif "report" in self._heard:
            about = {"kind": "done", "message": "", "report": self._heard["report"]["report"]}
        elif not self._phase:
            about = {"kind": "cannot run", "message": f"{self._python} cannot run gilscope."}
        elif self._is_late:
            about = {
                "kind": "hung",
                "message": f"It did not end within {words.seconds(self._limit_s)}",
                "traceback": self._frames(),
            }
        elif status < 0:
            name = signal_name(-status)
            told = f"{name} ended it{', as when memory runs out' if name == 'SIGKILL' else ''}"
            about = {"kind": "crashed", "signal": name, "message": told, "traceback": self._frames()}
        else:
            told = f"It ended its process with exit status {status}"
            if status == CUT_OFF:
                told = "It closed files that it had not opened, among them the one that gilscope hears of it from"
            about = {"kind": "exited", "status": status, "message": told}
        if about["kind"] in {"hung", "crashed", "exited", "interrupted"}:
            about["message"] += f", in {self._told_phase()}."
        if about["kind"] == "hung" and self._holding is not None:
            calling = "its main thread" if self._phase == "preflight" else "the calling thread"
            about["message"] += f" {told_holding(self._holding, calling)}"
        preflight = {name: value for name, value in self._heard.get("preflight", {}).items() if name != "event"}
        return Outcome(
            phase=_PHASES[self._phase],
            preflight=preflight or None,
            profile=self._heard.get("profile", {}).get("report") if about["kind"] != "done" else None,
            output=self._output.decode(errors="replace"),
            **about,
        )

    def _told_phase(self) -> str:
        work = self._heard.get("started", {}).get("top_level_work")
        told = _PHASES[self._phase]
        return f"{told}, which runs {work[0]}" if work and self._phase == "started" else told

    def _frames(self) -> str:
        """Return faulthandler's tracebacks without the frames that lead to the target, and without our own signal."""
        left_out = ['File "<frozen runpy>"', *(f'File "{folder}' for folder in LEADING_TO_TARGETS)]
        if self._is_late:
            left_out.append("Fatal Python error: Aborted")
        lines = self._crashes.decode(errors="replace").splitlines(keepends=True)
        return "".join(_without_own(line) for line in lines if not line.strip().startswith(tuple(left_out))).strip()

    def _pipe(self, stack: ExitStack, ends: ExitStack, take: Callable[[bytes], None]) -> int:
        """Have what comes through a new pipe taken by a method; return the end for the child."""
        ours, theirs = os.pipe()
        stack.callback(os.close, ours)
        ends.callback(os.close, theirs)
        os.set_blocking(ours, False)
        self._selector.register(ours, selectors.EVENT_READ, partial(self._read, ours, take))
        return theirs

    def _is_finished(self) -> bool:
        return self._is_garbled or bool(self._heard.keys() & {"report", "error"})

    def _listen(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        while self._child.returncode is None and (left := self._deadline - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                key.data()

    def _read(self, fd: int, take: Callable[[bytes], None]) -> None:
        try:
            data = os.read(fd, _PIPE_BYTES)
        except BlockingIOError:
            return
        if data:
            take(data)
        else:
            self._selector.unregister(fd)

    def _send(self, fd: int) -> None:
        try:
            self._request = self._request[os.write(fd, self._request) :]
        except BlockingIOError:
            return
        except BrokenPipeError:  # what ends without reading it has an outcome of its own
            self._request = b""
        if not self._request:
            self._selector.unregister(fd)

    def _take_output(self, data: bytes) -> None:
        self._output = (self._output + data)[-OUTPUT_BYTES:]

    def _take_crashes(self, data: bytes) -> None:
        self._crashes = (self._crashes + data)[:CRASH_BYTES]

    def _take_events(self, data: bytes) -> None:
        try:
            events = [] if self._is_garbled else self._events.take(data)
        except GarbledError:
            self._is_garbled = True
            self._deadline = time.monotonic()
            return
        for event in events:
            name = event["event"]
            self._heard[name] = event
            if name in _PHASES:
                self._phase = name
            if name == "started":
                self._deadline = time.monotonic() + self._limit_s
            elif self._is_finished():
                self._deadline = time.monotonic() + LEAVE_SECONDS
            self._on_event(event)


def _without_own(line: str) -> str:
    """Return faulthandler's list of extension modules without gilscope's; any other line as it is."""
    match = re.fullmatch(r"Extension modules: (.*) \(total: \d+\)\s*", line)
    if match is None:
        return line
    names = [name for name in match[1].split(", ") if not name.startswith("gilscope.")]
    return f"Extension modules: {', '.join(names)} (total: {len(names)})\n" if names else ""
