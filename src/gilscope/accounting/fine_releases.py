"""Releases so short that no other thread gains by them, and where they come from.

Handing the GIL over costs microseconds. A call that gives it up for less at a time may do so for half of its time, and
threads are still no faster for it; often they are slower. It is seldom meant: see `gilscope.accounting.cython_source`.
"""

import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import PurePath

from gilscope.accounting.cython_source import is_cython, python_name, release_cause
from gilscope.accounting.demangling import shown
from gilscope.accounting.log import SiteAccount

#: From this mean length on, releases give as much as they cost though threads wait, at best and at worst: two C threads
#: with holds of 10 and 20 us gave 0.93 to 0.96 with releases of 7 us and 1.03 to 1.09 with 10, on 3.11 and 3.13. Twice
#: as long ones count in full: a judgement, to have no jump there.
BREAK_EVEN_NS = (8_000.0, 20_000.0)
#: Below this mean length releases are fine: on no machine that was tried did another thread gain.
FINE_NS = BREAK_EVEN_NS[0]


def fine_places(places: Iterable[SiteAccount]) -> list[SiteAccount]:
    """Return the places whose releases are fine on average, the most frequent first."""
    return sorted((one for one in places if one.released_ns < FINE_NS * one.count), key=lambda one: -one.count)


def fine_release_cause(call: Callable[..., object], places: Iterable[SiteAccount]) -> str:
    """Say why a call's releases are fine, as a sentence without its full stop; "" where nothing is known.

    Parameters
    ----------
    call : callable
        What was called, or a `functools.partial` of it; it is looked at where no place is known.
    places : iterable of SiteAccount
        Where it released the GIL; those whose releases are long are left out.

    Examples
    --------
    >>> fine_release_cause(noex.missing, log.sites)
    'missing is made by Cython: add (noex.pyx:4), called without the GIL, lacks `noexcept`, so that ...'
    """
    found = fine_places(places)
    if found:
        module, symbol = found[0].module, found[0].symbol
        if not symbol.startswith("__pyx_") and not is_cython(module):
            where = f"{PurePath(module).name}{': ' if symbol else ''}{shown(symbol)}"
            return f"{where} releases the GIL around work that is this short; release it once, around more of it"
        return release_cause(module, python_name(symbol))
    while isinstance(call, partial):
        call = call.func
    if type(call).__name__ != "cython_function_or_method":
        return ""
    home = sys.modules.get(getattr(call, "__module__", None) or "")
    return release_cause(getattr(home, "__file__", None) or "", getattr(call, "__name__", ""))
