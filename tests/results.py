"""A result of every kind, for what holds of all of them: a line here for each of `gilscope.cli.kinds.KINDS`."""

from typing import Any

import atlases
import fakes
import traces
import trials
from probes import PROBES
from worlds import world

from gilscope.cli import list_, selftest
from gilscope.experiments import runs
from gilscope.experiments.base import load
from gilscope.experiments.result import ExperimentResult
from gilscope.importing.result import DOES_NOT_APPLY, Import
from gilscope.machine.description import describe
from gilscope.running.result import Result
from gilscope.running.selftest import Summary


def of_run(name: str, run: Result) -> ExperimentResult:
    """Return what an experiment says of a run."""
    experiment = load(name)
    facts = {"tool": run.tool, "started": run.started, "argv": run.argv, "machine": run.machine}
    describe = trials.describe(experiment, effort=run.plan.effort, **facts)
    return runs.of_run(run, experiment.module.findings, describe)


RESULTS: dict[str, Any] = {
    "run": fakes.hand_made(),
    "experiment": trials.result("responsiveness", world("responsiveness").CONFIRMED),
    "syllabus": trials.course(),
    "trace": traces.trace(traces.log(traces.TURNS, sites=(traces.site(),))),
    "ledger": traces.log(traces.TURNS, sites=(traces.site(),)),
    "probe": PROBES["releases"],
    "atlas": atlases.RESULT,
    "doctor": describe(),
    "imports": [
        Import(
            module="zlib",
            outcome="imported",
            import_ns=1_000_000,
            gil=DOES_NOT_APPLY,
            own_gil="works",
            threads=("a thread",),
        ),
        Import(module="nope", outcome="missing", message="ModuleNotFoundError: No module named 'nope'"),
    ],
    "selftest": selftest.Found(
        0.02,
        1,
        [
            (
                "nothing of ours",
                Summary(
                    truth=1.05,
                    n=200,
                    coverage=0.95,
                    coverage_low=0.9,
                    coverage_high=0.98,
                    bias=0.0,
                    worst=0.02,
                    unresolved=0.1,
                    median_s=3.0,
                ),
            )
        ],
    ),
    "list": list_.found(),
}
