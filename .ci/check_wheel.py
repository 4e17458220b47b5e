"""Fail if a wheel holds sources of the extensions, names a folder of its builder's, or lacks a file that is no code."""

import re
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

SOURCES = {".c", ".h", ".pxd", ".pyx"}
#: What setuptools packs only where it is told to.
DATA = {
    "gilscope/py.typed",
    "gilscope/report/page.html",
    "gilscope/atlases/stdlib.toml",
    "gilscope/documents/schemas/run.json",
}
#: Where builds happen. /usr is left out: the compiler's own files are named in what it makes, on every machine alike.
FOLDERS = {str(Path.home()), tempfile.gettempdir(), str(Path.cwd())} - {"/"}


def faults(wheel: Path) -> list[str]:
    """Return what is wrong with a wheel."""
    found = []
    pattern = re.compile(b"|".join(re.escape(folder.encode()) + b"/" for folder in sorted(FOLDERS)))
    with ZipFile(wheel) as archive:
        found += [f"{name} is missing" for name in sorted(DATA - set(archive.namelist()))]
        for name in archive.namelist():
            if Path(name).suffix in SOURCES:
                found.append(f"{name} is a source")
            found += [f"{name} names {match!r}" for match in sorted(set(pattern.findall(archive.read(name))))]
    return found


if __name__ == "__main__":
    wrong = [fault for path in sys.argv[1:] for fault in faults(Path(path))]
    for line in wrong:
        print(line)
    print(f"{len(sys.argv) - 1} wheel, {len(wrong)} faults")
    sys.exit(1 if wrong else 0)
