"""Where the time of one call goes, alone on one thread, and how fine its releases of the GIL are."""

import math
from dataclasses import dataclass

from gilscope.accounting.fine_releases import BREAK_EVEN_NS
from gilscope.probing.shares import Shares

#: What a contended release costs the whole program, at best and at worst: two C threads with holds and releases of 0.5
#: us gave up to 0.62 of serial, which is 0.6 us a release, and with holds of 5 and releases of 1 us 0.68, which is 2.8.
HAND_OVER_NS = (600.0, 3_000.0)
#: At best a release costs no more than this part of the time between two drops: what follows sooner shares a hand-over.
#: Holds of 0.3 and releases of 0.1 us gave up to 0.53 of serial, and nothing but release after release 0.28 to 0.34.
SHARED_HAND_OVER = 0.8
#: Releases that cost less than this share of the call do not matter, however fine.
FEW = 0.01
#: CPython's own, unless a program says otherwise.
SWITCH_INTERVAL_NS = 5_000_000.0
#: Holds from this share of the switch interval on are cut by it now and then, for not all last alike: a judgement. Two
#: threads with holds of 4.5 ms gave 1.73 to 1.86 of 2 on 3.11 and 3.13, with 6 to 12 ms most often 1.2 to 1.5.
CUT_FROM = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class CallProfile:
    """Where the time of one call goes, alone on one thread.

    Parameters
    ----------
    held_ns : float
        Time with the GIL.
    computing_ns : float
        Time without the GIL on a CPU.
    blocked_ns : float
        Time without the GIL and without a CPU: asleep, or waiting for a device.
    releases : float
        Pieces that the time without the GIL comes in: a mean over calls, so it may be a fraction.
    fine_ns, fine_releases : float, default 0.0
        The part of the time without the GIL, and of the releases, that short releases are of a call which also has long
        ones: a mean over both would be true of neither. 0 where all are alike.
    held_waiting_ns : float, default 0.0
        The part of the time with the GIL in which neither the call nor anything of its own was on a CPU: it waits, and
        has all others wait with it.
    switch_interval_ns : float, default 5e6
        For how long another thread waits for the GIL before it asks for it, and then gets it as soon as the holder is
        at bytecode again; infinity if nobody asks.

    Raises
    ------
    ValueError
        If a value is negative or not finite, if the call takes no time, if it has released time but no release, or if
        the part is more than the whole.
    """

    held_ns: float
    computing_ns: float
    blocked_ns: float
    releases: float
    fine_ns: float = 0.0
    fine_releases: float = 0.0
    held_waiting_ns: float = 0.0
    switch_interval_ns: float = SWITCH_INTERVAL_NS

    def __post_init__(self) -> None:
        check_amounts(
            held_ns=self.held_ns,
            computing_ns=self.computing_ns,
            blocked_ns=self.blocked_ns,
            releases=self.releases,
            fine_ns=self.fine_ns,
            fine_releases=self.fine_releases,
            held_waiting_ns=self.held_waiting_ns,
        )
        if not self.switch_interval_ns >= 0:
            raise ValueError(f"a switch interval is a time from 0 on, got {self.switch_interval_ns}")
        if self.fine_ns > self.released_ns or self.fine_releases > self.releases:
            raise ValueError(f"fine releases are a part of all, got {self}")
        if self.held_waiting_ns > self.held_ns:
            raise ValueError(f"waiting with the GIL is a part of the time with it, got {self}")
        if not 0 < self.wall_ns < math.inf:
            raise ValueError(f"a call takes time, and an amount that can be added up, got {self}")
        if self.released_ns and not self.releases:
            raise ValueError(f"time without the GIL needs a release, or nobody knows how fine it is, got {self}")

    @property
    def released_ns(self) -> float:
        """Time without the GIL."""
        return self.computing_ns + self.blocked_ns

    @property
    def wall_ns(self) -> float:
        """Time of the call."""
        return self.held_ns + self.released_ns

    @property
    def cpu_ns(self) -> float:
        """Time on a CPU: with the GIL, less what it only waits then, and without."""
        return self.held_ns - self.held_waiting_ns + self.computing_ns

    @property
    def released_share(self) -> float:
        """Share of the call without the GIL, 0 to 1."""
        return self.released_ns / self.wall_ns

    @property
    def cpu_share(self) -> float:
        """Share of the call on a CPU, 0 to 1."""
        return self.cpu_ns / self.wall_ns

    @property
    def mean_release_ns(self) -> float | None:
        """Mean length of a release; None if there is none."""
        return self.released_ns / self.releases if self.releases else None

    @property
    def mean_hold_ns(self) -> float | None:
        """Mean length of a hold, from one release to the next; None if there is no release."""
        return self.held_ns / self.releases if self.releases else None

    @property
    def cut(self) -> float:
        """How surely its holds last long enough for a waiting thread to cut in at their end: 0 to 1.

        The mean hold decides, for the longest one says for how long a CPU was taken away.
        """
        hold_ns, begin_ns = self.mean_hold_ns, CUT_FROM * self.switch_interval_ns
        if hold_ns is None or hold_ns <= begin_ns:
            return 0.0
        return (
            1.0 if hold_ns >= self.switch_interval_ns else (hold_ns - begin_ns) / (self.switch_interval_ns - begin_ns)
        )

    def without_fine_releases(self, hand_over_ns: float) -> "CallProfile":
        """Return the call that it is to other threads: what overlaps with nothing is held, and each release costs."""
        computing_ns = self.computing_ns - min(self.computing_ns, self.fine_ns)
        return CallProfile(
            held_ns=self.held_ns + self.fine_ns + self.fine_releases * hand_over_ns,
            computing_ns=computing_ns,
            blocked_ns=self.released_ns - self.fine_ns - computing_ns,
            releases=self.releases - self.fine_releases,
            held_waiting_ns=self.held_waiting_ns,
            switch_interval_ns=math.inf,  # what is held here has been dropped many times meanwhile
        )

    def releases_shorter_than(self, limit_ns: float) -> bool:
        """Tell whether there are releases so short on average, and enough of them to matter; not where no GIL is."""
        matter = self.held_ns > 0 and self.releases * HAND_OVER_NS[1] >= FEW * self.wall_ns
        return matter and self.released_ns < limit_ns * self.releases


