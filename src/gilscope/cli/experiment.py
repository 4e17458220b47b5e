"""`gilscope experiment`: claims about threads and processes, put to the test: one, or all of them."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gilscope.cli import exit_codes, options
from gilscope.cli.command import Command
from gilscope.cli.files import check_output
from gilscope.cli.kinds import KINDS, Kind
from gilscope.cli.measuring import Draws, conduct
from gilscope.cli.outputs import Outputs
from gilscope.cli.types import OneOf
from gilscope.errors import UsageError
from gilscope.experiments import EXPERIMENTS
from gilscope.experiments.base import load
from gilscope.experiments.course import Closed, Course
from gilscope.experiments.document import SYLLABUS
from gilscope.experiments.setting import Setting
from gilscope.running.runner import LaunchEnded
from gilscope.system.cpus import usable_cpus

_EXAMPLES = (
    ("experiment held_versus_released --fast", "See in 5 seconds what releasing the GIL changes."),
    ("experiment responsiveness -o window.html", "Keep an experiment as a page."),
    ("experiment --all -o all.json", "Conduct the whole syllabus, some minutes; go on with --resume all.json."),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.argument("name", type=OneOf(EXPERIMENTS), metavar="NAME", required=False)
@click.option("--all", "is_all", is_flag=True, help="Conduct all of them; one that fails is said so and gone past.")
@click.option(
    "--resume",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="With --all: keep what FILE has of an earlier one, conduct the rest, and save it there too.",
)
@click.option("--fast", "effort", flag_value="fast", help="10 % intervals, 5 s at most.")
@click.option("--rigorous", "effort", flag_value="rigorous", help="1 % intervals, 10 minutes at most.")
@click.option(
    "--python",
    "pythons",
    multiple=True,
    metavar="PATH",
    help="Another interpreter that has gilscope, for free_threading; repeatable.",
)
@click.option(
    "--module",
    "modules",
    multiple=True,
    metavar="NAME",
    help="A module of yours, for own_gil and free_threading: can it be imported there, what does it do; repeatable.",
)
@options.seed("Seed of every random choice; recorded in any case.")
@options.outputs_of("experiment", "syllabus")
@options.voices
def command(
    name: str | None,
    is_all: bool,
    resume: Path | None,
    effort: str | None,
    pythons: tuple[str, ...],
    modules: tuple[str, ...],
    seed: int | None,
    outputs: Callable[..., Outputs],
) -> int:
    """Put a claim to the test: what was predicted, what was measured, and whether that confirms or refutes it.

    `gilscope syllabus` shows all experiments with their claims.
    """
    if is_all == (name is not None):
        raise UsageError("give the NAME of one experiment, or --all; `gilscope list` shows them")
    if resume is not None and not is_all:
        raise UsageError("--resume goes on with --all; one experiment is conducted as a whole")
    setting = Setting(
        effort=effort or "default",
        n_cpus=usable_cpus().count,
        pythons=tuple(_found(python) for python in pythons),
        modules=modules,
    )
    if name is not None:
        return conduct(
            lambda: load(name).conduct(setting, seed=seed, argv=sys.argv[1:]),
            outputs(KINDS["experiment"]),
            exit_codes.of_experiment,
            display=_display,
            keep_after=LaunchEnded,
            more_time="--rigorous",
        )
    done = None if resume is None else SYLLABUS.read(resume)
    return conduct(
        lambda: Course(EXPERIMENTS, setting, seed=seed, argv=sys.argv[1:], done=done),
        _outputs(outputs, KINDS["syllabus"], resume),
        exit_codes.of_course,
        display=_display,
        keep_after=Closed,
    )


def _display(session: Any) -> Draws:
    from gilscope.cli.experiment_progress import display  # with rich, which completion and help go without

    return display(session)


def _found(python: str) -> str:
    """Return the path of an interpreter that is named as a shell would name it."""
    path = shutil.which(python)
    if path is None:
        raise UsageError(f"--python {python}: there is no such program; give the path of an interpreter")
    return str(Path(path).absolute())  # of a virtual environment, whose link is not followed


def _outputs(make: Callable[..., Outputs], kind: Kind, resume: Path | None) -> Outputs:
    """Return where the syllabus goes: to the file that is gone on with, too."""
    made = make(kind, goes_on=resume is not None)
    if resume is not None:
        check_output(resume, force=True)
        made.files.setdefault(resume, "json")
    return made


command.epilog = f"Experiments: {', '.join(EXPERIMENTS)}."
