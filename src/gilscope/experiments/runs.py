"""Experiments that compare kernels under strategies: `gilscope run` measures them, its verdicts decide.

judged(_HELD, rows_of_threads_that_hold, without="this interpreter has no GIL")
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gilscope.experiments.result import CANNOT_TELL, CONFIRMED, REFUTED, ExperimentResult, Finding, Measured, Reading
from gilscope.experiments.setting import EFFORTS, Setting
from gilscope.pairing.control import SCALES_FROM
from gilscope.pairing.intervals import Interval
from gilscope.pairing.medians import Estimate
from gilscope.running import verdicts
from gilscope.running.plan import Request
from gilscope.running.result import Result, Row
from gilscope.running.run import Session
from gilscope.running.runner import Event, Runner

#: What the last launch takes to end.
_ENDING_S = 0.5


@dataclass(frozen=True, slots=True)
class VerdictClaim:
    """A sentence that can be wrong, and the verdicts of arms that would show it.

    Parameters
    ----------
    text : str
        Without a full stop.
    confirmed, refuted : frozenset of str
        Verdicts of `gilscope.running.verdicts`. Every arm must have one of the first; one arm with one of the others
        refutes it.
    opposite : str
        The arms that would show the opposite.
    """

    text: str
    confirmed: frozenset[str]
    refuted: frozenset[str]
    opposite: str


class RunTrial:
    """An experiment that a run measures. Iterate over `events`; ask for `result` at any time.

    Parameters
    ----------
    request : Request
    findings : callable
        Result -> findings.
    describe : callable
        Makes a result of its findings and the rest; see `gilscope.experiments.base.Experiment`.
    seed : int, optional
        Of every random choice; drawn where not given.
    """

    def __init__(
        self,
        request: Request,
        findings: Callable[[Result], tuple[Finding, ...]],
        describe: Callable[..., ExperimentResult],
        *,
        seed: int | None = None,
    ) -> None:
        self._session = Session(replace(request, seed=seed))
        self._findings, self._describe = findings, describe

    @property
    def runner(self) -> Runner:
        """What measures it."""
        return self._session.runner

    def events(self) -> Iterator[Event]:
        """Measure; yield what happens as it happens. See `gilscope.running.runner.Runner.events`."""
        return self._session.events()

    def result(self) -> ExperimentResult:
        """Return what was measured so far."""
        return of_run(self._session.result(), self._findings, self._describe)


def timed(setting: Setting, **asked: Any) -> Request:
    """Return a request that takes as long as an experiment may, for intervals as narrow as it wants.

    Parameters
    ----------
    setting : Setting
    **asked
        As of `gilscope.Request`.
    """
    effort = EFFORTS[setting.effort]
    # What ends a launch and draws its table is beyond a run's budget.
    return Request(effort=setting.effort, target=effort.target, budget_s=effort.budget_s - _ENDING_S, **asked)


def of_run(
    run: Result, findings: Callable[[Result], tuple[Finding, ...]], describe: Callable[..., ExperimentResult]
) -> ExperimentResult:
    """Return what a run says, as an experiment's result."""
    found = findings(run)
    readings = dict.fromkeys(reading for finding in found for reading in finding.readings)
    return describe(
        state=run.state,
        stop_reason=run.stop_reason,
        duration_s=run.duration_s,
        seed=run.plan.seed,
        gil_enabled=run.gil_enabled,
        findings=found,
        figures=tuple(Measured(one.name, one.compared_with, one.unit, one.estimate) for one in readings),
        control=run.control,
        absent={row.arm.id: row.unavailable.reason for row in run.rows if row.unavailable is not None},
        n_cycles=run.n_rounds,
        steal=run.interference.steal,
        throttled=run.interference.throttled,
        run=run,
    )


def judged(claim: VerdictClaim, rows: Sequence[Row], without: str = "") -> Finding:
    """Hold a claim against all arms that it speaks of.

    Parameters
    ----------
    claim : VerdictClaim
    rows : sequence of Row
        Their intervals hold together, so that the verdict rests on all of them at the level of one.
    without : str, optional
        Why the claim does not apply here.
    """
    readings = tuple(_reading(claim, row) for row in rows)
    found = {row.verdict: row for row in rows if row.unavailable is None}
    if without or not found:
        why = without or "none of these arms can run here"
        return Finding(claim.text, CANNOT_TELL, why, claim.opposite, readings)
    if found.keys() & claim.refuted:
        return Finding(claim.text, REFUTED, "", claim.opposite, readings)
    if found.keys() <= claim.confirmed:
        return Finding(claim.text, CONFIRMED, "", claim.opposite, readings)
    verdict, row = next((verdict, row) for verdict, row in found.items() if verdict not in claim.confirmed)
    more = "; more time may tell (--rigorous)" if verdicts.is_open(verdict) else ""
    return Finding(claim.text, CANNOT_TELL, f"{row.arm.id}: {verdict}{more}", claim.opposite, readings)


def _reading(claim: VerdictClaim, row: Row) -> Reading:
    is_told = row.unavailable is None
    verdict = (
        CONFIRMED
        if is_told and row.verdict in claim.confirmed
        else REFUTED
        if is_told and row.verdict in claim.refuted
        else CANNOT_TELL
    )
    return Reading(
        name=row.arm.id,
        compared_with="serial" if row.beside_serial else "ceiling" if row.equal_width else "",
        unit="",
        estimate=_estimate(row.equal_width),
        expected=", ".join(sorted(claim.confirmed)),
        borders=(SCALES_FROM,),
        verdict=verdict,
    )


def _estimate(interval: Interval | None) -> Estimate | None:
    if interval is None or interval.estimate != interval.estimate:
        return None
    low = interval.low if interval.low > 0 else float("-inf")
    return Estimate(interval.estimate, low, interval.high, interval.n)
