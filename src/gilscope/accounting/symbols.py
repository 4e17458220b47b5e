"""From an address in the code to a name: the function that contains it, where its shared object keeps names.

The loader knows exported functions only, and most that release the GIL are static. Objects that were not stripped list
those too, in a table that is not loaded, so it is read from the file once per object.
"""

import struct
from bisect import bisect_right
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from gilscope.accounting.demangling import demangled

#: Larger files than any interpreter or extension with names; beyond, reading the whole would cost more than it tells.
MAX_FILE_BYTES = 1 << 28
_SECTION = struct.Struct("=IIQQQQIIQQ")
_SYMBOL = struct.Struct("=IBBHQQ")
_SYMBOL_TABLE, _FUNCTION, _PROGRAM_LOAD = 2, 2, 1


def place_of(address: int) -> tuple[str, str, int]:
    """Return the shared object, the function (or "") and the offset in the object, of an address in the code.

    The function's name is as its author wrote it, where that can be told; see `gilscope.accounting.demangling`.

    Parameters
    ----------
    address : int
        Of this process.
    """
    found: tuple[str, int, str] | None = import_module("gilscope.accounting._ledger").where(address)
    if found is None:
        return "", "", address
    module, offset, symbol = found
    return module, demangled(symbol or function_at(module, offset)), offset


def function_at(path: str, offset: int) -> str:
    """Return the function at an offset from where an object is loaded, "" where the file does not say.

    Parameters
    ----------
    path : str
        A 64-bit ELF file of this machine's byte order.
    offset : int
        In bytes from the object's first.
    """
    begins, ends, names = _functions(path)
    i = bisect_right(begins, offset) - 1
    return names[i] if i >= 0 and offset < ends[i] else ""


@lru_cache(maxsize=64)
def _functions(path: str) -> tuple[list[int], list[int], list[str]]:
    """Return where each function of a file's symbol table begins and ends, in order, and its name."""
    try:
        if Path(path).stat().st_size > MAX_FILE_BYTES:
            return [], [], []
        data = Path(path).read_bytes()
        found = sorted(_read(data)) if data[:5] == b"\x7fELF\x02" else []
    except (OSError, struct.error, IndexError, UnicodeDecodeError):
        return [], [], []
    return [begin for begin, _, _ in found], [end for _, end, _ in found], [name for _, _, name in found]


def _read(data: bytes) -> list[tuple[int, int, str]]:
    sections_at, n_sections = struct.unpack_from("=Q", data, 0x28)[0], struct.unpack_from("=H", data, 0x3C)[0]
    sections = [_SECTION.unpack_from(data, sections_at + i * _SECTION.size) for i in range(n_sections)]
    base = _load_address(data)
    functions = []
    for _, kind, _, _, at, size, link, *_ in sections:
        if kind != _SYMBOL_TABLE:
            continue
        names_at = sections[link][4]
        for name, info, _, _, value, length in _SYMBOL.iter_unpack(data[at : at + size]):
            if info & 0xF == _FUNCTION and length:
                start = names_at + name
                text = data[start : data.index(b"\0", start)].decode()
                functions.append((value - base, value - base + length, text))
    return functions


def _load_address(data: bytes) -> int:
    """Return the lowest address the file asks to be loaded at: 0 but for executables at a fixed place."""
    headers_at, n_headers = struct.unpack_from("=Q", data, 0x20)[0], struct.unpack_from("=H", data, 0x38)[0]
    loads = [
        struct.unpack_from("=Q", data, headers_at + i * 56 + 16)[0]
        for i in range(n_headers)
        if struct.unpack_from("=I", data, headers_at + i * 56)[0] == _PROGRAM_LOAD
    ]
    return min(loads, default=0) & ~0xFFF
