"""The witness: a thread that wakes at random moments and notes whether it got the GIL at once. It works everywhere.

From that, how much of the time the GIL was free: arrivals are a Poisson process, so they see the program as it is on
average, provided that those which would have come while one waits are counted too. That is an estimate from some
hundred arrivals, with the error of so few.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import pairwise
from random import Random
from typing import Any, ClassVar, Self

from gilscope import shortages
from gilscope.accounting._leaving import Leaving
from gilscope.accounting.log import Account
from gilscope.errors import CannotRunError, Unavailable
from gilscope.fields import Natural, NotNegative, Part
from gilscope.originals import Flag, Thread
from gilscope.pairing.intervals import wilson
from gilscope.showing import Keeper
from gilscope.system.gil import gil_enabled
from gilscope.words import counted, percent

#: Mean sleep between two arrivals.
MEAN_GAP_NS = 1_000_000
#: A free GIL is taken within a microsecond; one that is not takes at least being woken, some five times this on Linux.
AT_ONCE_NS = 5_000
#: Fewer looks say nothing.
FEWEST_LOOKS = 10
MECHANISM = "witness"
COST = (
    "a thread that asks for the GIL about a thousand times a second; bytecode drops it for that, as for any thread, "
    "and native code at its next release"
)
BLIND_TO = (
    "who holds the GIL",
    "how often it is released, nor where",
    "releases shorter than 0.1 ms, for which a waiting thread wakes up too late",
    "computing apart from being kept from a CPU, while the GIL is held",
    "anything finer than the error of some hundred arrivals, up to 0.1",
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class WitnessLog(Account):
    """What a witness found.

    Parameters
    ----------
    tool, started, machine, mechanism, cost, blind_to, wall_ns
        As of `gilscope.accounting.log.Account`.
    n_looks : float
        Arrivals, and those that would have come while the witness waited.
    free : float
        Share of this time in which nobody held the GIL, 0 to 1.
    free_low, free_high : float
        An end of its 95 % interval.
    waking_ns : float
        What the system adds to a sleep, on average.
    waits_ns : tuple of int
        How long it took to get the GIL, each time.
    """

    _kept_by: ClassVar[str] = "witness"

    n_looks: NotNegative
    free: Part
    free_low: Part
    free_high: Part
    waking_ns: float
    waits_ns: tuple[Natural, ...]

    def _in_a_line(self) -> str:
        return f"WitnessLog: free for {percent(self.free, 0)}, {counted(round(self.n_looks), 'look')}"


def availability() -> Unavailable | None:
    """Tell why there can be no witness in this process, or None."""
    try:
        _module()
    except ImportError as error:
        return Unavailable(f"no witness: {error}")
    # Without a GIL everybody gets at once what nobody has to wait for: that would read as 100 % free.
    return None if gil_enabled() else Unavailable("no witness: no GIL is in force in this process")


def conclude(arrivals: Sequence[tuple[int, int, int]]) -> WitnessLog | Unavailable:
    """Draw a conclusion from arrivals.

    Parameters
    ----------
    arrivals : sequence of (int, int, int)
        How long each meant to sleep, when it wished for the GIL, and when it had it, in ns, in order.

    Returns
    -------
    WitnessLog or Unavailable
        The interval is Wilson's, for so many looks.

    References
    ----------
    R. W. Wolff (1982). Poisson arrivals see time averages. Operations Research 30, 223-231.
    """
    waits_ns = [taken_ns - wished_ns for _, wished_ns, taken_ns in arrivals]
    slept_ns = [(wished_ns - earlier[2], meant_ns) for earlier, (meant_ns, wished_ns, _) in pairwise(arrivals)]
    mean_sleep_ns = max(1.0, sum(ns for ns, _ in slept_ns) / len(slept_ns)) if slept_ns else float(MEAN_GAP_NS)
    # What it takes to be woken belongs to nobody who holds the GIL; after a wait as after a sleep.
    waking_ns = sum(ns - meant_ns for ns, meant_ns in slept_ns) / len(slept_ns) if slept_ns else 0.0
    n_free = sum(wait_ns < AT_ONCE_NS for wait_ns in waits_ns)
    # While it waited it could not arrive again; as many arrivals as fit on average would have found the GIL held.
    held_ns = sum(max(0.0, wait_ns - waking_ns) for wait_ns in waits_ns if wait_ns >= AT_ONCE_NS)
    n_looks = len(arrivals) + held_ns / mean_sleep_ns
    if n_looks < FEWEST_LOOKS:
        return Unavailable(
            f"the witness could look {counted(round(n_looks), 'time')}, and it takes {FEWEST_LOOKS} to say anything"
        )
    free = n_free / n_looks
    low, high = wilson(free, n_looks)
    return WitnessLog(
        mechanism=MECHANISM,
        cost=COST,
        blind_to=BLIND_TO,
        wall_ns=0,  # what keeps it knows that
        n_looks=n_looks,
        free=free,
        free_low=low,
        free_high=high,
        waking_ns=waking_ns,
        waits_ns=tuple(waits_ns),
    )


class Witness(Leaving, Keeper):
    """A thread that asks for the GIL from ``__enter__`` to ``__exit__``.

    Parameters
    ----------
    mean_gap_ns : int
        Mean sleep between two arrivals.
    seed : int
    instead_of : str
        Why nothing better serves, which its log then says too.

    Raises
    ------
    CannotRunError
        On entering, where there is no GIL to ask for.

    Notes
    -----
    GIL: the witness takes it some microseconds after each sleep. Python code that holds it is made to drop it by the
    interpreter after a switch interval, as by any thread.
    """

    cost: str = COST
    blind_to: tuple[str, ...] = BLIND_TO
    threads: tuple[()] = ()  # it tells none apart,
    sites: tuple[()] = ()  # sees no places,
    events: tuple[()] = ()  # and makes no timeline

    def __init__(self, mean_gap_ns: int = MEAN_GAP_NS, *, seed: int = 0, instead_of: str = "") -> None:
        self.mechanism = f"{MECHANISM} ({instead_of})" if instead_of else MECHANISM
        self._began_ns, self._ended_ns = 0, 0
        over, arrivals = Flag(), list[tuple[int, int, int]]()
        rate, rng = 1 / mean_gap_ns, Random(seed)

        def live() -> None:  # refers to nothing that would keep this object
            arrive = _module().arrive
            while not over.is_set():
                sleep_ns = round(rng.expovariate(rate))
                arrivals.append((sleep_ns, *arrive(sleep_ns)))

        self._over, self._arrivals, self._thread = over, arrivals, Thread(live, "gilscope-witness")

    def __enter__(self) -> Self:
        absence = availability()
        if absence is not None:
            raise CannotRunError(absence.reason)
        if self._began_ns:
            raise RuntimeError("a witness looks once; make another one with Witness()")
        try:
            self._began_ns = _module().arrive(0)[0]
            shortages.start(self._thread)
        except BaseException:
            self._leave()
            raise
        return self

    def _leave(self) -> None:
        self._ended_ns = self._ended_ns or _module().arrive(0)[0]
        self._over.set()
        self._thread.join()

    def __del__(self) -> None:
        """Have the thread end where nobody has left: an interrupt came upon another."""
        self._over.set()

    @property
    def log(self) -> WitnessLog | Unavailable:
        """What was found so far, or in all; or why that says nothing."""
        # What comes after the end belongs to whoever joins this thread.
        end_ns = self._ended_ns or 1 << 63
        arrivals = [(meant, wished, min(taken, end_ns)) for meant, wished, taken in self._arrivals.copy()]
        log = conclude([one for one in arrivals if one[1] < one[2]])
        return log if isinstance(log, Unavailable) else replace(log, mechanism=self.mechanism, wall_ns=self.wall_ns)

    @property
    def wall_ns(self) -> int:
        """From the beginning to now, or to the end if it has ended."""
        if not self._began_ns:
            raise RuntimeError("this witness has not begun; use it as `with gilscope.ledger() as ledger:`")
        return (self._ended_ns or int(_module().arrive(0)[0])) - self._began_ns


def _module() -> Any:
    return import_module("gilscope.accounting._sampler")
