"""Do threads help when waiting?

Question
--------
A program asks a server many times and waits for each answer. What do 4, 16 and 64 threads gain over one, under a GIL,
and how do asyncio and processes compare?

Prediction
----------
A thread that waits does not hold the GIL, so that 16 threads take a quarter of the time of one, or less, and 64 a tenth
or less. asyncio does about as well as as many threads. Processes gain nothing over as many threads. Refuted by 16
threads that do not halve the time, or by processes that are half as fast again as threads.

Method
------
64 requests over loopback connections to a server in a process of its own, which answers each after 1 ms. Arms: 1, 4, 16
and 64 threads, asyncio with 64 connections, 4 processes, and 16 threads that ask over pipes instead. Threads,
connections and processes are there before. The control is one thread, for which 64 requests must take 64 ms and little
more.

What can fool you
-----------------
Waiting that is not waiting: here a server works its time off, in another process, and no thread sleeps in place of
work. What threads do between their waits needs the GIL, and bounds them where it is long. A server of one thread has a
limit of its own, tens of thousands of answers a second.

Reading the result
------------------
Ratios are the time of one thread, or of as many threads, divided by the arm's, for the same 64 requests.
"""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Self

from gilscope.children.start import Child, interpreter
from gilscope.experiments.apparatus import Crew, Helper, Work, timed
from gilscope.experiments.claims import Check, Claim, Design, Known, above, below, within
from gilscope.experiments.figures import Figure, level, ratio
from gilscope.experiments.scene import Scene, Take
from gilscope.experiments.setting import Setting

_HERE = "gilscope.experiments.io_bound"
_SERVER = "gilscope.experiments.waiting_server"
_N_REQUESTS = 64
_SERVICE_NS = 1_000_000
_WIDTHS = (1, 4, 16, 64)
_N_PROCESSES, _N_PIPES = 4, 16
_ASYNCIO, _PROCESSES, _PIPES = "asyncio, 64", f"{_N_PROCESSES} processes", f"{_N_PIPES} threads, pipes"


def _threads(n: int) -> str:
    return f"{n} thread{'s' if n > 1 else ''}"


def design(_setting: Setting) -> Design:
    """Return the figures, claims and controls."""
    one, four, sixteen, all_ = map(_threads, _WIDTHS)
    arms = (one, four, sixteen, all_, _ASYNCIO, _PROCESSES, _PIPES)
    return Design(
        figures=(
            *(ratio(f"{arm} beside one", arm, over=one, compared_with=one) for arm in (four, sixteen, all_, _PIPES)),
            ratio("asyncio beside threads", _ASYNCIO, over=all_, compared_with=all_),
            ratio("processes beside threads", _PROCESSES, over=four, compared_with=four),
            Figure(
                "one thread beside the service",
                lambda cycle: cycle[one]["wall_ns"] / (_N_REQUESTS * _SERVICE_NS),
                "",
                "64 times 1 ms",
                (one,),
            ),
            *(level(f"{arm}: time", arm) for arm in arms),
        ),
        claims=(
            Claim(
                "Where the work is waiting, 16 threads take a quarter of the time of one, or less",
                # Waits overlap in full; the halves below are what a thread's own work and wake-ups may take of them.
                (
                    Check(f"{sixteen} beside one", confirmed=above(4.0), refuted=below(2.0)),
                    Check(f"{_PIPES} beside one", confirmed=above(4.0), refuted=below(2.0)),
                ),
                opposite="processes beside threads",
            ),
            Claim(
                "64 threads wait side by side under one GIL",
                (Check(f"{all_} beside one", confirmed=above(8.0), refuted=below(4.0)),),
                opposite="processes beside threads",
            ),
            Claim(
                "asyncio waits about as well as as many threads",
                (Check("asyncio beside threads", confirmed=above(0.5), refuted=below(0.25)),),
                opposite="processes beside threads",
            ),
            Claim(
                "Processes gain nothing over as many threads",
                (Check("processes beside threads", confirmed=below(1.15), refuted=above(1.5)),),
                opposite=f"{sixteen} beside one",
            ),
        ),
        controls=(Known("one thread beside the service", within(1.0, 1.5)),),
    )


