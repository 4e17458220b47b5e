"""What is to be probed: a module's function, a script's function, or a statement; and how a child gets hold of it."""

import difflib
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from gilscope.children.start import first_folder
from gilscope.errors import UsageError
from gilscope.probing import scripts, texts

_ALLOWED = "module:function, script.py:function, or a statement with its setup"
_MOST_NAMED = 5  # of a script's functions, where none was named


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
    """

    text: str
    kind: Literal["module", "script", "statement"]
    home: str = ""
    attribute: str = ""
    args: str = ""
    setup: str = ""
    folder: str = ""


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


def parse_target(text: str, *, args: str = "", setup: str = "", statement: bool = False) -> Target:
    """Take apart what the user wrote, without importing anything.

    Parameters
    ----------
    text : str
        ``module:function``, ``path.py:function`` (both may be dotted), or a statement.
    args : str
        What stands between the parentheses of the call; not for a statement.
    setup : str
    statement : bool
        Whether `text` is a statement.

    Raises
    ------
    UsageError
        If it is none of these.
    """
    if statement:
        if not text.strip():
            raise UsageError("The statement is empty; give what is to be timed, such as 'sum(range(1000))'.")
        if args:
            raise UsageError(f"A statement takes no arguments (got {args!r}); write them into the statement.")
        return Target(text=text, kind="statement", setup=setup, folder=first_folder())
    home, colon, attribute = text.rpartition(":")
    if not colon:
        raise UsageError(f"{text!r} names no function. Allowed are {_ALLOWED}.{_hint(text)}")
    if not home or not _is_dotted(attribute):
        raise UsageError(
            f"{text!r}: {attribute!r} is not the name of a function. Allowed are {_ALLOWED}; "
            "arguments are given apart, as they would stand between the parentheses."
        )
    if home.endswith(".py"):
        script = Path(home).expanduser().absolute()
        folder = "" if sys.flags.safe_path else str(script.resolve().parent)
        return Target(
            text=text, kind="script", home=str(script), attribute=attribute, args=args, setup=setup, folder=folder
        )
    if not _is_dotted(home) or home == "__main__":
        raise UsageError(f"{text!r}: {home!r} is not the name of a module. Allowed are {_ALLOWED}.")
    return Target(
        text=text, kind="module", home=home, attribute=attribute, args=args, setup=setup, folder=first_folder()
    )


def _hint(text: str) -> str:
    """Return what a text without a function may have been meant for, as the end of a sentence."""
    if text.endswith(".py"):
        found = scripts.functions(Path(text).expanduser())[:_MOST_NAMED]
        names = " or ".join(repr(f"{text}:{name}") for name in found)
        return f" Did you mean {names}?" if names else f" Name a function of it, as in '{text}:function'."
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
        _check_script(Path(target.home))
    if target.folder and sys.path[:1] != [target.folder]:
        sys.path.insert(0, target.folder)
    namespace = texts.run_setup(target.setup)
    if target.kind == "statement":
        function = texts.compile_statement(target.text, namespace)
        return Resolved(target=target, call=function, function=function)
    function = _function(target)
    args, kwargs = texts.evaluate_arguments(target.args, namespace)
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
    called = target.text if target.kind == "statement" else f"{target.attribute}({target.args})"
    drained = {
        "generator": f"list({called})",
        "coroutine": f"asyncio.run({called})",
        "asynchronous generator": f"asyncio.run(drain({called}))', where drain awaits its items with 'async for",
    }[made]
    return UsageError(
        f"Calling {target.text} only makes {'an' if made[0] in 'aeiou' else 'a'} {made}, and runs none of its code. "
        f"Probe what drains it, as the statement '{drained}'."
    )


def _function(target: Target) -> Callable[..., object]:
    module = _script(target.home) if target.kind == "script" else _module(target.home)
    found: Any = module
    reached = target.home
    for name in target.attribute.split("."):
        with texts.blamed(f"Looking up {name!r} in {reached}"):
            if not hasattr(found, name):
                raise UsageError(f"{reached} has no attribute {name!r}.{_did_you_mean(name, dir(found))}")
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


def _module(name: str) -> ModuleType:
    try:
        with texts.blamed(f"Importing {name}", ModuleNotFoundError):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name != missing and not name.startswith(f"{missing}."):
            raise UsageError(f"Importing {name} failed: {error}{texts.where(error)}.") from error
        parent, _, last = missing.rpartition(".")
        if parent and not hasattr(sys.modules[parent], "__path__"):
            hint = f" {parent} is a module and no package; did you mean '{parent}:{last}'?"
        else:
            path = sys.modules[parent].__path__ if parent else None
            hint = _did_you_mean(last, (module.name for module in pkgutil.iter_modules(path)))
        raise UsageError(f"{sys.executable} finds no module {missing!r}, nor is it in {Path.cwd()}.{hint}") from error


def _check_script(script: Path) -> None:
    if not script.is_file():
        near = _did_you_mean(script.name, (file.name for file in script.parent.glob("*.py")))
        raise UsageError(f"There is no script {script}.{near}")
    if not script.stem.isidentifier():
        raise UsageError(f"The script {script} cannot be imported: {script.stem!r} is no module's name; rename it.")


def _script(path: str) -> ModuleType:
    """Import a script as a module under its stem: its ``__main__`` guard holds, and other processes find it by name."""
    module = _module(Path(path).stem)
    if not module.__file__ or not Path(module.__file__).samefile(path):
        raise UsageError(
            f"The script {path} cannot be imported, for its name is that of a module "
            f"({module.__file__ or 'a built-in one'}); rename it."
        )
    return module


def _did_you_mean(name: str, candidates: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, candidates)
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


def _is_dotted(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))
