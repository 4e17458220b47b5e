"""Noticing extension modules that are imported while the ledger is open: they may bring places that release the GIL."""

from collections.abc import Callable
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from types import ModuleType


def watch_imports(refresh: Callable[[], None]) -> Callable[[], None]:
    """Call `refresh` after every import of an extension module, for it may bring places that release the GIL.

    Returns
    -------
    callable
        Undoes it, unless somebody else has put a loader of their own in the same place since.
    """
    original = ExtensionFileLoader.create_module

    def create_module(self: ExtensionFileLoader, spec: ModuleSpec) -> ModuleType:
        module = original(self, spec)
        refresh()
        return module

    def undo() -> None:
        if ExtensionFileLoader.create_module is create_module:
            ExtensionFileLoader.create_module = original  # type: ignore[method-assign]

    ExtensionFileLoader.create_module = create_module  # type: ignore[method-assign]
    return undo
