# ruff: noqa: E501 - patterns are as long as their sentences
"""`gilscope probe`: its advice and notes say what the rows of the same output show, and nothing that they exclude."""

from typing import Any

import pytest
from claims import Drawn, Vocabulary, examples, number, reads, reads_share, reads_time, seconds_of, spans
from hypothesis import given
from hypothesis import strategies as st
from probes import BYTECODE, FUNCTION, NATIVE, PROBES, STATEMENT, gave, handing, probed, share, shares

from gilscope.pairing.control import SECOND_CPU
from gilscope.probing import view
from gilscope.probing.result import Probe
from gilscope.report import text
from gilscope.report.terminal import NO_WIDTH

WORTH_IT = 1.2
PARTS = (0.0, 0.002, 0.03, 0.2, 0.5, 0.8, 0.97, 1.0)
SPEEDS = (0.03, 0.63, 0.95, 1.0, 1.1, 1.1496, 1.19, 1.2, 1.6, 1.97, 2.1, 3.9)
WIDTHS = (0.0, 0.02, 0.3, 0.9)


def ratio(draw: st.DrawFn, speeds: tuple[float, ...] = SPEEDS) -> dict[str, Any]:
    middle, width = draw(st.sampled_from(speeds)), draw(st.sampled_from(WIDTHS))
    rest = {"level": 0.95, "n": 30, "n_effective": 30.0, "lag1": 0.0, "n_launches": 1, "widened": ""}
    return {"estimate": middle, "low": middle * (1 - width), "high": middle * (1 + width), **rest}


def ways(draw: st.DrawFn, n_workers: int) -> list[dict[str, Any]]:
    """Draw what each way gave: something, nothing that can be told, or a failure of its own."""
    found = []
    speeds: dict[str, dict[str, Any]] = {}
    for way in ("processes", "threads", "control"):
        kind = draw(st.sampled_from(["measured", "measured", "measured", "absent", "failed"]))
        if kind == "measured":
            speeds[way] = ratio(draw)
            more: dict[str, Any] = {"speed_up": speeds[way], "of_processes": None, "handing": None}
            if way == "threads" and "processes" in speeds:  # in the same rounds
                more["of_processes"] = ratio(draw, (speeds["threads"]["estimate"] / speeds["processes"]["estimate"],))
            if way != "control" and draw(st.booleans()):
                more["handing"] = handing(n_workers, draw(st.sampled_from([1e3, 5e4, 2e7])))
            found.append(gave(way, 1.0, n_workers) | more)
        elif way != "control":
            found.append(gave(way, None, n_workers, absent="a test says so") | {"failed": kind == "failed"})
    return found


@st.composite
def probes(draw: st.DrawFn) -> Drawn:
    """Draw a call: its shares, its releases, what asking showed, what workers gave, and what stands in the way."""
    held = draw(st.sampled_from(PARTS))
    blocked = (1 - held) * draw(st.sampled_from([0.0, 0.0, 0.5, 1.0]))
    half_width = draw(st.sampled_from([0.0, 0.01, 0.2]))
    releases = draw(st.sampled_from([1.0, 10.0, 1e4, 1e6])) if held < 1 else 0.0
    found = shares(
        held,
        1 - held - blocked,
        blocked,
        half_width=half_width,
        releases=releases,
        longest_hold_ns=draw(st.sampled_from([None, 0, 1000, round(held * 10e6), 80_000_000])),
        held_waiting=share(held * draw(st.sampled_from([0.0, 0.0, 0.9])), 0.0),
        native=draw(st.sampled_from([0.0, 0.0, 0.6])),
    )
    found["sites"] = [site | {"count": round(30 * releases)} for site in found["sites"]]
    n_workers = draw(st.sampled_from([2, 2, 4]))
    made = probed(
        found,
        knocks=draw(st.sampled_from([None, BYTECODE, NATIVE])),
        scaling=ways(draw, n_workers),
        shipping_ns=draw(st.sampled_from([None, 20e3, 2e7])),
        target=draw(st.sampled_from([FUNCTION, STATEMENT])),
        n_cpus=draw(st.sampled_from([1, 2, 4])),
        alone=draw(st.sampled_from(["", "", "nobody finds it"])),
        cause=draw(st.sampled_from(["", "minus_ones lacks noexcept"])),
        already_parallel=draw(st.sampled_from([False, False, False, True, None])),
    )
    return Drawn(made, text.render(view.blocks(made), NO_WIDTH))


