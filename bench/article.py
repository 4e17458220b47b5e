"""The article's two programs as it means them, then its exercise.

The programs: `calc_square` and `calc_quad` of the number 7, in plain sequence, on two threads, on two processes. The
exercise: run them and measure the difference between threads and processes, against using neither (see exercise.py).

A spawned process imports this file again before it calls its function, so nothing is imported here that the article's
programs do not need: what a start costs is theirs and not the measuring's.
"""

import multiprocessing
import threading
from collections.abc import Callable
from itertools import repeat

NUMBER = 7

result: int | None = None

Function = Callable[[int], None]


def calc_square(number: int) -> None:
    """Print the square and keep it in the module's `result`."""
    global result  # noqa: PLW0603 - that a process has its own is the point of the program
    result = number * number
    print(result, flush=True)


def calc_quad(number: int) -> None:
    """Print the fourth power."""
    print(number * number * number * number, flush=True)


def calc_squares(n_numbers: int) -> None:
    """Square that many numbers, as `calc_square` does and without printing."""
    for number in repeat(NUMBER, n_numbers):
        number * number


def calc_quads(n_numbers: int) -> None:
    """Raise that many numbers to the fourth power, as `calc_quad` does and without printing."""
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

HEADINGS = {
    "sequence": "In plain sequence",
    "threads": "On two threads (threading.Thread)",
    "processes": "On two processes (multiprocessing.Process, spawned)",
}

EXPLANATIONS = {
    "sequence": "the function ran in this very thread.",
    "threads": "threads live in one heap, so what the function wrote is written here too.",
    "processes": "a process has a memory of its own; the function wrote to its copy, which ended with it.",
}


def run_programs() -> dict[str, int | None]:
    """Run the three programs, each from `result = None`; print and return what `result` is here afterwards."""
    global result  # noqa: PLW0603 - that a process has its own is the point of the program
    results: dict[str, int | None] = {}
    for name, way in WAYS.items():
        result = None
        print(f"{HEADINGS[name]}:", flush=True)
        way(calc_square, calc_quad, NUMBER)
        results[name] = result
        print(f"result is {result}: {EXPLANATIONS[name]}\n", flush=True)
    return results


def run_exercise(way: str, n_numbers: int) -> None:
    """Do the exercise's work once, in one of the three ways."""
    WAYS[way](calc_squares, calc_quads, n_numbers)


if __name__ == "__main__":
    from exercise import main

    main(obj=(run_programs, run_exercise))
