"""SIGTERM and SIGHUP, from a supervisor or a terminal that goes away: they end a command as Ctrl-C does."""

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from gilscope.children.signals import ENDING
from gilscope.errors import INTERRUPTED

# Whoever ends a process often says so twice, as a shell and a terminal do; what was measured is saved meanwhile.
_REPEAT_SECONDS = 5.0


def interruptible(work: Callable[[], int]) -> int:
    """Do the work of a command, which SIGTERM and SIGHUP interrupt too.

    Parameters
    ----------
    work : callable
        Returns an exit code: 130 where it was interrupted.

    Returns
    -------
    int
        That code; 128 + N instead of 130 where it was signal N. One that is ignored, as under nohup, stays so.
    """
    if threading.current_thread() is not threading.main_thread():  # only there can signals be handled
        return work()
    heard: list[int] = []
    heard_at = -_REPEAT_SECONDS

    def interrupt(number: int, _frame: FrameType | None) -> None:
        nonlocal heard_at
        heard.append(number)
        now = time.monotonic()
        if now - heard_at >= _REPEAT_SECONDS:
            heard_at = now
            raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in ENDING}
    try:
        for number, handler in before.items():
            if handler == signal.SIG_DFL:
                signal.signal(number, interrupt)
        code = work()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 + heard[0] if code == INTERRUPTED and heard else code
