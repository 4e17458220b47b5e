"""What does one CPU-bound thread do to an I/O thread?

Question
--------
A thread answers requests, and needs the GIL for some microseconds each. What becomes of its answers when another thread
computes beside it: in plain Python, at three switch intervals, in a C kernel that holds the GIL, in one that releases
it? And how long does a thread wait beside one that holds the GIL for a millisecond and takes it back at once?

Prediction
----------
Beside plain Python the echo thread waits for the switch interval each time that it wants the GIL back: 5 ms instead of
nothing, so that it answers a third of its requests or fewer. An interval of 1 ms makes each wait 1 ms. Beside a held
kernel it waits for whole calls, and beside a released one for nothing. Beside short holds that are taken back at once a
thread may wait for many intervals, because each release makes it start anew. Refuted by waits that are half as long, by
requests that go on as before beside plain Python, or that stop beside a released kernel.

Method
------
A client in another process asks an echo thread over a loopback connection, one request after the other. Arms: alone,
beside plain Python at switch intervals of 5, 1 and 0.1 ms, beside a C kernel held and released. Waits and releases come
from the GIL's own books. The control is the thread alone: it must release the GIL twice for each request that the
client counts.

What can fool you
-----------------
A machine without a second CPU delays the client too. A wake-up after a wait is queued for a CPU like any other. How
long a thread waits beside short holds is a race, bimodal and never the same twice; it is cut at the sample's length.

Reading the result
------------------
A wait is the mean of a sample, as the books have it, set against the switch interval or against the kernel's call.
Requests that find the GIL free are answered at once, so that the median latency may be short where the worst is not.
The wait beside short holds is the longest of a sample.
"""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from statistics import median

from gilscope.accounting import ledger
from gilscope.experiments.apparatus import Helper, Work, beside, c_kernel, python_kernel, timed
from gilscope.experiments.claims import Check, Claim, Design, Known, above, below, within
from gilscope.experiments.figures import Cycle, Figure, level, ratio
from gilscope.experiments.scene import Scene, Take
from gilscope.experiments.setting import Setting
from gilscope.kernels import _capi
from gilscope.originals import time

_HERE = "gilscope.experiments.convoy"
_INTERVALS_S = {"5 ms": 0.005, "1 ms": 0.001, "0.1 ms": 0.0001}
_USUAL = "5 ms"
_SHORT_HOLD_NS = 1e6
#: A kernel's call, twice as long as the usual switch interval.
_CALL_NS = 10e6
#: A sample has to hold some requests that take 10 ms each, or waits of many intervals.
_SAMPLE_S = {"fast": 0.03, "default": 0.1, "rigorous": 0.2}
_ALONE, _HELD, _RELEASED, _SHORT = "alone", "C, held", "C, released", "short holds"


def _python(interval: str) -> str:
    return f"plain Python, {interval}"


