"""Which exit code a result deserves. What each code says stands in `gilscope.errors`.

Every command loads this, and has a result of one kind: what knows the kind is loaded when there is such a result.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gilscope import errors

if TYPE_CHECKING:
    from gilscope.atlas.result import Row
    from gilscope.experiments.course import CourseResult
    from gilscope.experiments.result import ExperimentResult
    from gilscope.importing.result import Import
    from gilscope.running.result import Result


def of_run(result: "Result", *, strict: bool = False) -> int:
    """Return the exit code of a complete run.

    Parameters
    ----------
    result : Result
    strict : bool
        Let a single arm without a verdict decide, instead of all of them.

    Returns
    -------
    int
        0 done, 3 unresolved, 5 no second CPU or nothing that can run here.
    """
    from gilscope.running import verdicts

    found = [row.verdict for row in result.rows if row.unavailable is None]
    decided = any(verdicts.decides(verdict) for verdict in found)
    starved = verdicts.NO_SECOND_CPU in found or verdicts.NO_GAIN in found
    if not found or (starved and (strict or not decided)):
        return errors.CANNOT_RUN
    undecided = any(verdicts.is_open(verdict) for verdict in found)
    return errors.UNDECIDED if undecided and (strict or not decided) else errors.DONE


def of_experiment(result: "ExperimentResult") -> int:
    """Return 0 where a claim was confirmed or refuted, else 5 where the machine cannot tell, or 3."""
    from gilscope.experiments.result import CANNOT_TELL

    if any(finding.verdict != CANNOT_TELL for finding in result.findings):
        return errors.DONE
    if result.run is not None:
        return of_run(result.run) or errors.UNDECIDED
    return errors.CANNOT_RUN if all(finding.is_barred for finding in result.findings) else errors.UNDECIDED


def of_course(result: "CourseResult") -> int:
    """Return 4 where an experiment failed, else 0 where one could tell, else the first one's code."""
    codes = [of_experiment(one) for one in result.experiments]
    if result.failures:
        return errors.FAILED
    return errors.DONE if errors.DONE in codes or not codes else codes[0]


def of_atlas(shown: "Sequence[Row]") -> int:
    """Return the exit code of an atlas: 0, 4 if a call failed, 5 if nothing could be measured here."""
    failed = [row.exit_code for row in shown if row.failure and row.exit_code]  # 0: not installed
    is_any_measured = any(not row.failure for row in shown)
    if not is_any_measured and all(code == errors.CANNOT_RUN for code in failed):
        return errors.CANNOT_RUN
    return errors.FAILED if failed else errors.DONE


def of_imports(found: "Sequence[Import]") -> int:
    """Return 4 where an import failed, 5 where one could not be tried, 1 where one re-enabled the GIL, else 0."""
    from gilscope.importing.result import REENABLED

    if any(one.outcome not in ("imported", "not tried") for one in found):
        return errors.FAILED
    if any(one.outcome == "not tried" for one in found):
        return errors.CANNOT_RUN
    return errors.GIL_RETURNED if any(one.gil == REENABLED for one in found) else errors.DONE


def of_cpus(n_usable: int) -> int:
    """Return 5 where there is no second CPU to compare with, else 0."""
    return errors.DONE if n_usable > 1 else errors.CANNOT_RUN


def unsaved(found: int) -> int:
    """Return the exit code where a file could not be written: 5, unless what was found is worse than not resolved."""
    return errors.CANNOT_RUN if found in (errors.DONE, errors.UNDECIDED) else found
