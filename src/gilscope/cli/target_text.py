"""What a user may write for TARGET: a function, or a statement."""

import ast
from pathlib import Path

from gilscope.errors import UsageError
from gilscope.targets.target import Target, parse_target


def target_of(text: str, args: str, setup: str, *, statement: bool) -> Target:
    """Take a text for a function if it looks like one, else for a statement if it is code or has a setup.

    Raises
    ------
    UsageError
        If it is neither.
    """
    if statement:
        return parse_target(text, args=args, setup=setup, statement=True)
    try:
        return parse_target(text, args=args, setup=setup)
    except UsageError:
        if _is_script(text) or (not setup and not _is_code(text)):
            raise
    return parse_target(text, args=args, setup=setup, statement=True)


def _is_script(text: str) -> bool:
    """Tell whether a text is the path of a script, without its function; such a path may look like a division."""
    return text.endswith(".py") and Path(text).expanduser().is_file()


def _is_code(text: str) -> bool:
    """Tell whether a text can be a statement that does something; a name alone does nothing, and is a slip."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        return False
    return bool(body) and not (
        isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Name | ast.Attribute | ast.Constant)
    )