def design(_setting: Setting) -> Design:
    """Return the figures, claims and controls."""
    usual, short = _python(_USUAL), _python("1 ms")
    figures = [
        _wait(usual, "the switch interval", lambda _: _INTERVALS_S[_USUAL] * 1e9),
        ratio("wait at 1 ms beside 5 ms", short, over=usual, compared_with=usual, quantity="wait_ns"),
        _rates("requests alone beside plain Python", _ALONE, usual),
        _wait(_HELD, "the call", lambda cycle: cycle[_HELD]["call_ns"]),
        _rates("requests beside C, released", _RELEASED, _ALONE),
        level("longest wait beside short holds", _SHORT, "longest_wait_ns"),
        Figure(
            "releases for a request, alone",
            lambda cycle: cycle[_ALONE]["releases"] / cycle[_ALONE]["requests"],
            "count",
            "",
            (_ALONE,),
        ),
    ]
    for arm in (_ALONE, *map(_python, _INTERVALS_S), _HELD, _RELEASED):
        figures += [
            level(f"{arm}: requests", arm, "requests_per_s", "per second"),
            level(f"{arm}: latency", arm, "latency_ns"),
            level(f"{arm}: worst latency", arm, "worst_latency_ns"),
            level(f"{arm}: waited", arm, "waited_share", "share"),
        ]
    interval_ns = _INTERVALS_S[_USUAL] * 1e9
    return Design(
        figures=tuple(figures),
        claims=(
            Claim(
                "Beside plain Python every wait for the GIL lasts the switch interval",
                # A wake-up adds to it, and on a busy machine a queue for a CPU.
                (Check(f"wait beside {usual}", confirmed=within(0.8, 2.5), refuted=below(0.5)),),
                opposite="requests beside C, released",
                needs_gil=True,
            ),
            Claim(
                "A shorter switch interval shortens these waits in proportion",
                (Check("wait at 1 ms beside 5 ms", confirmed=above(2.5), refuted=below(1.5)),),
                opposite="requests beside C, released",
                needs_gil=True,
            ),
            Claim(
                "A thread in plain Python leaves an I/O thread a third of its requests or fewer",
                (Check("requests alone beside plain Python", confirmed=above(3.0), refuted=below(1.5)),),
                opposite="requests beside C, released",
                needs_gil=True,
            ),
            Claim(
                "A kernel that holds the GIL makes it wait for most of a call",
                # Who comes in the middle of a call waits for the rest of it.
                (Check(f"wait beside {_HELD}", confirmed=above(0.6), refuted=below(0.3)),),
                opposite="requests beside C, released",
                needs_gil=True,
            ),
            Claim(
                "A kernel that releases the GIL leaves it most of its requests",
                # The kernel takes a CPU, and the client and the thread share the other.
                (Check("requests beside C, released", confirmed=above(0.4), refuted=below(0.1)),),
                opposite="requests alone beside plain Python",
                needs_second_cpu=True,
            ),
            Claim(
                "Holds of 1 ms that are taken back at once keep a thread waiting for several switch intervals",
                (
                    Check(
                        "longest wait beside short holds",
                        confirmed=above(3 * interval_ns),
                        refuted=below(1.5 * interval_ns),
                    ),
                ),
                opposite="requests beside C, released",
                needs_gil=True,
            ),
        ),
        controls=(Known("releases for a request, alone", within(1.9, 2.2)),),
    )


def _wait(arm: str, compared_with: str, unit_ns: Callable[[Cycle], float]) -> Figure:
    """Return how long the echo thread waits for the GIL, in units of something."""
    return Figure(f"wait beside {arm}", lambda cycle: cycle[arm]["wait_ns"] / unit_ns(cycle), "", compared_with, (arm,))


def _rates(name: str, arm: str, reference: str) -> Figure:
    """Return how many times as many requests are answered beside one as beside another."""

    def of_cycle(cycle: Cycle) -> float:
        return cycle[arm]["requests_per_s"] / cycle[reference]["requests_per_s"]

    return Figure(name, of_cycle, "", reference, (arm, reference))


@contextmanager
def scene(setting: Setting) -> Iterator[Scene]:
    """Start the echo thread and its client, and make what computes beside."""
    if absence := ledger.availability():
        yield Scene({}, dict.fromkeys((_ALONE, *map(_python, _INTERVALS_S), _HELD, _RELEASED, _SHORT), absence))
        return
    sample_ns = round(_SAMPLE_S[setting.effort] * 1e9)
    python, held, released = python_kernel(_CALL_NS), c_kernel("held", _CALL_NS), c_kernel("released", _CALL_NS)
    short = c_kernel("held", _SHORT_HOLD_NS)
    with ExitStack() as stack:
        port, echo = stack.enter_context(_echoing())
        client = stack.enter_context(Helper())
        client.call(f"{_HERE}:connect", port)
        client.call(f"{_HERE}:ask", 1_000_000)

        def answered(work: Work | None, interval_s: float) -> dict[str, float]:
            return _answered(client, echo, work, interval_s, sample_ns)

        usual_s = _INTERVALS_S[_USUAL]
        arms: dict[str, Take] = {
            _ALONE: partial(answered, None, usual_s),
            **{_python(name): partial(answered, python, interval_s) for name, interval_s in _INTERVALS_S.items()},
            _HELD: partial(answered, held, usual_s),
            _RELEASED: partial(answered, released, usual_s),
            _SHORT: partial(_waited, short, usual_s, sample_ns),
        }
        yield Scene(arms)


