# ruff: noqa: E501 - tables are as wide as they are
"""What a result looks like: whole tables compared as text, and no figure without what it is worth."""

import dataclasses
import re
from collections.abc import Callable

import fakes
import pytest
from fakes import interval

from gilscope.errors import Unavailable
from gilscope.report import markdown, text
from gilscope.running import absences, view
from gilscope.running.result import Arm, Result

TABLE = """\
gilscope 0.1.0 - CPython 3.13.0, GIL on - 2 of 2 CPUs - quad - float64, arrays of 131 072 items
GIL   strategy     verdict    of ceiling          here and now       median      CPU  vs plain Python

quad c
held  serial       reference  -                   1                  8.1 ms   8.1 ms  -
held  2 threads    GIL-bound  0.97 [0.96, 0.98]*  0.97 [0.96, 0.98]  8.3 ms  8.25 ms  162 [158, 172]
held  2 processes  ceiling    1                   1.84 [1.61, 1.90]  4.4 ms   8.6 ms  -

* one CPU wide: compared with serial
OpenMP: unavailable: built with a compiler that has no OpenMP
control 1.00 [1.00, 1.00] for 1 and 1.05 [1.05, 1.05] for 1.05 read right; without memory, processes are 1.90 [?] times as fast as one here and now
2 launches, 2 rounds in 38 s (every interval narrow enough); steal 0.4 %, run delay 0.1 %, throttled 2 times; seed 17

caution: a CPU quota stopped this process 2 times: raise it, or compare at a smaller width

Holding the GIL, 2 threads are no faster than one, in C: they reach 0.97 of one thread's speed.
"""

AT_80 = """\
gilscope 0.1.0 - CPython 3.13.0, GIL on - 2 of 2 CPUs - quad - float64, arrays
of 131 072 items
GIL   strategy     verdict    of ceiling          here and now       median

quad c
held  serial       reference  -                   1                  8.1 ms
held  2 threads    GIL-bound  0.97 [0.96, 0.98]*  0.97 [0.96, 0.98]  8.3 ms
held  2 processes  ceiling    1                   1.84 [1.61, 1.90]  4.4 ms

Not shown at 80 columns: CPU, vs plain Python.

* one CPU wide: compared with serial
OpenMP: unavailable: built with a compiler that has no OpenMP
control 1.00 [1.00, 1.00] for 1 and 1.05 [1.05, 1.05] for 1.05 read right;
without memory, processes are 1.90 [?] times as fast as one here and now
2 launches, 2 rounds in 38 s (every interval narrow enough); steal 0.4 %, run
delay 0.1 %, throttled 2 times; seed 17

caution: a CPU quota stopped this process 2 times: raise it, or compare at a
smaller width

Holding the GIL, 2 threads are no faster than one, in C: they reach 0.97 of one
thread's speed.
"""

MARKDOWN = """\
**gilscope 0.1.0 - CPython 3.13.0, GIL on - 2 of 2 CPUs - quad - float64, arrays of 131 072 items**

| GIL | strategy | verdict | of ceiling | here and now | median | CPU | vs plain Python |
| --- | --- | --- | --- | --- | --- | --- | --- |
| **quad c** |  |  |  |  |  |  |  |
| held | serial | reference | - | 1 | 8.1 ms | 8.1 ms | - |
| held | 2 threads | GIL-bound | 0.97 [0.96, 0.98]\\* | 0.97 [0.96, 0.98] | 8.3 ms | 8.25 ms | 162 [158, 172] |
| held | 2 processes | ceiling | 1 | 1.84 [1.61, 1.90] | 4.4 ms | 8.6 ms | - |

\\* one CPU wide: compared with serial__
OpenMP: unavailable: built with a compiler that has no OpenMP__
control 1.00 [1.00, 1.00] for 1 and 1.05 [1.05, 1.05] for 1.05 read right; without memory, processes are 1.90 [?] times as fast as one here and now__
2 launches, 2 rounds in 38 s (every interval narrow enough); steal 0.4 %, run delay 0.1 %, throttled 2 times; seed 17

> **caution: a CPU quota stopped this process 2 times**: raise it, or compare at a smaller width

**Holding the GIL, 2 threads are no faster than one, in C: they reach 0.97 of one thread's speed.**
"""


