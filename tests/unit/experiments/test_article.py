"""The article's programs, and where a way begins to be faster: the line through two losses."""

from math import inf

import pytest

from gilscope.experiments import programs
from gilscope.experiments.article import break_even


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ((80.0, -70.0), 1 + 80 * 499 / 150),  # on the line between 1 and 500
        ((80.0, 40.0), 1 + 80 * 499 / 40),  # beyond the most work that was measured
        ((80.0, 0.0), 500.0),
        ((0.2, 0.2), inf),  # as much is lost at half a second: never
        ((0.2, 5.0), inf),
        ((-1.0, -70.0), 1.0),  # from the start
    ],
)
def test_break_even_is_where_the_line_is_zero(losses: tuple[float, float], expected: float) -> None:
    assert break_even(1.0, losses[0], 500.0, losses[1]) == pytest.approx(expected)


def test_the_programs_compute_what_the_article_says() -> None:
    """49 of the number 7, seen after a sequence and after threads, and not after processes."""
    assert {way: programs.result_after(way) for way in programs.WAYS} == {
        "sequence": 49,
        "threads": 49,
        "processes": None,
    }


def test_a_process_that_fails_is_an_error() -> None:
    """No time is taken of work that was not done."""
    with pytest.raises(RuntimeError, match="a process ended with exit code 1"):
        programs.on_processes(programs.calc_squares, _fail, 1)


def _fail(_: int) -> None:
    raise SystemExit(1)
