"""The crews' part of bench/overhead.py: what starting, ending and telling them costs, a process for each strategy."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from pairs import Rounds, as_json, duration, fill, span, warm_up_and_fill
from rich.table import Table

from gilscope.running import strategies

#: Tasks in a sample of a crew's dispatch.
N_TASKS = 50
#: How long a host may take to end its crew once it is told to.
STOP_SECONDS = 60.0


class CrewHost:
    """A process that hosts one strategy's crew; see crew_host.py."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.first: dict[str, Any] = self.ask(op="start")
        self.absence: str | None = self.first.get("unavailable")
        self.started: list[dict[str, Any]] = []
        self.dispatched: list[dict[str, Any]] = []

    def ask(self, **request: object) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a crew's host ended without an answer; what it wrote stands above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def start(self) -> float:
        """Have a crew started and ended; return the ns of both."""
        self.started.append(answer := self.ask(op="start"))
        return float(answer["start_ns"] + answer["stop_ns"])

    def open(self) -> None:
        """Have the crew started that tasks are going to be given to."""
        self.absence = self.ask(op="open").get("unavailable")

    def dispatch(self) -> float:
        """Have tasks given to the open crew; return the ns of one."""
        self.dispatched.append(answer := self.ask(op="dispatch", n=N_TASKS))
        return float(answer["task_ns"])


@contextmanager
def crew_host(strategy: str, n_workers: int) -> Iterator[CrewHost]:
    """Start the process of one crew; leaving ends it and, with it, whatever it started."""
    # A session of its own: Ctrl-C in the terminal reaches this script only, which then ends its hosts in good order.
    command = [sys.executable, str(Path(__file__).with_name("crew_host.py")), strategy, str(n_workers)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True) as process:
        try:
            yield CrewHost(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()  # the order to stop
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def measure_crews(
    rng: random.Random, n_workers: int, start_seconds: float, dispatch_seconds: float
) -> tuple[dict[str, CrewHost], Rounds, Rounds, bool]:
    """Time the start and end of every crew, then one task on the smallest chunk through each, in common rounds."""
    with ExitStack() as stack:
        hosts = {s.name: stack.enter_context(crew_host(s.name, n_workers)) for s in strategies.STRATEGIES}
        present = {name: host for name, host in hosts.items() if host.absence is None}
        starts = Rounds({name: host.start for name, host in present.items()}, rng)
        interrupted = fill([starts], start_seconds)  # the first start of each was the warm-up
        for host in present.values():
            host.open()
        present = {name: host for name, host in present.items() if host.absence is None}
        tasks = Rounds({name: host.dispatch for name, host in present.items()}, rng)
        interrupted = interrupted or warm_up_and_fill(tasks, dispatch_seconds)
    return hosts, starts, tasks, interrupted


def crew_table(hosts: Mapping[str, CrewHost], starts: Rounds, tasks: Rounds, n_workers: int) -> Table:
    """Lay out what each strategy's crew costs to give one task to, to start and to end."""
    found = Table(
        title=f"Crews of {n_workers}: one task on the smallest chunk; start and end of a crew", title_justify="left"
    )
    for header in ("strategy", "one task", "beyond serial", "in a sample", "start and end", "first start"):
        found.add_column(header, justify="left" if header == "strategy" else "right")
    for name, host in hosts.items():
        if host.absence is not None:
            found.add_row(name, "unavailable")  # the reason is printed below the table
            continue
        beyond = "" if name == "serial" else span(tasks.difference("serial", name), sign=True)
        seen = duration(median(answer["sample_ns"] for answer in host.dispatched)) if host.dispatched else "?"
        first = duration(host.first["start_ns"])
        found.add_row(name, span(tasks.median(name)), beyond, seen, span(starts.median(name)), first)
    return found


def crew_figures(hosts: Mapping[str, CrewHost], tasks: Rounds) -> dict[str, object]:
    """Return the crews' section as plain data, with every round."""
    return {
        name: {"unavailable": host.absence}
        if host.absence is not None
        else {
            "first": host.first,
            "starts": host.started,
            "tasks": host.dispatched,
            "task_ns": as_json(tasks.median(name)),
            "beyond_serial_ns": as_json(tasks.difference("serial", name)),
        }
        for name, host in hosts.items()
    }
