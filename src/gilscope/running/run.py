"""One whole run: the machine described, the plan made, the rounds measured, the result put together."""

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from gilscope.documents.envelope import as_argv
from gilscope.documents.typed import plain
from gilscope.machine.description import describe
from gilscope.machine.regime import gil_of_children
from gilscope.running.launch_process import LaunchProcess
from gilscope.running.plan import Request, make_plan
from gilscope.running.result import Result
from gilscope.running.runner import Event, Runner
from gilscope.version import __version__


class Session:
    """A run in launches of its own. Iterate over `events`; ask for `result` at any time.

    Parameters
    ----------
    request : Request
    host_name : bool
        Whether the result names this machine.
    argv : sequence of str
        The arguments of a command line, to be kept with the result.

    Raises
    ------
    UsageError, CannotRunError
        If the request cannot be carried out here; see `gilscope.running.plan.make_plan`.
    """

    def __init__(self, request: Request, *, host_name: bool = False, argv: Sequence[str] = ()) -> None:
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._argv = as_argv(argv)
        machine = describe(host_name=host_name, openmp=True)
        self._facts = plain(machine)
        self.plan = make_plan(request, machine.cpu.usable.count, machine.cpu.usable.source)
        self.runner = Runner(
            self.plan,
            LaunchProcess,
            expected={"gil_enabled": gil_of_children(), "switch_interval_s": sys.getswitchinterval()},
        )

    def events(self) -> Iterator[Event]:
        """Measure; yield what happens as it happens. See `gilscope.running.runner.Runner.events`."""
        return self.runner.events()

    def result(self) -> Result:
        """Return what was measured so far."""
        return self.runner.result(
            tool=f"gilscope {__version__}", started=self._started, argv=self._argv, machine=self._facts
        )


def run(
    *,
    kernels: tuple[str, ...] = (),
    implementations: tuple[str, ...] = (),
    gil_modes: tuple[str, ...] = (),
    strategies: tuple[str, ...] = (),
    workers: tuple[int, ...] = (),
    dtype: str = "float64",
    form: str | None = None,
    n_items: int | None = None,
    task_ns: int | None = None,
    target: float | None = None,
    budget_s: float | None = None,
    effort: str = "default",
    seed: int | None = None,
    oversubscribe: bool = False,
) -> Result:
    """Measure kernels under strategies, and return everything that was found; the default takes up to a minute.

    Parameters
    ----------
    kernels, implementations, gil_modes, strategies, workers, dtype, form, n_items, task_ns, target, budget_s, effort, \
    seed, oversubscribe
        As of `gilscope.Request`, which explains each. Left out, it has the default.

    Returns
    -------
    Result
        Printing it shows the table; a notebook shows it as one.

    Raises
    ------
    UsageError, CannotRunError, KernelError
        As the command line would end with.

    Notes
    -----
    All timing happens in child processes, so it may be called from anywhere: a notebook, or a script without a
    ``__main__`` guard. GIL: given up while they measure. Threads: one run at a time, or they disturb each other.

    Examples
    --------
    >>> import gilscope
    >>> result = gilscope.run(kernels=("quad",), implementations=("c",), effort="fast")
    >>> print(result)  # the table
    >>> print(*result.findings)  # what follows from it
    """
    session = Session(
        Request(
            kernels=kernels,
            implementations=implementations,
            gil_modes=gil_modes,
            strategies=strategies,
            workers=workers,
            dtype=dtype,
            form=form,
            n_items=n_items,
            task_ns=task_ns,
            target=target,
            budget_s=budget_s,
            effort=effort,
            seed=seed,
            oversubscribe=oversubscribe,
        )
    )
    for _ in session.events():
        pass
    return session.result()
