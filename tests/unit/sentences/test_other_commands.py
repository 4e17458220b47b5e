"""`gilscope selftest` and `gilscope doctor`: their words follow from their figures, of none and of thousands."""

import dataclasses
import math
from typing import Any

import pytest
from claims import Drawn, Vocabulary, examples, number, reads, reads_share
from fakes import interval
from hypothesis import given
from hypothesis import strategies as st

from gilscope.cli import selftest
from gilscope.machine import cautions
from gilscope.machine.description import Machine, describe
from gilscope.running.selftest import ControlReading, summarise


@st.composite
def readings(draw: st.DrawFn) -> Drawn:
    """Draw what controls read: right and wrong, resolved and not, and of some no interval at all."""
    kinds = {
        "right": interval(1.05, 1.04, 1.06),
        "wrong": interval(1.3, 1.2, 1.4),
        "open": interval(1.049, 0.0, math.inf),
    }
    some = draw(st.lists(st.tuples(st.sampled_from(sorted(kinds)), st.booleans()), min_size=1, max_size=4))
    times = draw(st.sampled_from([1, 10, 1000]))
    found = [ControlReading(1.05, kinds[kind], is_done, 0.5 if is_done else 5.0) for kind, is_done in some * times]
    return Drawn(found, " ".join(selftest.cells(summarise(found))))


CELLS = Vocabulary()
Readings = list[ControlReading]


def told(found: Readings) -> Readings:
    return [one for one in found if math.isfinite(one.interval.high)]


@CELLS.claim(
    r"1.05 <n:count> (?:unknown|<coverage:percent> \[<low:percent>, <high:percent>\]) <bias:figure> % <worst:percent> "
    r"<unresolved:percent> (?:-|<seconds:time>)"
)
def _(found: Readings, n: str, bias: str, worst: str, unresolved: str, coverage: str = "", **rest: str) -> bool:
    with_ends = told(found)
    if number(n) != len(found):
        return False
    if coverage:
        share = sum(one.covers for one in with_ends) / len(with_ends)
        right = reads_share(coverage, share, 1)
        right = right and ("under" in rest["low"] or number(rest["low"].split()[-2]) <= 100 * share + 0.05)
    else:
        right = not with_ends
    resolved = [one for one in found if one.resolved]
    width = rest.get("seconds", "") == ("500 ms" if resolved else "")
    error = max(abs(one.interval.estimate / 1.05 - 1) for one in found)
    open_share = 1 - len(resolved) / len(found)
    return (
        right
        and width
        and reads_share(worst, error, 1)
        and reads_share(unresolved, open_share)
        and abs(number(bias)) < 30
    )


@examples(200)
@given(readings())
def test_no_cell_of_a_selftest_says_what_its_readings_exclude(drawn: Drawn) -> None:
    """An interval without ends covers nothing, and what never got narrow took no time to get there."""
    assert CELLS.contradictions(drawn.output, drawn.facts) == []


def machine(load: float, usable: int, **cpu: Any) -> Machine:
    """Return this machine with another load, other CPUs."""
    here = describe()
    cpus = dataclasses.replace(here.cpu, usable=dataclasses.replace(here.cpu.usable, count=usable), **cpu)
    return dataclasses.replace(here, cpu=cpus, system=dataclasses.replace(here.system, load_average=(load, 0.0, 0.0)))


CAUTIONS = Vocabulary()


@CAUTIONS.claim(r"one usable CPU \((?P<why>.+?)\): nothing can scale here; raise the limit, or use another machine")
def _(here: Machine, why: str) -> bool:
    return here.cpu.usable.count < 2 and why == here.cpu.usable.source


@CAUTIONS.claim("a virtual machine: the host decides how many CPUs there are; trust shares of the ceiling only")
def _(here: Machine) -> bool:
    return bool(here.cpu.virtual)


@CAUTIONS.claim("CPU governor '(?P<name>.+?)': speeds change as you measure; ratios of one round do not")
def _(here: Machine, name: str) -> bool:
    return here.cpu.governor == name != "performance"


@CAUTIONS.claim(
    "load average <load:figure> over the last minute: something else runs, or did; stop it, or expect wider intervals"
)
def _(here: Machine, load: str) -> bool:
    averages = here.system.load_average
    return averages is not None and reads(load, averages[0]) and number(load) > cautions.BUSY


@pytest.mark.parametrize("load", [0.0, 0.5, 0.5004, 0.52, 3.0, 640.0])
@pytest.mark.parametrize("usable", [1, 2, 64])
@pytest.mark.parametrize("governor", [None, "performance", "powersave"])
def test_no_caution_of_the_doctor_says_what_the_machine_excludes(
    load: float, usable: int, governor: str | None
) -> None:
    """Of a machine that is idle or loaded, alone or wide; and what should be cautioned of is."""
    here = machine(load, usable, virtual=usable == 2, governor=governor)
    found = cautions.of_machine(here)
    said = [f"{caution.short}: {caution.general}" for caution in found]
    assert [wrong for text in said for wrong in CAUTIONS.contradictions(text, here)] == []
    assert len(found) == (load > cautions.BUSY) + (usable < 2) + (usable == 2) + (governor == "powersave")
