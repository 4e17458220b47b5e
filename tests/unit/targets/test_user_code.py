"""What is said of errors of the user's code: a line, whatever their own texts do."""

from collections.abc import Callable

import pytest

from gilscope.errors import UsageError
from gilscope.targets import user_code

PLEA = (
    "\n\nIMPORTANT: PLEASE READ THIS FOR ADVICE ON HOW TO SOLVE THIS ISSUE!\n\nImporting the C-extensions failed. This "
    "error can happen for\nmany reasons, often due to issues with your setup.\n\n* The Python version is: Python 3.13\n"
    "* The version is: 2.5.5\n\nand make sure that they are the versions you expect.\nPlease carefully study the "
    "documentation linked above for further help.\n\nOriginal error was: {}\n"
)
REFUSED = "module numpy._core._multiarray_umath does not support loading in subinterpreters"


def plead(cause: str, kind: type[Exception] = ImportError) -> Exception:
    """Return an error as NumPy's, which another caused."""
    error = kind(PLEA.format(cause))
    error.__cause__ = ImportError(cause)
    return error


class Unspeakable(ImportError):
    """Its text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError


def own_cause() -> Exception:
    """Return an error that says that it caused itself."""
    error = plead("no such file")
    error.__cause__ = error
    return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (plead(REFUSED), "numpy does not load in an interpreter with a GIL of its own"),
        (ImportError(PLEA.format(REFUSED)), "numpy does not load in an interpreter with a GIL of its own"),
        (ImportError(REFUSED), "numpy does not load in an interpreter with a GIL of its own"),
        (
            plead("libopenblas.so.0: cannot open shared object file"),
            "ImportError: libopenblas.so.0: cannot open",
        ),
        (plead("no GPU", RuntimeError), "ImportError: no GPU"),
        (ValueError("a\n  b\tc"), "ValueError: a b c"),
        (EOFError("EOF"), "EOFError: EOF (standard input is empty in a probe)"),
        (Unspeakable(), "<exception str() failed>"),
        (own_cause(), "ImportError: IMPORTANT: PLEASE READ THIS"),
    ],
)
def test_an_error_is_a_line(error: Exception, told: str) -> None:
    """Of an essay, the line that caused it."""
    shown = user_code.describe(error)
    assert told in shown
    assert "\n" not in shown
    assert len(shown) <= 504


@pytest.mark.parametrize("refusal", [plead(REFUSED), ImportError(REFUSED)])
def test_what_does_not_load_beside_another_gil_is_said_once(refusal: Exception) -> None:
    """Without the line of NumPy's that raised it, and without the setup, which is not at fault."""
    with pytest.raises(UsageError) as raised, user_code.blamed("The setup"):
        raise refusal
    assert str(raised.value) == "numpy does not load in an interpreter with a GIL of its own"


def test_what_is_blamed_is_short() -> None:
    """However long the text of a library's error is, what is blamed for it fits some lines."""

    def fail(make: Callable[[], Exception]) -> str:
        with pytest.raises(UsageError) as raised, user_code.blamed("Importing it"):
            raise make()
        return str(raised.value)

    assert len(fail(lambda: plead("no such file"))) < 250
    assert len(fail(lambda: ValueError("x" * 10_000))) < 1000
