"""What an experiment found, as plain immutable data.

Words: an *arm* is what is timed, a *cycle* is one timing of every arm, a *quantity* is what one timing reads. A
*figure* is what one cycle says, as a median over all with its interval. A *reading* is a figure beside what would
confirm and what would refute a claim, and a *finding* is what all readings say of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from gilscope.fields import DescribedBy, Natural, NotNegative, OneOf
from gilscope.pairing.medians import Estimate
from gilscope.running.result import Control, Result
from gilscope.showing import Drawn
from gilscope.words import counted

CONFIRMED, REFUTED, CANNOT_TELL = "confirmed", "refuted", "cannot tell here"
Verdict = Annotated[str, OneOf("confirmed", "refuted", "cannot tell here")]
#: What a figure may be in: "" is a ratio, "share" a part of a whole.
Unit = Annotated[str, OneOf("", "ns", "bytes", "share", "count", "per second", "bytes per second", "per million")]


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure with its interval.

    Parameters
    ----------
    name : str
        What it is of.
    compared_with : str
        What stands in the place of 1 in a ratio, or of 0 in a difference; "" where it is neither.
    unit : {"", "ns", "bytes", "share", "count", "per second", "bytes per second", "per million"}
        "" is a ratio, "share" a part of a whole.
    estimate : Estimate or None
        None where nothing was measured.
    """

    name: str
    compared_with: str
    unit: Unit
    estimate: Estimate | None


@dataclass(frozen=True, slots=True)
class Reading(Measured):
    """A figure that a finding rests on.

    Parameters
    ----------
    expected : str
        What confirms the claim, in words.
    borders : tuple of float
        Where the verdict changes, in the figure's unit.
    verdict : {"confirmed", "refuted", "cannot tell here"}
        What this figure alone says.
    """

    expected: str
    borders: tuple[float, ...]
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Finding:
    """What the figures say of one claim.

    Parameters
    ----------
    claim : str
        The sentence that was tested, without a full stop.
    verdict : {"confirmed", "refuted", "cannot tell here"}
        At a level that all figures hold together.
    why : str
        Why it cannot be told; else "".
    opposite : str
        The figure whose arm would show the opposite.
    readings : tuple of Reading
        All that it rests on.
    is_barred : bool
        Whether the machine or the interpreter cannot answer, and not just too short a time.
    """

    claim: str
    verdict: Verdict
    why: str
    opposite: str
    readings: tuple[Reading, ...]
    is_barred: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ExperimentResult(Drawn):
    """An experiment's findings, and everything that they rest on.

    Parameters
    ----------
    tool : str
        Program and version.
    started : str
        ISO 8601, UTC.
    argv : tuple of str
        The command line's arguments; none of an experiment from Python.
    state : {"complete", "partial"}
        Partial until it has ended by itself.
    stop_reason : str
        Why it ended.
    duration_s : float
        Wall time.
    experiment : str
        Its name.
    title : str
        Its question in a line.
    sections : mapping of str to str
        Its question, prediction, method, what can fool you and how to read it, as they were when it was conducted.
    effort : str
        The preset's name.
    seed : int
        Of every random choice.
    gil_enabled : bool
        Whether the measuring process had a GIL.
    findings : tuple of Finding
        One for each claim.
    figures : tuple of Measured
        What else was measured, and every figure that a finding rests on, in the order of the table.
    control : Control or None
        What the method's own control read; None before anything was measured.
    absent : mapping of str to str
        Why an arm cannot run here, by its name.
    notes : tuple of str
        What no figure holds.
    n_cycles : int
        Cycles that count, or rounds of the run.
    samples : mapping of str to mapping of str to tuple of float
        What every arm read in every cycle that counts: arm, quantity, values in the order of time.
    machine : dict
        As `gilscope.machine.describe` gives it.
    steal : float or None
        CPU time the host took while arms were timed, over the time of all logical CPUs; None where it cannot be read.
    throttled : int
        Periods in which a cgroup quota stopped the measuring process.
    run : Result or None
        Where kernels are compared under strategies: the run that measured it, with its rounds. Then there are no
        samples beside it.
    """

    _view: ClassVar[str] = "gilscope.experiments.view:blocks"

    tool: str
    started: str
    argv: tuple[str, ...]
    state: Annotated[str, OneOf("complete", "partial")]
    stop_reason: str
    duration_s: NotNegative
    experiment: str
    title: str
    sections: Mapping[str, str]
    effort: str
    seed: int
    gil_enabled: bool
    findings: tuple[Finding, ...]
    figures: tuple[Measured, ...] = ()
    control: Control | None = None
    absent: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    n_cycles: Natural = 0
    samples: Mapping[str, Mapping[str, tuple[float, ...]]] = field(default_factory=dict)
    machine: Annotated[dict[str, object], DescribedBy("gilscope.machine.description:Machine")]
    steal: NotNegative | None = None
    throttled: Natural = 0
    run: Result | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was measured."""
        return not self.n_cycles

    def _in_a_line(self) -> str:
        return f"ExperimentResult {self.experiment}: {counted(len(self.findings), 'finding')}"
