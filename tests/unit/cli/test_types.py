"""The options' types, with every click that pyproject allows."""

import runpy

import click
import pytest

from gilscope.cli import types


def test_no_type_needs_a_click_whose_types_are_generic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Click 8.1 to 8.3 have a ParamType that cannot be subscripted; the options work with it too."""

    class ParamType:
        name = ""

    monkeypatch.setattr(click, "ParamType", ParamType)
    loaded = runpy.run_path(types.__file__)
    assert loaded["Duration"]().convert("5ms", None, None) == 0.005
    assert loaded["Counts"]().convert("1,2", None, None) == (1, 2)
