"""The GIL ledger as a context manager: exact accounts of every thread, from here to there.

`gilscope.accounting._ledger` keeps the books of the whole process while at least one `Ledger` is open; each of these
takes what the books say when it opens from what they say when it closes, so that several may be open at once, from any
threads.
Opening and closing are one step of C each, for an exception of a signal handler may come between any two of bytecode.
"""

import os
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, Any, Self

from gilscope.accounting import patches
from gilscope.accounting.books import Books
from gilscope.accounting.log import Event, Log, SiteAccount, ThreadAccount, add_sites
from gilscope.accounting.snapshots import difference, events_of, kernel_difference, sites_of, split
from gilscope.errors import CannotRunError, Unavailable
from gilscope.originals import RLock, get_native_id
from gilscope.showing import Keeper
from gilscope.system.threads import thread_names

if TYPE_CHECKING:
    from gilscope.accounting._ledger import Account, Snapshot

#: Releases of the live self-test, and how long each piece of it lasts: some milliseconds in all.
SELF_TEST_PAIRS, SELF_TEST_HOLD_NS, SELF_TEST_RELEASE_NS = 10, 150_000, 100_000
#: How far its share may be from the kernel's own: ten times what trial showed for such pieces, for the host may take
#: the CPU away between two stamps. It may do so some times in a row beside busy threads, hence the attempts.
SELF_TEST_TOLERANCE, SELF_TEST_ATTEMPTS = 0.02, 12

COST = "about 50 ns for each release and reacquire of the GIL"
#: With the CPU clock, besides: it is read while the GIL is held, and that is when a busy kernel takes the CPU away.
CLOCK_COST = "0.2 to 2 µs for each release of 20 µs and above, and longer holds on a busy machine"
BLIND_TO = (
    "interpreters with a GIL of their own",
    "threads that neither take nor drop the GIL meanwhile",
    "which code holds the GIL",
)
_LONGEST = ("longest_hold", "longest_wait", "longest_answer")

_verdict: list[Unavailable | None] = []
#: Names of threads that have begun or ended while a ledger was open, by the number of their account.
_noted: dict[int, str] = {}
#: Guards the self-test, whether imports and threads are watched, and the longest times, which any thread that opens a
#: ledger has the others keep. Reentrant, for a signal handler or a finalizer may
#: open a ledger of its own half-way.
_lock = RLock()


def _note_name(thread: Thread) -> None:
    _noted[_books().my_number()] = thread.name


_watches = (
    patches.imports(lambda: _books().refresh()),
    patches.threads(_note_name, _note_name),
)


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
    return import_module("gilscope.accounting._ledger")


def _try() -> Unavailable | None:
    try:
        books = _books()
    except ImportError as error:
        return Unavailable(f"the ledger cannot be loaded here: {error}")
    if books.UNAVAILABLE:
        return Unavailable(f"no GIL ledger: {books.UNAVAILABLE}")
    told = ""
    for _ in range(SELF_TEST_ATTEMPTS):
        test = Books()
        try:
            test._start(0, False)  # noqa: FBT003, SLF001 - of C, and what Ledger makes more of
        except RuntimeError as error:
            return Unavailable(f"no GIL ledger: {error}")
        try:
            before = books.snapshot()
            own_held_ns, own_released_ns = books.pattern(SELF_TEST_PAIRS, SELF_TEST_HOLD_NS, SELF_TEST_RELEASE_NS)
            after = books.snapshot()
        finally:
            test._stop()  # noqa: SLF001
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