@contextmanager
def _echoing() -> Iterator[tuple[int, int]]:
    """Have a thread answer whoever connects first; give its port and the thread's native id."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_echo, args=(server,), name="echo", daemon=True)
        thread.start()
        assert thread.native_id is not None
        yield server.getsockname()[1], thread.native_id


def _echo(server: socket.socket) -> None:
    """Answer each byte of the first connection with itself. GIL: given up twice for each."""
    with suppress(OSError):  # the server was closed before anybody came
        connection, _ = server.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while request := connection.recv(1):
                connection.sendall(request)


def _answered(client: Helper, echo: int, work: Work | None, interval_s: float, sample_ns: int) -> dict[str, float]:
    """Have the client ask while something computes beside; return what it saw, and what the GIL's books say."""
    calls_ns: list[int] = []
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(interval_s)
    try:
        computing = nullcontext() if work is None else beside(lambda: calls_ns.append(timed(work)))
        with ledger.Ledger(cpu_clock=False) as books, computing:
            saw = client.call(f"{_HERE}:ask", sample_ns)
    finally:
        sys.setswitchinterval(before_s)
    account = books.log.thread(echo)
    assert account is not None  # it has answered
    return {
        "requests": saw["requests"],
        "requests_per_s": saw["requests"] / saw["wall_ns"] * 1e9,
        "latency_ns": saw["latency_ns"],
        "worst_latency_ns": saw["worst_latency_ns"],
        "releases": account.drops,
        "wait_ns": account.waited_ns / account.waits if account.waits else 0.0,
        "waited_share": account.waited_ns / books.log.wall_ns,
        **({"call_ns": median(calls_ns)} if work is not None else {}),
    }


def _waited(hold: Work, interval_s: float, sample_ns: int) -> dict[str, float]:
    """Come back from short releases while another thread holds the GIL for moments; return the longest wait."""
    before_s, over_ns = sys.getswitchinterval(), time.perf_counter_ns() + sample_ns
    sys.setswitchinterval(interval_s)

    def hold_and_take_back() -> None:
        # It ends by itself: who waits may not get the GIL to end it.
        while time.perf_counter_ns() < over_ns:
            hold()
            _capi.release_pairs(1)

    try:
        with ledger.Ledger(cpu_clock=False) as books:
            thread = threading.Thread(target=hold_and_take_back, name="short holds", daemon=True)
            thread.start()
            while time.perf_counter_ns() < over_ns:
                time.sleep(1e-3)
            thread.join()
    finally:
        sys.setswitchinterval(before_s)
    account = books.log.thread(threading.get_native_id())
    assert account is not None  # it has slept
    return {"longest_wait_ns": account.longest_wait_ns, "waits": account.waits}


# What follows runs in the client.

_connections: list[socket.socket] = []


def connect(port: int) -> None:
    """Connect to the echo thread."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    _connections.append(connection)


def ask(sample_ns: int) -> dict[str, float]:
    """Ask one request after the other for so long, one at least; return how many, and their latencies."""
    (connection,) = _connections
    latencies_ns: list[int] = []
    begin_ns = last_ns = time.perf_counter_ns()
    while not latencies_ns or last_ns - begin_ns < sample_ns:
        connection.sendall(b".")
        connection.recv(1)
        now_ns = time.perf_counter_ns()
        latencies_ns.append(now_ns - last_ns)
        last_ns = now_ns
    return {
        "requests": len(latencies_ns),
        "wall_ns": last_ns - begin_ns,
        "latency_ns": median(latencies_ns),
        "worst_latency_ns": max(latencies_ns),
    }
