"""How much room there is: memory that can be had now, and the last cache before it."""

from itertools import count

from gilscope.system.procfs import read_text

_CACHES = "/sys/devices/system/cpu/cpu0/cache/index{}/"
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}


def available_bytes(root: str = "/") -> int | None:
    """Return how much memory can be had without pushing anything out; None where the system does not say.

    Parameters
    ----------
    root : str, optional
        The folder that stands for ``/``.
    """
    for line in (read_text("/proc/meminfo", root) or "").splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return int(rest.split()[0]) * 2**10
    return None


def last_level_cache_bytes(root: str = "/") -> int | None:
    """Return the size of the largest cache of the first CPU; None where the system does not say.

    Parameters
    ----------
    root : str, optional
        The folder that stands for ``/``.
    """
    found = []
    for index in count():
        size = read_text(f"{_CACHES.format(index)}size", root)
        if size is None:
            break
        text = size.strip()
        digits, unit = text.rstrip("KMG"), text[-1:]
        if digits.isdigit():
            found.append(int(digits) * _UNITS.get(unit, 1))
    return max(found, default=None)
