"""What was found, in two or three sentences drawn from the figures only."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gilscope import words
from gilscope.pairing.control import SAME, SCALES_FROM, SECOND_CPU
from gilscope.running import verdicts
from gilscope.running.names import SERIAL
from gilscope.running.result import Control, Row
from gilscope.running.strategies import find

_NAMES = {"python": "Python", "numpy": "NumPy", "cython": "Cython", "c": "C"}


_GAIN = (SECOND_CPU,)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended, for what may tell more.

    Parameters
    ----------
    seconds : float
        How long it measured.
    narrow : bool
        Whether every interval that decides was narrow enough, so that more time alone would not be used.
    """

    seconds: float
    narrow: bool


def sentences(
    rows: Sequence[Row],
    control: Control,
    ending: Ending | None = None,
    *,
    gil_enabled: bool = True,
) -> tuple[str, ...]:
    """Return what a table says, as sentences.

    Parameters
    ----------
    rows : sequence of Row
    control : Control
    ending : Ending or None
        None where it is unknown.
    gil_enabled : bool

    Returns
    -------
    tuple of str
        One to three: what keeps arms back, what scales, and of what these figures cannot tell.
    """
    if control.same is None and any(row.wall_ns is not None for row in rows):
        return ("The control was not measured in time, so this run gives no verdict; give it more time (--max-time).",)
    if control.same is None:
        return ("No round was timed after the warm-up, so there is nothing to tell; give it more time (--max-time).",)
    if not control.passed:
        return (
            (
                "The control, whose true ratios are known, read wrong: something disturbed this run beyond what its "
                "intervals allow for, so it gives no verdict. Run it again, with less beside it."
            ),
        )
    parallel = [row for row in rows if row.arm.strategy != SERIAL]
    # Threads first: they are what most people ask about.
    asked = sorted(parallel, key=lambda row: not find(row.arm.strategy).shares_gil)
    kinds = dict.fromkeys(_kind(row, gil_enabled=gil_enabled) for row in asked)
    of_kind = {kind: [row for row in parallel if _kind(row, gil_enabled=gil_enabled) == kind] for kind in kinds}

    def said(verdict: Callable[[str], bool], how: Callable[[Sequence[Row], Sequence[Row]], str]) -> list[str]:
        found = []
        for (mode, strategy), all_of_it in of_kind.items():
            chosen = [row for row in all_of_it if verdict(row.verdict) and row.equal_width is not None]
            if chosen:
                who = strategy if chosen[0].arm.n_workers > 1 else _one(strategy)
                found.append(f"{mode}{_count(chosen)} {who} {how(chosen, all_of_it)}")
        return found

    groups = (
        [
            *said(verdicts.GIL_BOUND.__eq__, _bound),
            *said(verdicts.ONE_WIDE.__eq__, _one_wide),
            *said(verdicts.PARTLY.__eq__, _of_processes),
            *_memory_bound(parallel),
        ],
        [
            *said(verdicts.SCALES.__eq__, _of_processes),
            *said(lambda verdict: verdict.startswith("same"), _twins),
            *said("faster".__eq__, _twins),
            *said("slower".__eq__, _twins),
        ],
        [*_no_second_cpu(rows), *_untold_cpu(rows, control, ending), *_unresolved(rows, control, ending)],
    )
    found = [_sentence(parts) for parts in groups if parts]
    return tuple(found) or (_nothing(parallel),)


def _sentence(parts: Sequence[str]) -> str:
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _kind(row: Row, *, gil_enabled: bool) -> tuple[str, str]:
    """Return what a sentence calls a row's way: its GIL mode, where there is a GIL, and its strategy."""
    held = "holding the GIL" if find(row.arm.strategy).shares_gil else "with the GIL held"
    modes = {"held": held, "released": "with the GIL released", "chunked": "with the GIL released per block"}
    mode = modes[row.arm.gil] if gil_enabled else f"in the {row.arm.gil} form"
    return f"{mode}, ", words.members(row.arm.strategy)


def _one(strategy: str) -> str:
    word, _, method = strategy.partition(" (")
    one = "process" if word == "processes" else word.removesuffix("s")
    return f"{one} ({method}" if method else one


def _bound(chosen: Sequence[Row], all_of_it: Sequence[Row]) -> str:
    lowest = max(row.equal_width.low for row in chosen if row.equal_width is not None)
    still = "" if chosen[0].arm.gil == "held" else "still "
    faster = f"are {still}no faster than one" if lowest <= 1 + SAME else "are hardly faster than one"
    return f"{faster}, in {_where(chosen, all_of_it)}: they reach {_range(chosen)} of one thread's speed"


def _one_wide(chosen: Sequence[Row], all_of_it: Sequence[Row]) -> str:
    return f"keep one CPU busy, in {_where(chosen, all_of_it)}: they reach {_range(chosen)} of serial speed"


def _of_processes(chosen: Sequence[Row], all_of_it: Sequence[Row]) -> str:
    return f"reach {_range(chosen)} of what as many processes reach, in {_where(chosen, all_of_it)}"


