"""What an experiment is conducted with: how long, how narrow, on how many CPUs, beside which interpreters."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """A named level of effort.

    Parameters
    ----------
    target : float
        Half-width, as a share, at which a figure is narrow enough.
    budget_s : float
        Wall time after which an experiment stops with what it has.
    sample_s : float
        How long one timing of an arm may take: a round of some arms must fit often enough into the budget.
    """

    target: float
    budget_s: float
    sample_s: float


EFFORTS = {
    "fast": Effort(target=0.10, budget_s=5.0, sample_s=0.03),
    "default": Effort(target=0.03, budget_s=20.0, sample_s=0.1),
    "rigorous": Effort(target=0.01, budget_s=600.0, sample_s=0.2),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What an experiment is conducted with. It goes to the process that measures as plain data.

    Parameters
    ----------
    effort : {"fast", "default", "rigorous"}
    n_cpus : int
        CPUs that this process may use.
    pythons : tuple of str, optional
        Other interpreters, by the paths of their executables.
    modules : tuple of str, optional
        Modules of the user's.
    """

    effort: str = "default"
    n_cpus: int = 2
    pythons: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()

    @property
    def sample_s(self) -> float:
        """How long one timing of an arm may take."""
        return EFFORTS[self.effort].sample_s
