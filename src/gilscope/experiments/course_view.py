"""The syllabus as blocks: each claim with its experiments, what was predicted, and what was found here."""

from collections.abc import Container, Mapping

from gilscope import words
from gilscope.experiments.base import load
from gilscope.experiments.course import CourseResult
from gilscope.experiments.result import CANNOT_TELL, CONFIRMED, REFUTED, ExperimentResult
from gilscope.experiments.syllabus import ARTICLE, QUESTIONS, Lesson
from gilscope.experiments.view import main_figure, sentence, tone
from gilscope.report.blocks import QUIET, Answer, Block, Column, Fact, Facts, Heading, Line, Sentences, Table

_FOUND = (
    Column("experiment"),
    Column("claim", wraps=True),
    Column("figure", drop=1, wraps=True),
    Column("verdict", wraps=True),
)


def blocks(result: CourseResult) -> tuple[Block, ...]:
    """Return the syllabus as blocks: the answer stands last."""
    found = {one.experiment: one for one in result.experiments}
    made: list[Block] = [Heading(f"{result.tool} - syllabus: the article's claims, and what its readers ask")]
    told: set[str] = set()
    for lesson in (*ARTICLE, *([Lesson("What users ask beside", QUESTIONS)] if QUESTIONS else [])):
        rows = [row for name in lesson.experiments for row in _rows(name, told, found, result.failures)]
        made += [Heading(lesson.claim), Facts(tuple(rows))]
        told |= {*lesson.experiments}
    if not found and not result.failures:
        return *made, Sentences(("Conduct one: gilscope experiment NAME. All: gilscope experiment --all.",), QUIET)
    return *made, *_table(result), Answer(_summary(result))


def _rows(
    name: str, told: Container[str], found: Mapping[str, ExperimentResult], failures: Mapping[str, str]
) -> list[Fact]:
    """Return what an experiment asks, predicts and found; the prediction once, for some test two claims."""
    experiment = load(name)
    rows = [Fact(name, experiment.title)]
    if name not in told:
        rows.append(Fact("", f"Prediction: {experiment.sections['Prediction']}"))
    if name in found:
        rows += [Fact("", f"Here: {sentence(finding)}") for finding in found[name].findings]
    elif name in failures:
        rows.append(Fact("", f"Here: failed: {failures[name]}"))
    return rows


def _table(result: CourseResult) -> tuple[Table, ...]:
    lines = [
        Line((one.experiment if not i else "", finding.claim, main_figure(finding), finding.verdict), tone(finding))
        for one in result.experiments
        for i, finding in enumerate(one.findings)
    ]
    return (Table(_FOUND, tuple(lines), toned=len(_FOUND) - 1),) if lines else ()


def _summary(result: CourseResult) -> str:
    verdicts = [finding.verdict for one in result.experiments for finding in one.findings]
    told = [
        f"{verdicts.count(verdict)} {word}"
        for verdict, word in ((CONFIRMED, "confirmed"), (REFUTED, "refuted"), (CANNOT_TELL, "that cannot be told here"))
    ]
    failed = f" Failed: {words.joined(list(result.failures))}." if result.failures else ""
    return f"{words.counted(len(verdicts), 'claim')}: {words.joined(told)}.{failed}"