SAID = Vocabulary()
#: What follows a prediction in brackets, and what was measured.
N = r"<n:count> of them "
SHOULD = r"\d+ of them should be (?P<predicted>[\d.]+(?: to [\d.]+)?) times as fast as one"
INTERVAL = r"(?:under )?\d[\d ]*(?:\.\d+)? \[(?:\?|[^\]]+)\]|-"
MEASURED = rf"(?: \(measured (?P<measured>{INTERVAL})(?: with nothing to send)?(?:: (?P<reason>[^()]*(?:\([^()]*\)[^()]*)*))?\))?"


def row(probe: Probe, way: str) -> tuple[str, ...]:
    """Return the line of the table for a way with the most workers."""
    lines = [line.cells for line in view.ways(probe) if way.rstrip("s") in line.cells[0]]
    return lines[-1] if lines else ("-",) * 6


def facts(probe: Probe) -> dict[str, str]:
    return {fact.label: fact.value for fact in (*view.call(probe), *view.tail(probe))}


def stands(probe: Probe, way: str, predicted: str, measured: str = "", reason: str = "") -> bool:
    """Tell whether figures of a sentence are those of the way's row, rounded further or not."""
    its = probe.predicted["threads" if way == "threads" else "shipped"][-1]
    low, high = spans(predicted)
    there = reads(low, its.low) and reads(high, its.high)
    cells = row(probe, way)
    shown = not measured or measured == cells[2]
    return there and shown and (not reason or reason == probe.shortfalls.get(way))


def gave_to(probe: Probe, way: str) -> tuple[float, float] | None:
    """Return the ends of what was measured of a way with the most workers, where that has ends."""
    most = max((one.n_workers for one in probe.measured), default=0)
    read = [one.speed_up for one in probe.measured if one.way == way and one.n_workers == most and one.speed_up]
    return (read[-1].low, read[-1].high) if read and read[-1].low > 0 else None


def may_pay(probe: Probe, way: str) -> bool:
    gave = gave_to(probe, way)
    return gave is None or gave[1] >= WORTH_IT or probe.second_cpu is not True


def may_not_pay(probe: Probe, way: str) -> bool:
    gave = gave_to(probe, way)
    return gave is None or gave[0] <= WORTH_IT


def fails(probe: Probe, way: str) -> str:
    return next((one.absent for one in probe.measured if one.way == way and one.failed), "")


REASONS = Vocabulary()


@SAID.claim("It keeps several CPUs busy by itself; threads or processes of yours would compete with its own")
def _(probe: Probe) -> bool:
    return probe.class_ == "already parallel" and probe.pays == "nothing more"


@SAID.claim("Cannot tell whether it keeps several CPUs busy by itself; a longer or more regular call may tell")
def _(probe: Probe) -> bool:
    return probe.pays == "cannot tell"


NEEDS = (
    r"(?:it mostly waits, without the GIL|no GIL keeps it from that|it needs the GIL for <needs:percent> of its time)"
)
WHY = (
    rf"(?:{NEEDS}(?:, and for longer at a time than the switch interval)?|it computes, and there are not enough CPUs"
    r"|it is Python bytecode, which needs the GIL|it computes in native code without releasing the GIL"
    r"|<fine:percent> of its time without the GIL is in pieces of <piece:time>, which cost more than they give"
    r"|it drops the GIL <drops:count> times? a call, for <each:time> each(?:: (?P<cause>.+?noexcept)|, which costs as much as it gives or more)?"
    r"|it waits for <waits:percent> of its time and keeps the GIL meanwhile, where it should release it \(nogil, Py_BEGIN_ALLOW_THREADS; ctypes.CDLL, not PyDLL\))"
)
HANDED = r"(?:, if each is given <at_a_time:count> calls? or more at a time; handed out one by one, (?P<handed>[\d.]+(?: to [\d.]+)?) times)?"


