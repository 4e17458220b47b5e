"""What sampling gives: shares of looks, with what the host left of them, as plain data."""

from dataclasses import dataclass
from typing import ClassVar

from gilscope.accounting.log import Account
from gilscope.errors import Unavailable
from gilscope.fields import Natural, Part
from gilscope.words import count, counted, duration

#: Below this share of its looks a sampler saw what the host let it see; a judgement.
LEAST_COVERAGE = 0.5
#: So much of the time may lie between two looks: what happened there may be all there is. A judgement too.
MOST_GAP = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledThread:
    """One thread, as samples saw it.

    Parameters
    ----------
    native_id : int
        The kernel's id; 0 of threads that had ended before they could be asked.
    name : str
        Its name in Python, else its id in words.
    held, attached : float or None
        Share of the looks, 0 to 1: with a GIL those that saw it hold that, on a free-threaded build those that saw it
        attached, which is when it may run Python. The other one is None, for it does not apply; so are both of a thread
        that nobody watched, of which only its waits are known.
    held_ns, attached_ns : int or None
        The same, of the wall time.
    lock_waits, lock_waited_ns : int or None
        How often, or how long, it blocked on a lock of Python's, exactly and not by samples; waiting for work in a
        queue is that too. None where it cannot be counted.
    cpu_ns : int or None
        Its CPU time; None where the kernel does not tell.
    run_delay_ns : int or None
        Its time queued for a CPU; None where the kernel does not tell.
    """

    native_id: Natural
    name: str
    held: Part | None
    attached: Part | None
    held_ns: Natural | None
    attached_ns: Natural | None
    lock_waits: Natural | None
    lock_waited_ns: Natural | None
    cpu_ns: Natural | None
    run_delay_ns: Natural | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SampledLog(Account):
    """What looks at random moments saw from one moment to another.

    Parameters
    ----------
    tool, started, machine, mechanism, cost, blind_to, wall_ns
        As of `gilscope.accounting.log.Account`.
    n_looks : int
        Looks taken.
    n_slots : int
        Looks that there should have been.
    longest_gap_ns : int
        Between two looks, or from the last one to the end.
    threads : tuple of SampledThread
        Threads that were seen with the GIL, or that asked to be watched; the longest holder first.
    free : float or None
        Share of the looks at which nobody held the GIL; None on a free-threaded build.
    at_once : tuple of float
        On a free-threaded build, shares of the looks that saw 0, 1, 2, ... of the watched threads attached.
    """

    _kept_by: ClassVar[str] = "sampler"

    n_looks: Natural
    n_slots: Natural
    longest_gap_ns: Natural
    threads: tuple[SampledThread, ...]
    free: Part | None
    at_once: tuple[Part, ...] = ()

    @property
    def refusal(self) -> Unavailable | None:
        """Why these samples say nothing, or None where they do."""
        if self.n_looks < LEAST_COVERAGE * self.n_slots or self.n_looks == 0:
            return Unavailable(
                f"the host let the sampler look {counted(self.n_looks, 'time')} and not {count(self.n_slots)}; "
                "measure for longer, or on a machine that is less busy"
            )
        if self.longest_gap_ns > MOST_GAP * self.wall_ns:
            return Unavailable(
                f"the host kept the sampler from looking for {duration(self.longest_gap_ns)} of "
                f"{duration(self.wall_ns)}; measure for longer, or on a machine that is less busy"
            )
        return None

    @property
    def parallel(self) -> float | None:
        """Share of the looks that saw two threads or more attached; None where there is a GIL."""
        return sum(self.at_once[2:]) if self.at_once else None

    def _in_a_line(self) -> str:
        threads, looks = counted(len(self.threads), "thread"), counted(self.n_looks, "look")
        return f"SampledLog of {duration(self.wall_ns)}: {threads}, {looks}"

    def thread(self, native_id: int) -> SampledThread | None:
        """Return what was seen of a thread, or None if it was never seen with the GIL."""
        return next((one for one in self.threads if one.native_id == native_id), None)
