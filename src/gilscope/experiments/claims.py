"""Claims that can be wrong, and the figures that would show it.

    Claim(
        "Threads that hold the GIL together take as long as one",
        checks=(Check("2 threads, held", confirmed=below(1.1), refuted=above(1.15)),),
        opposite="2 threads, released",
        needs_second_cpu=True,
    )

A claim is confirmed where the whole interval of every figure lies in what confirms it, and refuted where one lies in
what refutes it. Between the two is a gap, so that two honest runs may differ in how much they say but never in what.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isinf

from gilscope import words
from gilscope.experiments import wording
from gilscope.experiments.figures import Figure
from gilscope.experiments.result import CANNOT_TELL, CONFIRMED, REFUTED, Finding, Measured, Reading
from gilscope.pairing.control import SECOND_CPU
from gilscope.pairing.medians import Estimate
from gilscope.running.result import Control

#: Why a claim about the GIL cannot be tested.
NO_GIL = "this interpreter has no GIL"


@dataclass(frozen=True, slots=True)
class Region:
    """Values from `low` to `high`, both included."""

    low: float = -inf
    high: float = inf

    def holds(self, estimate: Estimate) -> bool:
        """Tell whether a whole interval lies in it."""
        return not estimate.is_open and self.low <= estimate.low and estimate.high <= self.high

    def meets(self, estimate: Estimate) -> bool:
        """Tell whether a part of an interval lies in it."""
        return self.low <= estimate.high and estimate.low <= self.high

    @property
    def ends(self) -> tuple[float, ...]:
        """Its finite ends, where a verdict changes."""
        return tuple(end for end in (self.low, self.high) if abs(end) < inf)


def above(value: float) -> Region:
    """Return all values from this one on."""
    return Region(low=value)


def within(low: float, high: float) -> Region:
    """Return all values between two."""
    return Region(low, high)


def below(value: float) -> Region:
    """Return all values up to this one."""
    return Region(high=value)


#: Of facts that a cycle reads as 1 or 0: yes and no, with room for a round in ten that was disturbed.
YES, NO = above(0.9), below(0.1)


@dataclass(frozen=True, slots=True)
class Check:
    """A figure that a claim rests on.

    Parameters
    ----------
    figure : str
        Its name.
    confirmed, refuted : Region
        Where its interval has to lie; they share no value, and leave a gap.
    """

    figure: str
    confirmed: Region
    refuted: Region


def always(fact: str) -> Check:
    """Return what confirms that a fact is so, and is refuted where it is not."""
    return Check(fact, confirmed=YES, refuted=NO)


def never(fact: str) -> Check:
    """Return what confirms that a fact is not so, and is refuted where it is."""
    return Check(fact, confirmed=NO, refuted=YES)


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence that can be wrong.

    Parameters
    ----------
    text : str
        Without a full stop.
    checks : tuple of Check
        The figures that it rests on, all of them.
    opposite : str
        The figure whose arm would show, or shows, the opposite.
    needs_second_cpu : bool, optional
        Whether nothing can be told where the machine gives no second CPU.
    needs_gil : bool, optional
        Whether it does not apply where there is no GIL.
    """

    text: str
    checks: tuple[Check, ...]
    opposite: str
    needs_second_cpu: bool = False
    needs_gil: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """A figure of the experiment's own control, whose truth is known: without it no claim is decided.

    Parameters
    ----------
    figure : str
        Its name.
    truth : Region
        What its interval has to meet.
    """

    figure: str
    truth: Region


@dataclass(frozen=True, slots=True)
class Design:
    """What an experiment looks at.

    Parameters
    ----------
    figures : tuple of Figure
        All of them, in the order of the table.
    claims : tuple of Claim
    controls : tuple of Known
        At least one.
    target_figures : tuple of str, optional
        Figures that must be narrow before it stops; by default those that claims and controls rest on.
    """

    figures: tuple[Figure, ...]
    claims: tuple[Claim, ...]
    controls: tuple[Known, ...]
    target_figures: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [figure.name for figure in self.figures]
        assert len(set(names)) == len(names), f"figures have names of their own; got {names}"
        used = {*self.judged, *self.target_figures, *(claim.opposite for claim in self.claims)}
        assert used <= set(names), f"no figure is called {used - set(names)}"
        assert self.controls, "an experiment has a control"

    @property
    def judged(self) -> tuple[str, ...]:
        """Figures that verdicts rest on; their intervals hold together."""
        checked = (check.figure for claim in self.claims for check in claim.checks)
        return tuple(dict.fromkeys((*(known.figure for known in self.controls), *checked)))


#: The estimate of every figure by its name; None where no round says anything.
Estimates = Mapping[str, Estimate | None]


