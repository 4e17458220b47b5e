"""What importing a script runs beside its definitions, read from its text alone."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

# Classes whose making starts, or will start, threads or processes: an assignment of one is more than a constant.
_WORKERS = {
    "InterpreterPoolExecutor",
    "Pool",
    "Process",
    "ProcessPoolExecutor",
    "Thread",
    "ThreadPool",
    "ThreadPoolExecutor",
}
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Pass)
_ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)
_MOST_CHARACTERS = 60  # of a line that is shown


def has_main_guard(path: Path) -> bool | None:
    """Say whether a script has an ``if __name__ == "__main__":``; None if it cannot be read."""
    tree = _parsed(path)
    return None if tree is None else any(_is_guard(node) for node in tree.body)


def top_level_work(path: Path) -> list[str]:
    """Return what importing a script runs, in it and again in each worker that a process pool starts.

    Definitions, imports, assignments without threads or processes, and what stands under the guard are left out.

    Returns
    -------
    list of str
        As "line 7: main()".
    """
    tree = _parsed(path)
    return [] if tree is None else [_shown(node) for node in _work(tree.body)]


def functions(path: Path) -> list[str]:
    """Return the names of the functions that a script defines at its top, private ones left out."""
    tree = _parsed(path)
    body = [] if tree is None else tree.body
    return [node.name for node in body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]


def _parsed(path: Path) -> ast.Module | None:
    try:
        return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None


def _work(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, _DEFINITIONS) or _is_guard(node):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):  # a docstring
            continue
        if isinstance(node, ast.If):
            yield from _work([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            handled = [part for handler in node.handlers for part in handler.body]
            yield from _work([*node.body, *handled, *node.orelse, *node.finalbody])
        elif not isinstance(node, _ASSIGNMENTS) or _makes_workers(node):
            yield node


def _is_guard(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in {
        "__name__ == '__main__'",
        "'__main__' == __name__",
    }


def _makes_workers(node: ast.stmt) -> bool:
    called = [ast.unparse(part.func) for part in ast.walk(node) if isinstance(part, ast.Call)]
    return any(name.rpartition(".")[2] in _WORKERS for name in called)


def _shown(node: ast.stmt) -> str:
    line = ast.unparse(node).splitlines()[0]
    return f"line {node.lineno}: {line if len(line) <= _MOST_CHARACTERS else line[:_MOST_CHARACTERS] + ' ...'}"
