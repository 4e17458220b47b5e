"""The base classes in C of what accounts, or stand-ins where there are none: `availability` then says why."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gilscope.accounting._ledger import Books
else:
    try:
        from gilscope.accounting._ledger import Books
    except ImportError:  # none was built for this system, or this interpreter has a GIL of its own

        class Books:
            """Stands for the books where there are none."""


__all__ = ["Books"]
