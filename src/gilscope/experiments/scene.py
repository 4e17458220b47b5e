"""What an experiment measures, in the process that measures it: arms, each of which can be timed once a round.

@contextmanager
def scene(setting):
with helper() as helped:
yield Scene({"alone": lambda: time_alone(), "helped": helped.time})
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gilscope.errors import Unavailable
from gilscope.experiments.figures import WALL_NS

#: Times an arm once: a time in ns, or quantities by their names, always the same ones.
Take = Callable[[], float | Mapping[str, float]]


@dataclass(slots=True)
class Scene:
    """The arms of an experiment, ready to be timed.

    Parameters
    ----------
    arms : mapping of str to callable
    absent : dict of str to Unavailable
        Arms that cannot run here.
    notes : list of str
        Sentences that a reader needs, which no figure holds: what a module lacks, which error an import gave. They may
        be added while it is measured.
    """

    arms: Mapping[str, Take]
    absent: dict[str, Unavailable] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def take(self, arm: str) -> dict[str, float]:
        """Time an arm once; return its quantities by their names."""
        taken = self.arms[arm]()
        return dict(taken) if isinstance(taken, Mapping) else {WALL_NS: taken}
