"""What the options take: lists, times with units, shares in per cent."""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from gilscope.cli import spellings

if TYPE_CHECKING:
    _Number = click.ParamType[float]
    _Names = click.ParamType[tuple[str, ...]]
    _Counts = click.ParamType[tuple[int, ...]]
    _Choice = click.Choice[str]
    _Text = click.ParamType[str]
else:  # click's own is generic from 8.4 on, and nothing here needs one that new
    _Number = _Names = _Counts = _Text = click.ParamType
    _Choice = click.Choice

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0}


class Duration(_Number):
    """A time such as ``5ms``, ``20s`` or ``2m``; a bare number is seconds. The value is in seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds."""
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([a-zµ]*)\s*", str(value))
        if match is None or (match[2] or "s") not in _SECONDS:
            self.fail(f"{value!r} is not a time; write a number with ns, us, ms, s or m, for example 20s", param, ctx)
        return float(match[1]) * _SECONDS[match[2] or "s"]


class Share(_Number):
    """A share such as ``2%`` or ``0.02``. The value is a fraction."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return a fraction."""
        if isinstance(value, float):
            return value
        text = str(value).strip()
        try:
            return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            self.fail(f"{value!r} is not a share; write for example 2% or 0.02", param, ctx)


class Names(_Names):
    """Names separated by commas. The value is a tuple.

    Parameters
    ----------
    allowed : iterable of str
        What a shell completes; whether a name is one of them is told where it is used.
    """

    name = "list"

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = tuple(allowed)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the names that the last one may become."""
        begin, comma, last = incomplete.rpartition(",")
        chosen = begin.split(",")
        return [
            CompletionItem(f"{begin}{comma}{name}")
            for name in self.allowed
            if name.startswith(last) and name not in chosen
        ]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Return the names."""
        if isinstance(value, tuple):
            return value
        return tuple(name.strip() for name in str(value).split(",") if name.strip())


class Counts(_Counts):
    """Whole numbers separated by commas. The value is a tuple."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Return the numbers."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(int(part) for part in str(value).split(",") if part.strip())
        except ValueError:
            self.fail(f"{value!r} is not a list of whole numbers; write for example 1,2,4", param, ctx)


class Choice(_Choice):
    """One of some names, a few of which were called something else before.

    Parameters
    ----------
    allowed : iterable of str
    before : mapping of str to str
        Old name -> new name.
    """

    def __init__(self, allowed: Iterable[str], before: Mapping[str, str]) -> None:
        super().__init__(tuple(allowed))
        self.before = before

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the new name."""
        new = self.before.get(value, value)
        if new != value and ctx is not None and param is not None:
            option = param.opts[-1]
            spellings.note(ctx, f"{option} {value} is now {option} {new}; the old spelling still works")
        return super().convert(new, param, ctx)


class OneOf(_Text):
    """A name, of which a shell completes those that there are; whether it is one is told where it is used.

    Parameters
    ----------
    allowed : iterable of str
    """

    name = "text"

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = tuple(allowed)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it as it is."""
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the names that it may become."""
        return [CompletionItem(name) for name in self.allowed if name.startswith(incomplete)]
