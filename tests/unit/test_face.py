"""The face of the package: one table of names, and a stub that gives type checkers the same."""

import ast
from pathlib import Path

import pytest

import gilscope


def test_names() -> None:
    """The package lists its public names, finds each, and says so when there is none."""
    assert {"square", "quad"} <= set(dir(gilscope))
    assert all(hasattr(gilscope, name) for name in gilscope.__all__)
    with pytest.raises(AttributeError, match="no attribute 'cube'"):
        gilscope.cube  # noqa: B018


def test_type_checkers_see_the_same_names() -> None:
    """What the stub exports is what the package finds, from the same modules."""
    stub = ast.parse(Path(gilscope.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    homes = {alias.name: node.module for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert homes == gilscope._HOMES
    exported = next(ast.literal_eval(node.value) for node in stub.body if isinstance(node, ast.Assign))
    assert sorted(exported) == sorted(gilscope.__all__)
