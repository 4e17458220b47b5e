"""`gilscope list`: what there is to run, and what of it cannot run here."""

import click

from gilscope import kernels
from gilscope.errors import Unavailable
from gilscope.running import strategies


@click.command()
def command() -> int:
    """Show kernels, implementations and strategies; what cannot run here says why."""
    # Asked first: importing NumPy below starts threads, and would make a fork look impossible.
    absent = {strategy.name: strategy.missing() for strategy in strategies.STRATEGIES}
    click.echo("kernels")
    for name, meaning in (("square", "out[i] = x[i]*x[i]"), ("quad", "out[i] = (x[i]*x[i])*(x[i]*x[i])")):
        click.echo(f"  {name:22}{meaning}")
    click.echo("implementations")
    for implementation in kernels.IMPLEMENTATIONS:
        modes = kernels.gil_modes(implementation)
        loaded = kernels.load("square", implementation, modes[0])
        state = str(loaded) if isinstance(loaded, Unavailable) else f"GIL {' or '.join(modes)}"
        click.echo(f"  {implementation:22}{state}")
    click.echo("strategies")
    for strategy in strategies.STRATEGIES:
        summary = (strategy.__doc__ or "").strip().splitlines()[0]
        click.echo(f"  {strategy.name:22}{absent[strategy.name] or summary}")
    click.echo(f"dtypes\n  {', '.join(kernels.DTYPES)}")
    return 0
