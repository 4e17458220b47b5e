"""What to type instead: every hint is whole, so that it works as it stands."""

import ast
import os
import shlex
import sys
from json import dumps
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gilscope.targets.target import Target

#: What a call may make instead of running, how that is drained, and what doing so needs before.
_DRAINS = {
    "generator": ((), "list({})"),
    "coroutine": (("import asyncio",), "asyncio.run({})"),
    "asynchronous generator": (
        ("import asyncio", "async def drain(items): return [item async for item in items]"),
        "asyncio.run(drain({}))",
    ),
}


def drained(target: "Target", made: str) -> str:
    """Return what to give instead of a target that only makes something lazy: options and a statement for a shell.

    Parameters
    ----------
    target : Target
    made : {"generator", "coroutine", "asynchronous generator"}
        What its call makes; "generator" for any iterator.
    """
    needs, form = _DRAINS[made]
    if target.is_object:
        return _drained_object(target, made)
    if target.kind == "statement":
        setups, statement = [target.setup], _around_last(target.text, form)
    else:
        setups, statement = _named(target), form.format(f"{target.attribute}({target.args})")
    return " ".join([*(f"-s {shlex.quote(text)}" for text in (*setups, *needs) if text), shlex.quote(statement)])


def _drained_object(target: "Target", made: str) -> str:
    """Return what to give in Python, where names are at hand and nothing is typed into a shell."""
    if made == "asynchronous generator" or (made == "coroutine" and _is_loop_running()):
        return "the name of a function in a module that drains it with asyncio.run"
    (needs, form), is_statement = _DRAINS[made], target.kind == "statement"
    if is_statement:
        return "; ".join([*needs, _around_last(target.text, form)])
    return f"a function that returns {form.format(f'{target.attribute}(...)')}"


def _named(target: "Target") -> list[str]:
    """Return setups after which a target's function has its name in a statement, which has no home of its own."""
    head = target.attribute.partition(".")[0]
    if target.kind == "module":
        return [target.setup, f"from {target.home} import {head}"]
    typed = target.text.rpartition(":")[0]
    path = target.home if typed.startswith("~") else typed
    folder, script = os.path.split(path)
    begin = f"import sys; sys.path.insert(0, {dumps(folder)})" if folder else ""
    stem = PurePath(script).stem
    if stem.isidentifier() and script.endswith(".py"):
        return [begin, target.setup, f"from {stem} import {head}"]
    return [begin, target.setup, f'import runpy; {head} = runpy.run_path({dumps(path)})["{head}"]']


def _around_last(text: str, form: str) -> str:
    """Return a statement with its last expression, which made something lazy, drained."""
    *before, last = ast.parse(text).body
    assert isinstance(last, ast.Expr)  # the value of anything else is lost, and nobody could see what it made
    parts = [*map(ast.unparse, before), form.format(ast.unparse(last.value))]
    return ("\n" if any(hasattr(node, "body") for node in before) else "; ").join(parts)


def _is_loop_running() -> bool:
    asyncio = sys.modules.get("asyncio")  # a loop that runs has loaded it
    if asyncio is None:
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