def _twins(chosen: Sequence[Row], all_of_it: Sequence[Row]) -> str:
    word = chosen[0].verdict
    same = word.removeprefix("same")
    how = f"is {word} than one process" if same == word else f"is as fast as one process{same}"
    return f"{how} ({_range(chosen)}), in {_where(chosen, all_of_it)}"


def _memory_bound(rows: Sequence[Row]) -> list[str]:
    n = sum(1 for row in rows if row.verdict == verdicts.MEMORY_BOUND)
    return [f"in {n} arms a second CPU adds nothing, for memory is the limit"] if n else []


def _no_second_cpu(rows: Sequence[Row]) -> list[str]:
    found = []
    for verdict, said in (
        (verdicts.NO_SECOND_CPU, "this machine gave no second CPU"),
        (verdicts.NO_GAIN, "there was nothing to gain here, though this machine gave a second CPU elsewhere"),
    ):
        starved = [row for row in rows if row.verdict == verdict]
        if starved:
            read = [row.here_and_now for row in _ceilings(starved) if row.here_and_now is not None]
            most = words.ends(max(read, key=lambda one: one.high), _GAIN)[2] if read else ""
            less = f"at most {most} times as fast as" if most else "no faster than"
            found.append(
                f"in {len(starved)} of {len(rows)} arms {said}, for processes too were {less} one, which says "
                "nothing about threads"
            )
    return found


def _untold_cpu(rows: Sequence[Row], control: Control, ending: Ending | None) -> list[str]:
    """Say that no figure tells whether there was a second CPU, with those that come nearest to it."""
    untold = [row for row in rows if row.verdict == verdicts.GAIN_OPEN]
    if not untold or _shown(rows, control):
        return []
    read = [row.here_and_now for row in _ceilings(untold) if row.here_and_now is not None]
    if any(one.low <= 0 for one in read) or not read:
        figures = "too few rounds"
    else:
        lowest, highest = min(read, key=lambda one: one.low), max(read, key=lambda one: one.high)
        one = f"{words.ends(lowest, _GAIN)[1]} to {words.ends(highest, _GAIN)[2]}"
        if len(read) == 1:
            one = words.ratio(read[0], borders=_GAIN)
        figures = f"processes were {one} times as fast as one"
    during = "" if ending is None else f" in {words.took(ending.seconds)}"
    said = f"it could not be told{during} whether this machine gave a second CPU ({figures})"
    return [f"for {len(untold)} of {len(rows)} arms {said}; {_longer(ending)} may tell"]


def _unresolved(rows: Sequence[Row], control: Control, ending: Ending | None) -> list[str]:
    alone = sum(1 for row in rows if row.verdict == verdicts.NO_PROCESSES)
    told = {verdicts.NO_PROCESSES} | (set() if _shown(rows, control) else {verdicts.GAIN_OPEN})
    n = sum(1 for row in rows if row.verdict.startswith(verdicts.UNRESOLVED) and row.verdict not in told)
    found = []
    if alone:
        found.append(f"{alone} of {len(rows)} arms {'has' if alone == 1 else 'have'} no processes to be compared with")
    if n:
        longer = _longer(ending)
        found.append(f"{n} of {len(rows)} arms stayed unresolved, and a quieter machine or {longer} may tell")
    return found


def _longer(ending: Ending | None) -> str:
    """Return what measures longer than this run did."""
    if ending is None:
        return "more time (--max-time)"
    if ending.narrow:  # it had time left, and would stop at the same width again
        return "narrower intervals (--ci-width)"
    return f"more time (--max-time {max(20, 2 * ending.seconds):.0f}s)"


def _shown(rows: Iterable[Row], control: Control) -> bool:
    """Tell whether any figure shows a second CPU."""
    found = (row.here_and_now for row in rows if row.arm.n_workers > 1)
    return any(map(verdicts.shows_second_cpu, [control.second_cpu, *found]))


def _ceilings(rows: Iterable[Row]) -> list[Row]:
    """Return the rows of what others are compared with: processes, which have no partner themselves."""
    return [row for row in rows if find(row.arm.strategy).is_ceiling and not row.partner]


def _nothing(parallel: Sequence[Row]) -> str:
    if any(row.wall_ns is not None for row in parallel):
        return "Nothing was there to compare with processes, which are what this machine can give."
    return "Nothing here could be compared: no parallel arm ran."


def _range(rows: Sequence[Row]) -> str:
    values = [row.equal_width.estimate for row in rows if row.equal_width is not None]
    low, high = (words.beside(value, [SCALES_FROM]) for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def _count(rows: Sequence[Row]) -> str:
    return " or ".join(str(n) for n in sorted({row.arm.n_workers for row in rows}))


def _where(chosen: Sequence[Row], all_of_it: Sequence[Row]) -> str:
    """Name the implementations; one of which not every row is meant, with the kernels and widths that are."""
    names = []
    for implementation in dict.fromkeys(row.arm.implementation for row in chosen):
        name = _NAMES[implementation]
        its = [row for row in all_of_it if row.arm.implementation == implementation and row.unavailable is None]
        meant = [row for row in chosen if row.arm.implementation == implementation]
        if len(meant) < len(its):
            name += f" ({', '.join(f'{row.arm.kernel} on {row.arm.n_workers}' for row in meant)})"
        names.append(name)
    return words.joined(names)
