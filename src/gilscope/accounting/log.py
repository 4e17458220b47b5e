"""What accounting for the GIL gives: one record for each thread and each place that releases, as plain data."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar

from gilscope.fields import Natural, OneOf, in_file
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
    held_ns : int
        With the GIL.
    waited_ns : int
        Blocked until the GIL was free. This includes being queued for a CPU after having been woken; `run_delay_ns`
        says how much that can be.
    computing_ns : int
        Without the GIL, on a CPU.
    blocked_ns : int
        Without the GIL and not on a CPU: sleeping, waiting for I/O or for another lock, or stolen by the host.
    takes, drops, waits : int
        How often it took the GIL, dropped it, or had to wait for it first.
    forced_switches : int
        Drops after which it waited until somebody else had taken the GIL, because that had been asked for.
    asked : int
        Drops that a waiter had asked for.
    answered_at_once : int
        Those within 50 us of its asking, as bytecode does and a long call cannot.
    longest_answer_ns : int
        The longest time from such a request to the drop, without what the thread was only queued for a CPU.
    longest_hold_ns, longest_wait_ns, longest_release_ns : int
        At a stretch. What was under way when the log began counts with its whole length, up to that of the log.
    cpu_ns : int or None
        CPU time of the thread, up to its end; None where the kernel does not tell.
    run_delay_ns : int or None
        Time it was queued for a CPU, up to its end; None where the kernel does not tell.
    """

    native_id: Natural
    name: str
    held_ns: Natural
    waited_ns: Natural
    computing_ns: Natural
    blocked_ns: Natural
    takes: Natural
    drops: Natural
    waits: Natural
    forced_switches: Natural
    asked: Natural
    answered_at_once: Natural
    longest_answer_ns: Natural
    longest_hold_ns: Natural
    longest_wait_ns: Natural
    longest_release_ns: Natural
    cpu_ns: Natural | None
    run_delay_ns: Natural | None

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
        As a thread's, of releases from here.
    longest_release_ns : int
        The longest release from here.
    """

    module: str
    symbol: str
    offset: Natural
    count: Natural
    computing_ns: Natural
    blocked_ns: Natural
    longest_release_ns: Natural

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
        The thread that it happened to.
    kind : {"take", "drop", "wait", "forced"}
        What happened.
    site : int or None
        Index into the log's sites, of a drop whose place is known.
    """

    at_ns: Natural
    native_id: Natural
    kind: Annotated[str, OneOf("take", "drop", "wait", "forced")]
    site: Natural | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Account(Drawn):
    """What accounting for the GIL gives from one moment to another, whatever keeps it.

    Parameters
    ----------
    tool : str
        Of a file, the program that wrote it, and its version; "" in a log of this process.
    started : str
        Of a file, when: ISO 8601, UTC.
    machine : dict of str to object
        Of a file: how many CPUs could be used, and which Python it was.
    mechanism : str
        What the figures rest on.
    cost : str
        What it takes from the program, in words.
    blind_to : tuple of str
        What it cannot see, in words.
    wall_ns : int
        From the beginning of the account to its end.
    """

    _view: ClassVar[str] = "gilscope.accounting.view:of_account"
    #: The first word of its mechanism.
    _kept_by: ClassVar[str] = ""

    tool: str = field(default="", metadata=in_file(may_lack=True))
    started: str = field(default="", metadata=in_file(may_lack=True))
    machine: dict[str, object] = field(default_factory=dict, metadata=in_file(may_lack=True))
    mechanism: str
    cost: str
    blind_to: tuple[str, ...]
    wall_ns: Natural

    def flaw(self) -> str:
        """Say that it is no account of what it says that it is, or return ""."""
        is_its_own = self.mechanism.partition(" ")[0] == self._kept_by
        return "" if is_its_own else f".mechanism must begin with {self._kept_by}, for what else it has"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Log(Account):
    """What happened to the GIL from one moment to another, exactly.

    Parameters
    ----------
    tool, started, machine, mechanism, cost, blind_to, wall_ns
        As of `Account`.
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
        What `sites` adds up: each thread's releases from each place, with its native id. No file has them.
    """

    _kept_by: ClassVar[str] = "ledger"

    threads: tuple[ThreadAccount, ...]
    sites: tuple[SiteAccount, ...]
    events: tuple[Event, ...] = field(default=())
    n_lost_events: Natural = 0
    thread_sites: tuple[tuple[int, SiteAccount], ...] = field(default=(), repr=False, metadata=in_file(left_out=True))

    def flaw(self) -> str:
        """Say which event points to a place that there is not, or return ""."""
        n_sites = len(self.sites)
        for i, one in enumerate(self.events):
            if one.site is not None and one.site >= n_sites:
                return f".events[{i}].site must be below {n_sites}"
        return Account.flaw(self)

    def _in_a_line(self) -> str:
        threads, places = counted(len(self.threads), "thread"), counted(len(self.sites), "place")
        return f"Log of {duration(self.wall_ns)}: {threads}, {places}, {counted(len(self.events), 'event')}"

    def thread(self, native_id: int) -> ThreadAccount | None:
        """Return a thread's account, or None if it never met the GIL."""
        return next((one for one in self.threads if one.native_id == native_id), None)

    def sites_of(self, native_ids: Collection[int]) -> tuple[SiteAccount, ...]:
        """Return the places from which these threads released the GIL, as they alone did, the longest first."""
        return add_sites(site for native_id, site in self.thread_sites if native_id in native_ids)
