"""The sampler as a context manager: who holds the GIL at random moments, seen by a thread that needs no GIL.

It needs less of the interpreter than the ledger, and gives less: shares of time, with the error of samples, and no
counts. On a free-threaded build it samples whether threads are attached instead, which is when they may run Python.
Beside the samples stands what is exact without a ledger too: how long each thread blocked on Python's locks.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

from gilscope import words
from gilscope.accounting import lock_waits
from gilscope.accounting._leaving import Leaving
from gilscope.accounting.lock_waits import LockAccount, LockWaits
from gilscope.accounting.samples import SampledLog, SampledThread
from gilscope.errors import CannotRunError, Unavailable
from gilscope.originals import get_native_id
from gilscope.showing import Keeper
from gilscope.system.threads import kernel_counts, native_ids, thread_names

if TYPE_CHECKING:
    from gilscope.accounting._sampler import Handle, Reading

#: 10 000 looks a second, at 4 % of a CPU: within 0.01 of the truth in a second.
PERIOD_NS = 100_000
COST = "a thread without the GIL, which takes some 4 µs of a CPU for each look, so 4 % of one at 10 kHz"

_BLIND_TO_HOLDERS = (
    "how often the GIL is released, nor how long at a time",
    "places that release it",
    "computing apart from being kept from a CPU, while the GIL is held",
    "interpreters with a GIL of their own",
    "whether a thread without the GIL waits for it",
    "which of two threads it was, where one has ended and another has taken its memory",
)
_BLIND_TO_STATES = (
    "how often a thread detaches, nor how long at a time",
    "places that detach it",
    "computing apart from being kept from a CPU, while attached",
    "threads that did not ask to be watched",
    "who waits for whose lock",
)

_verdict: list[Unavailable | None] = []


def availability() -> Unavailable | None:
    """Tell whether the sampler works in this process, by starting it once.

    Returns
    -------
    Unavailable or None
        Why not, or None where it does: the GIL's record was found, and follows who holds it.

    Notes
    -----
    GIL: held, and released some times by the first call. Call it from the main interpreter.
    """
    if not _verdict:
        _verdict.append(_try())
    return _verdict[0]


def _try() -> Unavailable | None:
    try:
        module = _module()
    except ImportError as error:
        return Unavailable(f"the sampler cannot be loaded here: {error}")
    if module.UNAVAILABLE:
        return Unavailable(f"no sampler: {module.UNAVAILABLE}")
    try:
        module.stop(module.start(PERIOD_NS))
    except RuntimeError as error:
        return Unavailable(f"no sampler: {error}")
    return None


def _module() -> Any:
    return import_module("gilscope.accounting._sampler")


class Sampler(Leaving, Keeper):
    """Looks at the GIL from ``__enter__`` to ``__exit__``; `sampler` makes one.

    Parameters
    ----------
    period_ns : int
        The length of a slot, 20 us to 20 ms; each has one look.
    instead_of : str
        Why nothing better serves, which its log then says too.
    """

    sites: tuple[()] = ()  # samples show no places,
    events: tuple[()] = ()  # and make no timeline

    def __init__(self, period_ns: int = PERIOD_NS, *, instead_of: str = "") -> None:
        self._period_ns, self._instead_of = period_ns, instead_of
        self._handle: Handle | None = None
        self._names: dict[int, str] = {}
        self._kernel_before: dict[int, tuple[int, int]] = {}
        self._locks: LockWaits | None = None
        self._unwatched: list[int] = []
        self._log: SampledLog | None = None  # in all, also where it says nothing

    def __enter__(self) -> Self:
        absence = availability()
        if absence is not None:
            raise CannotRunError(absence.reason)
        if self._handle is not None:
            raise RuntimeError("a sampler looks once; make another one with sampler()")
        self._names = thread_names()
        self._kernel_before = {native_id: kernel_counts(native_id) for native_id in native_ids()}
        counts_locks = lock_waits.availability() is None
        try:
            self._handle = _module().start(self._period_ns)  # a handle that is dropped ends its thread
            if counts_locks:
                self._locks = LockWaits().__enter__()
        except BaseException:
            self._leave()
            raise
        return self

    def _leave(self) -> None:
        if self._handle is None or self._log is not None:
            return
        try:
            if self._locks is not None:
                self._locks._leave()  # noqa: SLF001 - this is leaving it
        finally:
            reading = _module().stop(self._handle)
        self._log = self._read(reading)

    def watch(self) -> None:
        """On a free-threaded build, watch the calling thread too; the one that opened the sampler is watched anyway.

        Raises
        ------
        RuntimeError
            If a thousand threads are watched already; the log then says how many were not.
        """
        try:
            _module().watch(self._handle)
        except RuntimeError:
            self._unwatched.append(get_native_id())
            raise

    @property
    def log(self) -> SampledLog | Unavailable:
        """What was seen so far, or in all; or why that says nothing: the host did not let the sampler look."""
        log = self._unjudged()
        return log.refusal or log

    @property
    def mechanism(self) -> str:
        """What the figures rest on, and why nothing better serves."""
        return self._unjudged().mechanism

    @property
    def cost(self) -> str:
        """What looking takes from the program, in words."""
        return self._unjudged().cost

    @property
    def blind_to(self) -> tuple[str, ...]:
        """What looking cannot see, in words."""
        return self._unjudged().blind_to

    @property
    def threads(self) -> tuple[SampledThread, ...]:
        """Short for ``log.threads``; raises CannotRunError where the log says nothing."""
        return self._good_log().threads

    @property
    def wall_ns(self) -> int:
        """Short for ``log.wall_ns``; raises CannotRunError where the log says nothing."""
        return self._good_log().wall_ns

    @property
    def asks_to_watch(self) -> bool:
        """Whether threads have to call `watch` to be seen: where there is a GIL its holder is seen anyway."""
        return bool(_module().OF_STATES)

    def name_thread(self, native_id: int, name: str) -> None:
        """Give a thread its name in the log: those that end before it does are no longer known to `threading`."""
        self._names[native_id] = name

    def _good_log(self) -> SampledLog:
        log = self.log
        if isinstance(log, Unavailable):
            raise CannotRunError(log.reason)
        return log

    def _unjudged(self) -> SampledLog:
        if self._log is not None:
            return self._log
        if self._handle is None:
            raise RuntimeError("this sampler has not begun; use it as `with gilscope.ledger() as ledger:`")
        return self._read(_module().peek(self._handle))

    def _read(self, reading: "Reading") -> SampledLog:
        names, seen, n_looks = {**self._names, **thread_names()}, reading["seen"], reading["n_looks"]
        of_states, n_at_once = bool(_module().OF_STATES), seen.get("n_at_once", [])
        what = "thread states" if of_states else "(locked, holder)"
        # Counts are written one after the other, so of a sampler that goes on they may add up to a look more.
        n_seen = max(1, sum(n_at_once) or seen.get("n_free", 0) + seen.get("n_others", 0) + _total(seen["threads"]))
        blind = list(_BLIND_TO_STATES if of_states else _BLIND_TO_HOLDERS)
        if seen.get("n_others"):
            blind.append("holders beyond the first 256")
        if self._unwatched:
            blind.append(f"{words.counted(len(self._unwatched), 'thread')} for which it had no place")
        if self._locks is None:
            blind.append("how long threads wait for locks")
        locks = {one.native_id: one for one in self._locks.threads} if self._locks is not None else None
        shares: dict[int, float | None] = {}
        for native_id, n in seen["threads"]:  # those that have ended have no id, and share one line
            shares[native_id] = (shares.get(native_id) or 0.0) + n / n_seen
        for native_id in locks or ():  # what was never seen with the GIL never had it; who was not watched, nobody saw
            shares.setdefault(native_id, None if of_states else 0.0)
        threads = [
            self._thread(native_id, share, reading["wall_ns"], locks, names, of_states=of_states)
            for native_id, share in sorted(shares.items(), key=lambda one: -(one[1] or 0.0))
        ]
        return SampledLog(
            mechanism=f"sampler of {what}, {words.number(1e6 / self._period_ns)} kHz{_told(self._instead_of)}",
            cost=COST if self._locks is None else f"{COST}, and {lock_waits.COST}",
            blind_to=tuple(blind),
            wall_ns=reading["wall_ns"],
            n_looks=n_looks,
            n_slots=reading["n_slots"],
            longest_gap_ns=reading["longest_gap_ns"],
            threads=tuple(threads),
            free=None if of_states else seen.get("n_free", 0) / n_seen,
            at_once=tuple(n / n_seen for n in n_at_once),
        )

    def _thread(
        self,
        native_id: int,
        share: float | None,
        wall_ns: int,
        locks: dict[int, LockAccount] | None,
        names: dict[int, str],
        *,
        of_states: bool,
    ) -> SampledThread:
        cpu_ns, run_delay_ns = kernel_counts(native_id) if native_id else (-1, -1)
        cpu_before_ns, delay_before_ns = self._kernel_before.get(native_id, (0, 0))
        share_ns = None if share is None else round(share * wall_ns)
        lock = (locks or {}).get(native_id)
        return SampledThread(
            native_id=native_id,
            name=names.get(native_id, f"thread {native_id}" if native_id else "threads that have ended"),
            held=None if of_states else share,
            attached=share if of_states else None,
            held_ns=None if of_states else share_ns,
            attached_ns=share_ns if of_states else None,
            lock_waits=None if locks is None else lock.waits if lock else 0,
            lock_waited_ns=None if locks is None else lock.waited_ns if lock else 0,
            cpu_ns=cpu_ns - cpu_before_ns if cpu_ns >= 0 and cpu_before_ns >= 0 else None,
            run_delay_ns=run_delay_ns - delay_before_ns if run_delay_ns >= 0 and delay_before_ns >= 0 else None,
        )


def sampler(period_ns: int = PERIOD_NS) -> Sampler:
    """Sample who holds the GIL while a block runs: ``with sampler() as samples: ...``.

    Parameters
    ----------
    period_ns : int, default 100 000
        The length of a slot, 20 us to 20 ms; each has one look.

    Returns
    -------
    Sampler
        A context manager; `log` says what was seen, or why that says nothing.

    Raises
    ------
    CannotRunError
        On entering, where it cannot work; `availability` says why in advance.
    ValueError
        On entering, if the period is out of range.

    Notes
    -----
    Each open one is a thread that takes 4 % of a CPU at 10 kHz, and nothing from the program but that. GIL: held when
    it starts and ends. Threads: from any of the main interpreter; the block's log belongs to one of them.
    A forked child has no sampler, and leaving the block there raises RuntimeError.
    """
    return Sampler(period_ns)


def _told(instead_of: str) -> str:
    return f" ({instead_of})" if instead_of else ""


def _total(threads: list[tuple[int, int]]) -> int:
    return sum(n for _, n in threads)
