"""What data shows of itself: a line as one of many, and its report where a person looks at it alone."""

from importlib import import_module
from typing import Any, ClassVar


class Drawn:
    """Data with a report: printed, and as a value in IPython or a notebook, it is drawn; its repr is one line.

    The report is found by name, for it is drawn from the data, and workers that import the data load no report.

    Attributes
    ----------
    _drawn_by : str
        ``"module:function"``, which gives a text.
    """

    __slots__ = ()
    _drawn_by: ClassVar[str]

    def _in_a_line(self) -> str:
        """Return what it is, without brackets."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{self._in_a_line()}>"

    def __str__(self) -> str:
        return draw(self._drawn_by, self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001 - IPython's protocol
        is_alone = len(getattr(printer, "stack", ())) < 2  # and not one of a list's
        printer.text(str(self) if is_alone else repr(self))


def draw(by: str, data: object) -> str:
    """Return what a report makes of data, by the report's name, ``"module:function"``."""
    module, _, function = by.partition(":")
    text: str = getattr(import_module(module), function)(data)
    return text


class Keeper(Drawn):
    """What keeps a log: printed, it is drawn as the log so far, or in all. Its repr reads nothing."""

    __slots__ = ()
    _drawn_by: ClassVar[str] = "gilscope.report.text:of_account"
    __repr__ = object.__repr__
    _repr_pretty_ = Drawn._repr_pretty_  # IPython takes the one that stands beside the repr
