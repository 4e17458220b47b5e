"""What a probe's result shows: labels and values, and a table of ways, from plain data alone."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from gilscope.accounting.demangling import shown
from gilscope.words import NONE, count, counted, decimal, duration, percent, workers

#: Sites named in a table; the JSON has all of them.
MOST_SITES = 3
#: Characters of a statement that are shown.
MOST_CHARACTERS = 200
#: A call that waits with the GIL for less of its time than this is no news.
WORTH_SHOWING = 0.05
HEADER = ("", "predicted", "measured here", "beside processes", "with sending", "handed out one by one")
_WAYS = ("threads", "processes", "interpreters")
_MEANINGS = {
    "Python bytecode": "Python code, which needs the GIL and drops it when another thread asks",
    "native, GIL held": "compiled code that keeps the GIL until it is done",
    "releases": "without the GIL for four fifths of its time or more, mostly to compute",
    "waits": "without the GIL for four fifths of its time or more, mostly to wait",
    "mixed": "some of its time with the GIL, some without",
    "attached": "runs attached, which keeps nobody waiting where no GIL is in force",
    "already parallel": "one call keeps more than one CPU busy",
    "undecided": "the figures are too uncertain to say; more time (--max-time) may help",
}
_SHARES = {"held": "with the GIL", "computing": "without it, computing", "blocked": "without it, waiting"}
#: Without a GIL nobody holds one: a thread is attached while it may run Python, and other threads may be too.
_SHARES_WITHOUT_GIL = {"held": "attached", "computing": "detached, computing", "blocked": "detached, waiting"}


def head(probe: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what comes first: what it is, and what to do.

    Parameters
    ----------
    probe : mapping
        As in the JSON.
    """
    shown = " ".join(probe["target"].split())
    found = [("target", shown if len(shown) <= MOST_CHARACTERS else f"{shown[:MOST_CHARACTERS]} ...")]
    if probe["failure"]:
        return [*found, ("failure", probe["failure"])]
    kind = probe["class"]
    return [*found, ("class", f"{kind}: {_MEANINGS[kind]}"), ("advice", probe["advice"])]


