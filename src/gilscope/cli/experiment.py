"""`gilscope experiment`: one claim about threads and processes, put to the test."""

import click

from gilscope.cli import exit_codes, options
from gilscope.cli.command import Command
from gilscope.cli.measuring import begin, measure
from gilscope.cli.outputs import Outputs
from gilscope.cli.types import OneOf
from gilscope.errors import INTERRUPTED, CannotRunError, GilscopeError
from gilscope.experiments import EXPERIMENTS
from gilscope.experiments.base import load
from gilscope.experiments.result import ExperimentResult
from gilscope.system.cpus import usable_cpus

_EXAMPLES = (
    ("experiment held_versus_released --fast", "See in 20 seconds what releasing the GIL changes."),
    ("experiment held_versus_released -o held.html", "Keep it as a page."),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.argument("name", type=OneOf(EXPERIMENTS), metavar="NAME")
@click.option("--fast", "effort", flag_value="fast", help="5 % intervals, 20 s at most.")
@click.option("--rigorous", "effort", flag_value="rigorous", help="0.5 % intervals, 10 minutes at most.")
@options.outputs("experiment")
@options.voices
def command(name: str, effort: str | None, outputs: Outputs) -> int:
    """Put a claim to the test: what was predicted, what was measured, and whether that confirms or refutes it.

    `gilscope list` shows all experiments.
    """
    experiment, usable = load(name), usable_cpus()
    if usable.count < 2:
        raise CannotRunError(
            f"this process may use 1 CPU only ({usable.source}), so the claim cannot be tested here; two are needed"
        )
    if (session := begin(experiment.request(effort or "default"))) is None:
        return INTERRUPTED

    def found() -> ExperimentResult:
        return experiment.result(session.result())

    end = measure(session, lambda: outputs.save(found(), forms=["json"]))
    result = found()
    if result.run.rounds:
        outputs.save(result)
        outputs.show(result)
    if isinstance(end, GilscopeError):
        outputs.conclude(end.exit_code)
        raise end
    if end is not None:
        click.echo("gilscope: interrupted; what was measured so far is above", err=True)
        outputs.conclude(INTERRUPTED)
        return INTERRUPTED
    return outputs.conclude(exit_codes.of_experiment(result))


command.epilog = f"Experiments: {', '.join(EXPERIMENTS)}."
