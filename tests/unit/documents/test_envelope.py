"""What every file has around its result, and the one reader: whole or not at all, with what and where it is wrong."""

import json
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pytest

from gilscope.documents import files
from gilscope.documents.envelope import Form, form_of, parse
from gilscope.documents.files import read_text
from gilscope.documents.typed import Wrong, fields_of, plain, typed
from gilscope.errors import UsageError
from gilscope.fields import Natural, OneOf, Part, Range, in_file


@dataclass(frozen=True)
class Look:
    at_ns: Natural
    kind: Annotated[str, OneOf("fine", "coarse")] = "fine"


@dataclass(frozen=True)
class Other:
    weight: float
    size: Part


@dataclass(frozen=True)
class Whole:
    title: str
    looks: tuple[Look, ...] = field(metadata=in_file(by_column=True))
    class_: str = field(metadata=in_file(name="class"))
    ratio: Annotated[float, Range(above=0)] = field(metadata=in_file(null=math.inf))
    calls: dict[int, int]
    one: Look | Other | None = None
    free: dict[str, object] = field(default_factory=dict, metadata=in_file(may_lack=True))
    inner: str = field(default="", metadata=in_file(left_out=True))

    def flaw(self) -> str:
        return "has no title" if not self.title else ""


FORM: Form[Whole] = Form(kind="gilscope look", version=2, holds=Whole, older={1: dict}, known_by="looks")
WHOLE = Whole(
    title="µ",
    looks=(Look(1), Look(2, "coarse")),
    class_="mixed",
    ratio=math.inf,
    calls={7: 3},
    one=Other(1.5, 0.5),
    free={"a": [1, None, {"b": "c"}]},
    inner="not in the file",
)


def data(**changes: Any) -> dict[str, Any]:
    """Return the data of the file with changes; what is ... is taken out."""
    found = {**json.loads(FORM.dumps(WHOLE)), **changes}
    return {key: value for key, value in found.items() if value is not ...}


def test_a_file_has_its_kind_first_and_comes_back() -> None:
    """But for what is left out of files."""
    text = FORM.dumps(WHOLE)
    assert text.startswith('{"schema_version": 2, "kind": "gilscope look", "title"')
    assert text.endswith("}\n")
    assert data()["looks"] == {"at_ns": [1, 2], "kind": ["fine", "coarse"]}
    assert (data()["class"], data()["ratio"], data()["calls"]) == ("mixed", None, {"7": 3})
    again = FORM.loads(text)
    assert again.inner == ""
    assert plain(again) == plain(WHOLE)
    assert again.calls == {7: 3}
    assert again.one == WHOLE.one
    assert FORM.dumps(again) == text


