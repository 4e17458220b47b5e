"""Files as gilscope reads and writes them: whole or not at all, with an error that says which file and why."""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from gilscope.errors import CannotRunError, UsageError
from gilscope.words import size

#: Of a file or a pipe, which may never end. A run of 60 MB takes 340 MiB, and nothing but empty lists four times that.
MOST_BYTES = 64 << 20
#: As many links as Linux follows one after another.
_MOST_LINKS = 40
# Whatever has the temporary file's name already, a planted link too, is not opened.
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def read_text(path: Path) -> str:
    """Return what a file of text, or a pipe (``<(zcat result.json.gz)``), holds.

    Raises
    ------
    UsageError
        If it cannot be read, is no text, is larger than `MOST_BYTES`, or is a device, which may never end.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            raise UsageError(f"cannot read {path}: it is a device, not a file")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise UsageError(f"cannot read {path}: it is larger than {size(MOST_BYTES)}, and no more is read")
        return data.decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"cannot read {path}: {reason}") from None


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole: a reader sees the old content or the new, and a failure leaves nothing behind.

    A file that is replaced keeps its mode, and its owner where this process may give files away. A link stays a link:
    what it leads to is written.

    Raises
    ------
    CannotRunError
        If it cannot be written, for example because the disk is full.
    """
    try:
        real = destination(path)
        old = _status(real)
        # Beside its place, so that the last step is a rename within one file system; of a name that nobody can guess.
        temporary = real.with_name(f".gilscope-{os.urandom(8).hex()}.part")
        try:
            _write_new(temporary, data, old)
            temporary.replace(real)
        finally:
            with suppress(OSError):
                temporary.unlink()
    except OSError as error:
        raise CannotRunError(f"cannot write {path}: {error.strerror}") from None


def destination(path: Path) -> Path:
    """Return the file that a path leads to, through links.

    Raises
    ------
    OSError
        For a link that another user has put into a folder that all may write to: it may lead to any file of this
        user's. Linux refuses to follow it too, where `fs.protected_symlinks` is on.
    """
    for _ in range(_MOST_LINKS):
        if not path.is_symlink():
            return path
        folder, owner = path.parent.stat(), path.lstat().st_uid
        is_for_all = folder.st_mode & stat.S_ISVTX and folder.st_mode & stat.S_IWOTH
        if is_for_all and owner not in (folder.st_uid, os.geteuid()):
            raise OSError(errno.EACCES, "it is a link that another user has put there")
        path = path.parent / path.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _status(path: Path) -> os.stat_result | None:
    """Return what is known of a file that is to be replaced; None where there is none."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    return status


def _write_new(path: Path, data: bytes, old: os.stat_result | None) -> None:
    """Write a file that must not exist yet, with the rights of the one that it will replace."""
    # Until it has those rights nobody else reads it, and the umask decides on a file that replaces none.
    with open(os.open(path, _NEW_FILE, 0o666 if old is None else 0o600), "wb") as file:  # noqa: PTH123 - a descriptor
        if old is not None and hasattr(os, "fchown"):
            with suppress(OSError):
                os.fchown(file.fileno(), old.st_uid, old.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode))
        file.write(data)
        file.flush()
        os.fsync(file.fileno())  # a full disk may be noticed only here
