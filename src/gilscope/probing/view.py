"""A probe as blocks: what one call does, what each way gives, how that was measured; and last what to do."""

from gilscope.accounting.sites import library_of, place_of
from gilscope.pairing.intervals import Interval
from gilscope.probing import advice, classes
from gilscope.probing.expectation import Handed
from gilscope.probing.handing import Cost
from gilscope.probing.prediction import Prediction
from gilscope.probing.result import Probe
from gilscope.probing.shares import Share, Site
from gilscope.report.blocks import (
    BAD,
    GOOD,
    PARTLY,
    Answer,
    Block,
    Code,
    Column,
    Fact,
    Facts,
    Heading,
    Line,
    Sentences,
    Table,
    Tone,
)
from gilscope.words import NONE, count, counted, decimal, duration, percent, workers

#: Sites named in a table; the JSON has all of them.
MOST_SITES = 3
#: Characters of a statement that are shown.
MOST_CHARACTERS = 200
#: A call that waits with the GIL for less of its time than this is no news.
WORTH_SHOWING = 0.05
#: On a narrow terminal, what calls cost that are sent or handed out goes first; what was measured is never left out.
COLUMNS = (
    Column(""),
    Column("predicted", drop=4),
    Column("measured here"),
    Column("beside processes", drop=3),
    Column("with sending", drop=2),
    Column("handed out one by one", drop=1),
)
_WAYS = ("threads", "processes", "interpreters")
MEANINGS = {
    classes.BYTECODE: "Python code, which needs the GIL and drops it when another thread asks",
    classes.NATIVE: "compiled code that keeps the GIL until it is done",
    classes.RELEASES: "without the GIL for four fifths of its time or more, mostly to compute",
    classes.WAITS: "without the GIL for four fifths of its time or more, mostly to wait",
    classes.MIXED: "some of its time with the GIL, some without",
    classes.ATTACHED: "runs attached, which keeps nobody waiting where no GIL is in force",
    classes.PARALLEL: "one call keeps more than one CPU busy",
    classes.UNDECIDED: "the figures are too uncertain to say; more time (--max-time) may help",
}
_SHARES = {"held": "with the GIL", "computing": "without it, computing", "blocked": "without it, waiting"}
#: Without a GIL nobody holds one: a thread is attached while it may run Python, and other threads may be too.
_SHARES_WITHOUT_GIL = {"held": "attached", "computing": "detached, computing", "blocked": "detached, waiting"}
_TONES: dict[str, Tone] = {
    advice.THREADS: GOOD,
    advice.PROCESSES: GOOD,
    advice.NEITHER: BAD,
    advice.CANNOT_TELL: PARTLY,
}


def blocks(probe: Probe) -> tuple[Block, ...]:
    """Return a probe as blocks; the advice stands last, where a terminal's reader looks first."""
    printed = (Code(probe.traceback), Code(probe.output, "The end of what it printed:"))
    ended = tuple(code for code in printed if code.text.strip())
    if probe.failure:
        return Heading(_target(probe)), *ended, *_failure(probe)
    return (
        Heading(_target(probe)),
        Facts(call(probe)),
        Table(COLUMNS, ways(probe)),
        Facts(tail(probe)),
        Sentences(tuple(f"note: {note}" for note in probe.notes)),
        *ended,
        Answer(probe.advice, _TONES.get(probe.pays, "")),
    )


def call(probe: Probe) -> tuple[Fact, ...]:
    """Return what was measured of one call, alone on one thread."""
    found = [
        Fact("class", f"{probe.class_}: {MEANINGS.get(probe.class_, '')}"),
        Fact("one call", duration(probe.wall_ns)),
    ]
    labels = _SHARES if probe.machine.get("gil", True) else _SHARES_WITHOUT_GIL
    for name, label in labels.items():
        if name in probe.shares:
            found.append(Fact(label, _share(probe.shares[name])))
        waiting = probe.shares.get("held_waiting")
        if name == "held" and waiting is not None and waiting.estimate >= WORTH_SHOWING:
            told = f"{_share(waiting)}: neither computing nor letting others run"
            found.append(Fact("waiting with it", told))
    if probe.releases is not None:
        each = f", for {duration(probe.mean_release_ns)} each" if probe.mean_release_ns else ""
        times = f"{counted(probe.releases, 'time')} a call{each}"
        found.append(Fact("drops the GIL", times if probe.releases else "never by itself"))
    # Bytecode drops the GIL as soon as another thread asks, so that its holds keep none waiting.
    if probe.longest_hold_ns is not None and probe.class_ != classes.BYTECODE:
        found.append(Fact("longest with the GIL", f"{duration(probe.longest_hold_ns)} at a time"))
    released_ns = sum(site.computing_ns + site.blocked_ns for site in probe.sites)
    for i, site in enumerate(probe.sites[:MOST_SITES]):
        found.append(Fact("" if i else "dropped in", _site(site, released_ns)))
    if probe.shipping_ns is not None:
        told = f"{duration(probe.shipping_ns)} to pickle and ship arguments and result"
        found.append(Fact("to send it", told))
    return tuple(found)


