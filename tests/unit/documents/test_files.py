"""Files as gilscope reads and writes them: no link is followed that the user did not give, and rights stay."""

import ast
import errno
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

import gilscope
from gilscope.cli.files import check_output
from gilscope.documents import files
from gilscope.documents.files import read_text, write_whole
from gilscope.errors import CannotRunError, UsageError

POSIX = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="links and modes as POSIX has them")


def only(folder: Path) -> list[str]:
    """Return the names in a folder, those of temporary files too."""
    return sorted(os.listdir(folder))


@POSIX
def test_a_planted_link_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the temporary file's name is guessed, what lies there is not opened, and stays."""
    (tmp_path / "victim").write_text("precious")
    folder = tmp_path / "shared"
    folder.mkdir()
    monkeypatch.setattr(files.os, "urandom", bytes)
    (folder / f".gilscope-{bytes(8).hex()}.part").symlink_to(tmp_path / "victim")
    with pytest.raises(CannotRunError, match="File exists"):
        write_whole(folder / "r.json", b"{}")
    assert (tmp_path / "victim").read_text() == "precious"
    assert not (folder / "r.json").exists()


def test_two_writers_have_two_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a name follows from the process, the time or the target."""
    names = []

    def note(self: Path, target: Path) -> None:
        names.append(self.name)
        os.replace(self, target)

    monkeypatch.setattr(Path, "replace", note)
    for _ in range(2):
        write_whole(tmp_path / "r.json", b"{}")
    assert len(set(names)) == 2
    assert only(tmp_path) == ["r.json"]


@POSIX
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o666, 0o755])
def test_a_file_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    """Whoever could read the old content can read the new, and nobody else."""
    path = tmp_path / "r.json"
    path.write_text("old")
    path.chmod(mode)
    write_whole(path, b"new")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", mode)


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root may give files away")
def test_a_file_keeps_its_owner(tmp_path: Path) -> None:
    """What root replaces still belongs to the user whose file it is."""
    path = tmp_path / "r.json"
    path.write_text("old")
    os.chown(path, 12345, 23456)
    write_whole(path, b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)


@POSIX
@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_a_link(tmp_path: Path, *, exists: bool) -> None:
    """What the user's link leads to, over another link and another folder, is written beside itself."""
    folder = tmp_path / "there"
    folder.mkdir()
    if exists:
        (folder / "real.json").write_text("old")
    (folder / "inner").symlink_to("real.json")
    (tmp_path / "r.json").symlink_to("there/inner")
    check_output(tmp_path / "r.json", force=True)
    write_whole(tmp_path / "r.json", b"new")
    assert (tmp_path / "r.json").readlink() == Path("there/inner")
    assert (folder / "inner").is_symlink()
    assert (folder / "real.json").read_text() == "new"
    assert only(folder) == ["inner", "real.json"]


@POSIX
def test_a_link_that_another_user_has_put_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder that all may write to, such as /tmp, a link may lead to any file of this user's."""
    (tmp_path / "victim").write_text("precious")
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "r.json").symlink_to(tmp_path / "victim")
    status = folder.stat()
    monkeypatch.setattr(os, "geteuid", lambda: status.st_uid + 1)
    write_whole(folder / "r.json", b"in a folder of one user, his links are")
    folder.chmod(0o1777)
    write_whole(folder / "r.json", b"and in one of all, those of whose folder it is")
    real = Path.stat

    def another_owner(self: Path, **options: bool) -> os.stat_result:
        found = real(self, **options)  # type: ignore[arg-type]
        return os.stat_result((*found[:4], found.st_uid + 2, *found[5:10])) if self == folder else found

    monkeypatch.setattr(Path, "stat", another_owner)
    before = (tmp_path / "victim").read_text()
    with pytest.raises(CannotRunError, match="another user has put there"):
        write_whole(folder / "r.json", b"{}")
    with pytest.raises(UsageError, match="another user has put there"):
        check_output(folder / "r.json", force=True)
    assert (tmp_path / "victim").read_text() == before


@POSIX
def test_links_that_lead_in_a_circle_are_refused(tmp_path: Path) -> None:
    """Before anything is measured, and when writing."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(CannotRunError, match="cannot write .*symbolic links"):
        write_whole(tmp_path / "a", b"{}")
    with pytest.raises(UsageError, match="cannot write .*symbolic links"):
        check_output(tmp_path / "a", force=True)


@POSIX
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "socket"])
def test_what_is_no_file_is_not_replaced(tmp_path: Path, kind: str) -> None:
    """Not by a rename either, with which root could replace /dev/null."""
    path = unusual(tmp_path, kind)
    with pytest.raises(CannotRunError, match="not a regular file"):
        write_whole(path, b"{}")
    with pytest.raises(UsageError, match="not a regular file"):
        check_output(path, force=True)


def unusual(folder: Path, kind: str) -> Path:
    """Return a path to something that is no file; a link where it cannot be made here."""
    path = folder / kind
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(os.path.relpath(path))  # no longer than the name of a socket may be
    else:
        path.symlink_to(os.devnull)
    return path


@POSIX
def test_a_pipe_is_read_and_a_device_is_not(tmp_path: Path) -> None:
    """`gilscope report <(zcat result.json.gz)` works; /dev/zero would never end."""
    path = unusual(tmp_path, "pipe")
    writer = Thread(target=path.write_text, args=("text",))
    writer.start()
    assert read_text(path) == "text"
    writer.join()
    for name in ("/dev/zero", "/dev/null"):
        with pytest.raises(UsageError, match=f"cannot read {name}: it is a device"):
            read_text(Path(name))
    for kind in ("folder", "socket"):
        path = unusual(tmp_path, kind)
        with pytest.raises(UsageError, match=f"cannot read {path}: "):
            read_text(path)


def failing(number: int) -> Callable[..., None]:
    """Return a function that fails as the system does."""

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("step", ["open", "fsync", "fchmod"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.EROFS])
def test_a_failure_at_any_step_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int
) -> None:
    """No empty file, no half of one, no temporary one; and the reason is said."""
    path = tmp_path / "r.json"
    path.write_text("old")
    with monkeypatch.context() as patched:
        patched.setattr(os, step, failing(number))
        with pytest.raises(CannotRunError, match=f"cannot write .*: {os.strerror(number)}"):
            write_whole(path, b"new")
    assert (only(tmp_path), path.read_text()) == (["r.json"], "old")


SOURCES = sorted(Path(gilscope.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_other_code_writes_files_or_selects(path: Path) -> None:
    """Files are written in one place; select.select(), which knows none above 1023, is for processes of our own."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        writes = name.endswith((".write_text", ".write_bytes"))
        if name == "open" or name.endswith(".open"):
            modes = [word.value for word in ast.walk(node) if isinstance(word, ast.Constant)]
            flags = [word.attr for word in ast.walk(node) if isinstance(word, ast.Attribute)]
            writes = "O_CREAT" in flags or any(
                isinstance(mode, str) and mode in {"w", "wb", "a", "x"} for mode in modes
            )
        assert not writes or path.parts[-2:] == ("documents", "files.py"), f"line {node.lineno}: {ast.unparse(node)}"
        assert not name.endswith("select.select") or path.name in {"guard.py", "waiting_server.py"}, (
            f"line {node.lineno}: use poll"
        )