@contextmanager
def scene(_setting: Setting) -> Iterator[Scene]:
    """Start the server, and connect everybody who asks."""
    with ExitStack() as stack:
        port, pipes = stack.enter_context(_server())
        crew = stack.enter_context(Crew(max(_WIDTHS)))
        asks = [partial(_ask, stack.enter_context(_connected(port))) for _ in range(max(_WIDTHS))]
        helpers = [stack.enter_context(Helper()) for _ in range(_N_PROCESSES)]
        for helper in helpers:
            helper.call(f"{_HERE}:connect", port)
        loop = stack.enter_context(_Loop(port))
        arms: dict[str, Take] = {
            _threads(n): partial(crew.run, [partial(_times, ask, _N_REQUESTS // n) for ask in asks[:n]])
            for n in _WIDTHS
        }
        asks_pipes = [partial(_ask_pipe, *pair) for pair in pipes]
        arms[_PIPES] = partial(crew.run, [partial(_times, ask, _N_REQUESTS // _N_PIPES) for ask in asks_pipes])
        arms[_ASYNCIO] = partial(timed, loop.ask_all)
        arms[_PROCESSES] = partial(timed, partial(_by_processes, helpers))
        yield Scene(arms)


def _times(ask: Work, n: int) -> None:
    for _ in range(n):
        ask()


@contextmanager
def _server() -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Start the server; give its port, and the ends of pipes to it: to write to, and to read from."""
    with ExitStack() as stack:
        ours, theirs = [], []
        for _ in range(_N_PIPES):
            (they_read, we_write), (we_read, they_write) = os.pipe(), os.pipe()
            ours.append((we_write, we_read))
            theirs.append((they_read, they_write))
            for fd in ours[-1]:
                stack.callback(os.close, fd)
        with ExitStack() as ends:
            for pair in theirs:
                for fd in pair:
                    ends.callback(os.close, fd)
            listening = ends.enter_context(socket.create_server(("127.0.0.1", 0), backlog=2 * max(_WIDTHS)))
            port = listening.getsockname()[1]
            words = [f"{reads}:{writes}" for reads, writes in theirs]
            fds = (listening.fileno(), *(fd for pair in theirs for fd in pair))
            command = interpreter("-m", _SERVER, str(listening.fileno()), str(_SERVICE_NS), *words)
            stack.enter_context(Child(command, pass_fds=fds))
        yield port, ours


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _ask(connection: socket.socket) -> None:
    """Ask once and wait for the answer. GIL: given up while it waits."""
    connection.sendall(b".")
    connection.recv(1)


def _ask_pipe(writes: int, reads: int) -> None:
    os.write(writes, b".")
    os.read(reads, 1)


class _Loop:
    """An event loop with a connection for each request. A context manager."""

    def __init__(self, port: int) -> None:
        self._port = port

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._streams = self._loop.run_until_complete(self._connect())
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run_until_complete(self._close())
        self._loop.close()

    def ask_all(self) -> None:
        """Ask on every connection, and wait for all answers."""
        self._loop.run_until_complete(self._ask_all())

    async def _connect(self) -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        return [await asyncio.open_connection("127.0.0.1", self._port) for _ in range(_N_REQUESTS)]

    async def _ask_all(self) -> None:
        await asyncio.gather(*(self._ask(*stream) for stream in self._streams))

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b".")
        await reader.readexactly(1)

    async def _close(self) -> None:
        for _, writer in self._streams:
            writer.close()
            await writer.wait_closed()


def _by_processes(helpers: list[Helper]) -> None:
    for helper in helpers:
        helper.begin(f"{_HERE}:ask_times", _N_REQUESTS // _N_PROCESSES)
    for helper in helpers:
        helper.end()


# What follows runs in the helpers.

_connections: list[socket.socket] = []


def connect(port: int) -> None:
    """Connect to the server."""
    _connections.append(_connected(port))


def ask_times(n_requests: int) -> None:
    """Ask so many times, one after the other."""
    _times(partial(_ask, _connections[0]), n_requests)
