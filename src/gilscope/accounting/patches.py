"""Noticing what the program does while a ledger is open: the extension modules it imports, the threads it starts.

Both stand in the place of a method of Python's own, for as long as anybody wants that. An exception of a signal handler
may come between any two calls, so putting one in place and taking it away are single steps, which may be made again.
"""

from collections.abc import Callable
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from threading import Thread
from types import ModuleType
from typing import Any


class Patch:
    """A method of a class with something else in its place.

    Parameters
    ----------
    owner : type
    name : str
        Of the method; where there is none of that name, nothing is done.
    make : callable
        Takes the original and returns what stands for it.
    """

    def __init__(self, owner: type, name: str, make: Callable[[Any], Any]) -> None:
        self._owner, self._name, self._make = owner, name, make
        self._original: Any = None
        self._ours: Any = None

    def put(self) -> None:
        """Put it in place if it is not."""
        present = getattr(self._owner, self._name, None)
        if present is None or present is self._ours:
            return
        ours = self._make(present)
        self._original, self._ours = present, ours
        setattr(self._owner, self._name, ours)

    def take_back(self) -> None:
        """Put the original back, unless somebody else has put something of their own in the same place since."""
        if self._ours is not None and getattr(self._owner, self._name, None) is self._ours:
            setattr(self._owner, self._name, self._original)


def imports(refresh: Callable[[], None]) -> Patch:
    """Call `refresh` after every import of an extension module, for it may bring places that release the GIL."""

    def make(original: Callable[[ExtensionFileLoader, ModuleSpec], ModuleType]) -> object:
        def create_module(self: ExtensionFileLoader, spec: ModuleSpec) -> ModuleType:
            module = original(self, spec)
            refresh()
            return module

        return create_module

    return Patch(ExtensionFileLoader, "create_module", make)


def threads(begin: Callable[[Thread], None], end: Callable[[Thread], None] | None = None) -> Patch:
    """Have every thread that `threading` starts call `begin` before anything of its own, and `end` after all of it.

    Both are called on the thread, where no traceback of the program's shows them.
    """

    def make(original: Callable[[Thread], None]) -> object:
        def _bootstrap_inner(self: Thread) -> None:
            begin(self)
            try:
                original(self)
            finally:
                if end is not None:
                    end(self)

        return _bootstrap_inner

    return Patch(Thread, "_bootstrap_inner", make)
