"""`gilscope report` on files of each kind, without anything being measured."""

import json
from pathlib import Path
from typing import Any

import fakes
import pytest
from probes import PROBES

from gilscope.atlas import document
from gilscope.atlas import view as atlas
from gilscope.atlas.calls import Atlas, Call
from gilscope.atlas.result import AtlasResult, MachineFacts
from gilscope.atlas.rows import measured_row
from gilscope.cli import main
from gilscope.cli.kinds import KINDS
from gilscope.places import portable
from gilscope.probing import view as probing
from gilscope.report import html, markdown, text
from gilscope.running import document as running
from gilscope.running import view

RUN = {"schema_version": 1, "kind": "gilscope run"}
PROBE = PROBES["releases"].as_dict()
CALLS = Atlas(title="Mine", calls=tuple(Call(name=name, group="g", statement="pass") for name in PROBES))
RESULT = AtlasResult(
    tool="gilscope 0.1.0",
    title=CALLS.title,
    n_calls=len(CALLS.calls),
    machine=MachineFacts(usable_cpus=2, usable_cpus_from="affinity", python="CPython 3.13.0"),
    rows=tuple(measured_row(call, PROBES[call.name], 1.0) for call in CALLS.calls),
)
# As it is read back: a whole number of a probe made by hand is one of floating point there.
ATLAS = json.loads(document.ATLAS.dumps(document.ATLAS.loads(document.ATLAS.dumps(RESULT))))


def report(capsys: pytest.CaptureFixture[str], path: Path, data: Any, style: str = "text") -> tuple[object, str, str]:
    """Return the exit code of a report of a file with this data, and what it printed."""
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    with pytest.raises(SystemExit) as caught:
        main(["report", str(path), "--format", style])
    return caught.value.code, *capsys.readouterr()


@pytest.mark.parametrize("name", ["releases", "raised"])
def test_a_probe_is_drawn_as_the_probe_drew_it(capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str) -> None:
    """In every format; as JSON it is the file."""
    data = PROBES[name].as_dict()
    drawn = {style: report(capsys, tmp_path / "a.json", data, style) for style in KINDS["probe"].styles}
    assert {(code, errors) for code, _, errors in drawn.values()} == {(0, "")}
    blocks = portable(probing.blocks(PROBES[name]))
    assert drawn["text"][1] == f"{text.render(blocks)}\n"
    assert drawn["markdown"][1] == markdown.render(blocks)
    assert drawn["html"][1] == html.page(blocks)
    assert json.loads(drawn["json"][1]) == data


def test_an_atlas_is_drawn_as_the_atlas_drew_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """In every format; as JSON it is the file."""
    drawn = {style: report(capsys, tmp_path / "a.json", ATLAS, style) for style in KINDS["atlas"].styles}
    assert {(code, errors) for code, _, errors in drawn.values()} == {(0, "")}
    blocks = atlas.blocks(RESULT)
    assert drawn["text"][1] == f"{text.render(blocks)}\n"
    assert drawn["markdown"][1] == markdown.render(blocks)
    assert drawn["html"][1] == html.page(blocks)
    assert json.loads(drawn["json"][1]) == ATLAS


def test_a_run_is_drawn_in_every_format(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """As JSON it is the file."""
    made = fakes.hand_made()
    data = running.RUN.dumps(made)
    drawn = {style: report(capsys, tmp_path / "a.json", data, style) for style in KINDS["run"].styles}
    assert {(code, errors) for code, _, errors in drawn.values()} == {(0, "")}
    assert drawn["text"][1] == f"{text.render(view.blocks(made))}\n"
    assert drawn["markdown"][1] == markdown.render(view.blocks(made))
    assert drawn["html"][1] == html.page(view.blocks(made))
    assert drawn["json"][1] == data


@pytest.mark.parametrize(
    ("data", "style", "told"),
    [
        ({"kind": "a shopping list"}, "text", "not a gilscope result: its kind is 'a shopping list'"),
        (RUN, "html", "not a whole result of gilscope run"),
        (RUN, "text", "not a whole result of gilscope run"),
        ([], "text", "not a gilscope result"),
        ("milk", "text", "not JSON"),
        ({**PROBE, "schema_version": 9}, "text", "schema version 9"),
        ({**PROBE, "shares": 3}, "json", "not a whole result of gilscope probe"),
        ({key: value for key, value in PROBE.items() if key != "class"}, "html", "result lacks class"),
        ({**ATLAS, "rows": [{}]}, "text", "result.rows[0] lacks name, "),
        ({**ATLAS, "machine": None}, "text", "result.machine must be an object"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, data: Any, style: str, told: str
) -> None:
    """By name, with what is wrong, and code 2; nothing is half drawn."""
    code, out, errors = report(capsys, tmp_path / "a.json", data, style)
    assert (code, out) == (2, "")
    assert told in errors
    assert "a.json" in errors
