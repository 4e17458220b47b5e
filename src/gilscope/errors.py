"""What can go wrong or be absent, and what the command line ends with."""

from collections.abc import Iterable
from dataclasses import dataclass

DONE, GIL_RETURNED, WRONG_USAGE, UNDECIDED, FAILED, CANNOT_RUN, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

#: What each exit code says, as `gilscope --help` prints it. 130 is what shells have for Ctrl-C: 128 and the signal's
#: number.
EXIT_CODES = {
    DONE: "done",
    GIL_RETURNED: "an import brings the GIL back (doctor --imports)",
    WRONG_USAGE: "wrong usage",
    UNDECIDED: "nothing resolved",
    FAILED: "a kernel or a probed call failed, or a result was wrong",
    CANNOT_RUN: "this machine cannot do what was asked",
    INTERRUPTED: "interrupted by Ctrl-C (143 by SIGTERM, 129 by SIGHUP)",
}


class GilscopeError(Exception):
    """Base of every error gilscope raises on purpose; its text says what was given, allowed, and to do."""

    exit_code: int


class UsageError(GilscopeError, ValueError):
    """The request cannot be understood or is not allowed; a ValueError too, for callers from Python."""

    exit_code = WRONG_USAGE


def unknown(what: str, given: str, allowed: Iterable[str]) -> UsageError:
    """Return the error for a name that there is not: what was given, what is allowed, and what was perhaps meant.

    Parameters
    ----------
    what : str
        What it should be the name of, such as "kernel".
    given : str
    allowed : iterable of str
    """
    names = list(allowed)
    question = near(given, names)
    return UsageError(f"unknown {what} {given!r}; choose from: {', '.join(names)}{'.' if question else ''}{question}")


def near(name: str, candidates: Iterable[str], form: str = "{}") -> str:
    """Return the names that one was perhaps meant for, as a question, or nothing.

    Parameters
    ----------
    name : str
        What was given.
    candidates : iterable of str
    form : str
        What is to be typed, with braces where the name belongs.
    """
    from difflib import get_close_matches  # only where something went wrong

    found = [form.replace("{}", one) for one in get_close_matches(name, candidates)]
    return f" Did you mean {' or '.join(map(repr, found))}?" if found else ""


class KernelError(GilscopeError):
    """A kernel failed, a worker died, or a strategy's result differed from the reference."""

    exit_code = FAILED


class CannotRunError(GilscopeError):
    """What was asked cannot be done on this machine or by this interpreter."""

    exit_code = CANNOT_RUN


@dataclass(frozen=True, slots=True)
class Unavailable:
    """An absence with its reason, shown in the table; never replaced by a stand-in.

    Parameters
    ----------
    reason : str
        What is missing and what would be needed, for example ``"needs CPython >= 3.12; this is 3.11.7"``.
    """

    reason: str

    def __str__(self) -> str:
        return f"unavailable: {self.reason}"
