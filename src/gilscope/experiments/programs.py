"""The article's two programs, `calc_square` and `calc_quad`: in plain sequence, on threads, on processes.

A spawned process imports this module before it calls its function, so nothing is imported here that the programs do not
need: what a start costs is theirs and not the measuring's.
"""

import multiprocessing
import threading
from collections.abc import Callable
from itertools import repeat

NUMBER = 7

result: int | None = None

Function = Callable[[int], None]


def calc_square(number: int) -> None:
    """Keep the square in the module's `result`, which a process has for itself."""
    global result  # noqa: PLW0603 - that a process has its own is the point of the program
    result = number * number


def calc_quad(number: int) -> None:
    """Compute the fourth power."""
    number * number * number * number


def calc_squares(n_numbers: int) -> None:
    """Square that many numbers, as `calc_square` does."""
    for number in repeat(NUMBER, n_numbers):
        number * number


def calc_quads(n_numbers: int) -> None:
    """Raise that many numbers to the fourth power, as `calc_quad` does."""
    for number in repeat(NUMBER, n_numbers):
        number * number * number * number


def in_sequence(square: Function, quad: Function, argument: int) -> None:
    """Call one function and then the other: neither threads nor processes."""
    square(argument)
    quad(argument)


def on_threads(square: Function, quad: Function, argument: int) -> None:
    """Start a fresh thread for each function, and wait for both."""
    threads = [threading.Thread(target=function, args=(argument,)) for function in (square, quad)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def on_processes(square: Function, quad: Function, argument: int) -> None:
    """Start a fresh process for each function, and wait for both.

    Raises
    ------
    RuntimeError
        If a process ends in any other way than by returning.
    """
    # Spawn is the one start method that every platform has, and the safe one wherever there are threads.
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=function, args=(argument,)) for function in (square, quad)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    for process in processes:
        if process.exitcode != 0:
            raise RuntimeError(f"a process ended with exit code {process.exitcode}")
        process.close()


WAYS = {"sequence": in_sequence, "threads": on_threads, "processes": on_processes}


def result_after(way: str) -> int | None:
    """Run the programs as the article has them, from `result = None`; return what `result` is here afterwards."""
    global result  # noqa: PLW0603 - as above
    result = None
    WAYS[way](calc_square, calc_quad, NUMBER)
    return result


def run_exercise(way: str, n_numbers: int) -> None:
    """Do the exercise's work once, in one of the three ways."""
    WAYS[way](calc_squares, calc_quads, n_numbers)
