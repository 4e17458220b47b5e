"""Going through an atlas, call by call, each in a fresh process; the caller is told, and nothing is printed."""

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from gilscope.atlas.calls import Call
from gilscope.atlas.result import Row
from gilscope.atlas.rows import absent_row, identity, measured_row
from gilscope.children.start import ask, first_folder, interpreter
from gilscope.places import portable
from gilscope.probing.probe import probe_target
from gilscope.system.cpus import usable_cpus
from gilscope.targets.target import parse_target

#: Seconds of measuring for one call, and seconds after which it hangs.
SECONDS, LIMIT_S = 0.45, 30.0
#: Workers at the most: each is a process to start for every call, and what two to four give is what tells calls apart.
MOST_WORKERS = 4
# An import may take seconds where the disk is slow.
_IMPORT_SECONDS = 60.0
# What is not there at all is told first, for an import may end the process. One that finds no module of its own stands
# for what was left out when Python was built, such as bz2 without _bz2.
_FIND_MISSING = """
import importlib, importlib.util, os, sys
fd, token, folder, *names = sys.argv[1:]
if folder:
    sys.path.insert(0, folder)
def tell(name):
    os.write(int(fd), f"{token} {name}\\n".encode())
there = []
for name in names:
    try:
        found = importlib.util.find_spec(name.partition(".")[0])
    except (ImportError, ValueError):
        found = None
    if found is None:
        tell(name)
    else:
        there.append(name)
for name in there:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        tell(name)
    except Exception:
        pass
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A call is being measured.

    Parameters
    ----------
    call : Call
    position, n_calls : int
        It is the first of so many at position 1.
    remaining_s : float or None
        For this call and those after it; None before any was measured.
    """

    call: Call
    position: int
    n_calls: int
    remaining_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A row is there.

    Parameters
    ----------
    row : Row
    position, n_calls : int
    is_kept : bool
        Whether it was measured before and is still good.
    remaining_s : float or None
        For the calls after this one; None before any was measured.
    """

    row: Row
    position: int
    n_calls: int
    is_kept: bool
    remaining_s: float | None


Event = Begun | Ended


def survey(
    calls: Sequence[Call],
    before: Mapping[str, Row],
    *,
    limit_s: float = LIMIT_S,
    seconds: float = SECONDS,
) -> Iterator[Event]:
    """Yield the row of every call, in order, and an event before each that is measured.

    Parameters
    ----------
    calls : sequence of Call
    before : mapping of str to Row
        Rows that there are already, by name. One whose setup, statement and interpreter are the same is kept, unless it
        is of a call that failed or was not installed.
    limit_s : float
        For one call.
    seconds : float
        Of measuring, for one call.
    """
    kept = {call.name: before[call.name] for call in calls if _is_good(before.get(call.name), call)}
    todo = [call for call in calls if call.name not in kept]
    absent = missing_modules(name for call in todo for name in call.requires)
    n_left = sum(not absent.intersection(call.requires) for call in todo)
    took: list[float] = []
    for position, call in enumerate(calls, 1):
        missing = [name for name in call.requires if name in absent]
        if call.name in kept:
            row = replace(kept[call.name], group=portable(call.group))
        elif missing:
            row = absent_row(call, missing)
        else:
            yield Begun(call=call, position=position, n_calls=len(calls), remaining_s=_remaining_s(took, n_left))
            row = _measure(call, limit_s, seconds)
            took.append(row.took_s)
            n_left -= 1
        yield Ended(
            row=row,
            position=position,
            n_calls=len(calls),
            is_kept=call.name in kept,
            remaining_s=_remaining_s(took, n_left),
        )


def _remaining_s(took: Sequence[float], n_left: int) -> float | None:
    return fmean(took) * n_left if took else None


def missing_modules(names: Iterable[str]) -> set[str]:
    """Return which modules are not there; they are tried in another process, where they leave nothing.

    Of one that raises, ends its process or never comes back, the call that needs it will say so.
    """
    wanted, token = sorted(set(names)), os.urandom(8).hex()
    if not wanted:
        return set()
    answer = ask(interpreter("-c", _FIND_MISSING), [token, first_folder(), *wanted], _IMPORT_SECONDS)
    # What follows a token: a module may write to descriptors that it did not open.
    told = answer.told.decode(errors="replace").split(f"{token} ")[1:]
    return {line.partition("\n")[0] for line in told}.intersection(wanted)


def _is_good(row: Row | None, call: Call) -> bool:
    wanted = identity(call)
    return row is not None and not row.failure and all(getattr(row, key) == value for key, value in wanted.items())


def _measure(call: Call, limit_s: float, seconds: float) -> Row:
    target = parse_target(call.statement, setup=call.setup, statement=True)
    n_workers = min(MOST_WORKERS, max(2, usable_cpus().count))
    begin_s = time.monotonic()
    probe = probe_target(target, seconds=seconds, limit_s=limit_s, widths=[n_workers], thorough=False)
    return measured_row(call, probe, time.monotonic() - begin_s)
