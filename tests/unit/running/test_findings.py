"""The sentences under a table: drawn from its rows only, and silent about what was not found."""

import dataclasses

import fakes
from fakes import interval

from gilscope.errors import Unavailable
from gilscope.running import verdicts
from gilscope.running.findings import Ending, sentences
from gilscope.running.result import Arm, Control, Row

RIGHT = Control(
    same=interval(1.0, 0.999, 1.001),
    heavier=interval(1.05, 1.049, 1.051),
    heavier_truth=1.05,
    second_cpu=interval(1.9, 1.8, 1.95),
    passed=True,
)


def row(
    verdict: str, strategy: str = "threads", gil: str = "held", implementation: str = "c", ratio: float = 0.97
) -> Row:
    """Return a row of quad on two workers with a verdict and a ratio."""
    arm = Arm(
        id=f"quad/{implementation}/{gil}/2/{strategy}",
        kernel="quad",
        implementation=implementation,
        gil=gil,
        strategy=strategy,
        n_workers=2,
    )
    return Row(arm=arm, wall_ns=1e6, equal_width=interval(ratio, ratio - 0.01, ratio + 0.01), verdict=verdict)


def test_what_is_held_back_and_what_scales_get_a_sentence_each() -> None:
    """Each says how many workers, in which implementations, and the range of the ratios."""
    found = sentences(
        [
            row(verdicts.GIL_BOUND, implementation="python", ratio=0.97),
            row(verdicts.GIL_BOUND, implementation="cython", ratio=0.99),
            row(verdicts.GIL_BOUND, implementation="c", ratio=0.98),
            row(verdicts.SCALES, gil="released", ratio=1.01),
            row(verdicts.SCALES, strategy="interpreters", ratio=0.98),
        ],
        RIGHT,
    )
    assert found == (
        (
            "Holding the GIL, 2 threads are no faster than one, in Python, Cython and C: they reach 0.97 to 0.99 of "
            "one thread's speed."
        ),
        (
            "With the GIL released, 2 threads reach 1.01 of what as many processes reach, in C; with the GIL held, "
            "2 interpreters reach 0.98 of what as many processes reach, in C."
        ),
    )


def test_there_are_never_more_than_three_sentences() -> None:
    """Whatever a table holds: what is held back, what scales, and what cannot be told."""
    rows = [
        row(verdicts.GIL_BOUND),
        row(verdicts.GIL_BOUND, gil="released", implementation="numpy"),
        row(verdicts.SCALES, gil="released"),
        row(verdicts.SCALES, strategy="interpreters"),
        row(verdicts.NO_SECOND_CPU),
        row("unresolved (±3.1 %)"),
    ]
    found = sentences(rows, RIGHT)
    assert [sentence.split()[0] for sentence in found] == ["Holding", "With", "In"]
    assert "1 of 6 arms stayed unresolved" in found[-1]


def test_only_threads_that_hold_the_gil_are_said_to_hold_it() -> None:
    """A released form, or another strategy, that is one CPU wide is not told of as threads that hold the GIL."""
    for odd in (row(verdicts.GIL_BOUND, gil="released"), row(verdicts.GIL_BOUND, strategy="interpreters")):
        assert "Holding the GIL, 2 threads" not in " ".join(sentences([odd], RIGHT))
    (released,) = sentences([row(verdicts.GIL_BOUND, gil="released", implementation="numpy", ratio=0.98)], RIGHT)
    assert released == (
        "With the GIL released, 2 threads are still no faster than one, in NumPy: they reach 0.98 of one thread's "
        "speed."
    )


def test_a_control_that_read_wrong_is_the_only_finding() -> None:
    """Nothing else is said, whatever the rows hold."""
    found = sentences([row(verdicts.GIL_BOUND)], dataclasses.replace(RIGHT, passed=False))
    assert len(found) == 1
    assert "read wrong" in found[0]


def test_a_control_that_read_nothing_is_not_called_wrong() -> None:
    """Where no round was timed, that is the finding, with what to do."""
    empty = dataclasses.replace(row("unresolved (not measured)"), wall_ns=None, equal_width=None)
    found = sentences([empty], dataclasses.replace(RIGHT, same=None, passed=False))
    assert len(found) == 1
    assert "No round was timed" in found[0]
    assert "--max-time" in found[0]


def test_a_missing_cpu_is_no_finding_about_threads() -> None:
    """What the machine did not give is said."""
    rows = [row(verdicts.NO_SECOND_CPU), row(verdicts.NO_SECOND_CPU, strategy="processes"), row("reference", "serial")]
    (found,) = sentences(rows, RIGHT)
    assert found.startswith("In 2 of 3 arms this machine gave no second CPU")
    assert found.endswith("which says nothing about threads.")


