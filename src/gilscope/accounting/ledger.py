"""The GIL ledger as a context manager: exact accounts of every thread, from here to there.

`gilscope._ledger` keeps the books of the whole process while at least one `Ledger` is open; each of these takes what
the books say when it opens from what they say when it closes, so that several may be open at once, from any threads.
"""

import os
from collections.abc import Callable
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from gilscope.accounting.kernel import kernel_counts, native_ids, thread_names
from gilscope.accounting.loading import watch_imports
from gilscope.accounting.log import Event, Log, SiteAccount, ThreadAccount, add_sites
from gilscope.accounting.reading import difference, events_of, sites_of, split
from gilscope.errors import CannotRunError
from gilscope.originals import RLock, get_native_id
from gilscope.results import Unavailable

if TYPE_CHECKING:
    from gilscope._ledger import Account, Snapshot

#: Releases of the live self-test, and how long each piece of it lasts: some milliseconds in all.
SELF_TEST_PAIRS, SELF_TEST_HOLD_NS, SELF_TEST_RELEASE_NS = 10, 150_000, 100_000
#: How far its share may be from the kernel's own: ten times what trial showed for such pieces, for the host may take
#: the CPU away between two stamps. It may do so once or twice, hence the attempts.
SELF_TEST_TOLERANCE, SELF_TEST_ATTEMPTS = 0.02, 4

COST = "about 50 ns for each release and reacquire of the GIL"
#: With the CPU clock, besides: it is read while the GIL is held, and that is when a busy kernel takes the CPU away.
CLOCK_COST = "0.2 to 2 µs for each release of 20 µs and above, and longer holds on a busy machine"
BLIND_TO = (
    "interpreters with a GIL of their own",
    "threads that neither take nor drop the GIL meanwhile",
    "which code holds the GIL",
)
_LONGEST = ("longest_hold", "longest_wait", "longest_answer")

_open: "list[Ledger]" = []
#: Ends the watch for extension modules that are imported while any ledger is open.
_unwatch: list[Callable[[], None]] = []
_verdict: list[Unavailable | None] = []
#: A harvest and what every open ledger keeps of it are one step, as are finding the GIL and the self-test. Reentrant,
#: for a signal handler or a finalizer may open a ledger of its own half-way.
_lock = RLock()


def _renew_lock() -> None:
    """Forget a lock that another thread of the parent process held when it forked."""
    global _lock  # noqa: PLW0603 - the one thing in here that a child cannot use any more
    _lock = RLock()


if hasattr(os, "register_at_fork"):  # nowhere on Windows
    os.register_at_fork(after_in_child=_renew_lock)


def availability() -> Unavailable | None:
    """Tell whether the ledger works in this process, by trying it once.

    Returns
    -------
    Unavailable or None
        Why not, or None where it does: the GIL was found in two ways that agree, and a kernel that holds and releases
        the GIL for known times read right. The answer is kept; the first call takes about 10 ms.

    Notes
    -----
    GIL: held, and released some times by the first call. Call it from the main interpreter.
    """
    with _lock:
        if not _verdict:
            _verdict.append(_try())
        return _verdict[0]


def _books() -> Any:
    return import_module("gilscope._ledger")


def _try() -> Unavailable | None:
    try:
        books = _books()
    except ImportError as error:
        return Unavailable(f"the ledger cannot be loaded here: {error}")
    if books.UNAVAILABLE:
        return Unavailable(f"no GIL ledger: {books.UNAVAILABLE}")
    told = ""
    for _ in range(SELF_TEST_ATTEMPTS):
        try:
            books.start(0)
        except RuntimeError as error:
            return Unavailable(f"no GIL ledger: {error}")
        before = books.snapshot()
        own_held_ns, own_released_ns = books.pattern(SELF_TEST_PAIRS, SELF_TEST_HOLD_NS, SELF_TEST_RELEASE_NS)
        after = books.snapshot()
        books.stop()
        here = get_native_id()
        mine = next((one for one in difference(before, after) if one["native_id"] == here), None)
        if mine is None or not mine["takes"] == mine["drops"] == mine["released"]["count"] == SELF_TEST_PAIRS:
            # Where another thread asked for the GIL meanwhile, there is one more than its own: try again.
            told = f"of {SELF_TEST_PAIRS} releases of its self-test it saw {0 if mine is None else mine['drops']}"
            continue
        read = mine["released"]["ticks"] / (mine["released"]["ticks"] + mine["held"])
        true = own_released_ns / (own_released_ns + own_held_ns)
        if abs(read - true) <= SELF_TEST_TOLERANCE:
            return None
        told = f"its self-test was released {true:.3f} of the time by its own clock and {read:.3f} by the ledger"
    return Unavailable(f"no GIL ledger: {told}")


