# ruff: noqa: E501 - tables are as wide as they are
"""What a result looks like: whole tables compared as text, and no figure without what it is worth."""

import dataclasses
import io
import re
from collections.abc import Callable

import fakes
import pytest
from fakes import interval
from rich.console import Console

from gilscope.errors import Unavailable
from gilscope.report import absences, markdown, table, terminal
from gilscope.running.result import Arm, Result

TABLE = """\
gilscope 0.1.0 - CPython 3.13.0, GIL on - 2 of 2 CPUs - quad - float64, arrays of 131 072 items
kernel  GIL   strategy     median  CPU      of ceiling          here and now       vs plain Python  verdict

quad c  held  serial       8.1 ms  8.1 ms   -                   1                  -                reference
        held  2 threads    8.3 ms  8.25 ms  0.97 [0.96, 0.98]*  0.97 [0.96, 0.98]  162 [158, 172]   GIL-bound
        held  2 processes  4.4 ms  8.6 ms   1                   1.84 [1.61, 1.90]  -                ceiling

* one CPU wide: compared with serial
OpenMP: unavailable: built with a compiler that has no OpenMP
control 1.00 [1.00, 1.00] for 1 and 1.05 [1.05, 1.05] for 1.05 read right; without memory, processes are 1.90 [?] times as fast as one here and now
2 launches, 2 rounds in 38 s (every interval narrow enough); steal 0.4 %, run delay 0.1 %, throttled 2 times; seed 17

Holding the GIL, 2 threads are no faster than one, in C: they reach 0.97 of one thread's speed.
"""

MARKDOWN = """\
**gilscope 0.1.0 - CPython 3.13.0, GIL on - 2 of 2 CPUs - quad - float64, arrays of 131 072 items**

| kernel | GIL | strategy | median | CPU | of ceiling | here and now | vs plain Python | verdict |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
| quad c | held | serial | 8.1 ms | 8.1 ms | - | 1 | - | reference |
|  | held | 2 threads | 8.3 ms | 8.25 ms | 0.97 [0.96, 0.98]\\* | 0.97 [0.96, 0.98] | 162 [158, 172] | GIL-bound |
|  | held | 2 processes | 4.4 ms | 8.6 ms | 1 | 1.84 [1.61, 1.90] | - | ceiling |

\\* one CPU wide: compared with serial__
OpenMP: unavailable: built with a compiler that has no OpenMP__
control 1.00 [1.00, 1.00] for 1 and 1.05 [1.05, 1.05] for 1.05 read right; without memory, processes are 1.90 [?] times as fast as one here and now__
2 launches, 2 rounds in 38 s (every interval narrow enough); steal 0.4 %, run delay 0.1 %, throttled 2 times; seed 17__

Holding the GIL, 2 threads are no faster than one, in C: they reach 0.97 of one thread's speed.
"""


def drawn(result: Result, width: int = 160) -> str:
    """Return what a console of that width shows, without blanks at the ends of lines."""
    text = io.StringIO()
    terminal.render(result, Console(file=text, width=width, highlight=False))
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def test_the_table() -> None:
    """A hand-made result with a row of every kind is drawn exactly so."""
    assert drawn(fakes.hand_made()) == TABLE


def test_the_markdown() -> None:
    """The same result as Markdown: a table that parses, stars that are no bullets, lines that break."""
    assert markdown.render(fakes.hand_made()) == MARKDOWN.replace("__\n", "  \n")


@pytest.mark.parametrize("width", [20, 80, 120])
def test_a_narrow_terminal_cuts_no_figure(width: int) -> None:
    """Whatever the width, every cell of the table is there in full."""
    text = drawn(fakes.hand_made(), width)
    for line in table.lines(fakes.hand_made()):
        for cell in line.cells[:-1]:
            assert cell in text
        assert line.cells[-1].split()[-1] in text
    for column in table.COLUMNS:
        assert column in text
    assert "…" not in text


def measured() -> Result:
    """Return the result of a whole fake run."""
    return fakes.finish(fakes.FakeMachine(absent={"openmp": "no OpenMP"}).runner(fakes.plan(effort="fast", seed=3)))[0]


@pytest.mark.parametrize("result", [fakes.hand_made(), measured()], ids=["hand-made", "measured"])
def test_no_ratio_stands_without_its_interval(result: Result) -> None:
    """Every figure in a column of ratios has its interval, or is the 1 of what it is compared with."""
    columns = [table.COLUMNS.index(name) for name in ("of ceiling", "here and now", "vs plain Python")]
    for line in table.lines(result):
        for column in columns:
            assert line.cells[column] in {"-", "1"} or re.fullmatch(
                r"\d+(\.\d+)? \[(\?|\d+(\.\d+)?, \d+(\.\d+)?)\]\*?", line.cells[column]
            )
    for text in table.footer(result):
        for ratio in re.findall(r"(?:control|and|are) (\d+\.\d+.*?) (?:for|times)", text):
            assert re.match(r"\d+\.\d+ \[", ratio)
    assert not re.search(r"\dx\b", drawn(result) + markdown.render(result))


def test_a_kernel_is_named_once_for_each_of_its_widths() -> None:
    """The name stands in the first line of a group; the next width begins a new one."""
    plan = fakes.plan(effort="fast", strategies=("threads",), gil_modes=("held",), workers=(1, 2))
    result = fakes.finish(fakes.FakeMachine().runner(plan))[0]
    assert [line.cells[0] for line in table.lines(result)] == ["quad c", "", "", "quad c", "", ""]
    assert [line.cells[2] for line in table.lines(result)] == [
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
    text = drawn(foreign)
    assert "CPython ?, GIL off - 2 of ? CPUs" in text
    assert "control 1.0020 [1.0004, 1.0030] for 1 read WRONG, 1.05 [1.05, 1.05] for 1.05 read right" in text
    assert "1 launch, 1 round in" in text
    assert "steal unknown" in text
    assert "throttled" not in text


def test_what_looks_like_markup_is_shown_as_it_is() -> None:
    """Reasons and findings are text: brackets and bars in them style nothing and break no table."""
    made = fakes.hand_made()
    rows = (*made.rows[:3], dataclasses.replace(made.rows[3], unavailable=Unavailable("[red]a|b*c[/red]")))
    odd = dataclasses.replace(made, rows=rows, findings=("[bold]found[/bold]",))
    text = drawn(odd)
    assert "[red]a|b*c[/red]" in text
    assert "[bold]found[/bold]" in text
    assert "unavailable: [red]a\\|b\\*c[/red]  " in markdown.render(odd)


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
    assert table.compared(threads, 0.02) == "of serial 0.97 [0.96, 0.98]"
    wide = dataclasses.replace(threads, partner=processes.arm.id, equal_width=interval(0.92, 0.8996, 0.93))
    assert table.compared(wide, 0.02) == "of ceiling 0.9200 [0.8996, 0.9300]"
    assert table.compared(processes, 0.02) == table.compared(openmp, 0.02) == ""
