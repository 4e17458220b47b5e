"""The exit code of a run that ended by itself."""

from dataclasses import replace

import fakes
import pytest
from results import RESULTS

from gilscope.cli.exit_codes import of_experiment
from gilscope.cli.exit_codes import of_run as exit_code
from gilscope.errors import Unavailable
from gilscope.experiments.result import Finding
from gilscope.running import verdicts
from gilscope.running.result import Result

OPEN = f"{verdicts.UNRESOLVED} (±7.0 %)"


def with_verdicts(*found: str) -> Result:
    """Return a result whose arms got these verdicts, behind a reference and a ceiling."""
    result = fakes.hand_made()
    row = replace(result.rows[0], unavailable=None)
    return replace(result, rows=tuple(replace(row, verdict=v) for v in (verdicts.REFERENCE, verdicts.CEILING, *found)))


@pytest.mark.parametrize(
    ("found", "code", "strict_code"),
    [
        ((verdicts.SCALES, verdicts.GIL_BOUND), 0, 0),
        ((verdicts.MEMORY_BOUND,), 0, 0),
        ((verdicts.SCALES, OPEN), 0, 3),
        ((verdicts.SCALES, verdicts.NO_SECOND_CPU), 0, 5),
        ((OPEN, OPEN), 3, 3),
        ((verdicts.CONTROL_FAILED,), 3, 3),
        ((OPEN, verdicts.NO_SECOND_CPU), 5, 5),
        ((verdicts.NO_SECOND_CPU,), 5, 5),
        ((verdicts.NO_GAIN,), 5, 5),
        ((verdicts.GAIN_OPEN, verdicts.GAIN_OPEN), 3, 3),
        ((verdicts.CPUS_TAKEN,), 3, 3),
        ((verdicts.CONTROL_UNREAD,), 3, 3),
    ],
)
def test_the_code_says_whether_anything_was_decided(found: tuple[str, ...], code: int, strict_code: int) -> None:
    """0 says that something was decided; strictly, that everything was."""
    result = with_verdicts(*found)
    assert (exit_code(result), exit_code(result, strict=True)) == (code, strict_code)


def test_where_nothing_could_run_the_code_is_never_0() -> None:
    """A table of absences is not a measurement."""
    row = replace(fakes.hand_made().rows[0], unavailable=Unavailable("not on this machine"))
    assert exit_code(replace(fakes.hand_made(), rows=(row,))) == 5


@pytest.mark.parametrize(
    ("verdicts_", "row", "code"),
    [
        (("confirmed", "cannot tell here"), "scales", 0),
        (("refuted",), "GIL-bound", 0),
        (("cannot tell here",), "unresolved", 3),
        (("cannot tell here",), "scales", 3),
        (("cannot tell here",), "this machine gave no second CPU", 5),
        (("cannot tell here",), None, 3),
        (("cannot tell here: barred",), None, 5),
        (("cannot tell here: barred", "cannot tell here"), None, 3),
    ],
)
def test_an_experiment_ends_with_what_it_could_tell(verdicts_: tuple[str, ...], row: str | None, code: int) -> None:
    """One claim that was decided is an answer; without any, the machine or the time was the reason."""
    findings = tuple(
        Finding("it is so", verdict.partition(":")[0], "", "that", (), is_barred="barred" in verdict)
        for verdict in verdicts_
    )
    run = None if row is None else with_verdicts(row)
    result = replace(RESULTS["experiment"], findings=findings, run=run)
    assert of_experiment(result) == code
