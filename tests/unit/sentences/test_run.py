# ruff: noqa: E501 - patterns are as long as their sentences
"""`gilscope run`: no verdict, no line and no sentence says what the figures beneath exclude.

A figure that is printed as a border, 1.15, may lie to either side of it by less than its fifth decimal.
"""

import math
import random
import re

import fakes
from claims import Drawn, Vocabulary, ends, examples, number, reads, reads_share, seconds_of, spans
from hypothesis import given
from hypothesis import strategies as st

from gilscope import words
from gilscope.errors import Unavailable
from gilscope.pairing.control import SAME, SCALES_FROM, SECOND_CPU
from gilscope.report import markdown
from gilscope.running import cautions, verdicts, view
from gilscope.running.result import Arm, Group, Result, Round, Row, Sample, WorkSize
from gilscope.running.runner import NARROW

#: At and around every border of a verdict, and far beyond.
SPEEDS = (1e-3, 0.3, 0.8996, 0.9, 0.9004, 0.97, 1.0, 1.0004, 1.019, 1.03, 1.1, 1.12, 1.1496, 1.15, 1.5, 1.9, 4.0, 250.0)
CPU_WIDTHS = (0.2, 0.99, 1.1, 1.12, 1.49, 1.5, 1.95, 3.9)
NOISES = (0.0, 1e-4, 0.003, 0.02, 0.1, 1.0)
ROUNDS = (0, 1, 5, 11, 30)
NAMES_OF_COLUMNS = [column.name for column in view.COLUMNS]


@st.composite
def results(draw: st.DrawFn) -> Drawn:
    """Draw a run: arms with speeds and widths of their own, noise, launches that disagree, arms that are not there."""
    plan = fakes.plan(
        implementations=draw(st.sampled_from([("c",), ("python", "c"), ("cython",)])),
        strategies=draw(st.sampled_from([("threads",), ("threads", "interpreters", "processes:fork", "openmp")])),
        workers=(widths := draw(st.sampled_from([(1,), (2,), (2, 4), (1, 2)]))),
        form=draw(st.sampled_from(["array", "compute"])),
        effort=draw(st.sampled_from(["fast", "default"])),
        oversubscribe=max(widths) > 2 or draw(st.booleans()),
    )
    rng, machine = random.Random(draw(st.integers(0, 2**32))), fakes.FakeMachine()
    runner = machine.runner(plan)
    evidence = runner.evidence
    evidence.gil_enabled = draw(st.booleans())
    runner.workers = [{"gil_enabled": evidence.gil_enabled}]
    noise, n_launches = draw(st.sampled_from(NOISES)), draw(st.integers(1, 3))
    lie = draw(st.sampled_from([1.0, 1.0, 1.0004, 1.2]))
    for group in (plan.control, *plan.groups):
        runner.work[group.id] = WorkSize(n_items=2048, repeats=10)
        for arm in group.arms:
            if arm.strategy not in ("serial", "threads") and group != plan.control and draw(st.integers(0, 7)) == 0:
                evidence.absent[arm.id] = Unavailable("a test says so")
        speeds = {arm.id: _speed(draw, arm, group == plan.control, lie) for arm in group.arms}
        widths = {arm.id: draw(st.sampled_from(CPU_WIDTHS)) for arm in group.arms}
        n_rounds, drift = draw(st.sampled_from(ROUNDS)), draw(st.sampled_from([0.0, 0.2]))
        for round_ in _rounds(
            group, evidence.present(group), speeds, widths, (n_launches, n_rounds), (noise, drift), rng
        ):
            evidence.add(round_)
    machine.clock.now_ns += round(draw(st.sampled_from([0.4, 20.0, 600.0])) * 1e9)
    narrow = [ratio.half_width for group in plan.groups for _, ratio in evidence.equal_width(group).values()]
    is_narrow = bool(narrow) and max(narrow) <= plan.target and all(map(evidence.n_group_rounds, plan.groups))
    runner.stop_reason = draw(st.sampled_from([NARROW if is_narrow else "time budget spent", ""]))
    result = fakes.result_of(runner)
    return Drawn(result, markdown.render(view.blocks(result)))


def _speed(draw: st.DrawFn, arm: Arm, is_control: bool, lie: float) -> float:
    if is_control and arm.strategy == "serial":
        return lie / arm.work if arm.work != 1 else 1.0
    return 1.0 if arm.strategy == "serial" else draw(st.sampled_from(SPEEDS))