def judge(
    design: Design,
    estimates: Estimates,
    absent: Mapping[str, str],
    control: Control | None,
    *,
    gil_enabled: bool,
) -> tuple[Finding, ...]:
    """Hold every claim against its figures.

    Parameters
    ----------
    design : Design
    estimates : mapping
    absent : mapping of str to str
        Why an arm cannot run here, by its name.
    control : Control or None
        What the method's own control read; None before it was measured.
    gil_enabled : bool
        Whether the measuring process had a GIL.
    """
    figures = {figure.name: figure for figure in design.figures}
    doubt = _doubt(control) or _own_doubt(design.controls, estimates, figures, absent)
    found = []
    for claim in design.claims:
        barred = (
            (NO_GIL if claim.needs_gil and not gil_enabled else "")
            or _missing((check.figure for check in claim.checks), figures, absent)
            or (_no_second_cpu(control) if claim.needs_second_cpu else "")
        )
        unseen = _second_cpu_unseen(control) if claim.needs_second_cpu else ""
        readings = tuple(_reading(check, figures[check.figure], estimates.get(check.figure)) for check in claim.checks)
        found.append(_judged(claim, readings, barred, doubt or unseen))
    return tuple(found)


def _judged(claim: Claim, readings: tuple[Reading, ...], barred: str, doubt: str) -> Finding:
    """Return the finding of a claim; `barred` is why this machine cannot answer, `doubt` why these figures do not."""
    verdicts = {reading.verdict for reading in readings}
    why = barred or doubt
    if not why and REFUTED in verdicts:
        return Finding(claim.text, REFUTED, "", claim.opposite, readings)
    if not why and verdicts == {CONFIRMED}:
        return Finding(claim.text, CONFIRMED, "", claim.opposite, readings)
    why = why or _open(next(reading for reading in readings if reading.verdict == CANNOT_TELL))
    # No line of the table says what the claim itself may not.
    readings = tuple(replace(reading, verdict=CANNOT_TELL) for reading in readings)
    return Finding(claim.text, CANNOT_TELL, why, claim.opposite, readings, is_barred=bool(barred))


def _reading(check: Check, figure: Figure, estimate: Estimate | None) -> Reading:
    if estimate is None:
        verdict = CANNOT_TELL
    elif check.confirmed.holds(estimate):
        verdict = CONFIRMED
    elif check.refuted.holds(estimate):
        verdict = REFUTED
    else:
        verdict = CANNOT_TELL
    low, high = check.confirmed.low, check.confirmed.high
    return Reading(
        name=figure.name,
        compared_with=figure.compared_with,
        unit=figure.unit,
        estimate=estimate,
        expected=wording.between(low, high, figure.unit),
        borders=(*check.confirmed.ends, *check.refuted.ends),
        verdict=verdict,
    )


def _open(reading: Reading) -> str:
    if reading.estimate is None or reading.estimate.is_open:
        return f"{reading.name}: too few rounds; more time may tell (--rigorous)"
    return f"{reading.name}: {wording.told(reading, reading.borders)} lies between what confirms it and what refutes it"


def _missing(names: Iterable[str], figures: Mapping[str, Figure], absent: Mapping[str, str]) -> str:
    for name in names:
        for arm in figures[name].arms:
            if arm in absent:
                return f"{arm}: {absent[arm]}"
    return ""


def _doubt(control: Control | None) -> str:
    if control is None or control.same is None:
        return "the control was not measured"
    if any(one is None or isinf(one.half_width) for one in (control.same, control.heavier)):
        return "the control had too few rounds; more time may tell (--rigorous)"
    if not control.passed:
        read = [words.ratio(one) for one in (control.same, control.heavier)]
        return f"the control read {read[0]} for 1 and {read[1]} for {words.decimal(control.heavier_truth)}"
    return ""


def _no_second_cpu(control: Control | None) -> str:
    """Say that this machine gave no second CPU, where the control shows that; else return ""."""
    gain = control.second_cpu if control is not None else None
    if gain is None:
        return "" if control is None else "processes cannot run here, so that a second CPU cannot be seen"
    if gain.high >= SECOND_CPU:
        return ""
    return f"this machine gave no second CPU: processes gain {words.ratio(gain, borders=(SECOND_CPU,))}"


def _second_cpu_unseen(control: Control | None) -> str:
    """Say that the control leaves open whether there was a second CPU; else return ""."""
    gain = control.second_cpu if control is not None else None
    if gain is None or gain.low >= SECOND_CPU:
        return ""
    told = words.ratio(gain, borders=(SECOND_CPU,))
    return f"the control leaves open a second CPU: processes gain {told}; more time may tell (--rigorous)"


def _own_doubt(
    controls: Sequence[Known], estimates: Estimates, figures: Mapping[str, Figure], absent: Mapping[str, str]
) -> str:
    for known in controls:
        if missing := _missing((known.figure,), figures, absent):
            return f"its control cannot run here: {missing}"
        estimate = estimates.get(known.figure)
        if estimate is None or estimate.is_open:
            return f"its control, {known.figure}: too few rounds; more time may tell (--rigorous)"
        if not known.truth.meets(estimate):
            figure = figures[known.figure]
            measured = Measured(figure.name, figure.compared_with, figure.unit, estimate)
            truth = wording.between(known.truth.low, known.truth.high, figure.unit)
            return f"its control, {known.figure}, read {wording.told(measured, known.truth.ends)} instead of {truth}"
    return ""