def why_holds(
    probe: Probe,
    needs: str = "",
    fine: str = "",
    piece: str = "",
    drops: str = "",
    each: str = "",
    cause: str = "",
    waits: str = "",
    **_: str,
) -> bool:
    held = probe.shares["held"].estimate
    right = not needs or reads_share(needs, held)
    right = right and (
        not drops
        or (
            probe.releases is not None
            and reads(drops, probe.releases)
            and facts(probe)["drops the GIL"].startswith(f"{drops} time")
        )
    )
    right = right and (not each or each in facts(probe)["drops the GIL"])
    return right and (not waits or reads_share(waits, probe.shares["held_waiting"].estimate))


def handed_holds(probe: Probe, way: str, at_a_time: str = "", handed: str = "", **_: str) -> bool:
    if not at_a_time:
        return True
    one = probe.handed[way]
    low, high = spans(handed)
    right = reads(low, one.low) and reads(high, one.high) and number(at_a_time) == one.calls_at_a_time > 1
    return (
        right
        and row(probe, way)[5] != "-"
        and any(f"so that {at_a_time} or more at a time" in fact.value for fact in view.tail(probe))
    )


@SAID.claim(rf"Threads pay: {NEEDS}, and {SHOULD}{MEASURED}{HANDED}")
def _(probe: Probe, predicted: str, measured: str = "", reason: str = "", **rest: str) -> bool:
    right = (
        stands(probe, "threads", predicted, measured, reason)
        and why_holds(probe, **rest)
        and handed_holds(probe, "threads", **rest)
    )
    return right and probe.pays == "threads" and may_pay(probe, "threads") and not fails(probe, "threads")


@SAID.claim(rf"Threads pay here: \d+ of them were (?P<measured>{INTERVAL}) times as fast as one, although {WHY}")
def _(probe: Probe, measured: str, **rest: str) -> bool:
    gave = gave_to(probe, "threads")
    return (
        measured == row(probe, "threads")[2] and gave is not None and gave[0] >= WORTH_IT and why_holds(probe, **rest)
    )


@SAID.claim(
    "More threads than CPUs help too, for it needs (?:(?P<hardly>hardly any CPU)|a CPU for <used:percent> of its time)"
)
def _(probe: Probe, hardly: str = "", used: str = "") -> bool:
    share = probe.shares["computing"].estimate + probe.shares["held"].estimate - probe.shares["held_waiting"].estimate
    return probe.class_ == "waits" and (share < 0.105 if hardly else reads_share(used, share))


@SAID.claim(rf"Processes pay more: {SHOULD}{MEASURED}")
def _(probe: Probe, predicted: str, measured: str = "", reason: str = "") -> bool:
    threads, processes = gave_to(probe, "threads"), gave_to(probe, "processes")
    more = threads is None or processes is None or processes[1] >= threads[0]
    return stands(probe, "processes", predicted, measured, reason) and more and may_pay(probe, "processes")


@SAID.claim("Processes gain no more")
def _(probe: Probe) -> bool:
    threads, processes = gave_to(probe, "threads"), gave_to(probe, "processes")
    return threads is None or processes is None or processes[0] * 0.9 <= threads[1]


@SAID.claim(rf"Whether processes gain more cannot be told: {SHOULD}{MEASURED}")
def _(probe: Probe, predicted: str, measured: str = "", reason: str = "") -> bool:
    return stands(probe, "processes", predicted, measured, reason)


CONTROL = rf"this machine gave no second CPU meanwhile \((?P<control>{INTERVAL})\)"
UNTOLD = rf"whether this machine gave a second CPU could not be told in <seconds:time> \((?P<untold>{INTERVAL})\); --max-time <longer:count>s may tell"
UNMEASURED = "whether this machine gave a second CPU was not measured"
FICKLE = "releases this short meet all the time in one process and never in the next"
DOUBT = rf"(?: and nothing was measured that could tell| where there are as many CPUs; here they were (?P<here>{INTERVAL}), but (?:{CONTROL}|{UNTOLD}|(?P<unmeasured>{UNMEASURED}))| and here they were (?P<also>{INTERVAL})(?: \((?P<why>[^()]*(?:\([^()]*\)[^()]*)*)\))?(?:; --max-time \d+s may tell|, but (?P<fickle>{FICKLE}); make them longer))"