def test_what_stayed_open_is_counted() -> None:
    """Unresolved arms are counted, and the reader is told what may help."""
    (found,) = sentences(
        [row("unresolved (±3.1 %)"), row("unresolved (too few rounds)"), row("reference", "serial")], RIGHT
    )
    assert found == "2 of 3 arms stayed unresolved, and a quieter machine or more time (--max-time) may tell."


def test_a_table_without_parallel_arms_finds_nothing() -> None:
    """There is always at least one sentence, also when nothing could be compared."""
    absent = dataclasses.replace(row("unavailable: x"), unavailable=Unavailable("x"), wall_ns=None, equal_width=None)
    assert sentences([absent], RIGHT) == ("Nothing here could be compared: no parallel arm ran.",)


def test_no_verdict_means_no_sentence_about_it() -> None:
    """A hand-made result's own findings follow from its rows and nothing else."""
    made = fakes.hand_made()
    assert sentences(made.rows, RIGHT) == made.findings


def test_a_table_that_was_compared_is_not_said_to_be_empty() -> None:
    """Whatever a parallel arm's verdict is, there is a sentence about it."""
    (partly,) = sentences([row(verdicts.PARTLY, gil="released", ratio=0.7)], RIGHT)
    assert partly == "With the GIL released, 2 threads reach 0.70 of what as many processes reach, in C."
    (wide,) = sentences([row(verdicts.ONE_WIDE)], RIGHT, gil_enabled=False)
    assert wide == "In the held form, 2 threads keep one CPU busy, in C: they reach 0.97 of serial speed."
    twin = dataclasses.replace(row("slower", ratio=0.9), arm=dataclasses.replace(row("slower").arm, n_workers=1))
    assert sentences([twin], RIGHT) == ("Holding the GIL, 1 thread is slower than one process (0.90), in C.",)
    ceiling = dataclasses.replace(row(verdicts.CEILING, "processes"), equal_width=None)
    assert sentences([ceiling], RIGHT)[0].startswith("Nothing was there to compare with processes")


def test_no_implementation_is_named_for_more_than_its_rows_say() -> None:
    """Where one kernel is GIL-bound and the other is not, the first is named."""
    other = row("unresolved (±9.0 %)")
    other = dataclasses.replace(other, arm=dataclasses.replace(other.arm, kernel="square"))
    bound, _ = sentences([row(verdicts.GIL_BOUND), other], RIGHT)
    assert "in C (quad on 2): they reach 0.97" in bound


def test_a_little_faster_is_not_no_faster() -> None:
    """1.05 of one thread's speed, with the whole interval above 1, is said as what it is."""
    (found,) = sentences([row(verdicts.GIL_BOUND, ratio=1.05)], RIGHT)
    assert (
        found == "Holding the GIL, 2 threads are hardly faster than one, in C: they reach 1.05 of one thread's speed."
    )


def test_a_second_cpu_that_was_not_shown_is_not_said_to_be_missing() -> None:
    """Processes at 1.70 [0.96, 2.01] leave it open; the figures are said, and how much time may tell."""
    starved = dataclasses.replace(
        row(verdicts.GAIN_OPEN, "processes"), equal_width=None, here_and_now=interval(1.7, 0.96, 2.01)
    )
    blind = dataclasses.replace(RIGHT, second_cpu=interval(1.6, 0.9, 2.0))
    (found,) = sentences([starved], blind, ending=Ending(38.2, narrow=False))
    assert found == (
        "For 1 of 1 arms it could not be told in 38 s whether this machine gave a second CPU (processes were 1.70 "
        "[0.96, 2.01] times as fast as one); more time (--max-time 76s) may tell."
    )
    (shown,) = sentences([starved], RIGHT, ending=Ending(38.2, narrow=True))
    assert shown == "1 of 1 arms stayed unresolved, and a quieter machine or narrower intervals (--ci-width) may tell."


def test_more_time_is_no_advice_where_time_was_left() -> None:
    """A run that stopped because its intervals were narrow would stop there again."""
    (found,) = sentences([row("unresolved (±1.0 %)")], RIGHT, ending=Ending(9.0, narrow=True))
    assert "--max-time" not in found
    (alone,) = sentences([row(verdicts.NO_PROCESSES)], RIGHT, ending=Ending(9.0, narrow=False))
    assert alone == "1 of 1 arms has no processes to be compared with."


def test_a_control_without_rounds_is_not_called_wrong_where_others_have_some() -> None:
    """A budget that ends in the first rounds may leave the control out alone."""
    (found,) = sentences([row(verdicts.CONTROL_UNREAD)], dataclasses.replace(RIGHT, same=None, passed=False))
    assert found.startswith("The control was not measured in time")