def ways(probe: Probe) -> tuple[Line, ...]:
    """Return the lines of the table of ways; none where there is nothing to compare."""
    found = []
    most = max((one.n_workers for one in probe.predicted.get("threads", ())), default=0)
    shipped = {one.n_workers: one for one in probe.predicted.get("shipped", ())}
    for way in _WAYS:
        measured = {one.n_workers: one for one in probe.measured if one.way == way and not one.absent}
        predicted = {one.n_workers: one for one in probe.predicted.get(way, ())}
        for n_workers in sorted(measured.keys() | predicted.keys()):
            one = measured.get(n_workers)
            cells = (
                workers(n_workers, way),
                _range(predicted.get(n_workers)),
                _interval(one.speed_up) if one else NONE,
                _interval(one.of_processes) if one else NONE,
                _range(shipped.get(n_workers) if way == "processes" else None),
                _range(probe.handed.get(way) if n_workers == most else None),
            )
            found.append(Line(cells))
    return tuple(found)


def tail(probe: Probe) -> tuple[Fact, ...]:
    """Return what to make of the table, and how it was measured."""
    found = [fact for way in ("threads", "processes") for fact in _handing(probe, way)]
    for one in probe.measured:
        if one.way == "control":
            gave = f"{_interval(one.speed_up)} times as fast as one"
            found.append(Fact("this machine", f"{one.n_workers} processes of nothing but arithmetic were {gave}"))
    absent: dict[str, dict[str, None]] = {}
    for one in probe.measured:
        if one.absent:
            absent.setdefault(one.absent, {})[one.way] = None
    found += [Fact("not measured", f"{', '.join(names)}: {why}") for why, names in absent.items()]
    found += [Fact("less than predicted", f"{way}: {why}") for way, why in probe.shortfalls.items()]
    seen = f"it does not see {', '.join(probe.blind_to)}"
    return *found, Fact("measured by", f"{probe.mechanism}; {seen}; it costs {probe.cost}")


def _target(probe: Probe) -> str:
    """Return the target in one line, whole or cut between words: what is left of a path says whose it is."""
    said = " ".join(probe.target.split())
    if len(said) <= MOST_CHARACTERS:
        return said
    cut = said[:MOST_CHARACTERS]
    return f"{cut.rpartition(' ')[0] or cut} ..."


def _failure(probe: Probe) -> tuple[Block, ...]:
    """Return why nothing was measured, and below it what is to be typed instead."""
    first, _, others = probe.failure.partition("\n")
    return Answer(first, BAD), *((Facts((Fact("", "", tuple(others.splitlines())),)),) if others else ())


def _share(share: Share) -> str:
    return f"{100 * share.estimate:.1f} % [{100 * share.low:.1f}, {100 * share.high:.1f}]"


def _site(site: Site, released_ns: int) -> str:
    share = (site.computing_ns + site.blocked_ns) / released_ns if released_ns else 0.0
    place = f"{place_of(site.symbol, site.offset)} of {library_of(site.module)}"
    return f"{place}, {percent(share, 0)} of the time without it"


def _range(one: Prediction | Handed | None) -> str:
    if one is None:
        return NONE
    low, high = decimal(one.low, one.high), decimal(one.high)
    return low if low == high else f"{low} to {high}"


def _interval(one: Interval | None) -> str:
    if one is None or one.estimate != one.estimate:
        return NONE
    if not 0 < one.low <= one.high < 1e6:
        return "?"
    estimate, low, high = (decimal(end, one.high) for end in (one.estimate, one.low, one.high))
    return f"{estimate} [{low}, {high}]"


def _handing(probe: Probe, way: str) -> list[Fact]:
    """Return what handing out a call costs with the most workers, where that was measured."""
    costs = [one.handing for one in probe.measured if one.way == way and one.handing is not None]
    if not costs:
        return []
    one = probe.handed.get(way)
    enough = 1 if one is None else one.calls_at_a_time
    hence = f", so that {count(enough)} or more at a time keep nine tenths of the speed-up" if enough > 1 else ""
    waking = f"waking one that sleeps took {_cost(costs[-1].idle)}"
    return [
        Fact(
            "handing out",
            f"{_cost(costs[-1].busy)} a call to {way} that have more in their queue{hence}; {waking}",
        )
    ]


def _cost(cost: Cost) -> str:
    return f"{duration(cost.estimate)} [{duration(cost.low)}, {duration(cost.high)}]"