def test_what_an_older_file_lacks_is_its_default() -> None:
    """And what a newer one has besides is passed over."""
    found = FORM.loads(json.dumps(data(schema_version=1, kind=..., free=..., more=1)))
    assert found.free == {}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"kind": "gilscope run"}, "FILE is a result of kind 'gilscope run'; can be read: results of gilscope look"),
        ({"kind": "milk"}, "FILE is JSON, but not a gilscope result: its kind is 'milk'"),
        ({"kind": ["\x1b[31m" * 90]}, "FILE is JSON, but not a gilscope result: its kind is ['\\x1b[31m"),
        ({"kind": ..., "looks": ...}, "FILE is JSON, but not a gilscope result: it has no kind"),
        ({"kind": ..., "looks": ..., "schema_version": ...}, "it has no schema_version"),
        ({"kind": ..., "looks": ..., "traceEvents": []}, "FILE is a trace without what gilscope reads"),
        ({"schema_version": 3}, "of schema version 3: a newer gilscope wrote it; this gilscope reads versions 1 and 2"),
        ({"schema_version": 0}, "of schema version 0; this gilscope reads"),
        ({"schema_version": True}, "of schema version True; this gilscope reads"),
        ({"schema_version": None}, "of schema version None; this gilscope reads"),
        ({"title": ""}, "FILE is not a whole result of gilscope look: result has no title"),
        ({"title": ...}, "result lacks title"),
        ({"title": "x" * 1_000_001}, "result.title is a text of 1000001 characters; at most 1000000 are read"),
        ({"title": "a\ud800"}, "result.title holds '\\ud800', half of a pair that stands for no character"),
        ({"looks": []}, "result.looks must be columns; got list"),
        ({"looks": {"at_ns": [1], "kind": []}}, "result.looks has columns of unequal length"),
        ({"looks": {"at_ns": [-1], "kind": ["fine"]}}, "result.looks[0].at_ns must be from 0; got -1"),
        ({"looks": {"at_ns": [1], "kind": ["\x1b" * 99]}}, "result.looks[0].kind must be one of 'fine', 'coarse'; got"),
        ({"looks": {"at_ns": [1.0], "kind": ["fine"]}}, "result.looks[0].at_ns must be of type int; got float"),
        ({"ratio": 0}, "result.ratio must be above 0; got 0"),
        ({"ratio": 1e28}, "result.ratio is too large a number"),
        ({"ratio": 10**400}, "result.ratio is too large a number"),
        ({"calls": {"x": 1}}, "result.calls.x must have a whole number for its name"),
        ({"calls": {"\x1b": 1}}, "result.calls.\\x1b must have a whole number for its name"),
        ({"one": {"weight": 1.0}}, "result.one lacks size"),
        ({"one": {"at_ns": 1}}, "result.one lacks kind"),
        ({"one": {"weight": 1, "size": 1.5}}, "result.one.size must be from 0 up to 1; got 1.5"),
        ({"free": {"a": {"\udfff": 1}}}, "a name in result.free.a holds '\\udfff'"),
        ({"free": {"a": 1e300}}, "result.free.a is too large a number"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(changes: dict[str, Any], told: str) -> None:
    """And in letters that no terminal obeys."""
    with pytest.raises(UsageError) as caught:
        FORM.loads(json.dumps(data(**changes)), "FILE")
    said = str(caught.value)
    assert told in said
    assert said.isprintable()
    assert len(said) < 400


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "FILE is not JSON"),
        ("[]", "it is no object"),
        ('{"a": NaN}', "NaN is no number of JSON's"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "one object has two values called 'c'"),
        ("[" * 100_000 + "]" * 100_000, "too deep"),
        ('{"a": ' * 100_000, "too deep"),
        ("1" * 5000, "FILE is not JSON"),
    ],
)
def test_what_is_no_json_is_refused(text: str, told: str) -> None:
    """Whatever the reader would otherwise make of it."""
    with pytest.raises(UsageError) as caught:
        parse(text, "FILE")
    assert told in str(caught.value)


def test_what_no_class_describes_may_not_be_deep() -> None:
    """It would be drawn, or written, by recursion."""
    deep: Any = 1
    for _ in range(50):
        deep = [deep]
    with pytest.raises(UsageError, match="is too deep"):
        FORM.loads(json.dumps(data(free={"a": deep})))


def test_a_file_above_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is a pipe that never ends; the error says how much is read."""
    monkeypatch.setattr(files, "MOST_BYTES", 1 << 10)
    path = tmp_path / "large.json"
    path.write_bytes(b" " * 1024)
    assert len(read_text(path)) == 1024
    path.write_bytes(b" " * 1025)
    with pytest.raises(UsageError, match="larger than 1 KiB, and no more is read"):
        read_text(path)
    reader, writer = os.pipe()
    os.write(writer, b" " * 1025)
    os.close(writer)
    try:
        with pytest.raises(UsageError, match="larger than 1 KiB"):
            read_text(Path(f"/dev/fd/{reader}"))
    finally:
        os.close(reader)


def test_the_kind_says_which_form(tmp_path: Path) -> None:
    """Of several; a file that says none is known by a name that only its kind has."""
    other: Form[Other] = Form(kind="gilscope other", version=1, holds=Other)
    assert form_of(data(), [other, FORM], "FILE") is FORM
    assert form_of(data(kind=...), [other, FORM], "FILE") is FORM
    with pytest.raises(UsageError, match="can be read: results of gilscope other and gilscope look"):
        form_of({"schema_version": 1}, [other, FORM], "FILE")


def test_a_class_is_looked_at_once() -> None:
    """For a file has thousands of each."""
    assert fields_of(Look) is fields_of(Look)
    with pytest.raises(Wrong, match="thing must be an object; got int"):
        typed(Look, 3, "thing")
