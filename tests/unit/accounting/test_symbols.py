"""Names of places in the code, from ELF files made by hand and from one that this process has loaded."""

import struct
from importlib import import_module
from pathlib import Path

import pytest

from gilscope.accounting import symbols
from gilscope.accounting.symbols import function_at, place_of

FUNCTION, OBJECT = 2, 1


def elf(functions: list[tuple[str, int, int, int]], load_address: int = 0) -> bytes:
    """Return a 64-bit ELF file with one loaded segment and one symbol table: (name, address, length, type)."""
    names, table = b"\0", struct.pack("=IBBHQQ", 0, 0, 0, 0, 0, 0)
    for name, address, length, kind in functions:
        table += struct.pack("=IBBHQQ", len(names), 1 << 4 | kind, 0, 1, address, length)
        names += name.encode() + b"\0"
    segment = struct.pack("=IIQQQQQQ", 1, 5, 0, load_address, load_address, 0, 0, 0x1000)
    begin = 64 + len(segment)
    sections = (
        struct.pack("=IIQQQQIIQQ", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        + struct.pack("=IIQQQQIIQQ", 0, 2, 0, 0, begin, len(table), 2, 1, 8, 24)
        + struct.pack("=IIQQQQIIQQ", 0, 3, 0, 0, begin + len(table), len(names), 0, 0, 1, 0)
    )
    at = begin + len(table) + len(names)
    head = struct.pack("=16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 3, 62, 1, 0, 64, at, 0, 64, 56, 1, 64, 3, 0)
    return head + segment + table + names + sections


FUNCTIONS = [("second", 0x2000, 0x10, FUNCTION), ("first", 0x1000, 0x20, FUNCTION), ("data", 0x1800, 8, OBJECT)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "made.so"
    path.write_bytes(elf(FUNCTIONS))
    return path


@pytest.mark.parametrize(
    ("offset", "name"),
    [
        (0x0FFF, ""),
        (0x1000, "first"),
        (0x101F, "first"),
        (0x1020, ""),
        (0x1800, ""),
        (0x2005, "second"),
        (0x9999, ""),
    ],
)
def test_an_offset_belongs_to_the_function_around_it(file: Path, offset: int, name: str) -> None:
    """From its first byte to its last, and to nobody between two functions or in data."""
    assert function_at(str(file), offset) == name


def test_a_program_at_a_fixed_place(tmp_path: Path) -> None:
    """Its table has addresses, and offsets count from the lowest that is loaded."""
    path = tmp_path / "fixed"
    path.write_bytes(elf([("main", 0x401000, 0x20, FUNCTION)], load_address=0x400040))
    assert function_at(str(path), 0x1010) == "main"


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"\x7fELF\x01" + bytes(80), b"\x7fELF\x02", elf([])])
def test_a_file_that_does_not_say(tmp_path: Path, content: bytes) -> None:
    """A script, another word size, half a file or one without names: no name, and no error."""
    path = tmp_path / "other"
    path.write_bytes(content)
    assert function_at(str(path), 0x1000) == ""


@pytest.mark.parametrize("cut", range(64, len(elf(FUNCTIONS)), 37))
def test_a_file_that_was_cut_short(tmp_path: Path, cut: int) -> None:
    """Wherever it ends, there is no error."""
    path = tmp_path / "cut"
    path.write_bytes(elf(FUNCTIONS)[:cut])
    assert function_at(str(path), 0x1000) in ("", "first")


def test_a_file_that_is_gone_or_too_large(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be read, or would take too long to, has no names."""
    assert function_at(str(file.with_name("none")), 0x1000) == ""
    monkeypatch.setattr(symbols, "MAX_FILE_BYTES", 10)
    assert function_at(str(file), 0x1000) == ""


def test_an_address_of_no_object() -> None:
    """Code that no file holds is known by its address alone."""
    ledger = import_module("gilscope.accounting._ledger")
    if ledger.UNAVAILABLE:
        pytest.skip(ledger.UNAVAILABLE)
    assert place_of(16) == ("", "", 16)


def test_an_address_in_a_loaded_object() -> None:
    """What the loader knows by name has its file, its name, and an offset inside the file's image."""
    ledger = import_module("gilscope.accounting._ledger")
    if ledger.UNAVAILABLE:
        pytest.skip(ledger.UNAVAILABLE)
    module, symbol, offset = place_of(ledger.find()["record"])  # the GIL's own record
    assert Path(module).exists()
    assert symbol == "_PyRuntime"
    assert offset > 0
