"""A worker of a probe, in a process or an interpreter: `python -m gilscope.probing.worker ORDERS ANSWERS TOKEN`.

Orders and answers are as `gilscope.children.messages` has them. The first order is the target; then come numbers of
calls, or of rounds of the control's arithmetic, which shows how many CPUs there are here and now; at last "end".
"""

import os
import sys
from array import array
from collections.abc import Callable
from contextlib import suppress
from itertools import repeat
from os import write

from gilscope.children.messages import MOST_BYTES, GarbledError, pack, unpack
from gilscope.errors import UsageError
from gilscope.kernels import _capi
from gilscope.originals import time
from gilscope.system.scheduling import give_way
from gilscope.targets.target import Target, resolve
from gilscope.targets.user_code import describe, refused_in_own_gil

#: What is said where something else than gilscope wrote to its pipes.
GARBLED = "the call writes to files that it has not opened, among them gilscope's own"

_LANES = array("d", [1.0] * 2048)


def main(arguments: list[str]) -> None:
    """Serve until there are no more orders.

    Parameters
    ----------
    arguments : list of str
        File descriptors, of a pipe to read orders from and of one to write answers to; and the token of both.
    """
    orders_fd, answers_fd = map(int, arguments[:2])
    token = arguments[2]
    # Who opened them closes them, for in an interpreter of the same process others may have got the same numbers.
    with os.fdopen(orders_fd, "rb", closefd=False) as orders:

        def say(**answer: object) -> None:
            with suppress(BrokenPipeError):  # no answer is wanted any more
                write(answers_fd, pack(token, answer))

        give_way()
        try:
            call = resolve(Target(**unpack(token, orders.readline(MOST_BYTES)))).call
            say(begin_ns=0, end_ns=0)
            while line := orders.readline(MOST_BYTES):
                order = unpack(token, line)
                if "end" in order:
                    break
                begin_ns, end_ns = _spin(order["spins"]) if "spins" in order else timed_calls(call, order["calls"])
                say(begin_ns=begin_ns, end_ns=end_ns)
        except GarbledError:
            say(error=GARBLED)
        except UsageError as error:  # it cannot be found here
            say(error=str(error))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the other side must hear of it
            told = describe(error)
            say(error=told if refused_in_own_gil(error) else f"there it raises {told}")


def timed_calls(call: Callable[[], object], n_calls: int) -> tuple[int, int]:
    """Make so many calls; return when they began and ended, in ns of the monotonic clock."""
    begin_ns = time.monotonic_ns()
    for _ in repeat(None, n_calls):
        call()
    return begin_ns, time.monotonic_ns()


def _spin(rounds: int) -> tuple[int, int]:
    """Do arithmetic that needs a CPU and nothing else; return when it began and ended."""
    begin_ns = time.monotonic_ns()
    _capi.quad_compute_held(_LANES, rounds)
    return begin_ns, time.monotonic_ns()


if __name__ == "__main__":
    main(sys.argv[1:])
