"""The strategies, in the order in which tables show them."""

from gilscope.errors import unknown
from gilscope.running.strategies.base import Strategy, Timing, Work
from gilscope.running.strategies.crew import Crew
from gilscope.running.strategies.interpreters import Interpreters
from gilscope.running.strategies.memory import ITEM_MULTIPLE, SharedMemory
from gilscope.running.strategies.openmp import OpenMP
from gilscope.running.strategies.processes import ForkedProcesses, ForkserverProcesses, Processes
from gilscope.running.strategies.threads import Serial, Threads

STRATEGIES: tuple[type[Strategy], ...] = (
    Serial,
    Threads,
    Processes,
    ForkserverProcesses,
    ForkedProcesses,
    Interpreters,
    OpenMP,
)

__all__ = ["ITEM_MULTIPLE", "STRATEGIES", "Crew", "SharedMemory", "Strategy", "Timing", "Work", "find"]


def find(name: str) -> type[Strategy]:
    """Return the strategy of that name; raise `UsageError` for a name that is none's."""
    for strategy in STRATEGIES:
        if strategy.name == name:
            return strategy
    raise unknown("strategy", name, (strategy.name for strategy in STRATEGIES))
