"""What others' tools said wrongly of their figures, as reported in public: small inputs whose answer is known.

Each test names the report. The figures are theirs, or as small as shows the same.
"""

import dataclasses
import math

import pytest
import traces
from claims import adds_up
from fakes import interval
from probes import gave, probed, scaled, shares
from traces import ONE, TWO

from gilscope import words
from gilscope.accounting import view
from gilscope.experiments.claims import Check, Claim, Design, Known, above, below, judge
from gilscope.experiments.figures import WALL_NS, ratio
from gilscope.experiments.result import CANNOT_TELL, REFUTED
from gilscope.pairing.intervals import Interval
from gilscope.running import findings, verdicts
from gilscope.running.result import Arm, Control, Row
from gilscope.tracing import picture, summary

RIGHT = Control(
    same=interval(1.0, 0.999, 1.001),
    heavier=interval(1.05, 1.049, 1.051),
    heavier_truth=1.05,
    second_cpu=interval(1.9, 1.8, 1.95),
    passed=True,
)


def row(verdict: str, ratio: Interval | None, implementation: str = "c", strategy: str = "threads") -> Row:
    arm = Arm(
        id=f"quad/{implementation}/released/2/{strategy}",
        kernel="quad",
        implementation=implementation,
        gil="released",
        strategy=strategy,
        n_workers=2,
    )
    return Row(arm=arm, wall_ns=1e6, equal_width=ratio, verdict=verdict)


@pytest.mark.parametrize(("low", "high"), [(0.75, 1.3), (0.82, 1.02)])
def test_within_the_error_nothing_is_slower(low: float, high: float) -> None:
    """Benchmark-ips (pull request 60) called what lay within its error margin "slower"."""
    read = interval(math.sqrt(low * high), low, high)
    assert verdicts.of_wide_arm(read, 0.02).startswith(verdicts.UNRESOLVED)
    assert verdicts.of_twins(read, 0.02).startswith(verdicts.UNRESOLVED)
    (said,) = findings.sentences([row(verdicts.of_wide_arm(read, 0.02), read)], RIGHT)
    assert "unresolved" in said
    assert not {"slower", "faster", "reach"} & set(said.split())


def test_a_ratio_is_never_printed_upside_down() -> None:
    """Pyperf (pull request 79) computed a mean speed the wrong way round: above 1 is faster, here as everywhere."""
    quick = interval(1.25, 1.24, 1.26)
    assert verdicts.of_twins(quick, 0.02) == "faster"
    assert words.ratio(quick) == "1.25 [1.24, 1.26]"


def test_no_change_and_a_change_are_not_printed_alike() -> None:
    """Pyperf (pull request 126): two decimals print 1.00 for what is faster and for what is not."""
    assert words.ratio(interval(1.0006, 1.0004, 1.0008), borders=[1]) == "1.0006 [1.0004, 1.0008]"
    assert words.ratio(interval(1.0, 0.9998, 1.0002)) == "1.00 [1.00, 1.00]"


def test_no_speed_up_is_infinite_or_not_a_number() -> None:
    """Hyperfine (issue 319) printed "inf ± NaN times faster" for a command that took no time at all."""
    for read in (interval(math.nan, 0.0, math.inf), interval(4.0, 0.0, math.inf)):
        text = words.ratio(read)
        assert "inf" not in text
        assert "nan" not in text.lower()
        assert "too few rounds" in verdicts.of_wide_arm(read, 0.02)


def test_a_ratio_that_is_small_is_not_none() -> None:
    """Hyperfine (issues 580 and 642) printed 0.0 ms ± 0.0 ms, and then could not compare it."""
    assert words.ratio(interval(0.004, 0.003, 0.005)) == "0.0040 [0.0030, 0.0050]"
    assert words.duration(400.0) == "400 ns"


@pytest.mark.parametrize("parts", [(12, 4, 1), (1, 1, 1), (725, 71_777, 71_089), (5, 5, 0)])
def test_shares_of_a_whole_do_not_exceed_it(parts: tuple[int, ...]) -> None:
    """Kibana (issue 85572) and Moodle (questionnaire, issue 343) printed 103 and 101 per cent."""
    assert adds_up(words.percentages(parts))
    thread = dict(zip(("held_ns", "waited_ns", "computing_ns"), parts, strict=True))
    rest = dict.fromkeys(("blocked_ns", "takes", "forced_switches", "longest_hold_ns", "run_delay_ns"), 0)
    cells = view.thread_cells({"name": "x", **thread, **rest})
    assert adds_up(cell.rpartition("s ")[2].strip() for cell in cells[1:5])


