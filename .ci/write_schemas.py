"""Write the JSON Schema of every kind of file from the dataclasses that describe it. Usage: write_schemas.py [FOLDER].

What a field means is taken from its class's docstring, its type, range and name from its declaration. A test fails when
what is committed is not what this writes.
"""

import inspect
import json
import re
import sys
import types
import typing
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import Annotated, Any

from gilscope.cli.kinds import forms
from gilscope.documents.envelope import Form
from gilscope.documents.typed import fields_of
from gilscope.fields import DescribedBy, OneOf, Range
from gilscope.showing import named

FOLDER = Path(__file__).parents[1] / "src/gilscope/documents/schemas"
_SIMPLE = {float: "number", int: "integer", str: "string", bool: "boolean", types.NoneType: "null"}
_ENDS = {"least": "minimum", "most": "maximum", "above": "exclusiveMinimum", "below": "exclusiveMaximum"}
#: In a docstring as numpydoc has it: a section of names, and in it names, their type and their meaning.
_SECTION = re.compile(r"^(?:Parameters|Attributes)\n-+\n(.*?)(?=^\w+\n-+\n|\Z)", re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(r"^(\w[\w, ]*) : [^\n]*((?:\n    [^\n]*|\n(?=\n|    ))*)", re.MULTILINE)
_ABOUT = {
    "schema_version": "Raised when a reader of the old form would misread the new one.",
    "kind": "What the file holds.",
}


def main(folder: Path) -> None:
    """Write them all."""
    for name, form in forms().items():
        (folder / f"{name}.json").write_text(text_of(form), encoding="utf-8")
        print(folder / f"{name}.json")


def text_of(form: Form[Any]) -> str:
    """Return the schema of a kind's files as text."""
    return json.dumps(_Schema(form).whole(), ensure_ascii=False, indent=2) + "\n"


@dataclass
class _Schema:
    """One kind's schema; its parts are collected as they are met."""

    form: Form[Any]
    parts: dict[str, Any] = field(default_factory=dict)

    def whole(self) -> dict[str, Any]:
        about = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": f"{self.form.kind}, version {self.form.version}",
            "description": f"What `{self.form.kind}` saves as JSON. Units are in the names: _ns nanoseconds, _s "
            "seconds. A number that is not finite is null.",
        }
        own = {"schema_version": {"const": self.form.version}, "kind": {"const": self.form.kind}}
        own = {key: {**one, "description": _ABOUT[key]} for key, one in own.items()}
        own |= {key: {"description": meaning} for key, meaning in self.form.beside.items()}
        bodies = [self.body(kind, own) for kind in _members(self.form.holds)]
        rest: dict[str, Any] = bodies[0] if len(bodies) == 1 else {"oneOf": bodies}
        return about | rest | ({"$defs": dict(sorted(self.parts.items()))} if self.parts else {})

    def body(self, kind: type, own: typing.Mapping[str, Any]) -> dict[str, Any]:
        """Return the schema of an object whose first keys are given."""
        properties, required = dict(own), list(own)
        meanings = _meanings(kind)
        for one in fields_of(kind):
            if one.key in own:
                continue
            schema = self.columns(one.kind) if one.by_column else self.of(one.kind)
            if one.null is not None:
                schema = self.or_null(schema)
            properties[one.key] = _described(schema, meanings.get(one.name, ""))
            if not one.may_lack:
                required.append(one.key)
        return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}

    def of(self, kind: Any) -> dict[str, Any]:
        """Return the schema of a type."""
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if origin is Annotated:
            return self.limited(arguments)
        if origin in (types.UnionType, typing.Union):
            some = [self.of(one) for one in arguments if one is not types.NoneType]
            schema = some[0] if len(some) == 1 else {"oneOf": some}
            return self.or_null(schema) if types.NoneType in arguments else schema
        if origin in (tuple, list):
            n = (
                {}
                if origin is list or arguments[-1] is ...
                else dict.fromkeys(("minItems", "maxItems"), len(arguments))
            )
            return {"type": "array", "items": self.of(arguments[0]), **n}
        if origin is not None:
            names = self.of(arguments[0])
            known = {"propertyNames": names} if "enum" in names else {}
            return {"type": "object", **known, "additionalProperties": self.of(arguments[1])}
        if isinstance(kind, type) and is_dataclass(kind):
            return self.part(kind)
        return {"type": _SIMPLE[kind]} if kind in _SIMPLE else {}

    def part(self, kind: Any) -> dict[str, Any]:
        """Return a reference to the schema of a class."""
        name = kind.__name__[0].lower() + kind.__name__[1:]
        if name not in self.parts:
            self.parts[name] = {}  # so that it may refer to itself
            self.parts[name] = {"description": _sentence(kind), **self.body(kind, {})}
        return {"$ref": f"#/$defs/{name}"}

    def limited(self, arguments: tuple[Any, ...]) -> dict[str, Any]:
        """Return the schema of a type with limits."""
        schema = self.of(arguments[0])
        for limit in arguments[1:]:
            if isinstance(limit, OneOf):
                schema = {"enum": list(limit.texts)}
            elif isinstance(limit, Range):
                ends = {word: getattr(limit, end) for end, word in _ENDS.items()}
                schema |= {word: end for word, end in ends.items() if end is not None}
            elif isinstance(limit, DescribedBy):
                schema = self.part(named(limit.name))
                if limit.may_be_empty:
                    self.parts[schema["$ref"].rpartition("/")[2]]["required"] = []
        return schema

    def columns(self, kind: Any) -> dict[str, Any]:
        """Return the schema of a list of objects that is an object of lists."""
        row = self.body(typing.get_args(kind)[0], {})
        for key, one in row["properties"].items():
            about = {"description": one.pop("description")} if "description" in one else {}
            row["properties"][key] = {"type": "array", **about, "items": one}
        return row

    def or_null(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return a schema that null fits too."""
        if isinstance(schema.get("type"), str) and schema["type"] in _SIMPLE.values():
            return {**schema, "type": [schema["type"], "null"]}
        return {"anyOf": [schema, {"type": "null"}]}


def _members(kind: Any) -> list[Any]:
    return list(typing.get_args(kind)) if typing.get_origin(kind) in (types.UnionType, typing.Union) else [kind]


def _described(schema: dict[str, Any], meaning: str) -> dict[str, Any]:
    return {**schema, "description": meaning} if meaning else schema


def _sentence(kind: type) -> str:
    return _plain((inspect.getdoc(kind) or "").partition("\n\n")[0])


def _meanings(kind: type) -> dict[str, str]:
    """Return what a class's docstring, and those of its bases, say of each of its fields."""
    found: dict[str, str] = {}
    docs = [inspect.cleandoc(one.__doc__ or "") for one in reversed(kind.__mro__)]
    for section in (section for doc in docs for section in _SECTION.findall(doc)):
        for names, text in _ENTRY.findall(section):
            found |= dict.fromkeys(names.split(", "), _plain(text))
    return found


def _plain(text: str) -> str:
    return " ".join(re.sub(r"\bNone\b", "null", text.replace("``", "`")).split())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else FOLDER)
