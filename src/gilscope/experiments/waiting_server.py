"""A server whose answers take a fixed time: what makes a client wait for something real.

``python -m gilscope.experiments.waiting_server LISTENING SERVICE_NS READS:WRITES...`` answers each byte that comes over
a connection of the listening socket, or over one of the pipes, with a byte so many ns later. It ends with its clients.
"""

import os
import select
import socket
import sys
import time
from collections import deque


def serve(listening: socket.socket, service_ns: int, pipes: dict[int, int]) -> None:
    """Answer until the last client has gone.

    Parameters
    ----------
    listening : socket.socket
    service_ns : int
        From a request to its answer.
    pipes : dict of int to int
        Descriptors to read from, and the one to answer on.
    """
    # Every request takes as long, so that answers are due in the order of their requests.
    due: deque[tuple[int, int]] = deque()
    answers_on = dict(pipes)
    connections: dict[int, socket.socket] = {}
    listening.setblocking(False)  # noqa: FBT003 - the socket's own name for it
    while True:
        # select() takes a time to the microsecond, where poll() rounds it up to milliseconds; the descriptors of this
        # process are few, and all within what it knows.
        wait_s = max(0.0, (due[0][0] - time.perf_counter_ns()) / 1e9) if due else None
        readable, _, _ = select.select([listening.fileno(), *answers_on], [], [], wait_s)
        for reads in readable:
            if reads == listening.fileno():
                connection, _ = listening.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connections[connection.fileno()] = connection
                answers_on[connection.fileno()] = connection.fileno()
                continue
            requests = os.read(reads, 64)
            if not requests:
                del answers_on[reads]
                if reads in connections:
                    connections.pop(reads).close()
                if not answers_on:
                    return
                continue
            due.extend((time.perf_counter_ns() + service_ns, answers_on[reads]) for _ in requests)
        while due and due[0][0] <= time.perf_counter_ns():
            os.write(due.popleft()[1], b".")


def main() -> None:
    """Serve what the command line names."""
    listening, service_ns, *pairs = sys.argv[1:]
    pipes = {int(reads): int(writes) for reads, _, writes in (pair.partition(":") for pair in pairs)}
    serve(socket.socket(fileno=int(listening)), int(service_ns), pipes)


if __name__ == "__main__":
    main()
