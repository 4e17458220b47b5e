"""What can go wrong, each with the exit code that the command line ends with."""

#: What the command line ends with after Ctrl-C, as shells have it: 128 and the signal's number.
INTERRUPTED = 130


class GilscopeError(Exception):
    """Base of every error gilscope raises on purpose; its text says what was given, allowed, and to do."""

    exit_code = 1


class UsageError(GilscopeError, ValueError):
    """The request cannot be understood or is not allowed; a ValueError too, for callers from Python."""

    exit_code = 2


class KernelError(GilscopeError):
    """A kernel failed, a worker died, or a strategy's result differed from the reference."""

    exit_code = 4


class CannotRunError(GilscopeError):
    """What was asked cannot be done on this machine or by this interpreter."""

    exit_code = 5
