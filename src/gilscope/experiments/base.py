"""What every experiment has: five headings in its docstring, and two functions that say what is measured and judged.

A module of this package is an experiment. There are two kinds:

`scene(setting)` and `design(setting)`
    Arms of its own, timed in balanced cycles beside the control (see `trial`), and the figures and claims made of them.
`request(setting)` and `findings(result)`
    Kernels under strategies: what `gilscope run` is to measure, and what that says of each claim (see `runs`).

No experiment has a loop, a table, a clock of rounds or a reader of its own.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from inspect import cleandoc
from types import ModuleType

from gilscope.documents.envelope import as_argv
from gilscope.documents.typed import plain
from gilscope.errors import unknown
from gilscope.experiments import EXPERIMENTS
from gilscope.experiments.claims import Design
from gilscope.experiments.result import ExperimentResult
from gilscope.experiments.runs import RunTrial
from gilscope.experiments.setting import Setting
from gilscope.experiments.trial import Trial
from gilscope.machine.description import describe
from gilscope.version import __version__

HEADINGS = ("Question", "Prediction", "Method", "What can fool you", "Reading the result")


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment by its name.

    Parameters
    ----------
    name : str
    title : str
        Its question in a line.
    sections : dict of str to str
        The text under each of `HEADINGS`.
    module : module
    """

    name: str
    title: str
    sections: dict[str, str]
    module: ModuleType

    @property
    def is_run(self) -> bool:
        """Whether `gilscope run` measures it."""
        return hasattr(self.module, "request")

    def design(self, setting: Setting) -> Design:
        """Return its figures, claims and controls."""
        design: Design = self.module.design(setting)
        return design

    def conduct(
        self, setting: Setting, *, seed: int | None = None, host_name: bool = False, argv: Sequence[str] = ()
    ) -> Trial | RunTrial:
        """Return what conducts it: iterate over its `events`, and ask it for its `result`.

        Parameters
        ----------
        setting : Setting
        seed : int, optional
            Of every random choice; drawn where not given.
        host_name : bool, optional
            Whether the result names this machine.
        argv : sequence of str, optional
            The arguments of a command line, to be kept with the result.
        """
        result = partial(
            ExperimentResult,
            tool=f"gilscope {__version__}",
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            argv=as_argv(argv),
            experiment=self.name,
            title=self.title,
            sections=self.sections,
            effort=setting.effort,
            machine=plain(describe(host_name=host_name, openmp=True)),
        )
        if self.is_run:
            return RunTrial(self.module.request(setting), self.module.findings, result, seed=seed)
        return Trial(self.name, self.design(setting), setting, result, seed=seed)


def load(name: str) -> Experiment:
    """Return an experiment.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    if name not in EXPERIMENTS:
        raise unknown("experiment", name, EXPERIMENTS)
    module = import_module(f"gilscope.experiments.{name}")
    title, sections = read(module.__doc__ or "")
    return Experiment(name, title, sections, module)


def read(docstring: str) -> tuple[str, dict[str, str]]:
    """Return the first line of an experiment's docstring, and the text under each heading, as paragraphs."""
    title, *parts = re.split(r"\n\n(.+)\n-+\n", cleandoc(docstring))
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    assert tuple(sections) == HEADINGS, f"an experiment has the headings {HEADINGS}, this one {tuple(sections)}"
    return title, {name: " ".join(text.split()) for name, text in sections.items()}