def doubt_holds(
    probe: Probe, way: str, here: str = "", also: str = "", why: str = "", fickle: str = "", **rest: str
) -> bool:
    shown = here or also
    right = not shown or shown == row(probe, way)[2]
    if fickle:
        one = probe.predicted["threads"][-1]
        right = right and way == "threads" and one.limit == "fine releases" and one.low < 1.2 <= one.high
    return right and cpu_holds(probe, **rest) and (not why or why == probe.shortfalls.get(way))


def cpu_holds(
    probe: Probe,
    control: str = "",
    untold: str = "",
    seconds: str = "",
    longer: str = "",
    unmeasured: str = "",
    **_: str,
) -> bool:
    """Tell whether what is said of a second CPU is what its row shows."""
    gave, told = gave_to(probe, "control"), facts(probe).get("this machine", "")
    if control:
        return gave is not None and gave[1] <= SECOND_CPU and control in told and probe.second_cpu is False
    if untold:
        straddles = gave is not None and gave[0] <= SECOND_CPU <= gave[1]
        return straddles and untold in told and number(longer) > seconds_of(seconds) and probe.second_cpu is None
    return not unmeasured or gave is None


@SAID.claim(rf"Cannot tell whether threads pay: {SHOULD},{DOUBT}")
def _(probe: Probe, predicted: str, **rest: str) -> bool:
    return probe.pays == "cannot tell" and stands(probe, "threads", predicted) and doubt_holds(probe, "threads", **rest)


@SAID.claim(
    rf"Cannot tell whether threads or processes pay: {SHOULD}, and as many processes (?P<others>[\d.]+(?: to [\d.]+)?) times,{DOUBT}"
)
def _(probe: Probe, predicted: str, others: str, **rest: str) -> bool:
    both = stands(probe, "threads", predicted) and stands(probe, "processes", others)
    return probe.pays == "cannot tell" and both and doubt_holds(probe, "threads", **rest)


@SAID.claim(rf"Processes do: {SHOULD}{MEASURED}{HANDED}")
def _(probe: Probe, predicted: str, measured: str = "", reason: str = "", **rest: str) -> bool:
    right = stands(probe, "processes", predicted, measured, reason) and handed_holds(probe, "processes", **rest)
    return right and may_pay(probe, "processes") and not fails(probe, "processes")


NO_PROCESSES = rf"(?:they cannot have it as it is \((?P<cannot>.+?)\)|(?P<sent>sending its arguments and result takes too long)|(?P<few>there are not enough CPUs)|{SHOULD}{MEASURED})(?=\.)"


@SAID.claim(rf"(?:Processes do not|nor do processes): {NO_PROCESSES}")
def _(
    probe: Probe,
    cannot: str = "",
    sent: str = "",
    few: str = "",
    predicted: str = "",
    measured: str = "",
    reason: str = "",
) -> bool:
    right = not predicted or stands(probe, "processes", predicted, measured, reason)
    # What is measured is sent nothing.
    right = right and (not sent or probe.predicted["shipped"][-1].low < WORTH_IT)
    return right and (bool(cannot or sent) or may_not_pay(probe, "processes")) and probe.pays != "processes"


@SAID.claim(rf"whether processes do cannot be told: {SHOULD},{DOUBT}")
def _(probe: Probe, predicted: str, **rest: str) -> bool:
    return (
        stands(probe, "processes", predicted)
        and doubt_holds(probe, "processes", **rest)
        and probe.pays == "cannot tell"
    )


@SAID.claim(r"Threads cannot make it \((?P<why>.+?)\)(?=;)")
def _(probe: Probe, why: str) -> bool:
    return why == fails(probe, "threads") and probe.pays != "threads"


@SAID.claim(rf"Threads make it slower: {SHOULD}{MEASURED}, for {WHY}")
def _(probe: Probe, predicted: str, measured: str = "", reason: str = "", **rest: str) -> bool:
    gave = gave_to(probe, "threads")
    slower = number(spans(predicted)[1]) < 1 or (gave is not None and gave[1] < 1)
    return (
        stands(probe, "threads", predicted, measured, reason)
        and (gave is None or gave[1] < 1)
        and slower
        and why_holds(probe, **rest)
    )


