"""One call of a target before anything is measured: what it leaves behind, and what of it could be sent elsewhere."""

import io
import pickle
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from threading import enumerate as known_threads

from gilscope import shortages
from gilscope.children import descendants
from gilscope.errors import CannotRunError, Unavailable
from gilscope.originals import get_native_id, os, select, time
from gilscope.system.threads import children_cpu_ns, kernel_counts, native_ids
from gilscope.targets import script_text
from gilscope.targets.target import Resolved, lazy_error
from gilscope.targets.user_code import describe

# More CPU time than this in each second of the call cannot come from one thread; what is above 1 covers the clocks.
PARALLEL_CPUS = 1.2
# What a copy says; anything else in its pipe is the call's own.
_CAME_BACK = b"a copy has come back from the call"
# The kernel takes back a thread some moments after it has ended; what is still there then, stays.
_PATIENCE_SECONDS = 0.2
_LOOK_SECONDS = 0.005
# Rows of calls that are looked at for how many CPUs they keep busy: an odd number, for a clock may jump; and each some
# ticks long, for the CPU time of other threads is brought up to date once a tick, 4 ms.
_ROWS, _ROW_SECONDS = 5, 0.025


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """What one call showed, as plain data.

    Parameters
    ----------
    wall_ns, cpu_ns : int
        Of the call; CPU time of this process, all threads.
    children_cpu_ns : int
        CPU time of processes that the call started and waited for.
    function_obstacle, arguments_obstacle, result_obstacle : str or None
        Why another process cannot find the function by name, or why the arguments or the result cannot be pickled;
        None if they can.
    arguments_bytes, result_bytes : int or None
        Size of their pickles; None if there is an obstacle.
    result_type : str
        Name of the result's type.
    makes_iterator : bool
        Whether the result is an iterator that is no open file: what it is to give has not run yet.
    main_guard : bool or None
        Whether a script has a guard; None for what is no script.
    top_level_work : list of str
        What importing a script runs, as "line 7: main()".
    threads_left : list of str
        Python threads that the call started and that still run, as "Thread-1 (daemon)".
    comes_back_twice : bool
        Whether the call forks, and its child goes on with what comes after the call.
    processes_left : list of str
        Command lines of the processes that the call started and that still run, without multiprocessing's helpers.
    """

    wall_ns: int
    cpu_ns: int
    children_cpu_ns: int
    function_obstacle: str | None
    arguments_obstacle: str | None
    arguments_bytes: int | None
    result_obstacle: str | None
    result_bytes: int | None
    result_type: str
    makes_iterator: bool
    main_guard: bool | None
    top_level_work: list[str]
    threads_left: list[str]
    comes_back_twice: bool
    processes_left: list[str]


def availability() -> Unavailable | None:
    """Tell why no call can be probed on this system, or None."""
    if find_spec("resource") is None:
        return Unavailable(
            f"probing a call needs Python's module resource and Unix's processes, and {sys.platform} has none; use "
            "Linux, macOS or WSL"
        )
    return None


def examine(resolved: Resolved, mark: str = "") -> Preflight:
    """Call a target once and look at it, its result, and what it left.

    Parameters
    ----------
    resolved : Resolved
    mark : str
        The variable in the environment by which this process and its descendants are found; see
        `gilscope.children.descendants`.

    Raises
    ------
    CannotRunError
        Where no call can be probed.
    UsageError
        If the result is a generator or a coroutine, which has run nothing yet.
    BaseException
        Whatever the target raises.
    """
    absence = availability()
    if absence is not None:
        raise CannotRunError(absence.reason)
    target = resolved.target
    # Before the call, which may change its arguments.
    function_obstacle = _function_obstacle(resolved)
    arguments_bytes, arguments_obstacle = _pickled((resolved.args, resolved.kwargs))
    threads, n_threads, family = set(known_threads()), len(native_ids()), _family(mark)
    copies = _Copies()
    try:
        result, wall_ns, _, cpu_ns, children_cpu_ns = _timed(resolved.call)
    finally:
        comes_back_twice = copies.came_back()
    _refuse_lazy(resolved, result)
    _let_threads_end(n_threads)
    left = [f"{t.name}{' (daemon)' if t.daemon else ''}" for t in known_threads() if t not in threads]
    descendants.await_programs(_PATIENCE_SECONDS)
    commands = [descendants.command(pid) for pid in sorted(_family(mark) - family)]
    result_bytes, result_obstacle = _pickled(result)
    return Preflight(
        wall_ns=wall_ns,
        cpu_ns=cpu_ns,
        children_cpu_ns=children_cpu_ns,
        function_obstacle=function_obstacle,
        arguments_obstacle=arguments_obstacle,
        arguments_bytes=arguments_bytes,
        result_obstacle=result_obstacle,
        result_bytes=result_bytes,
        result_type=type(result).__name__,
        makes_iterator=isinstance(result, Iterator) and not isinstance(result, io.IOBase),
        main_guard=script_text.has_main_guard(Path(target.home)) if target.kind == "script" else None,
        top_level_work=script_text.top_level_work(Path(target.home)) if target.kind == "script" else [],
        threads_left=left,
        comes_back_twice=comes_back_twice,
        processes_left=[command for command in commands if command],
    )


