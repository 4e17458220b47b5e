"""Every kind of result, in one table: what draws it, and what writes it. A new kind is a view and a line here."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from gilscope.report.blocks import Block


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of result; its modules are imported when one is drawn.

    Parameters
    ----------
    view : str
        ``"module:function"``, which turns a result into blocks.
    dumps : str
        ``"module:function"``, which turns it into JSON text that ends in a newline.
    """

    view: str
    dumps: str

    def blocks(self, result: Any) -> tuple[Block, ...]:
        """Return a result as blocks."""
        return tuple(_named(self.view)(result))

    def json(self, result: Any) -> str:
        """Return a result as JSON."""
        return str(_named(self.dumps)(result))


KINDS = {
    "run": Kind("gilscope.running.view:blocks", "gilscope.running.storage:dumps"),
}


def _named(name: str) -> Callable[[Any], Any]:
    module, _, function = name.partition(":")
    found: Callable[[Any], Any] = getattr(import_module(module), function)
    return found
