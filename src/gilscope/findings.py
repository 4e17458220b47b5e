"""What was found, in two or three sentences drawn from the figures only."""

from collections.abc import Sequence

from gilscope import verdicts, words
from gilscope.results import Control, Row

_NAMES = {"python": "Python", "numpy": "NumPy", "cython": "Cython", "c": "C"}


#: Workers that wait for a CPU for more than this share of the time they use one are not alone on the machine.
CROWDED = 0.1


def sentences(rows: Sequence[Row], control: Control, run_delay: float = 0.0) -> tuple[str, ...]:
    """Return what a table says, as sentences.

    Parameters
    ----------
    rows : sequence of Row
    control : Control
    run_delay : float
        Time the workers waited for a CPU, over their CPU time.

    Returns
    -------
    tuple of str
        One to three: what holds threads back, what scales, and of what these figures cannot tell.
    """
    if control.same is None:
        return ("No round was timed after the warm-up, so there is nothing to tell; give it more time (--max-time).",)
    if not control.passed:
        return (
            (
                "The control, whose true ratios are known, read wrong: something disturbed this run beyond what its "
                "intervals allow for, so it gives no verdict. Run it again, with less beside it."
            ),
        )
    groups = (
        (
            _gil_bound(rows, "held", "holding the GIL, {n} threads are no faster than one"),
            _gil_bound(rows, "released", "with the GIL released, {n} threads are still no faster than one"),
        ),
        (
            _scaling(rows, "threads", "released", "with the GIL released, {n} threads"),
            _scaling(rows, "interpreters", "held", "with the GIL held, {n} interpreters"),
        ),
        (_no_second_cpu(rows, run_delay), _unresolved(rows)),
    )
    found = [_sentence([part for part in group if part]) for group in groups if any(group)]
    return tuple(found) or ("Nothing here could be compared: no parallel arm ran.",)


def _sentence(parts: Sequence[str]) -> str:
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _gil_bound(rows: Sequence[Row], gil: str, subject: str) -> str:
    bound = [
        row
        for row in rows
        if row.arm.strategy == "threads"
        and row.arm.gil == gil
        and row.verdict == verdicts.GIL_BOUND
        and row.equal_width is not None
    ]
    if not bound:
        return ""
    said = f"{subject.format(n=_count(bound))}, in {_implementations(bound)}"
    return f"{said}: they reach {_range(bound)} of one thread's speed"


def _scaling(rows: Sequence[Row], strategy: str, gil: str, subject: str) -> str:
    scaling = [
        row
        for row in rows
        if row.arm.strategy == strategy
        and row.arm.gil == gil
        and row.verdict == verdicts.SCALES_WORD
        and row.equal_width is not None
    ]
    if not scaling:
        return ""
    return (
        f"{subject.format(n=_count(scaling))} reach {_range(scaling)} of what as many processes reach, in "
        f"{_implementations(scaling)}"
    )


def _no_second_cpu(rows: Sequence[Row], run_delay: float) -> str:
    starved = [row for row in rows if row.verdict == verdicts.NO_SECOND_CPU]
    if not starved:
        return ""
    cause = (
        f" (its workers stood ready but waited for a CPU for {words.percent(run_delay, 0)} as long as they had one, so "
        "something else is running here)"
        if run_delay > CROWDED
        else ""
    )
    return (
        f"in {len(starved)} of {len(rows)} arms this machine gave no second CPU, for processes too were no faster than "
        f"one{cause}, which says nothing about threads"
    )


def _unresolved(rows: Sequence[Row]) -> str:
    n = sum(1 for row in rows if row.verdict.startswith(verdicts.UNRESOLVED))
    if not n:
        return ""
    return f"{n} of {len(rows)} arms stayed unresolved, and a quieter machine or more time (--max-time) may tell"


def _range(rows: Sequence[Row]) -> str:
    values = [row.equal_width.estimate for row in rows if row.equal_width is not None]
    low, high = words.decimal(min(values)), words.decimal(max(values))
    return low if low == high else f"{low} to {high}"


def _count(rows: Sequence[Row]) -> str:
    return " or ".join(str(n) for n in sorted({row.arm.n_workers for row in rows}))


def _implementations(rows: Sequence[Row]) -> str:
    names = list(dict.fromkeys(_NAMES[row.arm.implementation] for row in rows))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
