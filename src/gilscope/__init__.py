"""gilscope: a laboratory for CPython's global interpreter lock.

- ``gilscope.run()`` measures what the GIL costs on this machine, and prints as a table.
- ``gilscope.probe(function, *args)`` says whether a call of yours holds the GIL, and whether threads would help.
- ``with gilscope.ledger() as ledger:`` accounts for every take, drop and wait of the GIL in a block.
- ``gilscope.square`` and ``gilscope.quad`` are the arithmetic itself, with the GIL held or released.
- `gilscope.testing` has assertions about the GIL for the tests of an extension.

``gilscope --help`` lists the commands.
"""

# Importing this starts nothing and loads no part of the package: names are looked up when first used (PEP 562), so that
# workers and subinterpreters load only what they touch. Their types stand in `__init__.pyi`.

_HOMES = {
    "CannotRunError": "gilscope.errors",
    "GilscopeError": "gilscope.errors",
    "KernelError": "gilscope.errors",
    "Probe": "gilscope.probing.result",
    "Request": "gilscope.running.plan",
    "Result": "gilscope.running.result",
    "Unavailable": "gilscope.errors",
    "UsageError": "gilscope.errors",
    "__version__": "gilscope.version",
    "ledger": "gilscope.accounting.mechanisms",
    "load_ipython_extension": "gilscope.notebook",
    "probe": "gilscope.probing.probe",
    "quad": "gilscope.kernels.functions",
    "run": "gilscope.running.run",
    "square": "gilscope.kernels.functions",
}

__all__ = [name for name in _HOMES if not name.startswith("_")]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'gilscope' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
