"""Which mechanism can account for the GIL in this process: the best that works here, and why the better ones do not."""

from collections.abc import Mapping
from dataclasses import dataclass

# The modules, for each has an availability.
from gilscope.accounting import ledger as exact
from gilscope.accounting import sampler, witness
from gilscope.errors import CannotRunError, Unavailable

LEDGER, SAMPLER, WITNESS = "ledger", "sampler", "witness"
#: The best first: exact, by thousands of looks a second, by hundreds.
MECHANISMS = (LEDGER, SAMPLER, WITNESS)
_COSTS = {LEDGER: f"{exact.COST}, and {exact.CLOCK_COST}", SAMPLER: sampler.COST, WITNESS: witness.COST}


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


def ledger(n_events: int = 0, *, cpu_clock: bool = True) -> exact.Ledger | sampler.Sampler | witness.Witness:
    """Account for the GIL while a block runs: ``with gilscope.ledger() as ledger: ...``.

    Parameters
    ----------
    n_events : int, default 0
        How many events of the timeline to keep, at 16 bytes each; the oldest are lost first, and counted. 0 keeps
        counters alone.
    cpu_clock : bool, default True
        Tell computing from blocked in releases of 20 us and above, at one or two readings of the thread's CPU clock
        each, 0.2 to 2 us a reading. Without it all released time that is not short counts as blocked.

    Returns
    -------
    Ledger, Sampler or Witness
        A context manager. While it is open, and after, `threads`, `sites`, `events` and `wall_ns` say what happened;
        `log` has all of it as one value. It is the best of the three that works here: `mechanism` says which and why,
        `blind_to` what it cannot see. A ledger's threads are `ThreadAccount`, exact. A sampler's are `SampledThread`:
        shares of time and waits for locks, which is also what there is to know on a free-threaded build. A witness
        knows no threads; its log says how much of the time the GIL was free.

    Raises
    ------
    CannotRunError
        Where a timeline is asked for and there is no ledger, or nothing can account for the GIL.

    Notes
    -----
    While a ledger is open each release and reacquire pair costs about 50 ns more, and those of 20 us and above what
    reading the CPU clock costs; nothing when none is. May be opened and closed from any thread of the main interpreter,
    also while others are open. GIL: held, but for what the first call of each mechanism's `availability` releases.

    Examples
    --------
    >>> import time, gilscope
    >>> with gilscope.ledger() as ledger:
    ...     time.sleep(0.01)
    >>> [thread.drops for thread in ledger.threads]
    [1]
    >>> ledger.mechanism
    'ledger'
    """
    choice = best()
    if choice.name == LEDGER:
        return exact.Ledger(n_events, cpu_clock=cpu_clock)
    if n_events:
        raise CannotRunError(f"a timeline needs the ledger: {choice.passed_over[LEDGER].reason}")
    why = "; ".join(absence.reason for absence in choice.passed_over.values())
    return sampler.Sampler(instead_of=why) if choice.name == SAMPLER else witness.Witness(instead_of=why)


def cost_of(mechanism: str) -> str:
    """Return what a mechanism takes from the program, in words.

    Parameters
    ----------
    mechanism : str
        As a result names it: its first word is one of `MECHANISMS`.
    """
    return _COSTS[mechanism.split(maxsplit=1)[0]]


def _absence(name: str) -> Unavailable | None:
    modules = {LEDGER: exact, SAMPLER: sampler, WITNESS: witness}
    absence: Unavailable | None = modules[name].availability()
    return absence
