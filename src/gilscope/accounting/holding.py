"""Who holds the GIL of another process that has stopped to answer: looked at from outside, while nothing in it moves.

    # there                     # here
    where = whereabouts()       look_from_outside(pid, where)

A process that hangs with the GIL held can tell nobody: whoever would say it needs the GIL. So it says in good time
where the GIL's record lies, and whoever may read its memory, as the parent of a child may, takes many looks at it.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

from gilscope.originals import os, time
from gilscope.system.procfs import read_text
from gilscope.words import counted, seconds

#: Looks, and how far apart: for longer than a switch interval, in which a thread that waits for the GIL asks for it.
LOOKS, LOOK_SECONDS = 50, 0.01
#: A thread that computes is on a CPU or queued for one all the time; one that waits, next to never.
BUSY_SHARE = 0.5
_POINTER, _INT = struct.Struct("=Q"), struct.Struct("=i")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What many looks at the GIL of another process showed.

    Parameters
    ----------
    looks, held : int
        All, and those that found it held.
    holder : int or None
        The kernel's id of the thread that held it in all looks; None where there is no such thread.
    main : int
        That of the main thread.
    waiting : int
        How many threads were seen to wait for it.
    busy : bool
        Whether the holder, or where there is none the main thread, used a CPU or was queued for one.
    """

    looks: int
    held: int
    holder: int | None
    main: int
    waiting: int
    busy: bool


def whereabouts() -> dict[str, int] | None:
    """Return what `look_from_outside` has to know of this process; None where nobody can look.

    Notes
    -----
    GIL: held, and released some times by the first call.
    """
    try:
        record: dict[str, int] = import_module("gilscope.accounting._sampler").record()
    except (ImportError, AttributeError, RuntimeError):  # another system, a free-threaded build, no such record
        return None
    return record


def look_from_outside(pid: int, where: Mapping[str, int]) -> Holding | None:
    """Look at the GIL of a process many times, for half a second; None where the system does not let this one.

    Parameters
    ----------
    pid : int
    where : mapping
        What `whereabouts` gave there.
    """
    held, holders, waiting = 0, set[int](), set[int]()
    before_ns = _running_ns(pid)
    try:
        memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    except OSError:
        return None
    try:
        for _ in range(LOOKS):
            locked, holder = _read(memory, where)
            held += locked
            holders.add(holder)
            waiting |= _waiting(pid, where)
            time.sleep(LOOK_SECONDS)
    except (OSError, struct.error):  # it has ended
        return None
    finally:
        os.close(memory)
    holder = holders.pop() if len(holders) == 1 else 0
    ran_ns = {thread: ns - before_ns.get(thread, ns) for thread, ns in _running_ns(pid).items()}
    return Holding(
        looks=LOOKS,
        held=held,
        holder=holder or None,
        main=pid,
        waiting=len(waiting),
        busy=ran_ns.get(holder or pid, 0) > BUSY_SHARE * LOOKS * LOOK_SECONDS * 1e9,
    )


def told(seen: Holding | None, main: str = "its main thread") -> str:
    """Return what was seen as a sentence, "" where nothing was.

    Parameters
    ----------
    seen : Holding or None
    main : str
        What the main thread is to the reader.
    """
    if seen is None:
        return ""
    looks = f"In {counted(seen.looks, 'look')} over {seconds(seen.looks * LOOK_SECONDS)}"
    if not seen.held:
        return f"{looks} no thread held the GIL: {main} {'computes' if seen.busy else 'waits'} without it."
    if seen.holder is None:
        often = f"in {seen.held}" if seen.held < seen.looks else "in all, by one thread after another"
        return f"{looks} the GIL was held {often}: no thread keeps it."
    who = main if seen.holder == seen.main else f"another thread than {main}"
    others = f"{seen.waiting} other thread{' waits' if seen.waiting == 1 else 's wait'} for it"
    if seen.busy:
        return f"{looks} the GIL was always held by {who}, which was computing{f'; {others}' if seen.waiting else ''}."
    if seen.waiting:
        them = "that thread" if seen.waiting == 1 else "one of them"
        return (
            f"{looks} the GIL was always held by {who}, which waits, and {others}: a deadlock, if it waits for {them}."
        )
    return f"{looks} the GIL was always held by {who}, which waits: no other thread can run Python."


def _read(memory: int, where: Mapping[str, int]) -> tuple[bool, int]:
    """Return whether the GIL is held, and the id of the thread that holds it, 0 where there is none."""
    if _INT.unpack(os.pread(memory, 4, where["address"] + where["locked"]))[0] <= 0:
        return False, 0
    state = _POINTER.unpack(os.pread(memory, 8, where["address"] + where["holder"]))[0]
    try:
        return True, _POINTER.unpack(os.pread(memory, 8, state + where["native_id"]))[0]
    except (OSError, OverflowError, struct.error):  # it has ended between two looks
        return True, 0


def _waiting(pid: int, where: Mapping[str, int]) -> set[int]:
    """Return the threads that wait for the GIL now: in a system call whose first argument is a word of its record."""
    begin, end = (where["address"] + where[name] for name in ("waiting_begin", "waiting_end"))
    found = set()
    for thread in _threads(pid):
        # "number argument ..." of the call, or "running"
        words = (read_text(f"/proc/{pid}/task/{thread}/syscall") or "").split()
        if len(words) > 1 and begin <= int(words[1], 16) < end:
            found.add(thread)
    return found


def _running_ns(pid: int) -> dict[int, int]:
    """Return each thread's time on a CPU and queued for one, where the kernel tells."""
    told = {thread: (read_text(f"/proc/{pid}/task/{thread}/schedstat") or "").split() for thread in _threads(pid)}
    return {thread: int(words[0]) + int(words[1]) for thread, words in told.items() if len(words) > 1}


def _threads(pid: int) -> list[int]:
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []
