"""From two snapshots of the books to what happened between them."""

import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gilscope.accounting.log import Event, SiteAccount
from gilscope.accounting.symbols import place_of

if TYPE_CHECKING:
    from gilscope.accounting._ledger import Account, Released, Snapshot

_EVENT = struct.Struct("=QIHH")
_KINDS = ("take", "drop", "wait", "forced")
_EMPTY: "Released" = {"count": 0, "ticks": 0, "timed_ticks": 0, "short_ticks": 0, "cpu_ns": 0, "longest": 0}
#: What only grows while the ledger is on, so that a difference of two readings is what happened between them.
_GROWING = ("held", "waited", "takes", "drops", "waits", "forced", "asked", "answered_at_once")
_RELEASED_GROWING = ("count", "ticks", "timed_ticks", "short_ticks", "cpu_ns")


def difference(before: "Snapshot", after: "Snapshot") -> "list[Account]":
    """Return what each thread did between two snapshots, in ticks.

    One native id may occur twice: the kernel gives it to a new thread when its thread has ended.
    """
    was = {account["number"]: account for account in before["accounts"]}
    found: list[Account] = []
    for now in after["accounts"]:
        then = was.get(now["number"])
        difference: Any = dict(now)
        released: Any = dict(now["released"])
        if then is not None:
            for key in _GROWING:
                difference[key] = now[key] - then[key]  # type: ignore[literal-required]
            for key in _RELEASED_GROWING:
                released[key] = now["released"][key] - then["released"][key]  # type: ignore[literal-required]
        elif now["born"] < before["ticks"]:
            # It was there, without the GIL, before this log began, and has met the GIL since then for the first time.
            earlier = before["ticks"] - now["born"]
            released["ticks"] = max(0, released["ticks"] - earlier)
            if timed := released["timed_ticks"]:
                released["timed_ticks"] = max(0, timed - earlier)
                released["cpu_ns"] = round(released["cpu_ns"] * released["timed_ticks"] / timed)
        difference["released"] = released
        found.append(difference)
    return found


def kernel_difference(before: "Snapshot", after: "Snapshot") -> dict[int, tuple[int | None, int | None]]:
    """Return what the kernel counted of each thread between two snapshots: CPU time, and time queued for a CPU, in ns.

    By the number of its account, of threads that have ended too; None where the kernel does not tell.
    """
    was = {account["number"]: account for account in before["accounts"]}
    return {
        now["number"]: (
            _counted(now["cpu_ns"], _base(now, was.get(now["number"]), before, "cpu", 0)),
            _counted(now["run_delay_ns"], _base(now, was.get(now["number"]), before, "run_delay", 1)),
        )
        for now in after["accounts"]
    }


def _base(now: "Account", then: "Account | None", before: "Snapshot", what: str, index: int) -> int:
    """Return what had been counted of a thread when the first snapshot was taken."""
    if then is not None:
        same = now["n_forks"] == then["n_forks"]  # the kernel counts a forked child from 0
        return then[f"{what}_ns"] if same else 0  # type: ignore[literal-required]
    if now["born"] <= before["ticks"]:  # it was there, and had no account
        return before["threads"].get(now["native_id"], (-1, -1))[index]
    return now[f"{what}_earlier_ns"]  # type: ignore[literal-required, no-any-return]


def _counted(now_ns: int, then_ns: int) -> int | None:
    return now_ns - then_ns if now_ns >= 0 and then_ns >= 0 else None


def split(released: "Released", tick_ns: float) -> tuple[int, int]:
    """Return how much of a released time was computing and how much blocked, in ns.

    Short releases count as computing, long ones are timed by the thread's CPU clock. One that was not, for that clock
    was off, counts as blocked.
    """
    all_ns, timed_ns = released["ticks"] * tick_ns, released["timed_ticks"] * tick_ns
    computing_ns = released["short_ticks"] * tick_ns + min(float(released["cpu_ns"]), timed_ns)
    # A short release that became a long one between two snapshots leaves up to 20 us less than nothing.
    computing_ns = max(0.0, min(computing_ns, all_ns))
    return round(computing_ns), round(all_ns - computing_ns)


def sites_of(
    before: "Snapshot", after: "Snapshot", tick_ns: float, longest: Mapping[tuple[int, int], int]
) -> list[tuple[int, int, SiteAccount]]:
    """Return each thread's releases from each place: its native id, the place's number, and the account.

    `longest` has the ticks of the longest release of each, by the account's number and the place's address.
    """
    was = {
        (account["number"], address): released
        for account in before["accounts"]
        for address, released, _ in account["sites"]
    }
    found = []
    for account in after["accounts"]:
        for address, released, number in account["sites"]:
            then = was.get((account["number"], address), _EMPTY)
            count = released["count"] - then["count"]
            if count or released["ticks"] > then["ticks"]:
                difference: Any = {key: released[key] - then[key] for key in released}  # type: ignore[literal-required]
                computing_ns, blocked_ns = split(difference, tick_ns)
                module, symbol, offset = place_of(address)
                site = SiteAccount(
                    module=module,
                    symbol=symbol,
                    offset=offset,
                    count=count,
                    computing_ns=computing_ns,
                    blocked_ns=blocked_ns,
                    longest_release_ns=round(longest.get((account["number"], address), 0) * tick_ns),
                )
                found.append((account["native_id"], number, site))
    return found


def events_of(
    data: bytes, begin: int, end: int, tick_ns: float, native_ids: dict[int, int], sites: dict[int, int]
) -> tuple[tuple[Event, ...], int]:
    """Decode the timeline, in order; return with it how many of its events could not be read.

    `data` is as the books give it, times count from `begin`, sites are numbered as by `sites_of`. What cannot be read:
    a place that its thread had not yet written, and events of threads that are gone, in a child after a fork.
    """
    meant = [event for event in _EVENT.iter_unpack(data) if event[0] <= end]
    read = [event for event in meant if begin <= event[0] and event[1] in native_ids]
    read.sort(key=lambda event: event[0])  # forced switches are noted outside the GIL's mutex
    events = tuple(
        Event(round((ticks - begin) * tick_ns), native_ids[thread], _KINDS[kind], sites.get(site))
        for ticks, thread, kind, site in read
    )
    return events, len(meant) - len(read)