def test_all_but_one_is_not_all() -> None:
    """Sentry (pull request 96487) showed 100 % where one of many differed."""
    assert words.percent(9999 / 10_000, 0) == "over 99 %"
    assert words.percentages([9999, 1]) == ["over 99 %", "under 1 %"]


def test_who_waits_for_a_cpu_does_not_wait_for_the_gil() -> None:
    """py-spy (issues 95 and 113): a thread that waits was taken for one that another holds back."""
    idle = [(0, ONE, "drop"), (10, ONE, "wait"), (90, ONE, "take"), (95, ONE, "drop")]
    said = summary.sentence(traces.trace(traces.log(idle), workers=(ONE,)))
    assert "waited more for a CPU than for another thread" in said


def test_the_gil_is_held_or_free_and_nothing_besides() -> None:
    """py-spy (issue 95): nobody could tell of what the GIL's per cent were; here held and free are all of the time."""
    gil, *_ = picture.notes(traces.trace(traces.log([t for t in traces.TURNS if len(t) == 3])))
    numbers = [int(word) for word in gil.replace("%", "").replace(",", "").split() if word.isdigit()]
    assert sum(numbers) == 100


def test_every_thread_has_its_line() -> None:
    """gil_load (issue 12) showed one thread of several that were busy."""
    made = traces.trace(traces.log([t for t in traces.TURNS if len(t) == 3]), workers=(ONE, TWO))
    assert all(f"\n{name}" in str(made) for name in ("MainThread", "worker 1", "worker 2"))


def test_an_overlap_is_no_order() -> None:
    """The Rust book (pull request 4078) said that one version is faster where the two intervals overlap."""
    threads, processes = scaled(1.9, 1.95)[:2]
    made = probed(shares(0.02, 0.98, 0), scaling=[threads, processes, gave("control", 1.95)])
    assert "Processes pay more" not in made.advice
    assert "Processes gain no more" in made.advice or "cannot be told" in made.advice


def test_a_mean_over_what_differs_names_what_it_covers() -> None:
    """PyTorch's benchmarks (test-infra, issue 4239) compared means over different sets of models that passed."""
    fine, gone = interval(0.97, 0.96, 0.98), row("unresolved (±9 %)", interval(0.9, 0.8, 1.0), "c", "threads")
    other = dataclasses.replace(gone, arm=dataclasses.replace(gone.arm, kernel="square"))
    said, _ = findings.sentences([row(verdicts.SCALES, fine), other], RIGHT)
    assert said.endswith("reach 0.97 of what as many processes reach, in C (quad on 2).")


def test_many_looks_at_nothing_find_nothing() -> None:
    """Of twenty comparisons at 95 % each one is wrong; llvm (pull request 208090) flags row by row at that level.

    One of these 22 is 1.12 in ten of its twelve rounds, which alone would be enough to say that threads pay.
    """
    ways = [f"{way}, {n}" for n in range(11) for way in ("threads", "processes")]
    design = Design(
        figures=tuple(ratio(way, way, over="sequence") for way in ways),
        claims=tuple(Claim(f"{way} gain", (Check(way, above(1.0), below(0.99)),), opposite=way) for way in ways),
        controls=(Known(ways[0], above(0)),),
    )
    cycles = [
        {"sequence": {WALL_NS: 100.0}}
        | {
            way: {WALL_NS: 100.0 * (1 / 1.12 if way == "threads, 3" else 1.0) * (1.2 if i % 6 == 0 else 1.0)}
            if way.startswith("threads")
            else {WALL_NS: 100_000.0}
            for way in ways
        }
        for i in range(12)
    ]
    estimates = {one.name: one.estimate(cycles, len(design.judged)) for one in design.figures}
    found = {one.opposite: one.verdict for one in judge(design, estimates, {}, RIGHT, gil_enabled=True)}
    assert {found[way] for way in ways if way.startswith("threads")} <= {CANNOT_TELL, REFUTED}
    assert {found[way] for way in ways if way.startswith("processes")} == {REFUTED}