class Ledger(Books, Keeper):
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
    May be opened and closed from any thread of the main interpreter, also while others are open. It is closed once; a
    second ``__exit__`` does nothing. One that nobody refers to any more is closed. GIL: held, but for what the first
    call of `availability` releases.
    """

    def __init__(self, n_events: int = 0, *, cpu_clock: bool = True) -> None:
        if n_events < 0:
            raise ValueError(f"n_events must be 0 (no timeline) or more; got {n_events}")
        self._n_events = n_events
        self.cpu_clock = cpu_clock
        self._log: Log | None = None
        self._longest: dict[int, dict[str, int]] = {}
        self._longest_at: dict[tuple[int, int], int] = {}  # by an account's number and a place's address
        self._names_before: dict[int, str] = {}  # by native id, of threads that were there
        self._names: dict[int, str] = {}  # the same of those that were there when it was closed
        self._noted: dict[int, str] = {}  # by the number of the account, of threads that began or ended meanwhile

    def __enter__(self) -> Self:
        absence = availability()
        if absence is not None:
            raise CannotRunError(absence.reason)
        others = _books().opened()
        names = thread_names()
        try:
            self._start(self._n_events, self.cpu_clock)
            self._names_before.update(names)
            with _lock:
                for watch in _watches:
                    watch.put()
            for other in others:
                other.keep_longest()
        except BaseException:
            self._stop()  # of C, and the first thing here: nothing can come before it
            raise
        return self

    def _left(self, is_wanted: int) -> None:
        """Tidy up: what the base class calls when it has closed the books, again if that was interrupted."""
        if is_wanted and self._log is None:
            self._names, self._noted = thread_names(), _noted.copy()
            self._log = self._read()
        with _lock:
            if not _books().opened():
                _noted.clear()
                for watch in _watches:
                    watch.take_back()

    @property
    def log(self) -> Log:
        """What happened from the beginning to now, or to the end if it has ended."""
        if self._log is not None:
            return self._log
        if self._before() is None:
            raise RuntimeError("this ledger has not begun; use it as `with gilscope.ledger() as ledger:`")
        return self._read()

    @property
    def mechanism(self) -> str:
        """Short for ``log.mechanism``."""
        return self.log.mechanism

    @property
    def cost(self) -> str:
        """Short for ``log.cost``."""
        return self.log.cost

    @property
    def blind_to(self) -> tuple[str, ...]:
        """Short for ``log.blind_to``."""
        return self.log.blind_to

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

    def name_thread(self, native_id: int, name: str) -> None:
        """Give a thread that is there its name in the log, where `threading` does not know it."""
        self._names_before[native_id] = name

    def keep_longest(self) -> None:
        """Take in the longest times so far, which another ledger had begin anew when it was opened."""
        with _lock:
            for snapshot in self._harvests():
                self._keep(snapshot)

    def _keep(self, snapshot: "Snapshot") -> None:
        for account in snapshot["accounts"]:
            kept = self._longest.setdefault(account["number"], {})
            for key in _LONGEST:
                kept[key] = max(kept.get(key, 0), account[key])  # type: ignore[literal-required]
            kept["release"] = max(kept.get("release", 0), account["released"]["longest"])
            for address, released, _ in account["sites"]:
                here = account["number"], address
                self._longest_at[here] = max(self._longest_at.get(here, 0), released["longest"])

    def _read(self) -> Log:
        before, (after, first, data), tick_ns = self._before(), self._after(), _books().tick_ns()
        assert before is not None
        wall = after["ticks"] - before["ticks"]
        # What was under way when this log began counts from there on, and so is no longer than the log.
        with _lock:
            self.keep_longest()
            self._keep(after)
            longest_at = {place: min(ticks, wall) for place, ticks in self._longest_at.items()}
            longest = {
                number: {key: min(ticks, wall) for key, ticks in kept.items()} for number, kept in self._longest.items()
            }
        names = self._names or thread_names()
        kernel = kernel_difference(before, after)
        threads = [
            _thread(
                account,
                self._name_of(account, names, before),
                kernel[account["number"]],
                longest.get(account["number"], {}),
                tick_ns,
            )
            for account in difference(before, after)
        ]
        parts = sites_of(before, after, tick_ns, longest_at)
        sites = add_sites(site for _, _, site in parts)
        places = {(site.module, site.offset): i for i, site in enumerate(sites)}
        numbered = {number: places[site.module, site.offset] for _, number, site in parts}
        numbers = {account["number"]: account["native_id"] for account in after["accounts"]}
        events, n_unread = events_of(data, before["ticks"], after["ticks"], tick_ns, numbers, numbered)
        blind = list(BLIND_TO)
        if n_unseen := after["n_unseen"] - before["n_unseen"]:
            blind.append(f"{n_unseen} events of threads for which no memory was left")
        if n_siteless := after["n_siteless"] - before["n_siteless"]:
            blind.append(f"the places of {n_siteless} releases, beyond the first 2048 places")
        if not _books().sees_places():
            blind.append("places that were not known when this process was forked, while a library was being loaded")
        if after["n_stolen"] > before["n_stolen"]:
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

    def _name_of(self, account: "Account", names: dict[int, str], before: "Snapshot") -> str:
        """Return a thread's name: as it is now, or as it was when it ended; never that of another that had its id."""
        native_id, name = account["native_id"], None
        if not account["dead"]:
            name = names.get(native_id)
        name = name or (self._noted or _noted).get(account["number"])
        if name is None and (account["born"] <= before["ticks"] or not account["dead"]):
            name = self._names_before.get(native_id)
        return name or f"thread {native_id}"


def _thread(
    account: "Account", name: str, kernel: tuple[int | None, int | None], longest: dict[str, int], tick_ns: float
) -> ThreadAccount:
    computing_ns, blocked_ns = split(account["released"], tick_ns)
    cpu_ns, run_delay_ns = kernel
    return ThreadAccount(
        native_id=account["native_id"],
        name=name,
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
        cpu_ns=cpu_ns,
        run_delay_ns=run_delay_ns,
    )