def drawn(result: Result, width: int = 160) -> str:
    """Return what a console of that width shows."""
    return text.render(view.blocks(result), width) + "\n"


def test_the_table() -> None:
    """A hand-made result with a row of every kind is drawn exactly so."""
    assert drawn(fakes.hand_made()) == TABLE


def test_a_terminal_of_80_columns() -> None:
    """What it has no room for is left out, and said; the verdict and what it rests on stay."""
    assert drawn(fakes.hand_made(), 80) == AT_80


def test_the_markdown() -> None:
    """The same result as Markdown: a table that parses, stars that are no bullets, lines that break."""
    assert markdown.render(view.blocks(fakes.hand_made())) == MARKDOWN.replace("__\n", "  \n")


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160])
def test_a_narrow_terminal_cuts_no_figure(width: int) -> None:
    """Whatever the width, no line is wider, and every cell of a column that is shown is there in full."""
    shown = drawn(fakes.hand_made(), width)
    assert max(map(len, shown.splitlines())) <= width
    left_out = " ".join(shown.split()).partition("Not shown at")[2].partition(".")[0]
    for i, column in enumerate(view.COLUMNS):
        if column.name not in left_out:
            assert all(line.cells[i] in shown for line in view.lines(fakes.hand_made()))
    assert {"GIL", "strategy", "verdict"}.isdisjoint(left_out.split(", "))
    assert "…" not in shown


def measured() -> Result:
    """Return the result of a whole fake run."""
    return fakes.finish(fakes.FakeMachine(absent={"openmp": "no OpenMP"}).runner(fakes.plan(effort="fast", seed=3)))[0]


@pytest.mark.parametrize("result", [fakes.hand_made(), measured()], ids=["hand-made", "measured"])
def test_no_ratio_stands_without_its_interval(result: Result) -> None:
    """Every figure in a column of ratios has its interval, or is the 1 of what it is compared with."""
    names = [column.name for column in view.COLUMNS]
    columns = [names.index(name) for name in ("of ceiling", "here and now", "vs plain Python")]
    for line in view.lines(result):
        for column in columns:
            assert line.cells[column] in {"-", "1"} or re.fullmatch(
                r"\d+(\.\d+)? \[(\?|\d+(\.\d+)?, \d+(\.\d+)?)\]\*?", line.cells[column]
            )
    for below in view.footer(result):
        for ratio in re.findall(r"(?:control|and|are) (\d+\.\d+.*?) (?:for|times)", below):
            assert re.match(r"\d+\.\d+ \[", ratio)
    assert not re.search(r"\dx\b", drawn(result) + markdown.render(view.blocks(result)))


def test_a_kernel_is_named_once_for_each_of_its_widths() -> None:
    """The name stands in the first line of a group; the next width begins a new one."""
    plan = fakes.plan(effort="fast", strategies=("threads",), gil_modes=("held",), workers=(1, 2))
    result = fakes.finish(fakes.FakeMachine().runner(plan))[0]
    assert [line.group for line in view.lines(result)] == ["quad c", None, None, "quad c", None, None]
    assert [line.cells[1] for line in view.lines(result)] == [
        *("serial", "1 thread", "1 process"),
        *("serial", "2 threads", "2 processes"),
    ]


