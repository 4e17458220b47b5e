"""How long a call keeps another thread waiting that has asked for the GIL.

Bytecode answers such a request at once and native code at its end, so only a request tells a stall from a mere long
hold. A second thread asks all the time. The ledger takes from each answer what the holder was only queued for a CPU,
and a request that comes late makes an answer shorter, never longer; what is left to inflate it is a host that stole the
CPU meanwhile. So calls are taken together until they have met some requests, each such group has its longest answer,
and the median of these counts: a stall that the code makes, it makes in most of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat
from statistics import median

from gilscope.accounting.asking import Asking
from gilscope.accounting.calls import WithoutCollections, calls_in, started_since
from gilscope.accounting.ledger import Ledger
from gilscope.errors import CannotRunError
from gilscope.originals import get_native_id, time
from gilscope.system.threads import native_ids
from gilscope.words import seconds

#: A stall shorter than twice the wait after which the other thread asks may be over before it has.
SHORTEST_STALL_NS = 200_000
#: The ledger is read after so long, or after one call; that costs some 0.1 ms.
MIN_READ_NS = 2_000_000
#: A group has met so many requests, or one where it would take longer. A request comes at any moment of a call, so all
#: of four come in its last fifth once in 600 times.
GROUP_REQUESTS, GROUP_SECONDS = 4, 0.1
FEWEST_GROUPS, MOST_GROUPS = 5, 60
#: How long to look where nearly all groups lie on one side of the limit, by this share, and where they do not; and how
#: long at most where requests are rare, as those of a thread that gets no CPU are.
CLEAR_SHARE, CLEAR_SECONDS, UNCLEAR_SECONDS, MOST_SECONDS = 0.8, 0.25, 1.0, 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """The longest time that a call left a request for the GIL unanswered.

    Parameters
    ----------
    longest_ns : int
        In one group of calls, the median of them; 0 where nobody was kept waiting.
    asked, calls, groups : int
    """

    longest_ns: int
    asked: int
    calls: int
    groups: int


def longest_stall(call: Callable[[], object], limit_ns: float) -> Stall:
    """Call again and again while another thread asks for the GIL, for longer where the limit is near.

    Raises
    ------
    CannotRunError
        Where there is no ledger, or where the other thread got no CPU to ask with.

    Notes
    -----
    Sets the switch interval meanwhile. GIL: dropped by force as often as it is asked for.
    """
    __tracebackhide__ = True
    native_id, groups, calls, asked = get_native_id(), list[int](), 0, 0
    before = {native_id, *native_ids()}
    with Ledger(cpu_clock=False), WithoutCollections():
        n_calls = calls_in(call, MIN_READ_NS)
        # Coming back from a sleep of nothing is the asking.
        with Asking(lambda: time.sleep(0), "gilscope asks for the GIL") as asker:
            begin = group_begin = time.monotonic()
            met, longest_ns = 0, 0
            while not _is_enough(groups, limit_ns, time.monotonic() - begin):
                with Ledger(cpu_clock=False) as one:
                    for _ in repeat(None, n_calls):
                        call()
                mine, other = one.log.thread(native_id), one.log.thread(asker.native_id or 0)
                theirs = [thread for thread in started_since(before, one.log) if thread != other]
                answering = [*theirs, mine] if mine is not None else theirs
                n_asked = sum(thread.asked for thread in answering)
                calls += n_calls
                asked += n_asked
                longest_ns = max(longest_ns, *(thread.longest_answer_ns for thread in answering), 0)
                # Where it got the GIL without having to ask, it was not kept waiting, and that is an answer too.
                met += max(n_asked, other.takes if other is not None else 0)
                if met >= GROUP_REQUESTS or (met and time.monotonic() - group_begin > GROUP_SECONDS):
                    groups.append(longest_ns)
                    met, longest_ns, group_begin = 0, 0, time.monotonic()
    if not groups:
        raise CannotRunError(
            f"cannot tell: within {seconds(MOST_SECONDS)} no other thread got a CPU to ask for the GIL with"
        )
    return Stall(longest_ns=round(median(groups)), asked=asked, calls=calls, groups=len(groups))


def _is_enough(groups: list[int], limit_ns: float, seconds: float) -> bool:
    """Tell whether to stop, after so many seconds, with the groups that there are."""
    if len(groups) < FEWEST_GROUPS:
        return seconds > MOST_SECONDS
    above = sum(one > limit_ns for one in groups) / len(groups)
    is_clear = max(above, 1 - above) >= CLEAR_SHARE
    return len(groups) >= MOST_GROUPS or seconds > (CLEAR_SECONDS if is_clear else UNCLEAR_SECONDS)