def _rounds(
    group: Group,
    arms: tuple[Arm, ...],
    speeds: dict[str, float],
    widths: dict[str, float],
    counts: tuple[int, int],
    restless: tuple[float, float],
    rng: random.Random,
) -> list[Round]:
    found = []
    for launch in range(counts[0]):
        for at_ns in range(counts[1]):
            samples = []
            for arm in arms:
                mood = math.exp(rng.gauss(0, restless[0]) + launch * restless[1] * (arm.strategy != "serial"))
                wall_ns = max(1, round(1e7 / speeds[arm.id] * mood))
                cpu_ns, delay_ns = round(wall_ns * widths[arm.id]), round(wall_ns * rng.choice([0, 0, 0.5]))
                samples.append(Sample(arm=arm.id, wall_ns=wall_ns, cpu_ns=cpu_ns, run_delay_ns=delay_ns, switches=0))
            found.append(
                Round(
                    group=group.id,
                    launch=launch,
                    at_ns=at_ns,
                    warm_up=False,
                    samples=tuple(samples),
                    throttled=at_ns % 2,
                )
            )
    return found


# What the sentences claim.

FINDINGS = Vocabulary()
WAY = r"(?:(?P<mode>holding the GIL|with the GIL held|with the GIL released(?: per block)?|in the (?:held|released|chunked) form), )<counts:counts> "
WAY += r"(?P<way>threads?|OpenMP threads?|interpreters?|processe?s? \(fork\)|process(?:es)?)"
WHERE = r"(?P<where>(?:(?:Python|NumPy|Cython|C)(?: \([^)]*\))?(?:, | and )?)+)"
NAMES = {"Python": "python", "NumPy": "numpy", "Cython": "cython", "C": "c"}


def meant(result: Result, counts: str, way: str, where: str, mode: str = "") -> list[Row]:
    """Return the rows of which a sentence speaks: every one that its words cover, and not only those that fit it."""
    several = way.replace("thread", "threads").replace("ss", "s") if way.endswith("thread") else way
    several = {"interpreter": "interpreters", "process (fork)": "processes (fork)"}.get(several, several)
    strategy = {"OpenMP threads": "openmp", "processes (fork)": "processes:fork"}.get(several, several)
    gil = "chunked" if "per block" in mode or "chunked" in mode else "released" if "released" in mode else "held"
    found = []
    for name, some in re.findall(r"(Python|NumPy|Cython|C)(?: \(([^)]*)\))?", where):
        for row in result.rows:
            arm = row.arm
            fits = arm.strategy == strategy and arm.gil == gil and arm.implementation == NAMES[name]
            named = not some or f"{arm.kernel} on {arm.n_workers}" in some.split(", ")
            if fits and named and str(arm.n_workers) in re.findall(r"\d+", counts) and row.unavailable is None:
                found.append(row)
    assert found, f"no row is one of {counts} {way} in {where}"
    return found


def cell(result: Result, row: Row, column: str) -> str:
    """Return what the table prints of a row."""
    present = [one for one in result.rows if one.unavailable is None]
    return (
        "-"
        if row not in present
        else view.lines(result)[present.index(row)].cells[NAMES_OF_COLUMNS.index(column)].rstrip("*")
    )


def in_range(printed: str, rows: list[Row]) -> bool:
    """Tell whether a printed range is that of the rows' estimates."""
    values = [row.equal_width.estimate for row in rows if row.equal_width is not None]
    low, high = spans(printed)
    return len(values) == len(rows) and reads(low, min(values)) and reads(high, max(values))


@FINDINGS.claim(
    rf"{WAY} are (?:still )?(?P<faster>no|hardly) faster than one, in {WHERE}: they reach <reached:range> of one thread's speed"
)
def _(result: Result, faster: str, reached: str, **way: str) -> bool:
    rows = meant(result, **way)
    most = 1.02 if faster == "no" else 1.1
    lows = [ends(cell(result, row, "of ceiling"))[1] for row in rows]
    return in_range(reached, rows) and max(lows) <= most and all(row.partner.endswith("/serial") for row in rows)


@FINDINGS.claim(rf"{WAY} keep one CPU busy, in {WHERE}: they reach <reached:range> of serial speed")
def _(result: Result, reached: str, **way: str) -> bool:
    rows = meant(result, **way)
    return in_range(reached, rows) and all((row.cpu_width or 9) <= verdicts.ONE_CPU_WIDE for row in rows)