class Ledger:
    """An exact account of the GIL from ``__enter__`` to ``__exit__``.

    Parameters
    ----------
    n_events, cpu_clock
        As of `gilscope.ledger`, which makes one wherever it works.

    Raises
    ------
    CannotRunError
        On entering, where the ledger cannot work; `availability` says why in advance.

    Notes
    -----
    May be opened and closed from any thread of the main interpreter, also while others are open. GIL: held, but for
    what the first call of `availability` releases.
    """

    def __init__(self, n_events: int = 0, *, cpu_clock: bool = True) -> None:
        if n_events < 0:
            raise ValueError(f"n_events must be 0 (no timeline) or more; got {n_events}")
        self._n_events = n_events
        self.cpu_clock = cpu_clock
        self._log: Log | None = None
        self._before: Snapshot | None = None
        self._longest: dict[int, dict[str, int]] = {}
        self._longest_at: dict[tuple[int, int], int] = {}  # by an account's number and a place's address
        self._names: dict[int, str] = {}
        self._kernel_before: dict[int, tuple[int, int]] = {}

    def __enter__(self) -> Self:
        absence = availability()
        if absence is not None:
            raise CannotRunError(absence.reason)
        if self._before is not None:
            raise RuntimeError("a ledger counts once; make another one with Ledger()")
        books = _books()
        self._names = thread_names()
        self._kernel_before = {native_id: kernel_counts(native_id) for native_id in native_ids()}
        with _lock:
            books.time_cpu(int(self.cpu_clock or any(one.cpu_clock for one in _open)))
            books.start(self._n_events)
            try:
                self._before = _harvest(books)
                if not _open:
                    _unwatch.append(watch_imports(books.refresh))
                _open.append(self)
            except BaseException:
                books.stop()
                raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        books = _books()
        with _lock:
            try:
                after, raw = self._take(books)
            finally:
                books.stop()
                _open.remove(self)
                if not _open:
                    _unwatch.pop()()
        self._log = self._read(books, after, raw)

    @property
    def log(self) -> Log:
        """What happened from the beginning to now, or to the end if it has ended."""
        if self._log is not None:
            return self._log
        if self._before is None:
            raise RuntimeError("this ledger has not begun; use it as `with gilscope.ledger() as log:`")
        books = _books()
        with _lock:
            after, raw = self._take(books)
        return self._read(books, after, raw)

    @property
    def threads(self) -> tuple[ThreadAccount, ...]:
        """Short for ``log.threads``."""
        return self.log.threads

    @property
    def sites(self) -> tuple[SiteAccount, ...]:
        """Short for ``log.sites``."""
        return self.log.sites

    @property
    def events(self) -> tuple[Event, ...]:
        """Short for ``log.events``."""
        return self.log.events

    @property
    def wall_ns(self) -> int:
        """Short for ``log.wall_ns``."""
        return self.log.wall_ns

    def keep_longest(self, snapshot: "Snapshot") -> None:
        """Take in the longest times that another ledger's snapshot ended."""
        for account in snapshot["accounts"]:
            kept = self._longest.setdefault(account["number"], {})
            for key in _LONGEST:
                kept[key] = max(kept.get(key, 0), account[key])  # type: ignore[literal-required]
            kept["release"] = max(kept.get("release", 0), account["released"]["longest"])
            for address, released, _ in account["sites"]:
                here = account["number"], address
                self._longest_at[here] = max(self._longest_at.get(here, 0), released["longest"])

    def name_thread(self, native_id: int, name: str) -> None:
        """Give a thread its name in the log: those that end before it does are no longer known to `threading`."""
        self._names[native_id] = name

    def _take(self, books: Any) -> tuple["Snapshot", tuple[int, bytes]]:
        assert self._before is not None
        since = self._before["n_events"]
        return _harvest(books), books.events(since) if self._n_events else (since, b"")

    def _read(self, books: Any, after: "Snapshot", raw: tuple[int, bytes]) -> Log:
        assert self._before is not None
        before, tick_ns = self._before, books.tick_ns()
        wall, names = after["ticks"] - before["ticks"], {**self._names, **thread_names()}
        threads = [self._thread(account, names, wall, tick_ns) for account in difference(before, after)]
        # What was under way when this log began counts from there on, and so is no longer than the log.
        longest = {place: min(ticks, wall) for place, ticks in self._longest_at.items()}
        parts = sites_of(before, after, tick_ns, longest)
        sites = add_sites(site for _, _, site in parts)
        places = {(site.module, site.offset): i for i, site in enumerate(sites)}
        numbered = {number: places[site.module, site.offset] for _, number, site in parts}
        first, data = raw
        numbers = {account["number"]: account["native_id"] for account in after["accounts"]}
        events, n_unread = events_of(data, before["ticks"], after["ticks"], tick_ns, numbers, numbered)
        blind = list(BLIND_TO)
        if n_unseen := after["n_unseen"] - before["n_unseen"]:
            blind.append(f"{n_unseen} events of threads for which no memory was left")
        if n_siteless := after["n_siteless"] - before["n_siteless"]:
            blind.append(f"the places of {n_siteless} releases, beyond the first 2048 places")
        if after["n_stolen"]:
            blind.append("whatever happened after another tool had changed the import slots")
        return Log(
            mechanism="ledger",
            cost=f"{COST}, and {CLOCK_COST}" if self.cpu_clock else COST,
            blind_to=tuple(blind),
            wall_ns=round(wall * tick_ns),
            threads=tuple(sorted(threads, key=lambda thread: -thread.held_ns)),
            sites=sites,
            events=events,
            n_lost_events=first - before["n_events"] + n_unread,
            thread_sites=tuple((native_id, site) for native_id, _, site in parts),
        )

    def _thread(self, account: "Account", names: dict[int, str], wall: int, tick_ns: float) -> ThreadAccount:
        native_id = account["native_id"]
        longest = {key: min(ticks, wall) for key, ticks in self._longest.get(account["number"], {}).items()}
        computing_ns, blocked_ns = split(account["released"], tick_ns)
        cpu_ns, run_delay_ns = kernel_counts(native_id) if not account["dead"] else (-1, -1)
        cpu_before_ns, delay_before_ns = self._kernel_before.get(native_id, (0, 0))
        return ThreadAccount(
            native_id=native_id,
            name=names.get(native_id, f"thread {native_id}"),
            held_ns=round(account["held"] * tick_ns),
            waited_ns=round(account["waited"] * tick_ns),
            computing_ns=computing_ns,
            blocked_ns=blocked_ns,
            takes=account["takes"],
            drops=account["drops"],
            waits=account["waits"],
            forced_switches=account["forced"],
            asked=account["asked"],
            answered_at_once=account["answered_at_once"],
            longest_answer_ns=round(longest.get("longest_answer", 0) * tick_ns),
            longest_hold_ns=round(longest.get("longest_hold", 0) * tick_ns),
            longest_wait_ns=round(longest.get("longest_wait", 0) * tick_ns),
            longest_release_ns=round(longest.get("release", 0) * tick_ns),
            cpu_ns=cpu_ns - cpu_before_ns if cpu_ns >= 0 and cpu_before_ns >= 0 else None,
            run_delay_ns=run_delay_ns - delay_before_ns if run_delay_ns >= 0 and delay_before_ns >= 0 else None,
        )


def _harvest(books: Any) -> "Snapshot":
    """Take a snapshot, start the longest times anew, and let every open ledger keep those so far."""
    snapshot: Snapshot = books.harvest()
    for one in _open:
        one.keep_longest(snapshot)
    return snapshot
