"""Why no gain although I release?

Question
--------
A program releases the GIL, as it was told to, and two threads are no faster than one. Its calls are short, and there
are many of them. How often do the threads wait for each other, and how many calls must be made one to change that? And
what of a kernel that releases the GIL anew for each block of its work?

Prediction
----------
In calls of a microsecond two threads gain nothing or lose, because each call ends in a race for the GIL. The same work
in calls a hundred times as long gains most of a second CPU. A kernel that releases the GIL for each block behaves like
the short calls, however long its own call is. Refuted by short calls that gain half of a second CPU or more, or by long
ones that do not.

Method
------
The same number of rounds of one C kernel, released, on one thread and on two: in batches of 1, 10 and 100 calls made
one, and in one call that releases per block. The GIL's own books count takes and waits. The control is one thread
alone, for which a batch of 100 must take as long as 100 calls, but for the cost of a call.

What can fool you
-----------------
On a machine that gives no second CPU nothing gains. Threads that are on one CPU take turns and never meet, so that no
wait is counted and no time is gained. How long a race takes is the system's, and differs between kernels of Linux.

Reading the result
------------------
A gain is one thread's time divided by two threads', for the same total work. Waits are per call: how often a thread
wanted the GIL and found it taken.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from gilscope.accounting import ledger
from gilscope.experiments.apparatus import Crew, Work, again, amount, c_kernel, of_rounds
from gilscope.experiments.claims import Check, Claim, Design, Known, above, below, within
from gilscope.experiments.figures import Cycle, Figure, ratio
from gilscope.experiments.scene import Scene, Take
from gilscope.experiments.setting import Setting

_N_THREADS = 2
_CALL_NS = 1000
_BATCHES = (1, 10, 100)
_CHUNKED = "one call, released per block"
#: So few that a call of a microsecond is rounds, and hardly the copy that it makes of them.
_N_ITEMS = 64


def _batch(n: int) -> str:
    return f"{n} calls made one" if n > 1 else "calls of 1 µs"


_WAYS = (*map(_batch, _BATCHES), _CHUNKED)


def _one(way: str) -> str:
    return f"{way}, one thread"


def _two(way: str) -> str:
    return f"{way}, two threads"


def design(_setting: Setting) -> Design:
    """Return the figures, claims and controls."""
    gains = {way: ratio(f"{way}: gain", _two(way), over=_one(way), compared_with="one thread") for way in _WAYS}
    short, long = _batch(1), _batch(_BATCHES[-1])
    return Design(
        figures=(
            *gains.values(),
            ratio("batches beside single calls", _one(long), over=_one(short), compared_with=_one(short)),
            *(
                Figure(f"{way}: waits a call", partial(_a_call, way, "waits"), "count", "", (_two(way),))
                for way in _WAYS
            ),
            *(
                Figure(f"{way}: takes a call", partial(_a_call, way, "takes"), "count", "", (_two(way),))
                for way in _WAYS
            ),
        ),
        claims=(
            Claim(
                "In calls of 1 µs that release the GIL, two threads gain nothing",
                # A tenth is what noise makes; half of a second CPU is a gain that contradicts it.
                (Check(gains[short].name, confirmed=below(1.1), refuted=above(1.5)),),
                opposite=gains[long].name,
                needs_second_cpu=True,
                needs_gil=True,
            ),
            Claim(
                "The same work in calls a hundred times as long gains half of a second CPU or more",
                (Check(gains[long].name, confirmed=above(1.5), refuted=below(1.2)),),
                opposite=gains[short].name,
                needs_second_cpu=True,
            ),
            Claim(
                "A long call that releases the GIL per block of some microseconds gains no more than short calls",
                (Check(gains[_CHUNKED].name, confirmed=below(1.25), refuted=above(1.6)),),
                opposite=gains[long].name,
                needs_second_cpu=True,
                needs_gil=True,
            ),
        ),
        # A call costs some tens of nanoseconds, with its release and the books two hundred: a fifth of a microsecond.
        controls=(Known("batches beside single calls", within(0.95, 1.5)),),
    )


def _a_call(way: str, quantity: str, cycle: Cycle) -> float:
    found = cycle[_two(way)]
    return found[quantity] / found["calls"]


@contextmanager
def scene(setting: Setting) -> Iterator[Scene]:
    """Make calls of each length ready, and threads that make them."""
    if absence := ledger.availability():
        yield Scene({}, {arm: absence for way in _WAYS for arm in (_one(way), _two(way))})
        return
    rounds = amount(c_kernel("released", _CALL_NS, _N_ITEMS))
    # All arms do as much: a sample is so many short calls on each thread.
    n_short = max(_BATCHES[-1], round(setting.sample_s * 1e9 / _N_THREADS / _CALL_NS / _BATCHES[-1]) * _BATCHES[-1])
    ways: dict[str, tuple[Work, int]] = {
        _batch(n): (of_rounds("released", rounds * n, _N_ITEMS), n_short // n) for n in _BATCHES
    }
    # As long as all of them, over as many items as make a block last some microseconds.
    ways[_CHUNKED] = (of_rounds("chunked", amount(c_kernel("released", n_short * _CALL_NS))), 1)
    with Crew(_N_THREADS) as crew:
        arms: dict[str, Take] = {}
        for way, (call, n_calls) in ways.items():
            arms[_one(way)] = partial(_sample, crew, [partial(again, call, n_calls * _N_THREADS)], n_calls)
            arms[_two(way)] = partial(_sample, crew, [partial(again, call, n_calls)] * _N_THREADS, n_calls)
        yield Scene(arms)


def _sample(crew: Crew, works: list[Work], n_calls: int) -> dict[str, float]:
    """Have the crew work; return the time, and what the GIL's books say of its threads."""
    here = threading.get_native_id()
    with ledger.Ledger(cpu_clock=False) as books:
        wall_ns = crew.run(works)
    accounts = [account for account in books.log.threads if account.native_id != here]
    return {
        "wall_ns": wall_ns,
        "calls": n_calls * _N_THREADS,
        "takes": sum(account.takes for account in accounts),
        "waits": sum(account.waits for account in accounts),
    }
