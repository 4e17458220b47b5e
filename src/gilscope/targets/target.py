"""TARGET: a module's function, a script's, a statement or a kernel; and how a child gets hold of what it names."""

import ast
import difflib  # noqa: F401 - `near` needs it, and once the user's folders are searched it may be another
import importlib
import importlib.machinery
import importlib.util
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from gilscope.children.start import first_folder
from gilscope.errors import UsageError, near
from gilscope.targets import hints, script_text, user_code

_ALLOWED = "module:function, script.py:function, or a statement with its setup"
_MOST_NAMED = 5  # of a script's functions, where none was named
#: What one of gilscope's own kernels begins with, and how long a call of it takes where nothing else is asked for.
KERNEL = "kernel:"
DEFAULT_TASK_NS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is to be probed, as plain data.

    Parameters
    ----------
    text : str
        What the user wrote: the name of the function, or the statement.
    kind : {"module", "script", "statement"}
    home : str
        The module's dotted name or the script's absolute path; empty for a statement.
    attribute : str
        The function's dotted name in its home; empty for a statement.
    args : str
        A Python expression, as it would stand between the parentheses of the call.
    setup : str
        Statements that run once before `args` is evaluated, or before the statement.
    folder : str
        Where modules are looked for first, as plain Python does here: the script's folder, or the working one; empty
        where neither is searched (-P, -I), or where this is of another process and brings its own.
    is_object : bool
        Whether Python gave it, as an object or in a cell of a session, and no command line: hints are Python's then.
    """

    text: str
    kind: Literal["module", "script", "statement"]
    home: str = ""
    attribute: str = ""
    args: str = ""
    setup: str = ""
    folder: str = ""
    is_object: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A target that can be called in this process.

    Parameters
    ----------
    target : Target
    call : callable
        Takes nothing and makes the one call that is probed. Without a Python frame of its own, which would look for
        requests to give up the GIL.
    function : callable
        What `call` calls with `args` and `kwargs`.
    args : tuple
    kwargs : dict
    """

    target: Target
    call: Callable[[], object]
    function: Callable[..., object]
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)


def parse_target(
    text: str, *, args: str = "", setup: str = "", statement: bool = False, task_ns: int = DEFAULT_TASK_NS
) -> Target:
    """Take apart what the user wrote, without importing anything of the user's.

    Parameters
    ----------
    text : str
        ``module:function``, ``path.py:function`` (both may be dotted), ``kernel:NAME/IMPLEMENTATION/GIL``, or a
        statement: what names no function, and is code or has a setup.
    args : str
        What stands between the parentheses of the call; not for a statement.
    setup : str
    statement : bool
        Whether `text` is a statement, whatever it looks like.
    task_ns : int
        How long one call of a kernel takes, roughly.

    Raises
    ------
    UsageError
        If it is none of these.
    CannotRunError
        If it is a kernel that cannot run here.
    """
    if statement:
        return _statement(text, args, setup)
    if text.startswith(KERNEL):
        if args or setup:
            raise UsageError(f"{text} has its own arguments and setup; leave out --args and --setup")
        from gilscope.targets.kernel_target import kernel_target  # no other target needs the kernels

        return kernel_target(text, task_ns)
    home, _, attribute = text.rpartition(":")
    wrong = _why_no_function(text, home, attribute)
    if wrong:
        if _is_script(text) or (not setup and not _is_code(text)):
            raise UsageError(wrong)
        return _statement(text, args, setup)
    kind: Literal["module", "script"] = "module"
    folder = first_folder()
    if _names_a_file(home):
        kind, script = "script", Path(home).expanduser().absolute()
        home, folder = str(script), "" if sys.flags.safe_path else str(script.resolve().parent)
    return Target(text=text, kind=kind, home=home, attribute=attribute, args=args, setup=setup, folder=folder)


def _statement(text: str, args: str, setup: str) -> Target:
    if not text.strip():
        raise UsageError("The statement is empty; give what is to be timed, such as 'sum(range(1000))'.")
    if args:
        raise UsageError(f"A statement takes no arguments (got {args!r}); write them into the statement.")
    return Target(text=text, kind="statement", setup=setup, folder=first_folder())


def _why_no_function(text: str, home: str, attribute: str) -> str:
    """Return why a text, taken apart at its last colon, names no function; "" where it does."""
    if ":" not in text:
        return f"{text!r} names no function. Allowed are {_ALLOWED}.{_hint(text)}"
    if not home or not _is_dotted(attribute):
        return (
            f"{text!r}: {attribute!r} is not the name of a function. Allowed are {_ALLOWED}; "
            "arguments are given apart, as they would stand between the parentheses."
        )
    if not _names_a_file(home) and (not _is_dotted(home) or home == "__main__"):
        return f"{text!r}: {home!r} is not the name of a module. Allowed are {_ALLOWED}."
    return ""


def _names_a_file(home: str) -> bool:
    return home.endswith(".py") or (not _is_dotted(home) and Path(home).expanduser().is_file())


def _is_script(text: str) -> bool:
    """Tell whether a text is the path of a script, without its function; such a path may look like a division."""
    return text.endswith(".py") and Path(text).expanduser().is_file()


