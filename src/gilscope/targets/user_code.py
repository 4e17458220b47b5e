"""Python text of the user's: compiled and run, with errors that say what was wrong and where."""

import ast
import importlib
import linecache
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gilscope.errors import UsageError
from gilscope.places import LEADING_TO_TARGETS

# No module has this name, so that a pickle says at once that other processes do not find what a setup defines.
_SETUP_NAME = "__setup__"
# Not an identifier, so that it hides no name of the user's.
_GATHER = "gather "
# Frames of these folders and files lead to the user's code and are none of it.
_MACHINERY = ("<frozen ", str(Path(importlib.__file__).parent), *LEADING_TO_TARGETS)
# Of one error's text, which may hold a whole array, and of its traceback, which may hold many errors.
_MOST_CHARACTERS, _MOST_TRACEBACK_CHARACTERS = 500, 8000
#: An error's text above this, some three lines, is an essay, and what caused it says more.
_LONG_CHARACTERS = 250
_MOST_CAUSES = 10  # of an error; one may be its own
#: What gilscope says for seven lines of NumPy's, and for CPython's own words about a module that no user has heard of.
NO_OWN_GIL = "{} does not load in an interpreter with a GIL of its own"
_NO_OWN_GIL_FROM_PYTHON = re.compile(r"module ([\w.]+) does not support loading in subinterpreters")


def run_setup(setup: str, names: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Run a setup and return its namespace.

    Parameters
    ----------
    setup : str
    names : mapping, optional
        What the namespace has to begin with; it stays as it is.

    Raises
    ------
    UsageError
        If it cannot be compiled, or raises.
    """
    _parsed("setup", setup)
    namespace: dict[str, Any] = {"__name__": _SETUP_NAME} if names is None else dict(names)
    with blamed("The setup"):
        exec(compile(setup, "<setup>", "exec"), namespace)  # noqa: S102 - what the user wrote, for this
    return namespace


def evaluate_arguments(text: str, namespace: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the positional and the named arguments that a text between the parentheses of a call stands for.

    Raises
    ------
    UsageError
        If it is not that, or its evaluation in `namespace` raises.
    """

    def gather(*args: object, **kwargs: object) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return args, kwargs

    # The bracket stands on a line of its own because the text may end in a comment.
    body = _parsed("arguments", text, f"gather({text}\n)").body
    node = body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        raise UsageError(f"The arguments are not what stands between the parentheses of a call: {text!r}.")
    node.func.id = _GATHER
    with blamed(f"Evaluating the arguments ({text}) after the setup"):
        code = compile(ast.Expression(node), "<arguments>", "eval")
        gathered: tuple[tuple[Any, ...], dict[str, Any]] = eval(code, namespace | {_GATHER: gather})  # noqa: S307
    return gathered


def compile_statement(text: str, namespace: dict[str, Any]) -> Callable[[], object]:
    """Return a function that runs a statement; it returns the statement's last expression, if it ends in one.

    The setup's namespace is its globals, which it may change as with timeit (``n += 1``); its other names are local.

    Raises
    ------
    UsageError
        If it cannot be compiled.
    """
    body = _parsed("statement", text).body
    if not body:
        raise UsageError(f"The statement does nothing: {text!r}.")
    if isinstance(body[-1], ast.Expr):
        body[-1] = ast.copy_location(ast.Return(body[-1].value), body[-1])
    names = [node for part in body for node in ast.walk(part) if isinstance(node, ast.Name)]
    shared = {node.id for node in names if isinstance(node.ctx, ast.Store | ast.Del)} & namespace.keys()
    tree = ast.parse("def __statement__(): pass")
    assert isinstance(tree.body[0], ast.FunctionDef)
    tree.body[0].body = [*([ast.Global(sorted(shared))] if shared else []), *body]
    try:
        exec(compile(ast.fix_missing_locations(tree), "<statement>", "exec"), namespace)  # noqa: S102 - as the setup
    except SyntaxError as error:
        raise UsageError(f"The statement cannot be compiled: {error.msg} in {text!r}.") from None
    function: Callable[[], object] = namespace.pop("__statement__")
    return function


@contextmanager
def blamed(what: str, passed: type[Exception] = UsageError) -> Iterator[None]:
    """Turn what the user's code raises into a UsageError that says where; let `passed` through."""
    try:
        yield
    except passed:
        raise
    except (Exception, SystemExit) as error:
        library = refused_in_own_gil(error)
        said = NO_OWN_GIL.format(library) if library else f"{what} raised {describe(error)}{where(error)}."
        raise UsageError(said) from error


def refused_in_own_gil(error: BaseException) -> str:
    """Return the library that does not load in an interpreter with a GIL of its own, where that is the error, or ""."""
    found = ""
    for _ in range(_MOST_CAUSES):
        if isinstance(error, ImportError) and (told := _NO_OWN_GIL_FROM_PYTHON.search(_in_a_line(error))):
            found = told[1].partition(".")[0]
        if error.__cause__ is None:
            break
        error = error.__cause__
    return found


def describe(error: BaseException) -> str:
    """Return an error's type and message in one short line, whatever its own text does.

    Of a long one that another caused, whose text is short, that one's: NumPy pleads for seven lines before it says why.
    """
    if library := refused_in_own_gil(error):
        return NO_OWN_GIL.format(library)
    text = _in_a_line(error)
    if len(text) > _LONG_CHARACTERS and error.__cause__ is not None:
        cause = _in_a_line(error.__cause__)
        text = cause if len(cause) < len(text) else text
    if isinstance(error, EOFError):
        text += " (standard input is empty in a probe)"
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]} ..."


def _in_a_line(error: BaseException) -> str:
    lines = traceback.TracebackException(type(error), error, None).format_exception_only()
    return " ".join(" ".join(lines).split())


def where(error: BaseException) -> str:
    """Return the line of the user's code that an error came from, for the end of a sentence."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(_MACHINERY)]
    return f" in {frames[-1].filename}, line {frames[-1].lineno}" if frames else ""


def trimmed_traceback(error: BaseException) -> str:
    """Return an error's traceback from the first frame of the user's code on; all of it where there is none."""
    first = error.__traceback__
    while first and first.tb_frame.f_code.co_filename.startswith(_MACHINERY):
        first = first.tb_next
    # What a compiled function raises has no frame of its own.
    text = "".join(traceback.format_exception(type(error), error, first or error.__traceback__))
    return text[-_MOST_TRACEBACK_CHARACTERS:]


def _parsed(what: str, text: str, source: str | None = None) -> ast.Module:
    """Parse a text of the user's; leave its lines where tracebacks look for them."""
    source = text if source is None else source
    filename = f"<{what}>"
    try:
        compile(source, filename, "exec")  # finds what parsing alone does not: return and await outside a function
        tree = ast.parse(source, filename)
    except (SyntaxError, ValueError) as error:  # ValueError for a null character
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        raise UsageError(f"The {what} cannot be compiled: {message} in {text!r}.") from None
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    return tree