def profile_of(shares: Shares, switch_interval_ns: float, *, held: float | None = None) -> CallProfile:
    """Return the profile of a measured call; its shares are medians, scaled so that they add up to the whole.

    Parameters
    ----------
    shares : Shares
    switch_interval_ns : float
    held : float, optional
        The share with the GIL, where it is to be another one than the estimate: an end of its interval. What is without
        the GIL keeps its proportions.
    """
    released = shares.computing.estimate + shares.blocked.estimate
    held = shares.held.estimate / (shares.held.estimate + released) if held is None else held
    held_ns = shares.wall_ns * held
    computing_ns, blocked_ns = (
        (shares.wall_ns - held_ns) * (part.estimate / released if released else 0.0)
        for part in (shares.computing, shares.blocked)
    )
    held_ns = max(0.0, shares.wall_ns - computing_ns - blocked_ns)  # or some 1e-11 below, by rounding
    # Where they cannot be counted, the fewest there can be; `blind_to` says so.
    releases = float(held_ns < shares.wall_ns) if shares.releases is None else shares.releases
    if shares.attached:  # nobody waits for being attached, so that time is like any other on a CPU
        held_ns, computing_ns, releases = 0.0, held_ns + computing_ns, 1.0
    if releases == 0:
        held_ns, computing_ns, blocked_ns = shares.wall_ns, 0.0, 0.0
    fine_ns, fine_releases = _fine_part(shares, computing_ns + blocked_ns, releases)
    return CallProfile(
        held_ns=held_ns,
        computing_ns=computing_ns,
        blocked_ns=blocked_ns,
        releases=releases,
        fine_ns=fine_ns,
        fine_releases=fine_releases,
        held_waiting_ns=0.0 if shares.attached else min(held_ns, shares.wall_ns * shares.held_waiting.estimate),
        switch_interval_ns=switch_interval_ns,
    )


def _fine_part(shares: Shares, released_ns: float, releases: float) -> tuple[float, float]:
    """Return the time and the number of short releases in a call that also has long ones, told apart by their places.

    What no place is known for counts as one more place. (0, 0) where all are alike.
    """
    places = [
        ((site.computing_ns + site.blocked_ns) / shares.calls, site.count / shares.calls) for site in shares.sites
    ]
    unplaced_ns = max(0.0, released_ns - sum(ns for ns, _ in places))
    places.append((unplaced_ns, max(0.0, releases - sum(count for _, count in places))))
    fine = [(ns, count) for ns, count in places if ns < BREAK_EVEN_NS[1] * count]
    fine_ns, fine_releases = sum(ns for ns, _ in fine), sum(count for _, count in fine)
    if fine_releases >= releases or fine_ns >= released_ns:
        return 0.0, 0.0
    return fine_ns, fine_releases


def check_amounts(**amounts: float) -> None:
    """Raise `ValueError` where an amount is negative or not finite."""
    wrong = [f"{name}={value}" for name, value in amounts.items() if not 0 <= value < math.inf]
    if wrong:
        raise ValueError(f"must be finite and not negative, got {', '.join(wrong)}")
