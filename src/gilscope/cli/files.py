"""Files that a command is to write: refused before anything is measured, and never a reason to hide what was."""

import os
import stat
from pathlib import Path

from gilscope.documents.files import destination, write_whole
from gilscope.errors import CannotRunError, UsageError


def check_output(path: Path, *, force: bool) -> None:
    """Refuse an output that cannot be written, or that would replace what the user has not said may go.

    Raises
    ------
    UsageError
    """
    try:
        real = destination(path)
        mode = _mode(real)
    except OSError as error:  # a name that is too long, a folder that may not be searched, a link of somebody else's
        raise UsageError(f"cannot write {path}: {error.strerror}; choose another name") from None
    if mode is not None and not stat.S_ISREG(mode):
        raise UsageError(f"{path} is not a regular file, and a result would replace it; choose another name")
    if mode is not None and not force:
        raise UsageError(f"{path} exists already; choose another name, or add --force to overwrite it")
    folder = real.parent
    if not folder.is_dir() or folder.stat().st_nlink == 0:  # 0: the working folder, which has been removed
        raise UsageError(f"cannot write {path}: there is no folder {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):  # a file is written beside its place and moved there
        raise UsageError(f"cannot write {path}: the folder {folder} may not be written to; choose another")


def _mode(path: Path) -> int | None:
    """Return the mode of what there is, or None where there is nothing."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def save(path: Path, data: bytes) -> CannotRunError | None:
    """Write a file; return what went wrong, which is said only when all that was measured has been shown."""
    try:
        write_whole(path, data)
    except CannotRunError as error:
        return error
    return None
