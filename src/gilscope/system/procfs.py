"""Text files of /proc and /sys, and the control groups (cgroups) found through them.

Every file access of the facts and counters goes through here and takes a root folder, so that a test can build the
files of another machine. What cannot be read is None, and no exception leaves: these files come and go with the kernel,
the container and the rights of the process. Only `os` is imported, for workers and subinterpreters read counters too.
"""

import os

_MOST_CPUS = 1 << 16  # more than any kernel can be built for: a list that names a higher one is malformed


def read_text(path: str, root: str = "/") -> str | None:
    """Return the text of a file without the blanks around it, or None where it cannot be read.

    Parameters
    ----------
    path : str
        Below `root`, with or without a leading slash.
    root : str
        The folder that stands for ``/``.
    """
    try:
        with open(os.path.join(root, path.lstrip("/")), encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except (OSError, ValueError):
        return None


def read_int(path: str, root: str = "/") -> int | None:
    """Return the whole number that a file holds, or None."""
    return as_int(read_text(path, root))


def as_int(text: str | bytes | None) -> int | None:
    """Return the whole number that a text spells, or None."""
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def read_cpu_list(path: str, root: str = "/") -> tuple[int, ...] | None:
    """Return the CPU numbers of a list such as ``0-3,8``, in order, or None where it cannot be read."""
    text = read_text(path, root)
    numbers: set[int] = set()
    for part in text.split(",") if text else ():
        first, dash, last = part.partition("-")
        low, high = as_int(first), as_int(last if dash else first)
        if low is None or high is None or not 0 <= low <= high < _MOST_CPUS:
            return None
        numbers.update(range(low, high + 1))
    return tuple(sorted(numbers)) or None


def cpu_cgroups(root: str = "/") -> tuple[tuple[int, str], ...]:
    """Return the cgroups that may limit the CPU time of this process.

    Returns
    -------
    tuple of (int, str)
        Version (1 or 2) and folder below `root`: the process's own group first, then its ancestors up to the topmost
        one that can be seen from here. Empty where there is none. A machine may have groups of both versions.
    """
    found: list[tuple[int, str]] = []
    mounts = (read_text("proc/self/mountinfo", root) or "").splitlines()
    for line in (read_text("proc/self/cgroup", root) or "").splitlines():
        hierarchy, _, rest = line.partition(":")
        controllers, colon, group = rest.partition(":")
        if not colon:
            continue
        if hierarchy == "0" and not controllers:
            version = 2
        elif "cpu" in controllers.split(","):
            version = 1
        else:
            continue
        found += [(version, folder) for folder in _folders(mounts, version, group)]
    return tuple(found)


def _folders(mounts: list[str], version: int, group: str) -> list[str]:
    """Return the folder of a group and those of its ancestors, as far up as they are mounted."""
    candidates = []
    for line in mounts:
        before, dash, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if not dash or len(fields) < 5 or not kind:
            continue
        if kind[0] == "cgroup2" if version == 2 else kind[0] == "cgroup" and "cpu" in kind[-1].split(","):
            candidates.append((fields[3].rstrip("/"), _unescape(fields[4]).strip("/")))
    for top, mount_point in candidates:
        inside = group == top or group.startswith(f"{top}/")
        if inside and ".." not in group.split("/"):
            return _upwards(mount_point, group[len(top) :])
    # The group lies outside of what is mounted, as in a container that sees the names of its host: the top of the mount
    # is then the nearest group that can be seen.
    return [candidates[0][1]] if candidates else []


def _upwards(top: str, below: str) -> list[str]:
    """Return the folder `below` under `top`, then each one above it down to `top` itself."""
    parts = [part for part in below.split("/") if part]
    return ["/".join([top, *parts[:depth]]) for depth in range(len(parts), -1, -1)]


def _unescape(path: str) -> str:
    """Undo the octal escapes that mountinfo writes for blanks and backslashes."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        path = path.replace(code, character)
    return path