def keeps_several_cpus_busy(call: Callable[[], object], cpu_ns: Callable[[], int] = lambda: 0) -> bool | None:
    """Tell whether a call keeps more CPUs busy than one thread can, by rows of calls; a row may be a single one.

    Parameters
    ----------
    call : callable
        It has been called before, so that nothing is done for the first time.
    cpu_ns : callable
        Returns the CPU time so far of processes that the call has started and that live on, in ns.

    Returns
    -------
    bool or None
        None where rows do not agree, the lowest and the highest left out.
    """

    def busy() -> float:
        before_ns = cpu_ns()
        _, wall_ns, queued_ns, own_ns, children_ns = _timed(partial(_call_for, call, _ROW_SECONDS))
        return _cpus(wall_ns, queued_ns, own_ns, children_ns + max(0, cpu_ns() - before_ns))

    _, low, *_, high, _ = sorted(busy() for _ in range(_ROWS))
    return None if low <= PARALLEL_CPUS < high else low > PARALLEL_CPUS


def _family(mark: str) -> set[int]:
    """Return the processes that came of the child that measures: its guard's, and what another one may have adopted."""
    return descendants.found_by(mark) | descendants.descendants_of(os.getppid()) if mark else set()


def _call_for(call: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    call()
    while time.monotonic() < deadline:
        call()


def _cpus(wall_ns: int, queued_ns: int, cpu_ns: int, children_cpu_ns: int) -> float:
    """Return CPU time over wall time; one thread has none while it is queued, so a busy machine hides no other's."""
    return (cpu_ns + children_cpu_ns) / max(wall_ns - queued_ns, 1)


class _Copies:
    """Copies of this process that a call forks, and that come back from it: they say so in a pipe, and end."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        with shortages.named():
            self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)  # a call that writes to what it did not open would wait here for ever

    def came_back(self) -> bool:
        """Say whether there was one; to be asked once. A child that lives on, and may yet come back, is waited for."""
        if os.getpid() != self._pid:
            with suppress(OSError):
                os.write(self._write, _CAME_BACK)
            os._exit(0)
        os.close(self._write)
        poll = select.poll()  # select itself knows no descriptor above 1023, and the call may have opened as many
        poll.register(self._read, select.POLLIN)
        came = bool(poll.poll(_PATIENCE_SECONDS * 1e3)) and _CAME_BACK in os.read(self._read, 1 << 16)
        os.close(self._read)
        return came


def _timed(call: Callable[[], object]) -> tuple[object, int, int, int, int]:
    """Make one call; return its result, and wall time, time queued, CPU time and children's CPU time in ns."""
    children_ns = children_cpu_ns()
    # The others are read inside of the wall clock, so that one thread never seems to use more than one CPU.
    wall_ns = time.perf_counter_ns()
    queued_ns, cpu_ns = _queued_ns(), time.process_time_ns()
    result = call()
    cpu_ns, queued_ns = time.process_time_ns() - cpu_ns, _queued_ns() - queued_ns
    wall_ns = time.perf_counter_ns() - wall_ns
    return result, wall_ns, min(queued_ns, wall_ns), cpu_ns, children_cpu_ns() - children_ns


def _queued_ns() -> int:
    """Return how long this thread has been queued for a CPU in all, in ns; always the same where none can tell."""
    return kernel_counts(get_native_id())[1]


def _let_threads_end(n_before: int) -> None:
    """Wait until there are no more threads than before, of Python's or not; not for long."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while len(native_ids()) > n_before and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)


def _refuse_lazy(resolved: Resolved, result: object) -> None:
    if isinstance(result, Generator):
        raise lazy_error(resolved.target, "generator")
    if isinstance(result, Coroutine):
        result.close()  # or Python warns that nobody awaited it
        raise lazy_error(resolved.target, "coroutine")
    if isinstance(result, AsyncGenerator):
        raise lazy_error(resolved.target, "asynchronous generator")


def _function_obstacle(resolved: Resolved) -> str | None:
    if resolved.target.kind == "statement":
        return "a statement has no name that another process could import"
    name = getattr(resolved.function, "__qualname__", "")
    if "<lambda>" in name:
        return "it is a lambda, which has no name that another process could import"
    if "<locals>" in name:
        return f"{name} is defined inside of a function, where another process cannot import it"
    return _pickled(resolved.function)[1]


class _Counter:
    """A file that counts what is written to it, so that a pickle's size costs no memory."""

    n_bytes = 0

    def write(self, data: bytes | memoryview | pickle.PickleBuffer) -> None:
        with memoryview(data) as view:
            self.n_bytes += view.nbytes


def _pickled(value: object) -> tuple[int | None, str | None]:
    """Return the size of a value's pickle in bytes, or why it has none."""
    counter = _Counter()
    try:
        pickle.Pickler(counter, pickle.HIGHEST_PROTOCOL).dump(value)
    except Exception as error:  # noqa: BLE001 - any method of the value may raise anything
        return None, describe(error)
    return counter.n_bytes, None
