"""What a place that releases the GIL is called, in every output."""

from pathlib import PurePath

from gilscope.accounting.demangling import shown


def file_of(module: str) -> str:
    """Return a shared object's file, without its folder: ``"zlib.cpython-313-x86_64-linux-gnu.so"``; "?" for none."""
    return module.rpartition("/")[2] or "?"


def library_of(module: str) -> str:
    """Return what a shared object is called: ``"zlib"``."""
    return PurePath(module).name.split(".", 1)[0]


def place_of(symbol: str, offset: int) -> str:
    """Return a place by its function, ``"zlib_crc32"``, or where it has no name by its offset, ``"+0x155017"``."""
    return shown(symbol) or f"+0x{offset:x}"
