"""From the events of a log to what each thread did when: spans that follow one another without a gap."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Annotated

from gilscope.accounting.log import Event, Log, SiteAccount, ThreadAccount
from gilscope.fields import Natural, OneOf, in_file

HOLDING, WAITING, UNKNOWN = "holding", "waiting", "unknown"
#: Without the GIL: on a CPU, off it, or either, where the log does not say.
COMPUTING, BLOCKED, RELEASED = "computing", "blocked", "released"
RELEASED_STATES = (COMPUTING, BLOCKED, RELEASED)
STATES = (HOLDING, WAITING, *RELEASED_STATES, UNKNOWN)

#: The log tells computing from blocked for all releases of a place together, or of a thread, not for each. All of them
#: count as the one where it makes up this share of their time, and as neither otherwise.
CLEARLY = 0.95

#: What a thread must have been doing for an event to make sense; else the events between were lost.
_BEFORE = {"take": (WAITING, RELEASED), "wait": (WAITING, RELEASED), "drop": (HOLDING,), "forced": (RELEASED,)}
_AFTER = {"take": HOLDING, "wait": WAITING, "drop": RELEASED}


@dataclass(frozen=True, slots=True)
class Span:
    """What one thread did for a while.

    Parameters
    ----------
    begin_ns, end_ns : int
        Since the log began.
    state : str
        One of `STATES`.
    site : int or None
        Index into the log's sites: where a release began, if that is known.
    """

    begin_ns: Natural
    end_ns: Natural
    state: Annotated[str, OneOf(*STATES)]
    site: Natural | None = None

    @property
    def length_ns(self) -> int:
        """How long it lasted."""
        return self.end_ns - self.begin_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One thread's time, from its first sign of life to its last.

    Parameters
    ----------
    native_id : int
        The kernel's id of the thread.
    name : str
        In Python, else its id in words.
    spans : tuple of Span
        Each begins where the one before ends; a file has them by column.
    forced_ns : tuple of int
        When it had to give the GIL up because somebody had asked for it, and waited until it was taken.
    """

    native_id: Natural
    name: str
    spans: tuple[Span, ...] = field(metadata=in_file(by_column=True))
    forced_ns: tuple[Natural, ...] = ()

    def flaw(self) -> str:
        """Say where its spans do not follow one another, or return ""."""
        ends = [self.spans[0].begin_ns if self.spans else 0, *(one.end_ns for one in self.spans)]
        for i, one in enumerate(self.spans):
            if not ends[i] == one.begin_ns <= one.end_ns:
                return f".spans[{i}] must begin where the one before ends, and end later"
        return ""

    def total_ns(self, *states: str) -> int:
        """Return its time in these states."""
        return sum(span.length_ns for span in self.spans if span.state in states)

    def share(self, *states: str) -> float:
        """Return its time in these states as a share of what is known of it."""
        known_ns = self.total_ns(*(state for state in STATES if state != UNKNOWN))
        return self.total_ns(*states) / known_ns if known_ns else 0.0

    @property
    def longest_hold_ns(self) -> int:
        """The longest time for which it held the GIL without a break."""
        return self._longest_ns(HOLDING)

    @property
    def longest_wait_ns(self) -> int:
        """The longest time for which it waited for the GIL without a break."""
        return self._longest_ns(WAITING)

    def _longest_ns(self, state: str) -> int:
        return max((one.length_ns for one in self.spans if one.state == state), default=0)


def lanes_of(log: Log, before: Collection[int], after: Collection[int], *, cpu_clock: bool = True) -> tuple[Lane, ...]:
    """Return the lane of every thread in a log, in the order in which they first appear.

    Parameters
    ----------
    log : Log
        With events. Where it lost some, nothing is known before the first that it has.
    before, after : collection of int
        The native ids of the threads that were there when the log began, and when it ended. Another thread's lane
        begins with its first event, or ends with its last, for nothing else is known of it.
    cpu_clock : bool
        Whether the ledger timed releases by the thread's CPU clock. Else the kernel's account of the whole thread must
        tell computing from blocked.

    Notes
    -----
    A thread that is forced to give the GIL up waits until another has taken it, and counts as waiting so long; in the
    log's own accounts that is released time.
    """
    begin_ns = known_from_ns(log)
    tracks: dict[int, _Track] = {}
    handing_over: _Track | None = None
    for event in log.events:
        track = tracks.get(event.native_id)
        if track is None:
            is_old = event.native_id in before or event.kind in {"drop", "forced"}
            track = tracks[event.native_id] = _Track(0 if is_old else event.at_ns, begin_ns, event.kind)
        if event.kind == "take" and handing_over is not None and handing_over is not track:
            handing_over.change(event.at_ns, RELEASED, handing_over.site)
        track.hear(event)
        if event.kind == "forced":
            handing_over = track
        elif event.kind == "take" or track is handing_over:
            handing_over = None
    lanes = []
    accounts = {account.native_id: account for account in log.threads}
    for native_id, track in tracks.items():
        if native_id in after:
            track.change(log.wall_ns, UNKNOWN)
        account = accounts.get(native_id)
        spans = tuple(_told_apart(track.spans, log.sites if cpu_clock else (), account, cpu_clock=cpu_clock))
        name = account.name if account else f"thread {native_id}"
        lanes.append(Lane(native_id=native_id, name=name, spans=spans, forced_ns=tuple(track.forced_ns)))
    silent = (account for account in log.threads if account.native_id not in tracks)
    return (*lanes, *(_eventless(log, account) for account in silent))


