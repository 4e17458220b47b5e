"""The two functions most people call: `square` and `quad` on numbers and buffers."""

import sys
from array import array
from numbers import Number
from typing import Any

from gilscope.errors import unknown
from gilscope.kernels import FORMATS, GIL_MODES, _capi

_KERNELS = {
    ("square", "held"): _capi.square_held,
    ("square", "released"): _capi.square_released,
    ("square", "chunked"): _capi.square_chunked,
    ("quad", "held"): _capi.quad_held,
    ("quad", "released"): _capi.quad_released,
    ("quad", "chunked"): _capi.quad_chunked,
}


def square(x: Any, out: Any = None, *, gil: str = "released") -> Any:
    """Return x*x, item by item for a buffer.

    Parameters
    ----------
    x : number or buffer
        A plain number, or a C-contiguous buffer of any shape (array.array, memoryview, shared memory, NumPy array) of
        float64, float32, int64, int32, uint64 or uint32 in native byte order.
    out : buffer, optional
        Where to write: as many items of the same dtype. It may be x itself, and must not overlap it otherwise.
    gil : {"released", "held", "chunked"}
        Whether other threads may run Python while the loop runs.

    Returns
    -------
    number or buffer
        `out` where given. Otherwise a new NumPy array for a NumPy array, and a new array.array for any other buffer.
        Integers wrap modulo 2**bits.

    Raises
    ------
    TypeError, ValueError, BufferError
        If `x` or `out` is no such buffer; `out` is then untouched.

    Notes
    -----
    GIL: with ``gil="released"`` given up once for the whole loop, with ``"held"`` kept throughout, with ``"chunked"``
    given up and taken back once per block of 4096 items.
    Threads: safe from any, as long as no other thread writes to `x` or `out`.

    Examples
    --------
    >>> import gilscope
    >>> from array import array
    >>> gilscope.square(7)
    49
    >>> gilscope.square(array("d", [1, 2, 3]), gil="held")
    array('d', [1.0, 4.0, 9.0])
    """
    return _apply("square", x, out, gil)


def quad(x: Any, out: Any = None, *, gil: str = "released") -> Any:
    """Return (x*x)*(x*x), item by item for a buffer; everything else as in `square`.

    Examples
    --------
    >>> import gilscope
    >>> gilscope.quad(7)
    2401
    """
    return _apply("quad", x, out, gil)


def _apply(name: str, x: Any, out: Any, gil: str) -> Any:
    kernel = _KERNELS.get((name, gil))
    if kernel is None:
        raise unknown("GIL mode", gil, GIL_MODES)
    if out is None:
        if isinstance(x, Number):
            squared = x * x  # type: ignore[operator]
            return squared if name == "square" else squared * squared
        out = _like(x)
    elif isinstance(x, int | float | complex):  # asked of concrete types: asking for Number takes longer than a kernel
        raise TypeError(f"out needs a buffer x; x is a plain {type(x).__name__}")
    kernel(x, out)
    return out


def _like(x: Any) -> Any:
    """Return a new buffer for the results of x: NumPy for NumPy, array.array for everything else."""
    numpy = sys.modules.get("numpy")  # whoever holds a NumPy array has imported it already
    if numpy is not None and isinstance(x, numpy.ndarray):
        return numpy.empty_like(x, order="C", subok=False)
    dtype, n_items = _capi.check_buffer(x)
    return array(FORMATS[dtype], bytes(n_items * array(FORMATS[dtype]).itemsize))
