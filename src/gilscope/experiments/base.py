"""What every experiment has: five headings in its docstring, a request, and findings with a verdict each.

A module of this package is an experiment. `request(effort)` says what `gilscope run` is to measure, `findings(result)`
what that says of each claim. No experiment has a loop, a table or a reader of its own.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from inspect import cleandoc

from gilscope.errors import unknown
from gilscope.experiments import EXPERIMENTS
from gilscope.experiments.result import CANNOT_TELL, CONFIRMED, REFUTED, ExperimentResult, Figure, Finding
from gilscope.running import verdicts
from gilscope.running.plan import Request
from gilscope.running.result import Result, Row

HEADINGS = ("Question", "Prediction", "Method", "What can fool you", "Reading the result")


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence that can be wrong, and the verdicts of arms that would show it.

    Parameters
    ----------
    text : str
        Without a full stop.
    confirmed, refuted : frozenset of str
        Verdicts of `gilscope.running.verdicts`. Every arm must have one of the first; one arm with one of the others
        refutes it.
    """

    text: str
    confirmed: frozenset[str]
    refuted: frozenset[str]


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment by its name.

    Parameters
    ----------
    name : str
    title : str
        Its question in a line.
    sections : dict of str to str
        The text under each of `HEADINGS`.
    request : callable
        Effort -> what to measure.
    findings : callable
        Result -> findings.
    """

    name: str
    title: str
    sections: dict[str, str]
    request: Callable[[str], Request]
    findings: Callable[[Result], tuple[Finding, ...]]

    def result(self, run: Result) -> ExperimentResult:
        """Return what a run says, with the words of the experiment: a file is read where there may be no such one."""
        return ExperimentResult(
            experiment=self.name, title=self.title, sections=self.sections, findings=self.findings(run), run=run
        )


def load(name: str) -> Experiment:
    """Return an experiment.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    if name not in EXPERIMENTS:
        raise unknown("experiment", name, EXPERIMENTS)
    module = import_module(f"gilscope.experiments.{name}")
    title, sections = read(module.__doc__ or "")
    return Experiment(name, title, sections, module.request, module.findings)


def read(docstring: str) -> tuple[str, dict[str, str]]:
    """Return the first line of an experiment's docstring, and the text under each heading, as paragraphs."""
    title, *parts = re.split(r"\n\n(.+)\n-+\n", cleandoc(docstring))
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    assert tuple(sections) == HEADINGS, f"an experiment has the headings {HEADINGS}, this one {tuple(sections)}"
    return title, {name: " ".join(text.split()) for name, text in sections.items()}


def judge(claim: Claim, rows: Sequence[Row], without: str = "") -> Finding:
    """Hold a claim against all arms that it speaks of.

    Parameters
    ----------
    claim : Claim
    rows : sequence of Row
        Their intervals hold together, so that the verdict rests on all of them at the level of one.
    without : str, optional
        Why the claim does not apply here.
    """
    figures = tuple(
        Figure(row.arm.id, "serial" if row.beside_serial else "ceiling", row.equal_width, row.verdict) for row in rows
    )
    found = {row.verdict: row for row in rows if row.unavailable is None}
    if without or not found:
        return Finding(claim.text, CANNOT_TELL, without or "none of these arms can run here", figures)
    if found.keys() & claim.refuted:
        return Finding(claim.text, REFUTED, "", figures)
    if found.keys() <= claim.confirmed:
        return Finding(claim.text, CONFIRMED, "", figures)
    verdict, row = next((verdict, row) for verdict, row in found.items() if verdict not in claim.confirmed)
    more = "; more time may tell (--rigorous)" if verdicts.is_open(verdict) else ""
    return Finding(claim.text, CANNOT_TELL, f"{row.arm.id}: {verdict}{more}", figures)