def known_from_ns(log: Log) -> int:
    """Return from when on a log's events tell everything: from its beginning, unless the first of them were lost."""
    return log.events[0].at_ns if log.n_lost_events and log.events else 0


def holders_of(lanes: Iterable[Lane]) -> list[tuple[Span, Lane]]:
    """Return who held the GIL, in order; no two of these overlap."""
    held = [(one, lane) for lane in lanes for one in lane.spans if one.state == HOLDING]
    return sorted(held, key=lambda pair: pair[0].begin_ns)


class _Track:
    """A lane that is being followed event by event; its first event tells what came before."""

    def __init__(self, begin_ns: int, known_from_ns: int, first_kind: str) -> None:
        self.spans: list[Span] = []
        self.forced_ns: list[int] = []
        self.site: int | None = None
        self._since_ns, self._state = begin_ns, UNKNOWN
        self.change(known_from_ns, _BEFORE[first_kind][-1])

    def hear(self, event: Event) -> None:
        if self._state not in _BEFORE[event.kind]:
            self._state = UNKNOWN
        if event.kind == "forced":
            self.forced_ns.append(event.at_ns)
            self._state = WAITING  # since its drop, which is the event before
        else:
            self.change(event.at_ns, _AFTER[event.kind], event.site)

    def change(self, at_ns: int, state: str, site: int | None = None) -> None:
        if at_ns > self._since_ns:
            at_site = self.site if self._state == RELEASED else None
            self.spans.append(Span(self._since_ns, at_ns, self._state, at_site))
            self._since_ns = at_ns
        self._state, self.site = state, site


def _eventless(log: Log, account: ThreadAccount) -> Lane:
    """Return the lane of a thread with an account and no event: one state throughout, unless its events were lost."""
    state = UNKNOWN
    if not log.n_lost_events:
        known = ((account.held_ns, HOLDING), (account.waited_ns, WAITING), (account.released_ns, RELEASED))
        state = max(known)[1]
    spans = (Span(0, log.wall_ns, state),)
    return Lane(native_id=account.native_id, name=account.name, spans=spans)


def _told_apart(
    spans: Iterable[Span], sites: tuple[SiteAccount, ...], account: ThreadAccount | None, *, cpu_clock: bool
) -> Iterable[Span]:
    kinds = [_kind(site) for site in sites]
    elsewhere = RELEASED if account is None else _kind(account) if cpu_clock else _kind_by_kernel(account)
    for one in spans:
        if one.state == RELEASED:
            kind = elsewhere if one.site is None or not cpu_clock else kinds[one.site]
            yield Span(one.begin_ns, one.end_ns, kind, one.site)
        else:
            yield one


def _kind(account: SiteAccount | ThreadAccount) -> str:
    all_ns = account.computing_ns + account.blocked_ns
    if all_ns and account.computing_ns >= CLEARLY * all_ns:
        return COMPUTING
    return BLOCKED if all_ns and account.blocked_ns >= CLEARLY * all_ns else RELEASED


def _kind_by_kernel(account: ThreadAccount) -> str:
    """Tell what a thread's CPU time says of its releases, whether or not it had a CPU while it held the GIL."""
    if account.cpu_ns is None or not account.released_ns:
        return RELEASED
    if account.cpu_ns - account.held_ns >= CLEARLY * account.released_ns:
        return COMPUTING
    return BLOCKED if account.cpu_ns <= (1 - CLEARLY) * account.released_ns else RELEASED
