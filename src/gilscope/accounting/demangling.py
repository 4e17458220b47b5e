"""Names as their authors wrote them, from the symbols that compilers of C++ and Rust make of them."""

import re
from functools import lru_cache

from gilscope.accounting import rust_names

#: Characters that a table has room for.
_MOST_SHOWN = 48
_MOST_IN_BRACKETS = 16
_HIDDEN = str.maketrans("<>()", "\1\2\3\4")
_SEEN = str.maketrans("\1\2\3\4", "<>()")
#: Where the C++ runtime of a process may be: of GCC, of Clang, and Apple's.
_RUNTIMES = ("libstdc++.so.6", "libc++abi.so.1", "libc++abi.dylib")


@lru_cache(maxsize=1024)
def demangled(symbol: str) -> str:
    """Return what a symbol names, whole; the symbol itself where nothing here can tell.

    Parameters
    ----------
    symbol : str
        As an object's table has it.
    """
    try:
        if symbol.startswith("_R"):
            return rust_names.v0(symbol) or symbol  # a crate without a name is one to the grammar, and to no table
        if symbol.startswith("_ZN") and "17h" in symbol:
            return rust_names.legacy(symbol)
    except (ValueError, RecursionError, UnicodeError, OverflowError):
        pass  # C++ may have such names too, and a form that is newer than this has at least its symbol
    return _cpp(symbol) if symbol.startswith("_Z") else symbol


def shown(name: str) -> str:
    """Return a name as short as a table needs it: without arguments, and with the last of its scopes alone.

    Parameters
    ----------
    name : str
        As `demangled` gives it.

    Examples
    --------
    >>> shown("void ns::Solver<double, 3>::run<int>(std::vector<int> const&)")
    'ns::Solver::run'
    >>> shown("<&std::fs::File as std::io::Seek>::stream_len")
    'std::fs::File::stream_len'
    """
    scopes = _scopes(_declared(_hidden(name)))
    short = "::".join(scopes)
    while len(short) > _MOST_SHOWN and len(scopes) > 1:
        scopes = scopes[1:]
        short = f"...::{'::'.join(scopes)}"
    short = short if len(short) <= _MOST_SHOWN else f"{short[: _MOST_SHOWN - 3]}..."
    return short.translate(_SEEN)


def _scopes(path: str) -> list[str]:
    """Return the names in a path, each without its arguments; of a type that is a scope, as Rust has it, its path."""
    found = []
    for i, part in enumerate(_split(path, "::")):
        if part.startswith("<") and i:
            continue  # arguments, as Rust has them
        if part.startswith("<"):
            type_ = _split(part[1:-1], " as ")[0]
            found += _scopes(re.sub(r"^(?:[&*]|'\w+ |(?:mut|const|dyn) )*", "", type_))
        elif part[:1] in ("(", "["):
            found.append(part if len(part) <= _MOST_IN_BRACKETS else f"{part[0]}...{part[-1]}")
        elif part.startswith("{"):
            found.append(re.sub(r"\(.*\)", "", part))
        else:
            found.append(re.sub(r"[<(].*", "", part).rstrip())
    return [name for name in found if name]


def _declared(text: str) -> str:
    """Return what a declaration of C++ declares: the word before its last arguments, or the last there is."""
    words = _split(text, " ")
    called = [i for i, word in enumerate(words) if word.endswith(")")] or [len(words) - 1]
    first = called[-1]
    while first and re.search(r"\boperator\W*$", words[first - 1]):
        first -= 1
    return " ".join(words[first : called[-1] + 1])


def _split(text: str, separator: str) -> list[str]:
    """Return the parts of a text between separators that stand in no brackets."""
    parts, depth, begin, i = [], 0, 0, 0
    while i < len(text):
        if not depth and text.startswith(separator, i):
            parts.append(text[begin:i])
            i = begin = i + len(separator)
            continue
        depth += (text[i] in "<([{") - (text[i] in ">)]}")
        i += 1
    return [*parts, text[begin:]]


def _hidden(name: str) -> str:
    """Return a name in which every bracket has its other one; `_SEEN` brings the others back."""
    name = name.replace("(anonymous namespace)", "{anonymous}").replace("operator()", "operator\3\4")
    name = re.sub(r"operator(<=>|<<=?|>>=?|<=|>=|<(?!\w)|>|->\*?)", lambda m: m[0].translate(_HIDDEN), name)
    return name.replace("->", "-\2")


def _cpp(symbol: str) -> str:
    """Ask the C++ runtime that the process has loaded; with C++ in it, it has."""
    demangle = _runtime()
    if demangle is None:
        return symbol
    import ctypes

    status = ctypes.c_int(-1)
    text = demangle(symbol.encode(), None, None, ctypes.byref(status))
    if status.value or not text:
        return symbol
    try:
        return ctypes.string_at(text).decode(errors="replace")
    finally:
        ctypes.PyDLL(None).free(ctypes.c_void_p(text))


@lru_cache(maxsize=1)
def _runtime():  # type: ignore[no-untyped-def] # a function of ctypes', which has no type that can be named
    """Return the runtime's demangler, or None; loads nothing into a process that may be a user's."""
    import ctypes
    import os

    for name in _RUNTIMES:
        try:
            # PyDLL keeps the GIL: while books are kept, looking at a name must not be in them.
            library = ctypes.PyDLL(name, mode=getattr(os, "RTLD_NOLOAD", 0) | getattr(os, "RTLD_LAZY", 0))
            demangle = getattr(library, "__cxa_demangle")
        except (OSError, AttributeError):
            continue
        demangle.restype = ctypes.c_void_p
        return demangle
    return None
