"""What accounting for the GIL gives: one record for each thread and each place that releases, as plain data."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

from gilscope.showing import Drawn
from gilscope.words import counted, duration


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadAccount:
    """One thread's time, as the GIL divides it.

    Parameters
    ----------
    native_id : int
        The kernel's id of the thread, as `threading.get_native_id` gives it.
    name : str
        Its name in `threading`, of one that has ended the last one; of a thread that `threading` did not start, its id
        in words.
    held_ns, waited_ns : int
        With the GIL, and blocked until it was free. Waiting includes being queued for a CPU after having been woken;
        `run_delay_ns` says how much that can be.
    computing_ns, blocked_ns : int
        Without the GIL: on a CPU, and not (sleeping, waiting for I/O or for another lock, or stolen by the host).
    takes, drops, waits : int
        How often it took the GIL, dropped it, and had to wait for it first.
    forced_switches : int
        Drops after which it waited until somebody else had taken the GIL, because that had been asked for.
    asked, answered_at_once : int
        Drops that a waiter had asked for; those within 50 us of its asking, as bytecode does and a long call cannot.
    longest_answer_ns : int
        The longest time from such a request to the drop, without what the thread was only queued for a CPU.
    longest_hold_ns, longest_wait_ns, longest_release_ns : int
        What was under way when the log began counts with its whole length, up to that of the log.
    cpu_ns, run_delay_ns : int or None
        CPU time of the thread, and time it was queued for a CPU, up to its end; None where the kernel does not tell.
    """

    native_id: int
    name: str
    held_ns: int
    waited_ns: int
    computing_ns: int
    blocked_ns: int
    takes: int
    drops: int
    waits: int
    forced_switches: int
    asked: int
    answered_at_once: int
    longest_answer_ns: int
    longest_hold_ns: int
    longest_wait_ns: int
    longest_release_ns: int
    cpu_ns: int | None
    run_delay_ns: int | None

    @property
    def released_ns(self) -> int:
        """Time without the GIL and without wanting it."""
        return self.computing_ns + self.blocked_ns

    @property
    def span_ns(self) -> int:
        """All time accounted for."""
        return self.held_ns + self.waited_ns + self.released_ns

    @property
    def released_share(self) -> float:
        """Released time as a share of what the thread did by its own will: held and released."""
        own = self.held_ns + self.released_ns
        return self.released_ns / own if own else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteAccount:
    """One place in compiled code that releases the GIL.

    Parameters
    ----------
    module : str
        Path of the shared object.
    symbol : str
        The function, where the object exports or keeps its name; else empty.
    offset : int
        Where the call of ``PyEval_SaveThread`` returns to, in bytes from the object's first.
    count : int
        Releases from here that ended meanwhile.
    computing_ns, blocked_ns : int
    longest_release_ns : int
    """

    module: str
    symbol: str
    offset: int
    count: int
    computing_ns: int
    blocked_ns: int
    longest_release_ns: int

    @property
    def released_ns(self) -> int:
        """Time between these releases and the next wish for the GIL."""
        return self.computing_ns + self.blocked_ns


def add_sites(sites: Iterable[SiteAccount]) -> tuple[SiteAccount, ...]:
    """Add up the accounts of each place, the longest first."""
    found: dict[tuple[str, int], SiteAccount] = {}
    for site in sites:
        so_far = found.get((site.module, site.offset))
        found[site.module, site.offset] = (
            site
            if so_far is None
            else replace(
                site,
                count=so_far.count + site.count,
                computing_ns=so_far.computing_ns + site.computing_ns,
                blocked_ns=so_far.blocked_ns + site.blocked_ns,
                longest_release_ns=max(so_far.longest_release_ns, site.longest_release_ns),
            )
        )
    return tuple(sorted(found.values(), key=lambda site: -site.released_ns))


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the GIL.

    Parameters
    ----------
    at_ns : int
        Since the log began.
    native_id : int
    kind : {"take", "drop", "wait", "forced"}
    site : int or None
        Index into the log's sites, of a drop whose place is known.
    """

    at_ns: int
    native_id: int
    kind: str
    site: int | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Log(Drawn):
    """What happened to the GIL from one moment to another.

    Parameters
    ----------
    mechanism : str
        What the figures rest on.
    cost : str
        What it takes from the program, in words.
    blind_to : tuple of str
        What it cannot see, in words.
    wall_ns : int
    threads : tuple of ThreadAccount
        Threads that met the GIL meanwhile, the longest holder first.
    sites : tuple of SiteAccount
        Of all threads together, the longest first; `sites_of` tells them apart.
    events : tuple of Event
        The timeline, if one was asked for.
    n_lost_events : int
        Events that are not in it: the oldest ones, for which the ring had no room, and after a fork those of the
        parent's other threads.
    thread_sites : tuple of (int, SiteAccount)
        What `sites` adds up: each thread's releases from each place, with its native id. Not in `as_dict`.
    """

    mechanism: str
    cost: str
    blind_to: tuple[str, ...]
    wall_ns: int
    threads: tuple[ThreadAccount, ...]
    sites: tuple[SiteAccount, ...]
    events: tuple[Event, ...] = field(default=())
    n_lost_events: int = 0
    thread_sites: tuple[tuple[int, SiteAccount], ...] = field(default=(), repr=False)

    _view: ClassVar[str] = "gilscope.accounting.view:of_account"

    def _in_a_line(self) -> str:
        threads, places = counted(len(self.threads), "thread"), counted(len(self.sites), "place")
        return f"Log of {duration(self.wall_ns)}: {threads}, {places}, {counted(len(self.events), 'event')}"

    def thread(self, native_id: int) -> ThreadAccount | None:
        """Return a thread's account, or None if it never met the GIL."""
        return next((one for one in self.threads if one.native_id == native_id), None)

    def sites_of(self, native_ids: Collection[int]) -> tuple[SiteAccount, ...]:
        """Return the places from which these threads released the GIL, as they alone did, the longest first."""
        return add_sites(site for native_id, site in self.thread_sites if native_id in native_ids)

    def as_dict(self) -> dict[str, Any]:
        """Return the log as plain data for JSON."""
        data = asdict(replace(self, thread_sites=()))
        del data["thread_sites"]
        return data
