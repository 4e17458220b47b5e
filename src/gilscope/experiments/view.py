"""An experiment as blocks: what was asked, what each claim came to, and what can fool you."""

from gilscope import words
from gilscope.experiments.result import CANNOT_TELL, CONFIRMED, ExperimentResult, Finding
from gilscope.pairing.control import SCALES_FROM
from gilscope.report.blocks import BAD, GOOD, QUIET, Answer, Block, Column, Heading, Line, Sentences, Table, Tone

_COLUMNS = (Column("arm"), Column("compared with", drop=1), Column("ratio"), Column("verdict of the arm", wraps=True))


def blocks(result: ExperimentResult) -> tuple[Block, ...]:
    """Return an experiment's result as blocks: the answers stand last."""
    told = {name: f"{name}: {text}" for name, text in result.sections.items()}
    asked = tuple(told.pop(name) for name in ("Question", "Prediction") if name in told)
    return (
        Heading(f"{result.run.tool} - {result.experiment}: {result.title}"),
        Sentences(asked),
        *(_table(finding) for finding in result.findings if finding.figures),
        Sentences((*told.values(), f"{words.counted(result.run.n_rounds, 'round')} were timed."), QUIET),
        *(Answer(sentence(finding), _tone(finding)) for finding in result.findings),
    )


def sentence(finding: Finding) -> str:
    """Return what a finding says: ``"Confirmed: threads that ..."``."""
    why = f" ({finding.why})" if finding.why else ""
    return f"{finding.verdict.capitalize()}{why}: {finding.claim[:1].lower()}{finding.claim[1:]}."


def _table(finding: Finding) -> Table:
    lines = [
        Line(
            (one.arm, one.of if one.ratio else words.NONE, words.ratio(one.ratio, borders=(SCALES_FROM,)), one.verdict),
            group=None if i else finding.claim,
        )
        for i, one in enumerate(finding.figures)
    ]
    return Table(_COLUMNS, tuple(lines))


def _tone(finding: Finding) -> Tone:
    return QUIET if finding.verdict == CANNOT_TELL else GOOD if finding.verdict == CONFIRMED else BAD