@SAID.claim(rf"Threads do not pay, although {NEEDS}: {SHOULD}{MEASURED}")
def _(probe: Probe, predicted: str, measured: str = "", reason: str = "", **rest: str) -> bool:
    right = stands(probe, "threads", predicted, measured, reason) and why_holds(probe, **rest)
    return right and may_not_pay(probe, "threads") and probe.pays != "threads"


@SAID.claim(rf"Threads do not pay: {WHY}")
def _(probe: Probe, **rest: str) -> bool:
    return why_holds(probe, **rest) and may_not_pay(probe, "threads") and probe.pays != "threads"


@SAID.claim(rf"processes do: {SHOULD}{MEASURED}{HANDED}")
def _(probe: Probe, predicted: str, measured: str = "", reason: str = "", **rest: str) -> bool:
    right = stands(probe, "processes", predicted, measured, reason) and handed_holds(probe, "processes", **rest)
    return right and may_pay(probe, "processes") and not fails(probe, "processes")


@SAID.claim("Every other thread stands still for up to <longest:time> at a time")
def _(probe: Probe, longest: str) -> bool:
    return reads_time(longest, probe.longest_hold_ns or 0) and facts(probe)["longest with the GIL"].startswith(longest)


@SAID.claim(r"The figures leave its class open, so take this with care; more time \(--max-time\) may tell")
def _(probe: Probe) -> bool:
    return probe.class_ == "undecided"


NOTES = Vocabulary()


@NOTES.claim("native threads or processes of its own compute for it: <share:percent> of its time on a CPU")
def _(probe: Probe, share: str) -> bool:
    return share == "60 %"


@NOTES.claim(
    rf"(?:{CONTROL}|{UNTOLD}|(?P<unmeasured>{UNMEASURED})); measured speed-ups (?P<verb>are|may be) what one CPU gives"
)
def _(probe: Probe, verb: str, **said: str) -> bool:
    is_told = probe.second_cpu is False and "control" in said
    return cpu_holds(probe, **said) and probe.second_cpu is not True and is_told == (verb == "are")


@NOTES.claim("another process cannot have it: .+")
def _(probe: Probe) -> bool:
    return True


@NOTES.claim(
    r"it holds the GIL for <hold:time> at a time, and after <after:time> a waiting thread may take it before the call can release it; then no release overlaps with a hold. A longer sys.setswitchinterval\(\) lets it release first, and has others wait longer for Python code"
)
def _(probe: Probe, hold: str, after: str) -> bool:
    held_ns = probe.shares["held"].estimate * (probe.wall_ns or 0) / (probe.releases or 1)
    return reads_time(hold, held_ns) and seconds_of(after) == 5e-3


#: What the line of a class says of the shares below it.
MEANINGS = {
    "without the GIL for four fifths of its time or more, mostly to compute": lambda held, computing, blocked: (
        held <= 0.2 and computing >= blocked
    ),
    "without the GIL for four fifths of its time or more, mostly to wait": lambda held, computing, blocked: (
        held <= 0.2 and blocked >= computing
    ),
    "some of its time with the GIL, some without": lambda held, *_: 0 < held < 1,
}


def contradictions(probe: Probe) -> list[str]:
    found = SAID.contradictions(probe.advice, probe)
    said = facts(probe)["class"].partition(": ")[2]
    shares = [probe.shares[name].estimate for name in ("held", "computing", "blocked")]
    found += [] if MEANINGS.get(said, lambda *_: True)(*shares) else [f"{said}: {shares}"]
    for note in probe.notes:
        found += NOTES.contradictions(note, probe)
    return found


@examples(400)
@given(probes())
def test_no_advice_says_what_its_rows_exclude(drawn: Drawn) -> None:
    """Of calls that hold, release, wait and do all of it; of workers that gave anything, failed, or were not there."""
    assert contradictions(drawn.facts) == []


@pytest.mark.parametrize("name", [name for name, probe in PROBES.items() if not probe.failure])
def test_no_example_contradicts_itself(name: str) -> None:
    """One of each kind of result."""
    assert contradictions(PROBES[name]) == []