def _is_code(text: str) -> bool:
    """Tell whether a text can be a statement that does something; a name alone does nothing, and is a slip."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        return False
    if not body:
        return False
    first = body[0]
    if isinstance(first, ast.AnnAssign):
        return first.value is not None  # without one it is a function behind a colon, misspelt
    return not (isinstance(first, ast.Expr) and isinstance(first.value, ast.Name | ast.Attribute | ast.Constant))


def _hint(text: str) -> str:
    """Return what a text without a function may have been meant for, as the end of a sentence."""
    if text.endswith(".py"):
        found = script_text.functions(Path(text).expanduser())[:_MOST_NAMED]
        names = " or ".join(repr(f"{text}:{name}") for name in found)
        return f" Did you mean {names}?" if names else " Name a function of it behind a colon."
    head, _, tail = text.rpartition(".")
    return f" Did you mean '{head}:{tail}'?" if _is_dotted(text) and head else ""


def resolve(target: Target) -> Resolved:
    """Import what the target names, run its setup and evaluate its arguments, in this process.

    Raises
    ------
    UsageError
        If any of that fails, or calling the result would only make a generator or a coroutine.
    """
    if target.kind == "script":
        _check_script(target)
    if target.folder and sys.path[:1] != [target.folder]:
        sys.path.insert(0, target.folder)
    namespace = user_code.run_setup(target.setup)
    if target.kind == "statement":
        function = user_code.compile_statement(target.text, namespace)
        return Resolved(target=target, call=function, function=function)
    function = _function(target)
    args, kwargs = user_code.evaluate_arguments(target.args, namespace)
    _check_arguments(target, function, args, kwargs)
    call = partial(function, *args, **kwargs) if args or kwargs else function
    return Resolved(target=target, call=call, function=function, args=args, kwargs=kwargs)


def lazy_error(target: Target, made: str) -> UsageError:
    """Return the error for a target whose call only makes a generator or a coroutine.

    Parameters
    ----------
    target : Target
    made : {"generator", "coroutine", "asynchronous generator"}
    """
    return UsageError(
        f"Calling {target.text} only makes {'an' if made[0] in 'aeiou' else 'a'} {made}, and runs none of its code. "
        f"Give what drains it instead:\n{hints.drained(target, made)}"
    )


def _function(target: Target) -> Callable[..., object]:
    module = _script(target.home) if target.kind == "script" else _module(target.home, target.attribute)
    found: Any = module
    reached = target.home
    names = target.attribute.split(".")
    for i, name in enumerate(names):
        with user_code.blamed(f"Looking up {name!r} in {reached}"):
            if not hasattr(found, name):
                form = f"{target.text.rpartition(':')[0]}:{'.'.join([*names[:i], '{}', *names[i + 1 :]])}"
                meant = near(name, [one for one in dir(found) if callable(getattr(found, one, None))], form)
                raise UsageError(f"{reached} has no attribute {name!r}.{meant}")
            found, reached = getattr(found, name), f"{reached}{':' if found is module else '.'}{name}"
    if not callable(found):
        raise UsageError(f"{target.text} is of type {type(found).__name__}, which cannot be called; name a function.")
    for code in (found, type(found).__call__):
        if inspect.isgeneratorfunction(code):
            raise lazy_error(target, "generator")
        if inspect.iscoroutinefunction(code):
            raise lazy_error(target, "coroutine")
        if inspect.isasyncgenfunction(code):
            raise lazy_error(target, "asynchronous generator")
    function: Callable[..., object] = found
    return function


def _check_arguments(
    target: Target, function: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    try:
        # The outermost signature: a decorator may pass on more than it is given.
        signature = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):
        return  # many built-in functions do not say
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise UsageError(f"{target.attribute}({target.args}) does not fit {target.text}{signature}: {error}.") from None


def _module(name: str, attribute: str) -> ModuleType:
    try:
        with user_code.blamed(f"Importing {name}", ModuleNotFoundError):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name != missing and not name.startswith(f"{missing}."):
            raise UsageError(f"Importing {name} failed: {error}{user_code.where(error)}.") from error
        parent, _, last = missing.rpartition(".")
        rest = f"{name.removeprefix(missing)}:{attribute}"
        if parent and not hasattr(sys.modules[parent], "__path__"):
            meant = f"{parent}:{last}{rest.replace(':', '.')}"
            hint = f" {parent} is a module and no package; did you mean '{meant}'?"
        else:
            path = sys.modules[parent].__path__ if parent else None
            form = f"{parent}.{{}}{rest}" if parent else f"{{}}{rest}"
            hint = near(last, (module.name for module in pkgutil.iter_modules(path)), form)
        raise UsageError(
            f"{sys.executable} finds no module {missing!r}, nor is it in the working folder.{hint}"
        ) from error


def _check_script(target: Target) -> None:
    script = Path(target.home)
    if script.is_file():
        return
    folder = target.text.rpartition(":")[0].removesuffix(script.name)
    meant = near(script.name, (file.name for file in script.parent.glob("*.py")), f"{folder}{{}}:{target.attribute}")
    raise UsageError(f"There is no script {script}.{meant}")


def _script(path: str) -> ModuleType:
    """Import a script, and not as ``__main__``: its guard holds.

    Where its stem is a name by which every other process finds it too, it is imported under that. Python runs other
    scripts as well, ``my.bench.py`` and ``json.py``: these get a name that only this process knows.
    """
    script = Path(path)
    if script.suffix == ".py" and "." not in script.stem and _is_found_as(script.stem, script):
        return _module(script.stem, "")
    name = f"script_{re.sub(r'[^0-9A-Za-z_]', '_', script.stem)}"
    loader = importlib.machinery.SourceFileLoader(name, path)
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None  # for it was given a loader
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        with user_code.blamed(f"Importing {path}"):
            loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _is_found_as(name: str, script: Path) -> bool:
    """Tell whether importing a name gives a script, and no module of Python's or package beside it."""
    try:
        spec = importlib.util.find_spec(name)
    except (ValueError, ImportError):  # ValueError: a module without a spec, such as __main__
        return False
    return spec is not None and spec.origin is not None and Path(spec.origin).is_file() and script.samefile(spec.origin)


def _is_dotted(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))
