"""An experiment as blocks: what was asked, what was measured, what each claim came to, and what can fool you."""

from gilscope import words
from gilscope.experiments import wording
from gilscope.experiments.result import CANNOT_TELL, CONFIRMED, ExperimentResult, Finding, Reading
from gilscope.report.blocks import BAD, GOOD, QUIET, Answer, Block, Column, Heading, Line, Sentences, Table, Tone
from gilscope.running import cautions
from gilscope.running.view import control_line

_CLAIMED = (
    Column("figure"),
    Column("compared with", drop=1),
    Column("measured"),
    Column("confirmed by", drop=2),
    Column("verdict", wraps=True),
)
_MEASURED = (Column("also measured"), Column("compared with", drop=1), Column("measured"))


def blocks(result: ExperimentResult) -> tuple[Block, ...]:
    """Return an experiment's result as blocks: the answers stand last."""
    told = {name: f"{name}: {text}" for name, text in result.sections.items()}
    asked = tuple(told.pop(name) for name in ("Question", "Prediction") if name in told)
    return (
        Heading(f"{result.tool} - {result.experiment}: {result.title}"),
        Sentences(asked),
        *_claimed(result),
        *_measured(result),
        Sentences((*told.values(), *result.notes, *_how(result)), QUIET),
        *cautions.of_host(result.steal, result.throttled),
        *(Answer(sentence(finding), tone(finding)) for finding in result.findings),
    )


def sentence(finding: Finding) -> str:
    """Return what a finding says: ``"Confirmed: threads that ..."``."""
    why = f" ({finding.why})" if finding.why else ""
    first = finding.claim.split(" ", 1)[0]
    begins_small = first[1:].islower() or len(first) == 1  # and not OpenMP or BLAS
    claim = finding.claim[:1].lower() + finding.claim[1:] if begins_small else finding.claim
    return f"{finding.verdict.capitalize()}{why}: {claim}."


def _claimed(result: ExperimentResult) -> tuple[Table, ...]:
    """Return the figures that claims rest on, under their claims."""
    lines = [
        Line(
            (one.name, one.compared_with or words.NONE, wording.told(one, one.borders), one.expected, one.verdict),
            tone(one),
            None if i else finding.claim,
        )
        for finding in result.findings
        for i, one in enumerate(finding.readings)
    ]
    return (Table(_CLAIMED, tuple(lines), toned=len(_CLAIMED) - 1),) if lines else ()


def _measured(result: ExperimentResult) -> tuple[Table, ...]:
    """Return the figures that no claim rests on."""
    judged = {reading.name for finding in result.findings for reading in finding.readings}
    rest = [one for one in result.figures if one.name not in judged and one.estimate is not None]
    lines = [Line((one.name, one.compared_with or words.NONE, wording.told(one))) for one in rest]
    return (Table(_MEASURED, tuple(lines)),) if lines else ()


def _how(result: ExperimentResult) -> tuple[str, ...]:
    """Say how it was measured."""
    control = (control_line(result.control),) if result.control and result.control.same else ()
    took = f"{words.counted(result.n_cycles, 'round')} in {words.took(result.duration_s)} ({result.stop_reason})"
    return (
        *wording.absences(result.absent),
        *control,
        f"{took}; steal {words.percent(result.steal)}; seed {result.seed}",
    )


def main_figure(finding: Finding) -> str:
    """Return the figure that a finding rests on first, with its interval: what it is, and what it reads."""
    if not finding.readings:
        return words.NONE
    reading = next((one for one in finding.readings if one.verdict == finding.verdict), finding.readings[0])
    return f"{reading.name}: {wording.told(reading, reading.borders)}"


def tone(found: Finding | Reading) -> Tone:
    """Return how a finding, or a figure of one, is to be taken."""
    return QUIET if found.verdict == CANNOT_TELL else GOOD if found.verdict == CONFIRMED else BAD
