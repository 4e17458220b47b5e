"""Files that a command is to write: refused before anything is measured, where that can be known."""

from pathlib import Path

from gilscope.errors import UsageError


def check_output(path: Path, *, force: bool) -> None:
    """Refuse an output that cannot be written, or that would replace what the user has not said may go.

    Raises
    ------
    UsageError
    """
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is not a regular file, and a result would replace it; choose another name")
    if path.exists() and not force:
        raise UsageError(f"{path} exists already; choose another name, or add --force to overwrite it")
    if not path.parent.is_dir():
        raise UsageError(f"cannot write {path}: there is no folder {path.parent}")
