"""What a strategy is: one way to spread the tasks of an arm, and the facts that plans, verdicts and sentences ask for.

A new one is a module with a subclass of `Strategy`, and a line in `gilscope.running.strategies.STRATEGIES`. One that
wants workers behind pipes, over memory that they all map, starts from `gilscope.running.strategies.crew.Crew`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

from gilscope.errors import Unavailable
from gilscope.running.strategies.memory import SharedMemory


@dataclass(frozen=True, slots=True)
class Timing:
    """One timed task on every worker of a strategy.

    Parameters
    ----------
    wall_ns, cpu_ns, run_delay_ns : int
        Wall time from the first worker's start to the last one's end; CPU time and time spent runnable but waiting for
        a CPU, summed over the workers.
    switches : int
        Involuntary context switches, summed over the workers. This and `run_delay_ns` are -1 where not counted.
    checksum : int
        Sum of the workers' checksums modulo 2**64; 0 for the array form.
    """

    wall_ns: int
    cpu_ns: int
    run_delay_ns: int
    switches: int
    checksum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one arm computes: a kernel over as many chunks of the memory as the strategy is wide.

    Parameters
    ----------
    kernel, implementation, gil : str
        As in `gilscope.kernels.load`.
    form : {"array", "compute"}
        One call over each chunk a repeat, or one call on each chunk whose rounds are the repeats.
    n_items : int
        Items in each chunk.
    stays : bool
        Whether a worker with several chunks computes them all on one CPU.
    """

    kernel: str
    implementation: str
    gil: str
    form: str
    n_items: int
    stays: bool = False


class Strategy(ABC):
    """One way to spread tasks, started and waiting. Use as a context manager: leaving it leaves nothing behind.

    Parameters
    ----------
    memory : SharedMemory
        Input and output of every task; must outlive the strategy. Workers that do not map it get their chunks copied,
        and what they have written copied back, outside of what is timed.
    n_workers : int
        How many chunks there are, and how many CPUs the strategy may use at once.

    Attributes
    ----------
    name : str
        What the user asks for, and what files keep. A plural counts its workers in a table: ``"threads"`` is drawn as
        "2 threads"; what stands behind a colon is drawn in parentheses. See `gilscope.words.strategy`.
    is_default : bool
        Whether it is measured where the user names none.
    is_ceiling : bool
        Whether it stands for what the machine can do, so that others are judged by it. Every group has one.
    shares_gil : bool
        Whether its workers share one GIL, so that this can be what keeps them on one CPU.
    regimes : list of dict
        What each worker says of itself once it is ready; see `gilscope.running.worker.regime`.
    """

    name: ClassVar[str]
    is_default: ClassVar[bool] = True
    is_ceiling: ClassVar[bool] = False
    shares_gil: ClassVar[bool] = False

    def __init__(self, memory: SharedMemory, n_workers: int) -> None:
        self.memory = memory
        self.n_workers = n_workers
        self.regimes: list[dict[str, object]] = []

    @classmethod
    def unavailable(cls) -> Unavailable | None:
        """Return why this strategy cannot run in this process, or None; loads and starts nothing."""
        return None

    @classmethod
    def missing(cls) -> Unavailable | None:
        """Return the same, and ask a child process where only what would be loaded can tell."""
        return cls.unavailable()

    @classmethod
    def takes(cls, implementation: str, gil: str) -> bool:  # noqa: ARG003 - for those that take some only
        """Tell whether there is an arm of this strategy for such a kernel."""
        return True

    @abstractmethod
    def start(self) -> None:
        """Start every worker, without waiting for any: several strategies start side by side."""

    @abstractmethod
    def wait_until_ready(self) -> None:
        """Wait until every worker can take a task, and fill `regimes`.

        Raises
        ------
        CannotRunError
            If a worker lacks something that it needs.
        KernelError
            If something else keeps it from starting.
        """

    @abstractmethod
    def prepare(self, task: int, work: Work) -> Unavailable | None:
        """Take in what task number `task` is; return why it cannot be done here, or None. Nothing stands in for it."""

    @abstractmethod
    def run(self, task: int, repeats: int) -> Timing:
        """Run a prepared task on every worker at once and time it.

        Raises
        ------
        KernelError
            If a kernel raises or a worker dies.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop every worker and wait for its end; safe to call twice, and on what has not been started."""

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait_until_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