@FINDINGS.claim(rf"{WAY} reach <reached:range> of what as many processes reach, in {WHERE}")
def _(result: Result, reached: str, **way: str) -> bool:
    rows = meant(result, **way)
    return in_range(reached, rows) and not any(row.partner.endswith("/serial") for row in rows)


@FINDINGS.claim(
    rf"{WAY} is (?P<how>as fast as|faster than|slower than) one process(?: within <margin:figure> %)? \(<reached:range>\), in {WHERE}"
)
def _(result: Result, how: str, reached: str, margin: str = "2", **way: str) -> bool:
    rows, far = meant(result, **way), float(margin) / 100
    read = [ends(cell(result, row, "of ceiling"))[1:] for row in rows]
    allowed = {
        "as fast as": all(low >= 1 - far - 1e-9 and high <= 1 + far + 1e-9 for low, high in read),
        "faster than": all(low >= 1 + far - 1e-9 for low, _ in read),
        "slower than": all(high <= 1 - far + 1e-9 for _, high in read),
    }
    return in_range(reached, rows) and allowed[how] and way["counts"] == "1"


def ceilings(result: Result, verdict: str) -> list[tuple[float, float, float]]:
    """Return what the table prints of how much faster than serial the processes were."""
    of_verdict = [r for r in result.rows if r.verdict == verdict and not r.partner]
    rows = [r for r in of_verdict if r.arm.strategy.startswith("processes")]
    return [ends(cell(result, row, "here and now")) for row in rows]


def second_cpu_shown(result: Result) -> bool:
    """Tell whether any printed figure shows a second CPU."""
    wide = [row for row in result.rows if row.arm.n_workers > 1 and row.here_and_now is not None]
    printed = [ends(cell(result, row, "here and now"))[1] for row in wide]
    shown = [low >= SECOND_CPU <= row.here_and_now.low for row, low in zip(wide, printed, strict=True)]
    control = result.control and result.control.second_cpu
    return any(shown) or (control is not None and control.low >= SECOND_CPU)


def counted(result: Result, n: str, of: str, *found: str) -> bool:
    return int(of) == len(result.rows) and int(n) == sum(row.verdict in found for row in result.rows)


@FINDINGS.claim(
    r"in <n:count> of <of:count> arms this machine gave no second CPU, for processes too were (?:no faster than|at most <most:figure> times as fast as) one, which says nothing about threads"
)
def _(result: Result, n: str, of: str, most: str = "") -> bool:
    read = ceilings(result, verdicts.NO_SECOND_CPU)
    below = all(high <= SECOND_CPU for _, _, high in read)
    stands = not most or float(most) == max(high for _, _, high in read)
    return counted(result, n, of, verdicts.NO_SECOND_CPU) and below and stands and not second_cpu_shown(result)


@FINDINGS.claim(
    r"in <n:count> of <of:count> arms there was nothing to gain here, though this machine gave a second CPU elsewhere, for processes too were (?:no faster than|at most <most:figure> times as fast as) one, which says nothing about threads"
)
def _(result: Result, n: str, of: str, most: str = "") -> bool:
    read = ceilings(result, verdicts.NO_GAIN)
    stands = not most or float(most) == max(high for _, _, high in read)
    below = all(high <= SECOND_CPU for _, _, high in read)
    return counted(result, n, of, verdicts.NO_GAIN) and below and stands and second_cpu_shown(result)


def seconds_read(printed: str, result: Result) -> bool:
    return abs(seconds_of(printed) - result.duration_s) <= 0.5


@FINDINGS.claim(r"in <n:count> arms a second CPU adds nothing, for memory is the limit")
def _(result: Result, n: str) -> bool:
    read = ceilings(result, verdicts.MEMORY_BOUND)
    low = result.control.second_cpu.low if result.control and result.control.second_cpu else 0.0
    held = int(n) == sum(row.verdict == verdicts.MEMORY_BOUND for row in result.rows)
    return held and all(high <= SECOND_CPU for _, _, high in read) and low >= SECOND_CPU


