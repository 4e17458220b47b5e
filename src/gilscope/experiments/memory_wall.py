"""Released, and still not twice as fast?

Question
--------
Two threads run a kernel that releases the GIL, over arrays that fit into a cache, and over arrays that fit into none.
Do they gain as much where every number comes from memory, and how near is one thread to a plain copy?

Prediction
----------
In cache, two threads are nearly twice as fast as one. From memory they gain less, for both wait for the same memory.
One thread squares numbers about as fast as it could copy them. Refuted by threads that gain as much from memory as in
cache, or by a kernel that moves fewer than half of the bytes that a copy moves.

Method
------
The kernel square in C, the GIL released, over arrays from a megabyte to 64 times the last-level cache (4 times with
--fast): one thread does both halves, or two threads one each. Beside it a copy of as many bytes, by the C library. The
control is a copy of half the bytes, which must take half the time.

What can fool you
-----------------
A virtual machine may show a cache that it shares with others. Two threads of one core share its caches too. Memory of
one socket may have room for two threads, and not for eight: the wall stands elsewhere on each machine. A store reads
its line first, so more is moved than is counted.

Reading the result
------------------
Bytes a second are those read and those written, divided by the time. A gain is one thread's time divided by two
threads'. The gain from memory is set against the gain in cache of the same round.
"""

import ctypes
import mmap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Self

from gilscope import words
from gilscope.errors import Unavailable
from gilscope.experiments.apparatus import Crew, Work, timed
from gilscope.experiments.claims import Check, Claim, Design, Known, above, below, within
from gilscope.experiments.figures import Cycle, Figure, ratio
from gilscope.experiments.scene import Scene, Take
from gilscope.experiments.setting import Setting
from gilscope.kernels import _capi
from gilscope.system.room import available_bytes, last_level_cache_bytes

#: `ctypes.memmove` itself keeps the GIL; a function of a CDLL gives it up.
_memmove = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)(
    ctypes.cast(ctypes.memmove, ctypes.c_void_p).value or 0
)
_N_THREADS = 2
_ITEM_BYTES = 8
#: x and out of both threads: half of a second-level cache each, and calls that are long beside a release of the GIL.
_IN_CACHE_BYTES = 2 * 2**20
#: Where the system does not tell its last-level cache.
_ASSUMED_CACHE_BYTES = 32 * 2**20
#: How many times the last-level cache the largest arrays are: in 5 s there is time for few passes over few bytes.
_TIMES = {"fast": (4,), "default": (1, 64), "rigorous": (1, 4, 64)}
#: Of the memory that can be had, as much may be taken: the arrays are all touched.
_SHARE = 0.5


def design(setting: Setting) -> Design:
    """Return the figures, claims and controls."""
    sizes = _sizes(setting)
    cached, most = sizes[0], sizes[-1]
    gains = [ratio(f"2 threads, {size}", _two(size), over=_one(size), compared_with="one thread") for size in sizes]
    return Design(
        figures=(
            *gains,
            Figure(
                "gain from memory beside gain in cache",
                lambda cycle: _gain(cycle, most) / _gain(cycle, cached),
                "",
                "gain in cache",
                (_one(most), _two(most), _one(cached), _two(cached)),
            ),
            ratio("square beside a copy", _one(most), over=_copy(most), compared_with="a copy"),
            ratio("half a copy", _half(most), over=_copy(most), compared_with="a copy"),
            *(_rate(arm) for size in sizes for arm in (_one(size), _two(size))),
            _rate(_copy(most)),
        ),
        claims=(
            Claim(
                "In cache, two threads that release the GIL are nearly twice as fast as one",
                # 100 us a call, of which hand-overs of the GIL may take a tenth; a quarter more is hardly a second CPU.
                (Check(gains[0].name, confirmed=above(1.5), refuted=below(1.25)),),
                opposite=gains[-1].name,
                needs_second_cpu=True,
            ),
            Claim(
                "From memory they gain less than in cache",
                (Check("gain from memory beside gain in cache", confirmed=below(0.85), refuted=above(0.95)),),
                opposite=gains[0].name,
                needs_second_cpu=True,
            ),
            Claim(
                "From memory, one thread squares numbers as fast as it copies them",
                (Check("square beside a copy", confirmed=above(0.67), refuted=below(0.5)),),
                opposite="half a copy",
            ),
        ),
        controls=(Known("half a copy", within(1.7, 2.3)),),
    )