def call(probe: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what was measured of one call, alone on one thread."""
    if probe["failure"]:
        return []
    found = [("one call", duration(probe["wall_ns"]))]
    labels = _SHARES if probe["machine"].get("gil", True) else _SHARES_WITHOUT_GIL
    found += [(labels[name], _share(probe["shares"][name])) for name in labels if name in probe["shares"]]
    waiting = probe["shares"].get("held_waiting")
    if waiting is not None and waiting["estimate"] >= WORTH_SHOWING:
        found.insert(2, ("waiting with it", f"{_share(waiting)}: neither computing nor letting others run"))
    if probe["releases"] is not None:
        each = f", for {duration(probe['mean_release_ns'])} each" if probe["mean_release_ns"] else ""
        times = f"{counted(probe['releases'], 'time')} a call{each}"
        found.append(("drops the GIL", times if probe["releases"] else "never by itself"))
    # Bytecode drops the GIL as soon as somebody asks, so that its holds are nobody's worry.
    if probe["longest_hold_ns"] is not None and probe["class"] != "Python bytecode":
        found.append(("longest with the GIL", f"{duration(probe['longest_hold_ns'])} at a time"))
    released_ns = sum(site["computing_ns"] + site["blocked_ns"] for site in probe["sites"])
    for i, site in enumerate(probe["sites"][:MOST_SITES]):
        found.append(("" if i else "dropped in", _site(site, released_ns)))
    if probe["shipping_ns"] is not None:
        found.append(("to send it", f"{duration(probe['shipping_ns'])} to pickle and ship arguments and result"))
    return found


def ways(probe: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the lines of the table of ways, as many cells each as `HEADER`; none where there is nothing to compare."""
    found: list[tuple[str, ...]] = []
    most = max((one["n_workers"] for one in probe["predicted"].get("threads", ())), default=0)
    for way in _WAYS:
        measured = {one["n_workers"]: one for one in probe["measured"] if one["way"] == way and not one["absent"]}
        predicted = {one["n_workers"]: one for one in probe["predicted"].get(way, ())}
        shipped = {one["n_workers"]: one for one in probe["predicted"].get("shipped", ())}
        for n_workers in sorted(measured.keys() | predicted.keys()):
            one, expected = measured.get(n_workers), predicted.get(n_workers)
            found.append(
                (
                    workers(n_workers, way),
                    _range(expected) if expected else NONE,
                    _interval(one["speed_up"]) if one else NONE,
                    _interval(one["of_processes"]) if one else NONE,
                    _range(shipped[n_workers]) if way == "processes" and n_workers in shipped else NONE,
                    _handed(probe, way) if n_workers == most else NONE,
                )
            )
    return found


def tail(probe: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what comes last: what to make of the table, and how it was measured."""
    if probe["failure"]:
        return []
    found = [row for way in ("threads", "processes") for row in _handing(probe, way)]
    for one in probe["measured"]:
        if one["way"] == "control":
            gave = f"{_interval(one['speed_up'])} times as fast as one"
            found.append(("this machine", f"{one['n_workers']} processes of nothing but arithmetic were {gave}"))
    absent: dict[str, dict[str, None]] = {}
    for one in probe["measured"]:
        if one["absent"]:
            absent.setdefault(one["absent"], {})[one["way"]] = None
    found += [("not measured", f"{', '.join(names)}: {why}") for why, names in absent.items()]
    found += [("less than predicted", f"{way}: {why}") for way, why in probe["shortfalls"].items()]
    found += [("note", note) for note in probe["notes"]]
    seen = f"it does not see {', '.join(probe['blind_to'])}"
    found.append(("measured by", f"{probe['mechanism']}; {seen}; it costs {probe['cost']}"))
    return found


def _share(share: Mapping[str, float]) -> str:
    return f"{100 * share['estimate']:.1f} % [{100 * share['low']:.1f}, {100 * share['high']:.1f}]"


def _site(site: Mapping[str, Any], released_ns: int) -> str:
    module = PurePath(site["module"]).name.split(".", 1)[0]
    place = shown(site["symbol"]) or f"+0x{site['offset']:x}"
    share = (site["computing_ns"] + site["blocked_ns"]) / released_ns if released_ns else 0.0
    return f"{place} of {module}, {percent(share, 0)} of the time without it"


def _range(one: Mapping[str, Any]) -> str:
    low, high = decimal(one["low"], one["high"]), decimal(one["high"])
    return low if low == high else f"{low} to {high}"


def _interval(one: Mapping[str, float | None] | None) -> str:
    if one is None or one["estimate"] is None:
        return NONE
    if one["low"] is None or one["high"] is None or not 0 < one["low"] <= one["high"] < 1e6:
        return "?"
    estimate, low, high = (decimal(one[end] or 0.0, one["high"]) for end in ("estimate", "low", "high"))
    return f"{estimate} [{low}, {high}]"


def _handed(probe: Mapping[str, Any], way: str) -> str:
    one = probe.get("handed", {}).get(way)
    return NONE if one is None else _range(one)


def _handing(probe: Mapping[str, Any], way: str) -> list[tuple[str, str]]:
    """Return what handing out a call costs with the most workers, where that was measured."""
    costs = [one["handing"] for one in probe["measured"] if one["way"] == way and one.get("handing")]
    if not costs:
        return []
    busy, idle = (
        f"{duration(cost['estimate'])} [{duration(cost['low'])}, {duration(cost['high'])}]"
        for cost in (costs[-1]["busy"], costs[-1]["idle"])
    )
    enough = probe.get("handed", {}).get(way, {"calls_at_a_time": 1})["calls_at_a_time"]
    hence = f", so that {count(enough)} or more at a time keep nine tenths of the speed-up" if enough > 1 else ""
    told = f"{busy} a call to {way} that have more in their queue{hence}; waking one that sleeps took {idle}"
    return [("handing out", told)]
