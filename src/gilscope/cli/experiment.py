"""`gilscope experiment`: one claim about threads and processes, put to the test."""

import click

from gilscope.cli import exit_codes, options
from gilscope.cli.command import Command
from gilscope.cli.measuring import conduct
from gilscope.cli.outputs import Outputs
from gilscope.cli.types import OneOf
from gilscope.errors import CannotRunError
from gilscope.experiments import EXPERIMENTS
from gilscope.experiments.base import load
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
    request = experiment.request(effort or "default")
    return conduct(request, outputs, exit_codes.of_experiment, experiment.result, more_time="--rigorous")


command.epilog = f"Experiments: {', '.join(EXPERIMENTS)}."
