"""Files that a command is to write: refused before anything is measured, where that can be known."""

import os
import stat
from pathlib import Path

from gilscope.errors import UsageError


def check_output(path: Path, *, force: bool) -> None:
    """Refuse an output that cannot be written, or that would replace what the user has not said may go.

    Raises
    ------
    UsageError
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        mode = None
    except OSError as error:  # a name that is too long, a folder that may not be searched
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
    if mode is not None and not stat.S_ISREG(mode):
        raise UsageError(f"{path} is not a regular file, and a result would replace it; choose another name")
    if mode is not None and not force:
        raise UsageError(f"{path} exists already; choose another name, or add --force to overwrite it")
    if not path.parent.is_dir():
        raise UsageError(f"cannot write {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK | os.X_OK):  # a file is written beside its place and moved there
        raise UsageError(f"cannot write {path}: the folder {path.parent} may not be written to; choose another")
