"""`gilscope syllabus`: the claims of the article, what was predicted of each, and what was found here."""

from pathlib import Path

import click

from gilscope.cli import options
from gilscope.cli.command import Command
from gilscope.cli.outputs import Outputs
from gilscope.errors import DONE
from gilscope.experiments import EXPERIMENTS
from gilscope.experiments.course import Course
from gilscope.experiments.document import SYLLABUS
from gilscope.experiments.setting import Setting

_EXAMPLES = (
    ("syllabus", "Show every claim with its experiment and its prediction."),
    ("syllabus all.json", "Show beside each what `gilscope experiment --all -o all.json` has found."),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.argument("result", type=click.Path(path_type=Path), required=False)
@options.outputs("syllabus")
def command(result: Path | None, outputs: Outputs) -> int:
    """Show the article's claims in its order: the experiment of each, its prediction and, from RESULT, its verdict."""
    found = Course(EXPERIMENTS, Setting()).result() if result is None else SYLLABUS.read(result)
    outputs.show(found)
    outputs.save(found)
    return outputs.conclude(DONE)
