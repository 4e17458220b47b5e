"""What kind of call it is, in one word, from its shares."""

import math

from gilscope.probing.requests import Knocks
from gilscope.probing.shares import HELPED, Share, Shares

BYTECODE = "Python bytecode"
NATIVE = "native, GIL held"
RELEASES = "releases"
WAITS = "waits"
MIXED = "mixed"
ATTACHED = "attached"
PARALLEL = "already parallel"
UNDECIDED = "undecided"
CLASSES = (BYTECODE, NATIVE, RELEASES, WAITS, MIXED, ATTACHED, PARALLEL, UNDECIDED)

#: From this share on, a call counts as one kind: four fifths, for then the rest limits five threads and no fewer.
MOSTLY = 0.8
#: Requests for the GIL that must have been seen before their answers are counted; a sign test needs five at the least.
FEWEST_ASKED = 5


def classify(shares: Shares, knocks: Knocks | None, *, already_parallel: bool | None) -> str:
    """Return the class of a call.

    Parameters
    ----------
    shares : Shares
    knocks : Knocks or None
        None where the GIL was hardly held, so that nobody knocked.
    already_parallel : bool or None
        Whether one call used more CPU time than wall time; None where that cannot be told.

    Returns
    -------
    str
        One of `CLASSES`; `UNDECIDED` where an interval reaches over a border. `ATTACHED` is what runs Python or holds
        on to its thread state where no GIL is in force, so that nobody has to wait for it.
    """
    if already_parallel is None:
        return UNDECIDED
    if already_parallel:
        return PARALLEL
    released = Share(1 - shares.held.estimate, 1 - shares.held.high, 1 - shares.held.low)
    if released.low >= MOSTLY:
        kind = _released_kind(shares.computing, shares.blocked)
        # Others that compute for it may have been queued for a CPU meanwhile: that is not waiting.
        return UNDECIDED if kind == WAITS and shares.native >= HELPED else kind
    if shares.held.low >= MOSTLY:
        return ATTACHED if shares.attached else held_kind(knocks)  # without a GIL there is nothing to knock at
    if released.high < MOSTLY and shares.held.high < MOSTLY:
        return MIXED
    return UNDECIDED


def held_kind(knocks: Knocks | None) -> str:
    """Tell bytecode from native code by how requests for the GIL were answered.

    Parameters
    ----------
    knocks : Knocks or None

    Returns
    -------
    str
        `BYTECODE` if more than half of the requests were answered at once, beyond what chance does; `NATIVE` if fewer
        were, or if so long a call was made that few requests could be, and these stood unanswered nearly all the time.
    """
    if knocks is None:
        return UNDECIDED
    if knocks.asked < FEWEST_ASKED:
        return NATIVE if knocks.asked and not knocks.at_once and knocks.unanswered >= MOSTLY else UNDECIDED
    excess = 2 * knocks.at_once - knocks.asked
    if abs(excess) < 1.96 * math.sqrt(knocks.asked):
        return UNDECIDED
    return BYTECODE if excess > 0 else NATIVE


def _released_kind(computing: Share, blocked: Share) -> str:
    if computing.low > blocked.high:
        return RELEASES
    return WAITS if blocked.low > computing.high else UNDECIDED
