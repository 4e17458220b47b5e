"""How often and how long threads block on the interpreter's locks, exactly, as a context manager.

That is `threading.Lock` and what is built on it, such as queues and events; on a free-threaded build also every lock
inside of Python's objects, which is what keeps threads waiting there instead of the GIL.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Self

from gilscope.accounting._leaving import Leaving
from gilscope.errors import CannotRunError, Unavailable
from gilscope.originals import Lock
from gilscope.words import duration, seconds

#: Trials of a wait whose time is up at once, 60 us: +126 [10, 249] ns on 3.14 without a GIL, +32 [-153, 249] on 3.11.
COST = "below 0.3 µs for each time that a thread blocks on a lock of Python's"
#: The live self-test waits for so long for a lock that nobody gives back.
SELF_TEST_S = 0.001

_verdict: list[Unavailable | None] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class LockAccount:
    """One thread's waits.

    Parameters
    ----------
    native_id : int
    waits : int
        How often it blocked; a lock that was free, or that became so while the thread spun for it, is none.
    waited_ns : int
    """

    native_id: int
    waits: int
    waited_ns: int


def availability() -> Unavailable | None:
    """Tell whether waits for locks can be counted in this process, by waiting once.

    Returns
    -------
    Unavailable or None
        Why not, or None. The answer is kept; the first call takes about a millisecond.

    Notes
    -----
    GIL: released by the first call, to wait. Call it from the main interpreter.
    """
    if not _verdict:
        _verdict.append(_try())
    return _verdict[0]


def _try() -> Unavailable | None:
    try:
        module = _module()
    except ImportError as error:
        return Unavailable(f"waits for locks cannot be counted here: {error}")
    if module.UNAVAILABLE:
        return Unavailable(f"waits for locks cannot be counted: {module.UNAVAILABLE}")
    try:
        counting = module.count()
    except RuntimeError as error:
        return Unavailable(f"waits for locks cannot be counted: {error}")
    lock = Lock()
    lock.acquire()
    waits, waited_ns = module.mine()
    lock.acquire(timeout=SELF_TEST_S)
    waits, waited_ns = (after - before for after, before in zip(module.mine(), (waits, waited_ns), strict=True))
    del counting
    if waits == 0 or waited_ns < SELF_TEST_S * 1e9 / 2:
        return Unavailable(
            f"waits for locks cannot be counted: of one of {seconds(SELF_TEST_S)} {duration(waited_ns)} came"
        )
    return None


def _module() -> Any:
    return import_module("gilscope.accounting._locks")


class LockWaits(Leaving):
    """Counts waits for locks from ``__enter__`` to ``__exit__``.

    Raises
    ------
    CannotRunError
        On entering, where they cannot be counted; `availability` says why in advance.

    Notes
    -----
    Nothing is slower but what blocks. Several may be open at once, in any threads of the main interpreter. Threads that
    wait for work in a queue wait for a lock too, so it is not always contention.
    """

    def __init__(self) -> None:
        self._counting: object = None  # waits are counted until this is gone
        self._before: dict[int, tuple[int, int]] | None = None
        self._after: list[LockAccount] | None = None

    def __enter__(self) -> Self:
        absence = availability()
        if absence is not None:
            raise CannotRunError(absence.reason)
        if self._before is not None:
            raise RuntimeError("it counts once; make another one with LockWaits()")
        try:
            self._counting = _module().count()
            self._before = {number: (waits, ns) for number, _, waits, ns in _module().snapshot()}
        except BaseException:
            self._counting = None
            raise
        return self

    def _leave(self) -> None:
        try:
            if self._after is None and self._before is not None:
                self._after = self._read()
        finally:
            self._counting = None

    @property
    def threads(self) -> tuple[LockAccount, ...]:
        """Of every thread that has waited meanwhile, or still does, the longest first."""
        return tuple(self._read() if self._after is None else self._after)

    def _read(self) -> list[LockAccount]:
        if self._before is None:
            raise RuntimeError("it has not begun; use it as `with LockWaits() as locks:`")
        found = []
        for number, native_id, waits, ns in _module().snapshot():
            waits_before, ns_before = self._before.get(number, (0, 0))
            if ns > ns_before:
                account = LockAccount(native_id=native_id, waits=waits - waits_before, waited_ns=ns - ns_before)
                found.append(account)
        return sorted(found, key=lambda one: -one.waited_ns)


def waited_here_ns() -> int:
    """Return how long the calling thread has waited for locks in all while that was counted, in ns; 0 if nobody can."""
    waited: int = 0 if availability() else _module().mine()[1]
    return waited