def _sizes(setting: Setting) -> tuple[str, ...]:
    return tuple(words.size(n_bytes) for n_bytes in _bytes(setting))


def _bytes(setting: Setting) -> tuple[int, ...]:
    cache = last_level_cache_bytes() or _ASSUMED_CACHE_BYTES
    return (_IN_CACHE_BYTES, *(times * cache for times in _TIMES[setting.effort]))


def _one(size: str) -> str:
    return f"1 thread, {size}"


def _two(size: str) -> str:
    return f"2 threads, {size}"


def _copy(size: str) -> str:
    return f"copy, {size}"


def _half(size: str) -> str:
    return f"half a copy, {size}"


def _gain(cycle: Cycle, size: str) -> float:
    return cycle[_one(size)]["wall_ns"] / cycle[_two(size)]["wall_ns"]


def _rate(arm: str) -> Figure:
    """Return how many bytes a second an arm reads and writes."""
    return Figure(
        f"{arm}: bytes",
        lambda cycle: cycle[arm]["moved_bytes"] / cycle[arm]["wall_ns"] * 1e9,
        "bytes per second",
        "",
        (arm,),
    )


@contextmanager
def scene(setting: Setting) -> Iterator[Scene]:
    """Make the arrays ready, all of their pages touched."""
    arms: dict[str, Take] = {}
    absent: dict[str, Unavailable] = {}
    room = available_bytes()
    with ExitStack() as stack:
        crew = stack.enter_context(Crew(_N_THREADS))
        for n_bytes in _bytes(setting):
            size = words.size(n_bytes)
            names = (_one(size), _two(size), _copy(size), _half(size))
            if room is not None and n_bytes > _SHARE * room:
                reason = Unavailable(f"needs {words.size(n_bytes)} of memory; {words.size(room)} are free")
                absent |= dict.fromkeys(names, reason)
                continue
            arrays = stack.enter_context(_Arrays(n_bytes))
            one = partial(_each, arrays.squares)
            repeats = max(1, round(setting.sample_s * 1e9 / 2 / max(1, timed(one))))
            arms |= {
                _one(size): partial(_sample, crew, [one], repeats, n_bytes),
                _two(size): partial(_sample, crew, arrays.squares, repeats, n_bytes),
                _copy(size): partial(_sample, crew, [arrays.copy], repeats, n_bytes),
                _half(size): partial(_sample, crew, [arrays.half_a_copy], repeats, n_bytes // 2),
            }
        yield Scene(
            arms, absent, [] if last_level_cache_bytes() else ["The last-level cache is assumed to have 32 MiB."]
        )


def _each(works: list[Work]) -> None:
    for work in works:
        work()


def _sample(crew: Crew, works: list[Work], repeats: int, n_bytes: int) -> dict[str, float]:
    def again(work: Work) -> None:
        for _ in range(repeats):
            work()

    return {"wall_ns": crew.run([partial(again, work) for work in works]), "moved_bytes": repeats * n_bytes}


class _Arrays:
    """x and out of two threads, in anonymous memory. A context manager.

    Parameters
    ----------
    n_bytes : int
        Of all of them.

    Attributes
    ----------
    squares : list of callable
        Square each thread's half.
    copy, half_a_copy : callable
        Copy all of x to out, or half of it; the GIL is released meanwhile.
    """

    def __init__(self, n_bytes: int) -> None:
        self._n_bytes = n_bytes

    def __enter__(self) -> Self:
        half_bytes = self._n_bytes // 2
        self._maps = [mmap.mmap(-1, half_bytes) for _ in range(2)]
        self._views = [memoryview(one).cast("d") for one in self._maps]
        for view in self._views:  # a write to each page, or the first pass would pay for them
            view[:: mmap.PAGESIZE // _ITEM_BYTES] = view[:: mmap.PAGESIZE // _ITEM_BYTES]
        x, out = self._views
        middle = len(x) // 2
        self._parts = [(x[:middle], out[:middle]), (x[middle:], out[middle:])]
        self.squares: list[Work] = [partial(_capi.square_released, *part) for part in self._parts]
        from_, to = (ctypes.addressof(ctypes.c_char.from_buffer(one)) for one in self._maps)
        self.copy: Work = partial(_memmove, to, from_, half_bytes)
        self.half_a_copy: Work = partial(_memmove, to, from_, half_bytes // 2)
        return self

    def __exit__(self, *_: object) -> None:
        # The memory itself goes with the last view of it, when the arms do.
        self._parts.clear()
