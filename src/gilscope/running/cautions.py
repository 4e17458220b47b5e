"""What disturbed a run: what was seen, what it means, what to do."""

from gilscope import words
from gilscope.report.blocks import Caution
from gilscope.running.result import Result

#: Workers that wait for a CPU for more than this share of the time they use one are not alone on the machine.
CROWDED = 0.1
#: A host that takes more of the CPU time than this shows in the intervals. A judgement.
STOLEN = 0.05


def of_run(result: Result) -> tuple[Caution, ...]:
    """Return what stands in the way of trusting a run's figures, or of narrower ones."""
    seen, found = result.interference, list(_of_workers(result))
    # With more workers than CPUs, its own wait for each other.
    if seen.run_delay > CROWDED and not result.plan.oversubscribed:
        share = words.percent(seen.run_delay, 0)
        found.append(
            Caution(
                f"workers stood ready but waited for a CPU for {share} as long as they had one",
                "something else is running here; stop it, or expect wider intervals",
            )
        )
    return (*found, *of_host(seen.steal, seen.throttled))


def _of_workers(result: Result) -> tuple[Caution, ...]:
    """Return what follows from more workers than CPUs: those asked for, and those of a library beside them."""
    if not result.plan.oversubscribed:
        return ()
    usable = result.machine.get("cpu")
    count = usable.get("usable", {}).get("count") if isinstance(usable, dict) else None
    n_workers = max(arm.n_workers for group in result.plan.groups for arm in group.arms)
    cpus = words.counted(count, "CPU") if isinstance(count, int) else "fewer CPUs"
    return (
        Caution(
            f"{words.counted(n_workers, 'worker')} on {cpus}",
            "they take turns, so that times say what too many workers cost and not what the GIL does. A library with "
            "threads of its own (BLAS, OpenMP) multiplies them: gilscope experiment oversubscription",
        ),
    )


def of_host(steal: float | None, throttled: int) -> tuple[Caution, ...]:
    """Return what the host and a quota took away.

    Parameters
    ----------
    steal : float or None
        CPU time that the host gave to others, as a share; None where it cannot be read.
    throttled : int
        Periods in which a quota stopped the process.
    """
    found = []
    if steal is not None and steal > STOLEN:
        found.append(
            Caution(
                f"the host gave {words.percent(steal)} of the CPU time to others",
                "trust shares of the ceiling only, or measure when it is quieter",
            )
        )
    if throttled:
        found.append(
            Caution(
                f"a CPU quota stopped this process {words.counted(throttled, 'time')}",
                "raise it, or compare at a smaller width",
            )
        )
    return tuple(found)
