"""What data shows of itself: a line as one of many, and its report where a person looks at it alone."""

from importlib import import_module
from typing import Any, ClassVar


class Drawn:
    """Data with a report: printed, and as a value in IPython or a notebook, it is drawn; its repr is one line.

    The view is found by name, for it is made from the data, and workers that import the data load no report.

    Attributes
    ----------
    _view : str
        ``"module:function"``, which gives the blocks of a report.
    """

    __slots__ = ()
    _view: ClassVar[str] = ""

    def _in_a_line(self) -> str:
        """Return what it is, without brackets."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{self._in_a_line()}>"

    def __str__(self) -> str:
        return str(named("gilscope.report.text:render")(named(self._view)(self)))

    def _repr_html_(self) -> str | None:
        """Return the report for a notebook; None, and so its text, where HTML cannot be made."""
        if not self._view:
            return None
        html: str | None = named("gilscope.report.html:in_notebook")(named(self._view)(self))
        return html

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001 - IPython's protocol
        is_alone = len(getattr(printer, "stack", ())) < 2  # and not one of a list's
        printer.text(str(self) if is_alone else repr(self))


def named(name: str) -> Any:
    """Return what stands at ``"module:function"``."""
    module, _, function = name.partition(":")
    return getattr(import_module(module), function)


class Keeper(Drawn):
    """What keeps a log: printed, it is drawn as the log so far, or in all. Its repr reads nothing."""

    __slots__ = ()
    _view: ClassVar[str] = "gilscope.accounting.view:of_account"
    __repr__ = object.__repr__
    _repr_pretty_ = Drawn._repr_pretty_  # IPython takes the one that stands beside the repr