@FINDINGS.claim(
    r"for <n:count> of <of:count> arms it could not be told in <seconds:time> whether this machine gave a second CPU \((?:too few rounds|processes were (?:<read:interval>|<reach:range>) times as fast as one)\)"
)
def _(result: Result, n: str, of: str, seconds: str, read: str = "", reach: str = "") -> bool:
    printed = ceilings(result, verdicts.GAIN_OPEN)
    if read:
        stands = [ends(read)] == printed
    elif reach:
        stands = tuple(map(float, spans(reach))) == (min(p[1] for p in printed), max(p[2] for p in printed))
    else:
        stands = any(math.isinf(high) for _, _, high in printed)
    straddles = all(low <= SECOND_CPU <= high for _, low, high in printed)
    return (
        counted(result, n, of, verdicts.GAIN_OPEN)
        and stands
        and straddles
        and not second_cpu_shown(result)
        and seconds_read(seconds, result)
    )


@FINDINGS.claim(r"<alone:count> of <of:count> arms (?:has|have) no processes to be compared with")
def _(result: Result, alone: str, of: str) -> bool:
    return counted(result, alone, of, verdicts.NO_PROCESSES)


@FINDINGS.claim(r"<n:count> of <of:count> arms stayed unresolved, and a quieter machine or")
def _(result: Result, n: str, of: str) -> bool:
    left = [row for row in result.rows if row.verdict.startswith("unresolved") and row.verdict != verdicts.NO_PROCESSES]
    told = any(row.verdict == verdicts.GAIN_OPEN for row in left) and not second_cpu_shown(result)
    return int(of) == len(result.rows) and int(n) == sum(not told or r.verdict != verdicts.GAIN_OPEN for r in left)


@FINDINGS.claim(r"more time \(--max-time <seconds:count>s\) may tell")
def _(result: Result, seconds: str) -> bool:
    return int(seconds) > result.duration_s and result.stop_reason != NARROW


@FINDINGS.claim(r"narrower intervals \(--ci-width\) may tell")
def _(result: Result) -> bool:
    return result.stop_reason == NARROW


@FINDINGS.claim(r"Nothing here could be compared: no parallel arm ran")
def _(result: Result) -> bool:
    return not any(row.wall_ns is not None for row in result.rows if row.arm.strategy != "serial")


@FINDINGS.claim(r"Nothing was there to compare with processes, which are what this machine can give")
def _(result: Result) -> bool:
    return not any(verdicts.decides(row.verdict) for row in result.rows if row.unavailable is None)


@FINDINGS.claim(r"No round was timed after the warm-up, so there is nothing to tell; give it more time \(--max-time\)")
def _(result: Result) -> bool:
    return not any(row.wall_ns is not None for row in result.rows)


@FINDINGS.claim(r"The control was not measured in time, so this run gives no verdict; give it more time \(--max-time\)")
def _(result: Result) -> bool:
    return (
        result.control is not None
        and result.control.same is None
        and not any(verdicts.decides(r.verdict) for r in result.rows if not r.unavailable)
    )


@FINDINGS.claim(
    r"The control, whose true ratios are known, read wrong: something disturbed this run beyond what its intervals allow for, so it gives no verdict. Run it again, with less beside it"
)
def _(result: Result) -> bool:
    return result.control is not None and result.control.same is not None and not result.control.passed


# What the lines below the table, and the verdicts in it, claim.

FOOTER = Vocabulary()


@FOOTER.claim(r"\* one CPU wide: compared with serial")
def _(result: Result) -> bool:
    return all((r.cpu_width or 9) <= verdicts.ONE_CPU_WIDE for r in result.rows if r.partner.endswith("/serial"))


@FOOTER.claim(r"(?P<names>[\w(),: ]+?): unavailable: a test says so")
def _(result: Result, names: str) -> bool:
    """Tell whether what is named is absent, and nothing is present of what is named alone."""
    present = [row.arm for row in result.rows if row.unavailable is None]
    absent = [row.arm for row in result.rows if row.unavailable is not None]
    alone = [name for name in names.split(", ") if " under " not in name]
    there = {name for arm in present for name in (arm.implementation, words.way(arm.strategy))}
    named = all(arm.implementation in names or words.way(arm.strategy) in names for arm in absent)
    return bool(absent) and named and not there & set(alone)


@FOOTER.claim(
    r"control <same:interval> for 1 (?:(?P<one>read right|read WRONG|not read: too few rounds), |and )<heavier:interval> for 1.05 (?P<two>read right|read WRONG|not read: too few rounds)"
)
def _(result: Result, same: str, heavier: str, two: str, one: str = "") -> bool:
    return read_so(same, 1.0, one or two) and read_so(heavier, 1.05, two)


