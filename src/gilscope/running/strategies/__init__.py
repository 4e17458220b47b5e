"""The strategies, in the order in which tables show them."""

from gilscope.errors import UsageError
from gilscope.running.strategies.base import Crew, Timing
from gilscope.running.strategies.interpreters import Interpreters
from gilscope.running.strategies.memory import ITEM_MULTIPLE, SharedMemory
from gilscope.running.strategies.processes import ForkedProcesses, ForkserverProcesses, Processes
from gilscope.running.strategies.threads import OpenMP, Serial, Threads

STRATEGIES: tuple[type[Crew], ...] = (
    Serial,
    Threads,
    Processes,
    ForkserverProcesses,
    ForkedProcesses,
    Interpreters,
    OpenMP,
)

__all__ = ["ITEM_MULTIPLE", "STRATEGIES", "Crew", "SharedMemory", "Timing", "find"]


def find(name: str) -> type[Crew]:
    """Return the strategy of that name; raise `UsageError` for a name that is none's."""
    for strategy in STRATEGIES:
        if strategy.name == name:
            return strategy
    raise UsageError(f"unknown strategy {name!r}; choose from: {', '.join(s.name for s in STRATEGIES)}")
