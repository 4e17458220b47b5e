from gilscope.accounting.mechanisms import ledger
from gilscope.errors import CannotRunError, GilscopeError, KernelError, Unavailable, UsageError
from gilscope.kernels.functions import quad, square
from gilscope.notebook import load_ipython_extension
from gilscope.probing.probe import probe
from gilscope.probing.result import Probe
from gilscope.running.plan import Request
from gilscope.running.result import Result
from gilscope.running.run import run
from gilscope.version import __version__ as __version__

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
