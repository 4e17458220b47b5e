"""Which mechanism can account for the GIL in this process: the best that works here, and why the better ones do not."""

from collections.abc import Mapping
from dataclasses import dataclass

# The modules and not their functions, which all three share the name of.
from gilscope.accounting import ledger, sampler, witness
from gilscope.errors import CannotRunError
from gilscope.results import Unavailable

LEDGER, SAMPLER, WITNESS = "ledger", "sampler", "witness"
#: The best first: exact, by thousands of looks a second, by hundreds.
MECHANISMS = (LEDGER, SAMPLER, WITNESS)
_COSTS = {LEDGER: f"{ledger.COST}, and {ledger.CLOCK_COST}", SAMPLER: sampler.COST, WITNESS: witness.COST}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The mechanism to use.

    Parameters
    ----------
    name : {"ledger", "sampler", "witness"}
    passed_over : dict of str to Unavailable
        The better ones, and why each cannot serve.
    """

    name: str
    passed_over: dict[str, Unavailable]

    def __str__(self) -> str:
        reasons = "; ".join(absence.reason for absence in self.passed_over.values())
        return f"{self.name} ({reasons})" if reasons else self.name


def best(refused: Mapping[str, Unavailable] | None = None) -> Choice:
    """Choose the best mechanism that works in this process.

    Parameters
    ----------
    refused : mapping of str to Unavailable, optional
        Mechanisms that were tried and said no.

    Raises
    ------
    CannotRunError
        Where none can serve, with all reasons.

    Notes
    -----
    GIL: held, but for what the first call of each mechanism's `availability` releases.
    """
    passed_over: dict[str, Unavailable] = {}
    for name in MECHANISMS:
        absence = (refused or {}).get(name) or _absence(name)
        if absence is None:
            return Choice(name=name, passed_over=passed_over)
        passed_over[name] = absence
    reasons = "; ".join(absence.reason for absence in passed_over.values())
    raise CannotRunError(f"nothing here can account for the GIL: {reasons}")


def cost_of(mechanism: str) -> str:
    """Return what a mechanism takes from the program, in words.

    Parameters
    ----------
    mechanism : str
        As a result names it: its first word is one of `MECHANISMS`.
    """
    return _COSTS[mechanism.split(maxsplit=1)[0]]


def _absence(name: str) -> Unavailable | None:
    modules = {LEDGER: ledger, SAMPLER: sampler, WITNESS: witness}
    absence: Unavailable | None = modules[name].availability()
    return absence
