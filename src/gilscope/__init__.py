"""gilscope: a laboratory for CPython's global interpreter lock.

Importing this starts nothing and loads no part of the package: names are looked up when first used (PEP 562), so that
workers and subinterpreters pay only for what they touch.
"""

TYPE_CHECKING = False  # as typing's, which type checkers know by name; importing typing would be most of the cost

if TYPE_CHECKING:
    from gilscope.accounting.mechanisms import ledger
    from gilscope.errors import CannotRunError, GilscopeError, KernelError, Unavailable, UsageError
    from gilscope.kernels.functions import quad, square
    from gilscope.notebook import load_ipython_extension
    from gilscope.probing.probe import probe
    from gilscope.probing.result import Probe
    from gilscope.running.plan import Request
    from gilscope.running.result import Result
    from gilscope.running.run import run

__version__ = "0.1.0"

_HOMES = {
    "square": "gilscope.kernels.functions",
    "quad": "gilscope.kernels.functions",
    "run": "gilscope.running.run",
    "ledger": "gilscope.accounting.mechanisms",
    "probe": "gilscope.probing.probe",
    "Probe": "gilscope.probing.result",
    "load_ipython_extension": "gilscope.notebook",
    "Request": "gilscope.running.plan",
    "Result": "gilscope.running.result",
    "Unavailable": "gilscope.running.result",
    "GilscopeError": "gilscope.errors",
    "UsageError": "gilscope.errors",
    "KernelError": "gilscope.errors",
    "CannotRunError": "gilscope.errors",
}

__all__ = [
    "CannotRunError",
    "GilscopeError",
    "KernelError",
    "Probe",
    "Request",
    "Result",
    "Unavailable",
    "UsageError",
    "ledger",
    "load_ipython_extension",
    "probe",
    "quad",
    "run",
    "square",
]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'gilscope' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
