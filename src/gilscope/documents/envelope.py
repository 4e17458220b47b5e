"""What every file of gilscope's has around its result: what kind it is, of which version, by what and when it was made.

A file is read whole or not at all. Nothing in it is trusted: one that is too large, no JSON, of another program, of a
newer gilscope or damaged is refused, and the error says which, and where.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from gilscope.documents.files import read_text, write_whole
from gilscope.documents.typed import Wrong, plain, typed
from gilscope.errors import UsageError
from gilscope.places import portable
from gilscope.words import joined

T = TypeVar("T")
_OURS = "gilscope "
#: What JSON allows in a text, and a terminal may obey that shows it: written as \\u009b it says the same.
_CONTROLS = re.compile(r"[\x7f-\x9f\u00ad\u0600-\u0605\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form(Generic[T]):
    """The files of one kind.

    Parameters
    ----------
    kind : str
        What they say that they are, such as ``"gilscope run"``, which is also the command that writes them.
    version : int
        Of their form, raised when an older reader would misunderstand a file.
    holds : type
        The dataclass that describes them.
    older : mapping of int to callable, optional
        Versions before that can be read too, and what turns their data into that of this one.
    known_by : str, optional
        A key that only files of this kind have: the first of them did not say what they are.
    indent : int, optional
        Of their JSON; none where they are long.
    separators : tuple of str, optional
        The same, of their JSON.
    data : callable, optional
        What turns a result into plain data, where other programs read its files too.
    beside : mapping of str to str, optional
        The keys that these read, and what each holds.
    """

    kind: str
    version: int
    holds: Any
    older: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = field(default_factory=dict)
    known_by: str = ""
    indent: int | None = None
    separators: tuple[str, str] | None = None
    data: Callable[[T], dict[str, Any]] = plain
    beside: Mapping[str, str] = field(default_factory=dict)

    def dumps(self, result: T) -> str:
        """Return a result as the text of a file, which ends in a newline."""
        data = {"schema_version": self.version, "kind": self.kind, **self.data(result)}
        # The result's own version, where it has one, is of the file that it was read from.
        data["schema_version"] = self.version
        style: dict[str, Any] = {"indent": self.indent, "separators": self.separators}
        text = json.dumps(portable(data), ensure_ascii=False, allow_nan=False, **style)
        return _CONTROLS.sub(lambda found: json.dumps(found[0])[1:-1], text) + "\n"

    def loads(self, text: str, source: str = "the text") -> T:
        """Return the result that the text of a file holds.

        Raises
        ------
        UsageError
            If it is not JSON, of another kind, of a version that this gilscope cannot read, or not whole; the message
            says where.
        """
        return self.load(parse(text, source), source)

    def load(self, data: dict[str, Any], source: str) -> T:
        """Return the result that the data of a file holds; see `loads`."""
        form_of(data, [self], source)
        try:
            if (version := data["schema_version"]) != self.version:
                data = self.older[version](data)
            result: T = typed(self.holds, data)
        except Wrong as error:
            raise UsageError(f"{source} is not a whole result of {self.kind}: {error}") from None
        return result

    def read(self, path: Path) -> T:
        """Read a file; raise `UsageError` where it cannot be read or understood."""
        return self.loads(read_text(path), str(path))

    def write(self, result: T, path: Path) -> None:
        """Write a file whole, or not at all.

        Raises
        ------
        CannotRunError
            If it cannot be written, for example because the disk is full.
        """
        write_whole(path, self.dumps(result).encode(errors="replace"))  # a target's name need not be text


def as_argv(words: Iterable[str]) -> tuple[str, ...]:
    """Return the words of a command line as a file keeps them: a file name need not be text, and a result must be."""
    return tuple(os.fsencode(word).decode(errors="replace") for word in words)


def parse(text: str, source: str) -> dict[str, Any]:
    """Return the JSON object that a text holds.

    Raises
    ------
    UsageError
        If it holds none, or one whose keys are not all different.
    """
    try:
        data = json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)
    except RecursionError:
        raise UsageError(f"{source} is not JSON of gilscope's: it is too deep") from None
    except ValueError as error:
        raise UsageError(f"{source} is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise UsageError(f"{source} is JSON, but not a gilscope result: it is no object")
    return data


def form_of(data: dict[str, Any], forms: Iterable[Form[Any]], source: str) -> Form[Any]:
    """Return the one of some forms that a file has.

    Raises
    ------
    UsageError
        If it has none of them, or it is of a version that this gilscope does not read. The message says what it is.
    """
    forms = list(forms)
    kind = data.get("kind")
    if kind is None:
        found = next((form for form in forms if form.known_by and form.known_by in data), None)
    else:
        found = next((form for form in forms if form.kind == kind), None)
    if found is None:
        raise UsageError(f"{source} {_what(data)}; can be read: results of {joined([form.kind for form in forms])}")
    version = data.get("schema_version")
    readable = (*found.older, found.version)
    if type(version) is not int or version not in readable:
        is_newer = type(version) is int and version > found.version
        why = ": a newer gilscope wrote it" if is_newer else ""
        raise UsageError(
            f"{source} is a result of {found.kind} of schema version {_told(version)}{why}; this gilscope reads "
            f"{'version' if len(readable) == 1 else 'versions'} {joined(list(map(str, readable)))}"
        )
    return found


def _what(data: dict[str, Any]) -> str:
    """Say what a file is that cannot be read."""
    kind = data.get("kind")
    if isinstance(kind, str) and kind.startswith(_OURS):
        return f"is a result of kind {_told(kind)}"
    if kind is not None:
        return f"is JSON, but not a gilscope result: its kind is {_told(kind)}"
    if "traceEvents" in data:
        return "is a trace without what gilscope reads; open it at https://ui.perfetto.dev"
    lacking = "schema_version" if "schema_version" not in data else "kind"
    return f"is JSON, but not a gilscope result: it has no {lacking}"


def _told(value: object) -> str:
    told = repr(value)
    return told if len(told) <= 60 else f"{told[:57]}..."


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON's")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in data if names.count(name) > 1)
        raise ValueError(f"one object has two values called {_told(twice)}")
    return data
