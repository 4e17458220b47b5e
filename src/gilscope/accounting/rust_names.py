"""Names of Rust functions, from the symbols that rustc makes of them: the older form, ``_ZN``, and v0, ``_R``.

There is no library that every process with Rust in it has loaded, as one with C++ has, and no well-kept one in Python.
The forms are those of https://doc.rust-lang.org/rustc/symbol-mangling; what is newer than this raises `ValueError`.
"""

import re
from collections.abc import Callable
from string import ascii_lowercase, ascii_uppercase, digits

_DIGITS = digits + ascii_lowercase + ascii_uppercase
#: Each step into a type or path costs a frame; real names have some dozens.
_MOST_STEPS = 400
#: Back references let a short symbol stand for a name without end.
_MOST_CHARACTERS = 20_000
_BASIC = {
    "a": "i8",
    "b": "bool",
    "c": "char",
    "d": "f64",
    "e": "str",
    "f": "f32",
    "h": "u8",
    "i": "isize",
    "j": "usize",
    "l": "i32",
    "m": "u32",
    "n": "i128",
    "o": "u128",
    "p": "_",
    "s": "i16",
    "t": "u16",
    "u": "()",
    "v": "...",
    "x": "i64",
    "y": "u64",
    "z": "!",
}
_LEGACY = re.compile(r"_ZN(?P<path>.+17h[0-9a-f]{16})E(?:\.llvm\.\w+|\.\d+)?")
_ESCAPES = {"SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ","}


def legacy(symbol: str) -> str:
    """Return the path in a symbol that ends in a hash, as ``_ZN4core3fmt5write17h0123456789abcdefE``.

    Raises
    ------
    ValueError
        If it is no such symbol.
    """
    match = _LEGACY.fullmatch(symbol)
    if match is None:
        raise ValueError("no Rust symbol of the older form")
    text, parts = match["path"], []
    while text:
        length = re.match(r"\d+", text)
        if length is None:
            raise ValueError("a part without its length")
        end = length.end() + int(length[0])
        parts.append(text[length.end() : end])
        text = text[end:]
    return "::".join(_unescaped(part) for part in parts[:-1])


def _unescaped(part: str) -> str:
    part = part[1:] if part.startswith("_$") else part

    def meant(found: re.Match[str]) -> str:
        name = found[1]
        return chr(int(name[1:], 16)) if re.fullmatch(r"u[0-9a-f]+", name) else _ESCAPES.get(name, found[0])

    return re.sub(r"\$(\w+?)\$", meant, part.replace("..", "::"))


def v0(symbol: str) -> str:
    """Return what a symbol that begins with ``_R`` names.

    Raises
    ------
    ValueError
        If it is no such symbol.
    """
    if not symbol.startswith("_R"):
        raise ValueError("no Rust symbol of form v0")
    return _Reader(re.split(r"[.$]", symbol[2:], maxsplit=1)[0]).name()


class _Reader:
    """Reads one symbol from left to right; back references make it jump, and return."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._steps = 0
        self._n_bound = 0  # lifetimes named by the binders around

    def name(self) -> str:
        if self._text[:1].isdigit():
            raise ValueError("a version of the form that is not known")
        return self._path(is_value=True)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        one = self._peek()
        if not one:
            raise ValueError("the symbol ends too soon")
        self._at += 1
        return one

    def _eat(self, one: str) -> bool:
        if self._peek() != one:
            return False
        self._at += 1
        return True

    def _many(self, read: Callable[[], str]) -> list[str]:
        found = []
        while not self._eat("E"):
            found.append(read())
        return found

    def _base62(self) -> int:
        value = 0
        if self._eat("_"):
            return value
        while (one := self._next()) != "_":
            value = 62 * value + _DIGITS.index(one)
        return value + 1

    def _optional(self, tag: str) -> int:
        return self._base62() + 1 if self._eat(tag) else 0

    def _again(self, read: Callable[[], str]) -> str:
        """Read what stood earlier in the symbol."""
        here = self._at
        target = self._base62()
        if target >= here - 1:
            raise ValueError("a back reference that leads on")
        back, self._at = self._at, target
        text = read()
        self._at = back
        return text

    def _deeper(self, text: str = "") -> None:
        self._steps += 1
        if self._steps > 50 * _MOST_STEPS or len(text) > _MOST_CHARACTERS:
            raise ValueError("too long a name")

    def _identifier(self) -> tuple[str, int]:
        disambiguator = self._optional("s")
        return self._bare_identifier(), disambiguator

    def _bare_identifier(self) -> str:
        is_punycode = self._eat("u")
        length = re.compile(r"0|[1-9]\d*").match(self._text, self._at)
        if length is None:
            raise ValueError("a name without its length")
        self._at = length.end()
        self._eat("_")
        text = self._text[self._at : self._at + int(length[0])]
        self._at += int(length[0])
        if not is_punycode:
            return text
        head, _, tail = text.rpartition("_")
        return f"{head}-{tail}".encode().decode("punycode") if head else tail.encode().decode("punycode")

    def _path(self, *, is_value: bool = False) -> str:
        self._deeper()
        kind = self._next()
        if kind == "B":
            return self._again(lambda: self._path(is_value=is_value))
        if kind == "C":
            return self._identifier()[0]
        if kind == "N":
            return self._nested(is_value=is_value)
        if kind in "MX":
            self._optional("s")
            self._path()  # of the impl, which its type says better
            text = self._type()
            return f"<{text} as {self._path()}>" if kind == "X" else f"<{text}>"
        if kind == "Y":
            return f"<{self._type()} as {self._path()}>"
        if kind == "I":
            path = self._path(is_value=is_value)
            return f"{path}{'::' if is_value else ''}<{', '.join(self._many(self._argument))}>"
        raise ValueError(f"{kind!r} begins no path")

    def _nested(self, *, is_value: bool) -> str:
        space = self._next()
        path = self._path(is_value=is_value)
        name, disambiguator = self._identifier()
        if space.isupper():
            what = {"C": "closure", "S": "shim"}.get(space, space)
            return f"{path}::{{{what}{':' if name else ''}{name}#{disambiguator}}}"
        return f"{path}::{name}" if name else path

    def _argument(self) -> str:
        if self._eat("L"):
            return self._lifetime(self._base62())
        return self._const() if self._eat("K") else self._type()

    def _lifetime(self, index: int) -> str:
        if index == 0:
            return "'_"
        depth = self._n_bound - index
        if depth < 0:
            raise ValueError("a lifetime that nothing binds")
        return f"'{ascii_lowercase[depth]}" if depth < 26 else f"'_{depth}"

    def _bound(self, read: Callable[[], str]) -> str:
        """Read what a binder may stand before: ``for<'a> fn(&'a u8)``."""
        n = self._optional("G")
        self._n_bound += n
        if n > _MOST_STEPS:
            raise ValueError("too many lifetimes")
        names = ", ".join(self._lifetime(n - i) for i in range(n))
        text = read()
        self._n_bound -= n
        return f"for<{names}> {text}" if names else text

    def _type(self) -> str:
        self._deeper()
        kind = self._next()
        if kind in _BASIC:
            return _BASIC[kind]
        text = self._compound(kind)
        self._deeper(text)
        return text

    def _compound(self, kind: str) -> str:
        if kind in "RQ":
            lifetime = self._lifetime(index) if self._eat("L") and (index := self._base62()) else ""
            return f"&{lifetime}{' ' if lifetime else ''}{'mut ' if kind == 'Q' else ''}{self._type()}"
        if kind in "PO":
            return f"*{'const' if kind == 'P' else 'mut'} {self._type()}"
        if kind == "A":
            return f"[{self._type()}; {self._const()}]"
        if kind == "S":
            return f"[{self._type()}]"
        if kind == "T":
            parts = self._many(self._type)
            return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"
        if kind == "F":
            return self._bound(self._function)
        if kind == "D":
            text = self._bound(lambda: " + ".join(self._many(self._trait)))
            if not self._eat("L"):
                raise ValueError("a trait object without its lifetime")
            index = self._base62()
            return f"dyn {text}{f' + {self._lifetime(index)}' if index else ''}"
        if kind == "B":
            return self._again(self._type)
        self._at -= 1
        return self._path()

    def _function(self) -> str:
        prefix = "unsafe " if self._eat("U") else ""
        if self._eat("K"):
            abi = "C" if self._eat("C") else self._bare_identifier().replace("_", "-")
            prefix += f'extern "{abi}" '
        arguments = ", ".join(self._many(self._type))
        result = self._type()
        return f"{prefix}fn({arguments}){'' if result == '()' else f' -> {result}'}"

    def _trait(self) -> str:
        path = self._path()
        fixed = []
        while self._eat("p"):
            fixed.append(f"{self._bare_identifier()} = {self._type()}")
        if not fixed:
            return path
        inner = ", ".join(fixed)
        return f"{path[:-1]}, {inner}>" if path.endswith(">") and not path.startswith("<") else f"{path}<{inner}>"

    def _const(self) -> str:
        self._deeper()
        if self._eat("B"):
            return self._again(self._const)
        kind = self._next()
        if kind == "p":
            return "_"
        if kind not in _BASIC:
            raise ValueError("a constant that is no number")
        sign = "-" if self._eat("n") else ""
        end = self._text.find("_", self._at)
        if end < 0:
            raise ValueError("a constant without an end")
        value, self._at = int(self._text[self._at : end] or "0", 16), end + 1
        if kind == "b":
            return "true" if value else "false"
        return repr(chr(value)) if kind == "c" else f"{sign}{value}"
