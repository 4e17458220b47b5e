"""A GIL that binds plain Python and its absence that frees it, and the reverse."""

import platform
import sysconfig

from worlds import changed

_VERSION = platform.python_version()
_ON, _OFF = (
    (f"{_VERSION}t, GIL on", f"{_VERSION}t, GIL off")
    if sysconfig.get_config_var("Py_GIL_DISABLED")
    else (_VERSION, "without a GIL")
)


def _under(name: str, python: float, released: float = 1.9) -> dict[str, dict[str, float]]:
    """Return what one thread takes under an interpreter, and two that gain so much."""
    return {
        f"{name}: {work}, {n_threads}": {"wall_ns": 20e6 / (gain if n_threads > 1 else 1), "numbers": 1e5}
        for work, gain in (("plain Python", python), ("C, released", released))
        for n_threads in (1, 2)
    }


CONFIRMED = {**_under(_ON, 1.0), **_under(_OFF, 1.9)}
REFUTED = {**_under(_ON, 1.9), **_under(_OFF, 1.0)}
SABOTAGED = changed(CONFIRMED, **{f"{name}: C, released, 2": {"wall_ns": 20e6, "numbers": 1e5} for name in (_ON, _OFF)})