def test_a_result_of_a_foreign_machine_is_drawn() -> None:
    """Facts that a file does not have are question marks; a failed control and a GIL that is off are said."""
    made = fakes.hand_made()
    assert made.control is not None
    foreign = dataclasses.replace(
        made,
        machine={},
        workers=({"gil_enabled": False},),
        control=dataclasses.replace(made.control, passed=False, second_cpu=None, same=interval(1.002, 1.0004, 1.003)),
        interference=dataclasses.replace(made.interference, steal=None, throttled=0),
        rounds=made.rounds[1:2],
    )
    shown = drawn(foreign)
    assert "CPython ?, GIL off - 2 of ? CPUs" in shown
    assert "control 1.0020 [1.0004, 1.0030] for 1 read WRONG, 1.05 [1.05, 1.05] for 1.05 read right" in shown
    assert "1 launch, 1 round in" in shown
    assert "steal unknown" in shown
    assert "throttled" not in shown


def test_what_looks_like_markup_is_shown_as_it_is() -> None:
    """Reasons and findings are text: brackets and bars in them style nothing and break no table."""
    made = fakes.hand_made()
    rows = (*made.rows[:3], dataclasses.replace(made.rows[3], unavailable=Unavailable("[red]a|b*c[/red]")))
    odd = dataclasses.replace(made, rows=rows, findings=("[bold]found[/bold]",))
    shown = drawn(odd)
    assert "[red]a|b*c[/red]" in shown
    assert "[bold]found[/bold]" in shown
    assert "unavailable: [red]a\\|b\\*c[/red]  " in markdown.render(view.blocks(odd))


def arms(*strategies: str, implementations: tuple[str, ...] = ("c", "cython", "numpy")) -> list[Arm]:
    """Return arms of each implementation under each strategy, twice: held and released."""
    return [
        Arm(id=f"{name}/{gil}/{way}", kernel="quad", implementation=name, gil=gil, strategy=way, n_workers=2)
        for name in implementations
        for gil in ("held", "released")
        for way in strategies
    ]


@pytest.mark.parametrize(
    ("where", "line"),
    [
        (lambda arm: arm.strategy == "interpreters", "interpreters: unavailable: why"),
        (lambda arm: arm.strategy == "processes:fork", "processes (fork): unavailable: why"),
        (lambda arm: arm.implementation == "numpy", "numpy: unavailable: why"),
        (lambda arm: "numpy" in arm.id or arm.strategy == "openmp", "OpenMP, numpy: unavailable: why"),
        (lambda arm: arm.id == "numpy/released/interpreters", "numpy under interpreters: unavailable: why"),
        (
            lambda arm: "c" in arm.implementation and arm.strategy == "openmp",
            "c and cython under OpenMP: unavailable: why",
        ),
    ],
)
def test_an_absence_is_said_once(where: Callable[[Arm], bool], line: str) -> None:
    """However many arms it keeps from running: in one line that names what they have in common."""
    every = arms("serial", "threads", "processes:fork", "interpreters", "openmp")
    assert absences.lines(every, {arm.id: Unavailable("why") for arm in every if where(arm)}) == [line]


def test_other_reasons_are_other_lines() -> None:
    """In the order in which they were met."""
    every = arms("serial", "interpreters")
    absent = {every[1].id: Unavailable("one"), every[-1].id: Unavailable("other")}
    told = ["c under interpreters: unavailable: one", "numpy under interpreters: unavailable: other"]
    assert absences.lines(every, absent) == told
    assert absences.lines(every, {}) == []


def test_progress_says_with_whom_an_arm_was_compared() -> None:
    """One CPU wide, its partner is serial and not the ceiling."""
    _, threads, processes, openmp = fakes.hand_made().rows
    assert view.compared(threads, 0.02) == "of serial 0.97 [0.96, 0.98]"
    wide = dataclasses.replace(threads, partner=processes.arm.id, equal_width=interval(0.92, 0.8996, 0.93))
    assert view.compared(wide, 0.02) == "of ceiling 0.9200 [0.8996, 0.9300]"
    assert view.compared(processes, 0.02) == view.compared(openmp, 0.02) == ""