def read_so(printed: str, truth: float, word: str) -> bool:
    """Tell whether a control's printed interval is what its word says."""
    if printed == "-" or "?" in printed:
        return word.startswith("not read")
    _, low, high = ends(printed)
    return truth in (low, high) or (low <= truth <= high) == (word == "read right")


@FOOTER.claim(r"without memory, processes are (?:<read:interval>) times as fast as one here and now")
def _(result: Result, read: str) -> bool:
    return (
        result.control is not None
        and result.control.second_cpu is not None
        and ("?" in read or reads(read.split(maxsplit=1)[0], result.control.second_cpu.estimate))
    )


@FOOTER.claim(
    r"<launches:count> launch(?:es)?, <rounds:count> rounds? in <seconds:time> \((?P<why>every interval narrow enough|time budget spent|interrupted)\); steal (?:unknown|<steal:percent>), run delay <delay:percent>(?:, throttled <throttled:count> times?)?; seed <seed:count>"
)
def _(
    result: Result,
    launches: str,
    rounds: str,
    seconds: str,
    why: str,
    delay: str,
    seed: str,
    steal: str = "",
    throttled: str = "0",
) -> bool:
    widths = [row.equal_width.half_width for row in result.rows if row.equal_width is not None]
    narrow = why != NARROW or max(widths, default=0.0) <= result.plan.target
    counts = number(rounds) == len(result.rounds) and int(throttled) == result.interference.throttled
    return (
        narrow and counts and int(launches) == len({r.launch for r in result.rounds}) and seconds_read(seconds, result)
    )


CAUTIONS = Vocabulary()


@CAUTIONS.claim(
    r"workers stood ready but waited for a CPU for <delay:percent> as long as they had one: something else is running here; stop it, or expect wider intervals"
)
def _(result: Result, delay: str) -> bool:
    own = result.plan.oversubscribed
    return not own and reads_share(delay, result.interference.run_delay) and result.interference.run_delay > 0.1


@CAUTIONS.claim(
    r"the host gave <steal:percent> of the CPU time to others: trust shares of the ceiling only, or measure when it is quieter"
)
def _(result: Result, steal: str) -> bool:
    return reads_share(steal, result.interference.steal or 0.0, 1) and (result.interference.steal or 0.0) > 0.05


@CAUTIONS.claim(r"a CPU quota stopped this process <n:count> times?: raise it, or compare at a smaller width")
def _(result: Result, n: str) -> bool:
    return int(n) == result.interference.throttled > 0


@CAUTIONS.claim(
    r"<n:count> workers on 2 CPUs: they take turns, so that times say what too many workers cost and not what the GIL does. A library with threads of its own \(BLAS, OpenMP\) multiplies them: gilscope experiment oversubscription"
)
def _(result: Result, n: str) -> bool:
    return result.plan.oversubscribed and int(n) == max(row.arm.n_workers for row in result.rows) > 2


HEADING = Vocabulary()


@HEADING.claim(
    r"gilscope 0.1.0 - CPython 3.13.0, GIL (?P<gil>on|off) - (?P<widths>[\d, ]+) (?P<what>of|workers on) 2 CPUs - quad - float64"
)
def _(result: Result, gil: str, widths: str, what: str) -> bool:
    on = all(worker["gil_enabled"] for worker in result.workers)
    return (gil == "on") == on and (what == "workers on") == (max(map(int, widths.split(","))) > 2)


@HEADING.claim(r"(?:rounds over|arrays of) <items:count> items(?: \([a-z, ]+\))?")
def _(result: Result, items: str) -> bool:
    return number(items) == 2048


VERDICTS = Vocabulary()


@VERDICTS.claim("reference")
def _(facts: tuple[Result, Row]) -> bool:
    return facts[1].arm.strategy == "serial"


@VERDICTS.claim("ceiling")
def _(facts: tuple[Result, Row]) -> bool:
    here = cell(*facts, "here and now")
    return facts[1].arm.n_workers == 1 or ends(here)[1] >= SECOND_CPU


@VERDICTS.claim("GIL-bound|one CPU wide")
def _(facts: tuple[Result, Row]) -> bool:
    low = ends(cell(*facts, "of ceiling"))[1]
    shared = facts[1].verdict != "GIL-bound" or facts[1].arm.strategy == "threads"
    return shared and low <= verdicts.ONE_CPU_WIDE and (facts[1].cpu_width or 9) <= verdicts.ONE_CPU_WIDE


