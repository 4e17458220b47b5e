"""`gilscope experiment`: one claim about threads and processes, put to the test."""

import sys

import click

from gilscope.cli import exit_codes, options
from gilscope.cli.command import Command
from gilscope.cli.measuring import conduct
from gilscope.cli.outputs import Outputs
from gilscope.cli.types import OneOf
from gilscope.experiments import EXPERIMENTS
from gilscope.experiments.base import load
from gilscope.experiments.setting import Setting
from gilscope.system.cpus import usable_cpus

_EXAMPLES = (
    ("experiment held_versus_released --fast", "See in 5 seconds what releasing the GIL changes."),
    ("experiment responsiveness -o window.html", "Keep an experiment as a page."),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.argument("name", type=OneOf(EXPERIMENTS), metavar="NAME")
@click.option("--fast", "effort", flag_value="fast", help="10 % intervals, 5 s at most.")
@click.option("--rigorous", "effort", flag_value="rigorous", help="1 % intervals, 10 minutes at most.")
@options.seed("Seed of every random choice; recorded in any case.")
@options.outputs("experiment")
@options.voices
def command(name: str, effort: str | None, seed: int | None, outputs: Outputs) -> int:
    """Put a claim to the test: what was predicted, what was measured, and whether that confirms or refutes it.

    `gilscope list` shows all experiments.
    """
    setting = Setting(effort=effort or "default", n_cpus=usable_cpus().count)
    return conduct(
        lambda: load(name).conduct(setting, seed=seed, argv=sys.argv[1:]),
        outputs,
        exit_codes.of_experiment,
        more_time="--rigorous",
    )


command.epilog = f"Experiments: {', '.join(EXPERIMENTS)}."
