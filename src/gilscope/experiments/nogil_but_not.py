"""Does my `nogil` function still take the GIL?

Question
--------
Cython lets a function be declared `nogil`, and a loop without the GIL calls it. Does it stay without? How the function
says that it failed decides: `noexcept`, `except *`, `except? -1`, and a `with gil` that is never reached.

Prediction
----------
`noexcept` never takes the GIL. `except *` on a function that returns nothing takes it after every call, because only
the interpreter knows whether there was an exception. `except? -1` takes it where -1 was returned, and only there. A
`with gil` inside takes it at every call, reached or not, as was reported of older Cython. Refuted by a different number
of takes a call.

Method
------
Each function is called 20 000 times from a loop without the GIL, and the GIL's own books count the takes of the thread.
The control is a `with gil` that is reached at every call: it must take the GIL once a call.

What can fool you
-----------------
It depends on the version of Cython, and on what a function returns: for a double, Cython 3 returns a value of its own
choice that says "perhaps", and looks only then. Alone, a take costs some tens of nanoseconds; beside threads that want
the GIL, up to a switch interval.

Reading the result
------------------
Takes are per call, counted and not estimated. Times are per call on one thread, and the gain of two threads is the time
of one that does both halves divided by theirs.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from gilscope.accounting import ledger
from gilscope.experiments import _nogil_pairs as pairs
from gilscope.experiments.apparatus import Crew, timed
from gilscope.experiments.claims import Check, Claim, Design, Known, above, below, within
from gilscope.experiments.figures import Cycle, Figure, ratio
from gilscope.experiments.scene import Scene, Take
from gilscope.experiments.setting import Setting

_N_CALLS = 20_000
_N_THREADS = 2
#: A value above, and one for which the function returns -1.
_GOOD, _BAD = 2.0, -5.0
_FORMS: dict[str, Callable[[int], object]] = {
    "noexcept": lambda n: pairs.run_noexcept(n, _GOOD),
    "except *": lambda n: pairs.run_star(n, _GOOD),
    "except? -1": lambda n: pairs.run_value(n, _GOOD),
    "except? -1, returned": lambda n: pairs.run_value(n, _BAD),
    "with gil, not reached": lambda n: pairs.run_gil(n, _GOOD, False),  # noqa: FBT003 - the function's third
    "with gil, reached": lambda n: pairs.run_gil(n, _GOOD, True),  # noqa: FBT003 - as above
}
_NOEXCEPT, _STAR, _VALUE, _RETURNED, _UNREACHED, _REACHED = _FORMS
_SHARED = (_NOEXCEPT, _STAR)


def _one(form: str) -> str:
    return f"{form}, one thread"


def _two(form: str) -> str:
    return f"{form}, two threads"


def design(_setting: Setting) -> Design:
    """Return the figures, claims and controls."""

    def never(text: str, form: str, *more: Check) -> Claim:
        # Counted: what an interrupt of the loop would add is far below one call in a hundred.
        return Claim(text, (Check(_takes(form), below(0.01), above(0.5)), *more), opposite=_takes(_REACHED))

    def always(form: str) -> Check:
        return Check(_takes(form), within(0.95, 2.1), below(0.5))

    return Design(
        figures=(
            *(Figure(_takes(form), partial(_takes_a_call, form), "count", "", (form,)) for form in _FORMS),
            *(Figure(f"{form}: a call", partial(_call_ns, form), "ns", "", (form,)) for form in _FORMS),
            *(
                ratio(f"{form}: two threads", _two(form), over=_one(form), compared_with="one thread")
                for form in _SHARED
            ),
        ),
        claims=(
            never("A `nogil` function that is `noexcept` never takes the GIL", _NOEXCEPT),
            Claim(
                "One that is `except *` and returns nothing takes the GIL at every call",
                (always(_STAR),),
                opposite=_takes(_NOEXCEPT),
            ),
            never(
                "One that is `except? -1` takes the GIL where -1 is returned, and only there", _VALUE, always(_RETURNED)
            ),
            Claim(
                "A `with gil` that is never reached takes the GIL all the same",
                (always(_UNREACHED),),
                opposite=_takes(_NOEXCEPT),
            ),
            Claim(
                "Two threads share the work of `noexcept`, and not that of `except *`",
                (
                    Check(f"{_NOEXCEPT}: two threads", confirmed=above(1.5), refuted=below(1.25)),
                    Check(f"{_STAR}: two threads", confirmed=below(1.1), refuted=above(1.25)),
                ),
                opposite=f"{_NOEXCEPT}: two threads",
                needs_second_cpu=True,
                needs_gil=True,
            ),
        ),
        controls=(Known(_takes(_REACHED), within(0.99, 1.01)),),
    )


def _takes(form: str) -> str:
    return f"{form}: takes a call"


def _takes_a_call(form: str, cycle: Cycle) -> float:
    return cycle[form]["takes"] / cycle[form]["calls"]


def _call_ns(form: str, cycle: Cycle) -> float:
    return cycle[form]["wall_ns"] / cycle[form]["calls"]


@contextmanager
def scene(setting: Setting) -> Iterator[Scene]:
    """Make the loops ready, and two threads that run them."""
    if absence := ledger.availability():
        yield Scene({}, dict.fromkeys((*_FORMS, *map(_one, _SHARED), *map(_two, _SHARED)), absence))
        return
    with Crew(_N_THREADS) as crew:
        arms: dict[str, Take] = {form: partial(_counted, run) for form, run in _FORMS.items()}
        for form in _SHARED:
            run = _FORMS[form]
            one_ns = min(timed(partial(run, _N_CALLS)) for _ in range(3)) / _N_CALLS
            n = max(_N_CALLS, round(setting.sample_s * 1e9 / _N_THREADS / one_ns))
            arms[_one(form)] = partial(crew.run, [partial(run, n * _N_THREADS)])
            arms[_two(form)] = partial(crew.run, [partial(run, n)] * _N_THREADS)
        yield Scene(arms)


def _counted(run: Callable[[int], object]) -> dict[str, float]:
    """Run a loop; return how often this thread took the GIL in it, its end not counted, and how long it took."""
    with ledger.Ledger(cpu_clock=False) as books:
        wall_ns = timed(partial(run, _N_CALLS))
    account = books.log.thread(threading.get_native_id())
    assert account is not None  # it has released the GIL
    return {"takes": account.takes - 1, "calls": _N_CALLS, "wall_ns": wall_ns}