@VERDICTS.claim("scales")
def _(facts: tuple[Result, Row]) -> bool:
    return ends(cell(*facts, "of ceiling"))[1] >= SCALES_FROM


@VERDICTS.claim("partly")
def _(facts: tuple[Result, Row]) -> bool:
    return ends(cell(*facts, "of ceiling"))[2] <= SCALES_FROM


@VERDICTS.claim(r"same within <margin:figure> %")
def _(facts: tuple[Result, Row], margin: str) -> bool:
    _, low, high = ends(cell(*facts, "of ceiling"))
    return low >= 1 - float(margin) / 100 - 1e-9 and high <= 1 + float(margin) / 100 + 1e-9


@VERDICTS.claim("(?P<word>faster|slower)")
def _(facts: tuple[Result, Row], word: str) -> bool:
    _, low, high = ends(cell(*facts, "of ceiling"))
    return low >= 1.02 if word == "faster" else high <= 0.98


@VERDICTS.claim(r"unresolved \((?:±<width:percent>|too few rounds|more than ±100 %|not measured)\)")
def _(facts: tuple[Result, Row], width: str = "") -> bool:
    _, row = facts
    ratio = row.equal_width
    if ratio is None:
        return row.wall_ns is None
    if "too few" in row.verdict:
        return math.isinf(ratio.half_width)
    if "more than" in row.verdict:
        return 1 < ratio.half_width < math.inf
    plain = ratio.half_width <= SAME and row.arm.n_workers > 1 and not row.partner.endswith("/serial")
    return reads_share(width, ratio.half_width, 1) and not (plain and (ratio.low >= 0.9 or ratio.high < 0.9))


@VERDICTS.claim(
    r"this machine gave no second CPU|processes gained nothing here|memory-bound: a second CPU adds nothing"
)
def _(facts: tuple[Result, Row]) -> bool:
    result, row = facts
    shown = second_cpu_shown(result) != (row.verdict == verdicts.NO_SECOND_CPU)
    return shown and all(high <= SECOND_CPU for _, _, high in ceilings(result, row.verdict))


@VERDICTS.claim(r"unresolved \(whether processes gain\)")
def _(facts: tuple[Result, Row]) -> bool:
    return all(low <= 1.15 <= high for _, low, high in ceilings(facts[0], verdicts.GAIN_OPEN))


@VERDICTS.claim(r"unresolved \(processes kept too few CPUs busy\)")
def _(facts: tuple[Result, Row]) -> bool:
    n = facts[1].arm.n_workers
    rows = [r for r in facts[0].rows if r.verdict == verdicts.CPUS_TAKEN and not r.partner and r.arm.n_workers == n]
    return all((row.cpu_width or 0) < 1 + (n - 1) / 2 for row in rows)


@VERDICTS.claim(
    r"unresolved \((?:no processes to compare with|the control was not measured)\)|no verdict: the control read wrong|unavailable: a test says so"
)
def _(facts: tuple[Result, Row]) -> bool:
    result, row = facts
    if row.unavailable is not None:
        return row.wall_ns is None
    if row.verdict == verdicts.NO_PROCESSES:
        return any(r.unavailable and r.arm.strategy.startswith("processes") for r in result.rows)
    assert result.control is not None
    return not result.control.passed and (result.control.same is None) == (row.verdict == verdicts.CONTROL_UNREAD)


def contradictions(result: Result) -> list[str]:
    """Return everything that the output of a run says and its figures exclude."""
    found = HEADING.contradictions(view.heading(result), result)
    for row in result.rows:
        found += VERDICTS.contradictions(row.verdict, (result, row))
    for text in view.footer(result):
        found += FOOTER.contradictions(text, result)
    for caution in cautions.of_run(result):
        found += CAUTIONS.contradictions(f"{caution.short}: {caution.general}", result)
    for text in result.findings:
        found += FINDINGS.contradictions(text, result)
    return found


@examples(300)
@given(results())
def test_no_sentence_of_a_run_says_what_its_figures_exclude(drawn: Drawn) -> None:
    """From the smallest to the largest times, with and without noise, rounds, arms, launches that agree, a control."""
    assert contradictions(drawn.facts) == []
