"""What an experiment found, as plain immutable data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from gilscope.fields import OneOf
from gilscope.pairing.intervals import Interval
from gilscope.running.result import Result
from gilscope.showing import Drawn
from gilscope.words import counted

CONFIRMED, REFUTED, CANNOT_TELL = "confirmed", "refuted", "cannot tell here"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that a finding rests on.

    Parameters
    ----------
    arm : str
        The arm's id.
    of : {"serial", "ceiling"}
        What its time is compared with.
    ratio : Interval or None
        That one's time divided by the arm's; None where it was not measured.
    verdict : str
        Of the arm.
    """

    arm: str
    of: Annotated[str, OneOf("serial", "ceiling")]
    ratio: Interval | None
    verdict: str


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
    figures : tuple of Figure
        All that it rests on.
    """

    claim: str
    verdict: Annotated[str, OneOf("confirmed", "refuted", "cannot tell here")]
    why: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentResult(Drawn):
    """An experiment's findings, and the run that they rest on.

    Parameters
    ----------
    experiment : str
        Its name.
    title : str
        Its question in a line.
    sections : mapping of str to str
        Its question, prediction, method, what can fool you and how to read it, as they were when it was conducted.
    findings : tuple of Finding
        One for each claim.
    run : Result
        What was measured, with every round and the machine.
    """

    _view: ClassVar[str] = "gilscope.experiments.view:blocks"

    experiment: str
    title: str
    sections: Mapping[str, str]
    findings: tuple[Finding, ...]
    run: Result

    def _in_a_line(self) -> str:
        return f"ExperimentResult {self.experiment}: {counted(len(self.findings), 'finding')}"
