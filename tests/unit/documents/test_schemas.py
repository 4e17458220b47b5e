"""Schemas are made from the classes that describe a file; what is committed is what is made, and real files fit."""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest
from schemas import schema_of

from gilscope.cli.kinds import forms

ROOT = Path(__file__).parents[3]
FORMS = forms()


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_schemas", ROOT / ".ci/write_schemas.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kind", FORMS)
def test_what_is_committed_is_what_is_made(kind: str, script: ModuleType) -> None:
    """After a change of a class: `python .ci/write_schemas.py`."""
    assert json.loads(script.text_of(FORMS[kind])) == schema_of(kind)


def test_no_schema_is_left_over() -> None:
    """Each is of a kind that there is."""
    assert {path.stem for path in (ROOT / "src/gilscope/documents/schemas").iterdir()} == set(FORMS)


@pytest.mark.parametrize("kind", FORMS)
def test_a_schema_is_valid_and_closed(kind: str) -> None:
    """By JSON Schema of 2020-12; and no object of ours may have a name that it does not list."""
    schema = schema_of(kind)
    jsonschema.Draft202012Validator.check_schema(schema)
    bodies = [*schema.get("oneOf", [schema]), *schema["$defs"].values()]
    assert {body["additionalProperties"] for body in bodies} == {False}


@pytest.mark.parametrize("kind", FORMS)
def test_every_property_is_described(kind: str) -> None:
    """Who reads a file without gilscope finds the meaning and the unit of each name in the schema."""
    schema = schema_of(kind)

    def undescribed(node: Any, at: str) -> Iterator[str]:
        if isinstance(node, dict):
            for name, value in node.get("properties", {}).items():
                if "description" not in value:
                    yield f"{at}.{name}"
            for name, value in node.items():
                yield from undescribed(value, f"{at}.{name}")
        if isinstance(node, list):
            for value in node:
                yield from undescribed(value, at)

    assert list(undescribed(schema, "result")) == []
