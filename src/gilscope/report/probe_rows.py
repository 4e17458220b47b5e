"""What a probe's result shows: labels and values, and a table of ways, from plain data alone."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from gilscope.words import duration

#: Sites named in a table; the JSON has all of them.
MOST_SITES = 3
#: Characters of a statement that are shown.
MOST_CHARACTERS = 200
HEADER = ("", "predicted speed-up", "predicted to pay from", "measured here and now", "beside processes")
_WAYS = ("threads", "processes", "interpreters")
_MEANINGS = {
    "Python bytecode": "Python code, which needs the GIL and drops it when another thread asks",
    "native, GIL held": "compiled code that keeps the GIL until it is done",
    "releases": "computes without the GIL for four fifths of its time or more",
    "waits": "waits without the GIL for four fifths of its time or more",
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
    found += [(labels[name], _share(share)) for name, share in probe["shares"].items()]
    if probe["releases"] is not None:
        each = f", for {duration(probe['mean_release_ns'])} each" if probe["mean_release_ns"] else ""
        times = f"{probe['releases']:.4g} time{'' if probe['releases'] == 1 else 's'} a call{each}"
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
    for way in _WAYS:
        measured = {one["n_workers"]: one for one in probe["measured"] if one["way"] == way and not one["absent"]}
        predicted = {one["n_workers"]: one for one in probe["predicted"].get(way, ())}
        for n_workers in sorted(measured.keys() | predicted.keys()):
            one, expected = measured.get(n_workers), predicted.get(n_workers)
            found.append(
                (
                    f"{n_workers} {way}",
                    _range(expected) if expected else "-",
                    _pays(probe, way) if expected else "-",
                    _interval(one["speed_up"]) if one else "-",
                    _interval(one["of_processes"]) if one else "-",
                )
            )
    return found


def tail(probe: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what comes last: what to make of the table, and how it was measured."""
    if probe["failure"]:
        return []
    found = []
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
    place = site["symbol"] or f"+0x{site['offset']:x}"
    share = (site["computing_ns"] + site["blocked_ns"]) / released_ns if released_ns else 0.0
    return f"{place} of {module}, {100 * share:.0f} % of the time without it"


def _range(one: Mapping[str, Any]) -> str:
    low, high = f"{one['low']:.2f}", f"{one['high']:.2f}"
    return low if low == high else f"{low} to {high}"


def _interval(one: Mapping[str, float | None] | None) -> str:
    if one is None or one["estimate"] is None:
        return "-"
    if one["low"] is None or one["high"] is None or not 0 < one["low"] <= one["high"] < 1e6:
        return f"{one['estimate']:.2f} [?]"
    return f"{one['estimate']:.2f} [{one['low']:.2f}, {one['high']:.2f}]"


def _pays(probe: Mapping[str, Any], way: str) -> str:
    length_ns = probe["pays_from_ns"].get(way)
    return "never" if length_ns is None else duration(length_ns)
