"""What makes a function that Cython made release the GIL so often, as its source says, or as experience does.

Cython 3 lets a ``cdef`` function raise unless it is ``noexcept``. After a call of one that returns nothing, it takes
the GIL to look for an exception: in a ``nogil`` loop at each turn.
"""

import re
from functools import lru_cache
from pathlib import Path

from gilscope.accounting.demangling import shown
from gilscope.accounting.symbols import MAX_FILE_BYTES

_MOST_NAMED = 3
#: Every module that Cython makes keeps this name among its constants.
_MARK = b"cython_runtime"
_USUAL = (
    "most often a cdef function called without the GIL lacks `noexcept`, so that the GIL is taken after each call of "
    "it to look for an exception; or a `with gil` block (a conditional one too) runs each time, or a `nogil` block "
    "stands inside of a loop"
)
#: The beginning of a function of C's, up to its colon; arguments may hold one level of parentheses.
_DECLARATION = re.compile(
    r"^[ \t]*cp?def[ \t]+(?P<type>[^()=:\n]*?)(?P<name>\w+)[ \t]*\((?:[^()]|\([^()]*\))*\)(?P<clauses>[^:#\n]*)",
    re.MULTILINE,
)
#: An exception that the returned value announces, as `except -1`; `except *` and C++'s `except +` announce none.
_BY_VALUE = re.compile(r"\bexcept\b(?!\s*[*+])")
_WITH_GIL = re.compile(r"^[ \t]+with[ \t]+gil\b", re.MULTILINE)


@lru_cache(maxsize=64)
def is_cython(module: str) -> bool:
    """Tell whether Cython made an extension module, by the file it is in."""
    return _MARK in _bytes(Path(module))


def python_name(symbol: str) -> str:
    """Return the name that a function has in Cython's source, from that in its C code; "" for no such name.

    Examples
    --------
    >>> python_name("__pyx_pw_3pkg_4noex_1missing.isra.0")
    'missing'
    """
    match = re.match(r"__pyx_[a-z]+_(?P<rest>\d.*)", shown(symbol).partition(".")[0])
    rest = match["rest"] if match else ""
    # Each name around it is its length and itself; what is left is a number of this function's own, and its name.
    while (length := re.match(r"\d+", rest)) and rest[(end := length.end() + int(length[0])) :][:1] == "_":
        rest = rest[end + 1 :]
    return rest.lstrip("0123456789")


def release_cause(module: str, function: str) -> str:
    """Say why a function of a module that Cython made releases the GIL so often, as a sentence without its full stop.

    Parameters
    ----------
    module : str
        Path of the extension module; its source is looked for beside it.
    function : str
        Its name in the source, or "".
    """
    told = function or Path(module).name
    source = Path(module).parent / f"{Path(module).name.partition('.')[0]}.pyx"
    text = _bytes(source).decode(errors="replace")
    first, body = _body(text, function)
    raising = _raising(text)
    raising = [one for one in raising if re.search(rf"\b{one[0]}\s*\(", body)] or raising
    if raising:
        named = ", ".join(f"{name} ({source.name}:{line})" for name, line in raising[:_MOST_NAMED])
        lack, them = ("lacks", "it") if len(raising) == 1 else ("lack", "them")
        return (
            f"{told} is made by Cython: {named}, called without the GIL, {lack} `noexcept`, so that the GIL is taken "
            f"after each call of {them} to look for an exception"
        )
    inner = _WITH_GIL.search(body)
    if inner is not None:
        line = first + body.count("\n", 0, inner.start())
        return f"{told} is made by Cython: its `with gil` block ({source.name}:{line}) runs each time"
    return f"{told} is made by Cython: {_USUAL}"


def _raising(text: str) -> list[tuple[str, int]]:
    """Return the functions after each call of which Cython looks for an exception, and their lines.

    Others than those that return nothing are looked at only if there are none: they make it look when their value is
    that of an error too.
    """
    found = []
    for match in _DECLARATION.finditer(text):
        clauses = match["clauses"].split()
        if "nogil" in clauses and "noexcept" not in clauses and not _BY_VALUE.search(match["clauses"]):
            line = text.count("\n", 0, match.start("name")) + 1
            found.append(("void" in match["type"].split(), match["name"], line))
    certain = [one for one in found if one[0]]
    return [(name, line) for _, name, line in certain or found]


def _body(text: str, function: str) -> tuple[int, str]:
    """Return the number of a function's first line, and its text; of the whole file where it is not found."""
    begin = re.search(rf"^([ \t]*)c?p?def\b[^\n(]*\b{re.escape(function)}[ \t]*\(", text, re.MULTILINE)
    if not function or begin is None:
        return 1, text
    outside = re.compile(rf"^[ \t]{{0,{len(begin[1])}}}[^\s#)]", re.MULTILINE)
    end = outside.search(text, text.find("\n", begin.start()) + 1)
    return text.count("\n", 0, begin.start()) + 1, text[begin.start() : end.start() if end else None]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.stat().st_size <= MAX_FILE_BYTES else b""
    except (OSError, ValueError):  # what is mapped may have been removed, or have no file
        return b""
