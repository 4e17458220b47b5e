"""Shares of a call, and answers to requests for the GIL, where there is no ledger to read them from.

Samples give shares of time. How many releases there are they cannot tell, so predictions take one a call for granted,
which is the fewest there can be and the best for threads.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat
from statistics import median

from gilscope.accounting import sampler as sampling
from gilscope.accounting import witness as witnessing
from gilscope.accounting.asking import ASKS_AFTER_S
from gilscope.accounting.belonging import Family, Rest, assigned_ns, at_rest, others_cpu_ns
from gilscope.accounting.mechanisms import SAMPLER, best
from gilscope.accounting.samples import SampledLog
from gilscope.accounting.switching import SwitchInterval
from gilscope.accounting.witness import WitnessLog
from gilscope.errors import Unavailable
from gilscope.originals import get_native_id, time
from gilscope.probing.requests import Knocks
from gilscope.probing.shares import FEWEST_BATCHES, MOST_BATCHES, Shares, between, interval_of
from gilscope.system.gil import gil_enabled
from gilscope.system.threads import children_cpu_ns, kernel_counts

#: A batch of calls lasts at least so long, for a thousand looks of the sampler or a hundred of the witness.
MIN_BATCH_NS = 100_000_000
#: Batches that may say nothing, because the host did not let anybody look, before a mechanism is given up.
MOST_REFUSALS = 5
#: An answer within so much after the request counts as at once, as in the ledger.
QUICK_ANSWER_NS = 50_000
BLIND_TO = "the number of releases, so that predictions take one a call for granted, the fewest there can be"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    mechanism: str
    blind_to: tuple[str, ...]
    wall_ns: int
    held: float
    computing: tuple[float, float]
    blocked: tuple[float, float]
    native: float
    attached: bool


def measure_sampled(call: Callable[[], object], call_ns: int, seconds: float, mark: str = "") -> Shares:
    """Call again and again while somebody looks at the GIL, for about so many seconds.

    Parameters
    ----------
    call : callable
    call_ns : int
        About how long one call takes.
    seconds : float
        For each mechanism that is tried.
    mark : str
        As of `gilscope.children.descendants.found_by`: finds the processes that the call has started.

    Raises
    ------
    CannotRunError
        Where nothing but the ledger can look, or the host lets nobody look.

    Notes
    -----
    On a free-threaded build "held" stands for attached: with a thread state that may run Python. Where its GIL is on,
    both are the same.
    """
    refused: dict[str, Unavailable] = {}
    family = Family(mark)
    rest = at_rest(family, is_counted=False)
    while True:
        choice = best(refused)
        look = _by_sampler if choice.name == SAMPLER else _by_witness
        found = _batches(look, call, call_ns, seconds, family, rest)
        if not isinstance(found, Unavailable):
            break
        refused[choice.name] = found
    batches, n_calls = found
    reasons = "; ".join(absence.reason for absence in choice.passed_over.values())
    return Shares(
        mechanism=f"{batches[0].mechanism} ({reasons})",
        blind_to=[*batches[0].blind_to, BLIND_TO],
        calls=n_calls * len(batches),
        batches=len(batches),
        wall_ns=median(batch.wall_ns for batch in batches) / n_calls,
        held=interval_of([batch.held for batch in batches]),
        computing=between(*(interval_of([batch.computing[i] for batch in batches]) for i in (0, 1))),
        blocked=between(*(interval_of([batch.blocked[i] for batch in batches]) for i in (0, 1))),
        releases=None,
        longest_hold_ns=None,
        sites=[],
        attached=batches[0].attached,
        native=median(batch.native for batch in batches),
    )


def knock_sampled(call: Callable[[], object], seconds: float, *, seed: int = 0) -> Knocks:
    """Call again and again while a witness asks for the GIL; the same as `knock`, by how long the witness waits.

    Returns
    -------
    Knocks
        None asked where no witness can be.
    """
    if witnessing.availability() is not None:
        return Knocks(asked=0, at_once=0, unanswered=0.0)
    begin_ns = time.monotonic_ns()
    with SwitchInterval(ASKS_AFTER_S), witnessing.Witness(seed=seed) as witness:
        call()
        while time.monotonic_ns() - begin_ns < seconds * 1e9:
            call()
    log, wall_ns = witness.log, time.monotonic_ns() - begin_ns
    if isinstance(log, Unavailable):
        return Knocks(asked=0, at_once=0, unanswered=0.0)
    waits_ns = [wait_ns for wait_ns in log.waits_ns if wait_ns >= witnessing.AT_ONCE_NS]
    quick_ns = ASKS_AFTER_S * 1e9 + QUICK_ANSWER_NS + log.waking_ns
    return Knocks(
        asked=len(waits_ns),
        at_once=sum(wait_ns < quick_ns for wait_ns in waits_ns),
        unanswered=min(1.0, sum(waits_ns) / max(1.0, (1 - log.free) * wall_ns)),
    )


_Look = Callable[[Callable[[], object]], SampledLog | WitnessLog | Unavailable]


def _batches(
    look: _Look, call: Callable[[], object], call_ns: int, seconds: float, family: Family, rest: Rest
) -> tuple[list[_Batch], int] | Unavailable:
    """Return batches of equally many calls, and how many."""
    n_calls = max(1, round(MIN_BATCH_NS / max(call_ns, 1)))
    batches: list[_Batch] = []
    n_refusals, deadline = 0, time.monotonic() + seconds
    while len(batches) < FEWEST_BATCHES or (len(batches) < MOST_BATCHES and time.monotonic() < deadline):
        batch = _batch(look, call, n_calls, family, rest)
        if isinstance(batch, Unavailable):
            n_refusals += 1
            if n_refusals > MOST_REFUSALS and len(batches) < FEWEST_BATCHES:
                return batch
        elif 2 * batch.wall_ns < MIN_BATCH_NS:
            n_calls = max(2 * n_calls, round(n_calls * MIN_BATCH_NS / max(batch.wall_ns, 1)))
            batches.clear()
        else:
            batches.append(batch)
    return batches, n_calls


def _batch(look: _Look, call: Callable[[], object], n_calls: int, family: Family, rest: Rest) -> _Batch | Unavailable:
    native_id = get_native_id()
    spent_ns: list[int] = []

    def work() -> None:
        before_ns = _clocks_ns(native_id, family)
        for _ in repeat(None, n_calls):
            call()
        after_ns = _clocks_ns(native_id, family)
        spent_ns.extend(after - before for before, after in zip(before_ns, after_ns, strict=True))

    log = look(work)
    if isinstance(log, Unavailable):
        return log
    wall_ns, cpu_ns, queued_ns, others_ns = spent_ns
    held = _held(log, native_id)
    computing, blocked = split(held, cpu_ns / max(1, wall_ns), queued_ns / max(1, wall_ns))
    # What others compute for the call, they compute while it would else be blocked.
    theirs = [min(blocked, ns / max(1, wall_ns)) for ns in assigned_ns(others_ns, 0.0, rest, wall_ns)]
    return _Batch(
        mechanism=log.mechanism,
        blind_to=log.blind_to,
        wall_ns=wall_ns,
        held=1 - computing - blocked,
        computing=(computing + theirs[0], computing + theirs[1]),
        blocked=(blocked - theirs[0], blocked - theirs[1]),
        native=theirs[0],
        # With the GIL on, as an import may have switched it, whoever is attached holds it.
        attached=isinstance(log, SampledLog) and log.free is None and not gil_enabled(),
    )


def _clocks_ns(native_id: int, family: Family) -> tuple[int, int, int, int]:
    """Return the wall clock, the calling thread's CPU time and its time queued for a CPU, and all others' CPU time."""
    others_ns = others_cpu_ns() + children_cpu_ns() + family.cpu_ns()
    return time.perf_counter_ns(), time.thread_time_ns(), max(0, kernel_counts(native_id)[1]), others_ns


def split(held: float, on_cpu: float, queued: float) -> tuple[float, float]:
    """Divide what a thread did without the GIL into computing and blocked, as shares of its own time.

    Parameters
    ----------
    held : float
        Share of the wall time with the GIL, which is taken for computing.
    on_cpu, queued : float
        Shares of the wall time on a CPU, and in the queue for one, which is left out, as `gilscope.probing.shares`
        does.

    Returns
    -------
    tuple of float
    """
    computing = min(max(0.0, on_cpu - held), 1 - held)
    off_cpu = max(0.0, 1 - on_cpu)
    waited = min(1.0, queued / off_cpu) if off_cpu else 0.0
    blocked = (1 - held - computing) * (1 - waited)
    own = held + computing + blocked
    return (computing / own, blocked / own) if own else (0.0, 0.0)


def _held(log: SampledLog | WitnessLog, native_id: int) -> float:
    if isinstance(log, WitnessLog):
        return 1 - log.free
    thread = log.thread(native_id)
    if thread is None:
        return 0.0  # it was never seen with the GIL
    return thread.held if thread.held is not None else thread.attached or 0.0


def _by_sampler(work: Callable[[], object]) -> SampledLog | Unavailable:
    with sampling.sampler() as samples:
        work()
    return samples.log


def _by_witness(work: Callable[[], object]) -> WitnessLog | Unavailable:
    with witnessing.Witness() as witness:
        work()
    return witness.log
