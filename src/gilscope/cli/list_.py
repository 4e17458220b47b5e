"""`gilscope list`: what there is to run, and what of it cannot run here."""

import json

import click

from gilscope import kernels
from gilscope.cli import options
from gilscope.cli.command import Command
from gilscope.cli.outputs import Outputs
from gilscope.errors import DONE, Unavailable
from gilscope.experiments import EXPERIMENTS
from gilscope.experiments.base import load
from gilscope.report.blocks import Block, Fact, Facts, Heading, Sentences
from gilscope.running import strategies
from gilscope.words import joined

_EXAMPLES = (("list", "Show what `gilscope run` can be asked for here."),)
_MEANINGS = {"square": "out[i] = x[i]*x[i]", "quad": "out[i] = (x[i]*x[i])*(x[i]*x[i])"}
#: What there is -> name -> what it is, or why it cannot run here.
Found = dict[str, dict[str, str]]


@click.command(cls=Command, examples=_EXAMPLES)
@options.outputs("list")
def command(outputs: Outputs) -> int:
    """Show kernels, implementations, strategies and experiments; what cannot run here says why."""
    there_is = found()
    outputs.show(there_is)
    outputs.save(there_is)
    return outputs.conclude(DONE)


def found() -> Found:
    """Return what there is here."""
    # Asked first: importing NumPy below starts threads, and would make a fork look impossible.
    absent = {strategy.name: strategy.missing() for strategy in strategies.STRATEGIES}
    implementations = {}
    for implementation in kernels.IMPLEMENTATIONS:
        modes = kernels.gil_modes(implementation)
        loaded = kernels.load("square", implementation, modes[0])
        implementations[implementation] = (
            str(loaded) if isinstance(loaded, Unavailable) else f"GIL {joined(modes, 'or')}"
        )
    return {
        "kernels": _MEANINGS,
        "implementations": implementations,
        "strategies": {
            strategy.name: str(absent[strategy.name] or (strategy.__doc__ or "").strip().splitlines()[0])
            for strategy in strategies.STRATEGIES
        },
        "experiments": {name: load(name).title for name in EXPERIMENTS},
        "dtypes": dict.fromkeys(kernels.DTYPES, ""),
    }


def dumps(there_is: Found) -> str:
    """Return what there is as JSON text, ending in a newline."""
    return json.dumps({**there_is, "dtypes": list(there_is["dtypes"])}, indent=2, ensure_ascii=False) + "\n"


def blocks(there_is: Found) -> tuple[Block, ...]:
    """Return what there is as blocks."""
    *others, (last, dtypes) = there_is.items()
    made: list[Block] = []
    for title, names in others:
        made += [Heading(title), Facts(tuple(Fact(name, text) for name, text in names.items()))]
    return *made, Heading(last), Sentences((", ".join(dtypes),))
