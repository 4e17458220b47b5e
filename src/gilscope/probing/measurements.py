"""What a probe's child measured of a call, before anything is concluded from it."""

from dataclasses import dataclass, replace

from gilscope.probing.requests import Knocks
from gilscope.probing.shares import Shares
from gilscope.probing.speed_ups import Scaling


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """All figures of one call.

    Parameters
    ----------
    already_parallel : bool or None
        Whether one call keeps several CPUs busy; None if that cannot be told.
    shares : Shares
    knocks : Knocks or None
        None where the GIL was hardly held.
    scaling : tuple of Scaling
        None of them before workers have made the call at once, which may end the child.
    shipping_ns : float or None
        To send its arguments and its result; None if they cannot be sent.
    gil, threads_are_replaced : bool
        Whether the GIL is in force, and whether threads of `threading` are none, with what the target has imported.
    switch_interval_ns : float
        The same.
    seconds : float
        How long was to be measured.
    cause : str
        Why its releases are fine, or "".
    """

    already_parallel: bool | None
    shares: Shares
    knocks: Knocks | None
    scaling: tuple[Scaling, ...]
    shipping_ns: float | None
    gil: bool
    threads_are_replaced: bool
    switch_interval_ns: float
    seconds: float
    cause: str

    def with_scaling(self, scaling: list[Scaling]) -> "Measurements":
        """Return them with what workers gave."""
        return replace(self, scaling=tuple(scaling))
