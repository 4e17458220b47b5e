"""Errands of workers that fail, and of those beside them; see `gilscope.experiments.errands`.

It is light to load, because a new interpreter loads it for each failure.
"""

import mmap

from gilscope.experiments.errands import hear, say

#: A process may take this much more than it has. A leak takes it in pieces, and work needs two of them: what a leak
#: leaves is less than one, too little for work and enough for all else.
ROOM, _PIECE = 256 << 20, 16 << 20
EXCEPTION, LEAK, CRASH, NOTHING = "exception", "leak", "crash", "nothing"


def can_work() -> bool:
    """Tell whether there is memory to work with; it is given back at once."""
    room = _pages(2 * _PIECE)
    if room is not None:
        room.close()
    return room is not None


def work(fd: int) -> None:
    """Work whenever told to, and say 1 where that could be done and 0 where not."""
    while hear(fd):
        say(fd, can_work())


def fail(fd: int, failure: str) -> None:
    """Fail when told to: raise, crash, or leak until there is no memory, and stay until told to end."""
    hear(fd)
    if failure == EXCEPTION:
        raise ArithmeticError("a worker fails, as an experiment asks it to")
    if failure == CRASH:
        import signal

        signal.raise_signal(signal.SIGSEGV)
    kept: list[mmap.mmap] = []
    while failure == LEAK and (piece := _pages(_PIECE)) is not None:
        kept.append(piece)
    say(fd, len(kept))
    hear(fd)


def _pages(n_bytes: int) -> mmap.mmap | None:
    """Take pages of the system's own, since an allocator may have some that do not show; None where there are none."""
    try:
        return mmap.mmap(-1, n_bytes)
    except OSError:
        return None
