"""The tracing part, inside the child process: several threads make the call while the ledger keeps the timeline."""

import os
import platform
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gilscope import shortages
from gilscope.accounting.ledger import Ledger, availability
from gilscope.accounting.log import Log
from gilscope.documents.typed import plain
from gilscope.errors import CannotRunError
from gilscope.originals import SimpleQueue, thread_for_user, threads_are_replaced, time
from gilscope.system.threads import native_ids
from gilscope.targets.first_call import Preflight
from gilscope.targets.target import Resolved

#: Events in one message: a line of some 400 kB, for the parent puts a line together piece by piece.
MESSAGE_EVENTS = 1 << 14

Emit = Callable[[dict[str, Any]], None]


def trace(resolved: Resolved, preflight: Preflight, options: dict[str, Any], emit: Emit) -> dict[str, Any]:  # noqa: ARG001 - as every job
    """Make the call on several threads at once, and report every take, drop and wait.

    Parameters
    ----------
    resolved : Resolved
    preflight : Preflight
    options : dict
        "threads"; "calls", how many each makes at most, and "seconds", after which none begins another; either may be
        None. "events", how many the timeline has room for; "cpu_clock", as for the ledger.
    emit : callable
        Takes the timeline, as "timeline" events in columns.

    Returns
    -------
    dict
        Plain data: "log" without its events, "calls" (native id, number) of each thread that made some, "before" and
        "after" (native ids when the log began and ended), "cpu_clock", "pid", "python",
        "threads_are_replaced".

    Raises
    ------
    CannotRunError
        Where there is no ledger.
    BaseException
        What the target raises on any thread.
    """
    absence = availability()
    if absence is not None:
        raise CannotRunError(f"a timeline needs the ledger: {absence.reason}")
    crew = [_Worker(f"worker {i + 1}", resolved.call) for i in range(options["threads"])]
    for worker in crew:
        worker.answer()  # it is ready, so that nothing of its start is in the trace
    before = native_ids()
    ledger = Ledger(options["events"], cpu_clock=options["cpu_clock"])
    with ledger:
        for worker in crew:
            ledger.name_thread(worker.native_id, worker.name)
        seconds = options["seconds"]
        deadline_ns = None if seconds is None else time.monotonic_ns() + round(seconds * 1e9)
        for worker in crew:
            worker.orders.put((options["calls"], deadline_ns))
        calls = [(worker.native_id, worker.answer()) for worker in crew]
        after = native_ids()
    for worker in crew:
        worker.orders.put(None)
        worker.join()
    log = ledger.log
    _send(log, emit)
    return {
        "log": plain(replace(log, events=())),
        "calls": calls,
        "before": before,
        "after": after,
        "cpu_clock": options["cpu_clock"],
        "pid": os.getpid(),
        "python": platform.python_version(),
        "threads_are_replaced": threads_are_replaced(),
    }


class _Worker:
    """A thread that waits for one order, and after it for its end; so it is there before the trace and after it."""

    def __init__(self, name: str, call: Callable[[], object]) -> None:
        # A get from this queue is one blocking wait without the GIL, and no bytecode of its own.
        self.orders: SimpleQueue[tuple[int | None, int | None] | None] = SimpleQueue()
        self._answers: SimpleQueue[int | BaseException] = SimpleQueue()
        self._call = call
        self.name = name
        self._thread = thread_for_user(self._serve, name)
        shortages.start(self._thread)

    @property
    def native_id(self) -> int:
        """The kernel's id of the thread."""
        return self._thread.native_id or 0

    def join(self) -> None:
        """Wait until it has ended."""
        self._thread.join()

    def _serve(self) -> None:
        self._answers.put(0)
        while (order := self.orders.get()) is not None:
            try:
                self._answers.put(_calls(self._call, *order))
            except BaseException as error:  # noqa: BLE001 - whatever it is, the main thread raises it
                self._answers.put(error)

    def answer(self) -> int:
        """Return how many calls it made, or raise what they raised."""
        answer = self._answers.get()
        if isinstance(answer, BaseException):
            raise answer
        return answer


def _calls(call: Callable[[], object], most: int | None, deadline_ns: int | None) -> int:
    n_calls = 0
    while True:
        call()
        n_calls += 1
        if n_calls == most or (deadline_ns is not None and time.monotonic_ns() >= deadline_ns):
            return n_calls


def _send(log: Log, emit: Emit) -> None:
    for i in range(0, len(log.events), MESSAGE_EVENTS):
        part = log.events[i : i + MESSAGE_EVENTS]
        emit(
            {
                "event": "timeline",
                "at_ns": [event.at_ns for event in part],
                "native_id": [event.native_id for event in part],
                "kind": "".join(event.kind[0] for event in part),
                "site": [event.site for event in part],
            }
        )
