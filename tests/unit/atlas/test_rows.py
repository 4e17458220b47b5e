"""Rows of an atlas: kept or measured again, chosen, filtered, sorted and stored."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from probes import PROBES, gave, handing, probed, scaled, shares
from schemas import schema_of

from gilscope.atlas import document, rows, selection, survey
from gilscope.atlas.calls import Atlas, Call
from gilscope.atlas.result import (
    FAILED,
    AtlasResult,
    MachineFacts,
    PredictedRange,
    Row,
    SpeedUp,
    Way,
)
from gilscope.cli.atlas_progress import Display
from gilscope.cli.exit_codes import of_atlas as exit_code
from gilscope.documents.typed import plain
from gilscope.errors import UsageError
from gilscope.probing.shares import Share

CALLS = (
    Call(name="crc", group="sums", setup="import zlib", statement="zlib.crc32(b'')"),
    Call(name="loop", group="rest", statement="for i in range(9): pass"),
    Call(name="gone", group="rest", statement="gone()", requires=("no_such_module",)),
)
ATLAS = Atlas(title="Mine", calls=CALLS)


def way(estimate: float | None, low: float) -> Way:
    return Way(
        n_workers=2,
        speed_up=None if estimate is None else SpeedUp(estimate, 1.0, math.inf),
        predicted=PredictedRange(low=low, high=2.0, limit="the GIL"),
        absent="" if estimate else "no process",
    )


def row_of(call: Call, **changes: Any) -> Row:
    """Return a row as a probe would give it."""
    measured = {
        "class_": "releases",
        "failure": "",
        "wall_ns": 1e6,
        "released": Share(0.9, 0.89, 0.91),
        "longest_hold_ns": 1000,
        "releases": 1.0,
        "mean_release_ns": 9e5,
        "threads": way(1.8, 1.7),
        "processes": way(None, 1.9),
        "second_cpu": True,
        "pays": "threads",
        "mechanism": "ledger",
    }
    return replace(rows.absent_row(call, []), **{**measured, **changes})


SCHEMA = schema_of("atlas")
ROW_SCHEMA = {"$defs": SCHEMA["$defs"], "$ref": "#/$defs/row"}
MACHINE = MachineFacts(usable_cpus=2, usable_cpus_from="affinity", python=rows.python_name())


def result_of(*found: Row, atlas: Atlas = ATLAS) -> AtlasResult:
    """Return the result of an atlas with these rows."""
    return AtlasResult(
        tool="gilscope 0.1.0",
        started="2026-11-22T12:00:00+00:00",
        title=atlas.title,
        n_calls=len(atlas.calls),
        machine=MACHINE,
        rows=found,
    )


@pytest.mark.parametrize("name", PROBES)
def test_a_row_says_what_its_probe_says(name: str) -> None:
    """Of every class, and of failures; as the schema has it."""
    row = rows.measured_row(CALLS[0], PROBES[name], 1.5)
    jsonschema.validate(plain(row), ROW_SCHEMA)
    assert row.failure == PROBES[name].failure
    for key in ("pays", "advice", "mechanism", "cost"):
        assert getattr(row, key) == getattr(PROBES[name], key)
    assert list(row.blind_to) == PROBES[name].blind_to


def test_what_pays_is_what_the_advice_says() -> None:
    """Where a way gave nothing here for a known reason it does not pay; how it is handed out is another matter."""
    disappoints = probed(shares(0.02, 0.98, 0), scaling=scaled(1.0, 1.0))
    assert disappoints.advice.startswith("Threads do not pay")
    assert rows.measured_row(CALLS[0], disappoints, 1.0).pays == "neither"
    slow = [gave(way, 1.9) | {"handing": handing(2, 50e6)} for way in ("threads", "processes")]
    told = probed(shares(0.02, 0.98, 0), scaling=slow)
    assert told.advice.startswith("Threads pay: ")
    assert "handed out one by one, 0.17 to 0.20 times" in told.advice
    assert rows.measured_row(CALLS[0], told, 1.0).pays == "threads"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answer for the probe, and return the names of the calls that it was asked to measure."""
    names: list[str] = []

    def measure(call: Call, limit_s: float, seconds: float) -> Row:
        names.append(call.name)
        return row_of(call, took_s=2.0)

    monkeypatch.setattr(survey, "_measure", measure)
    return names


def test_every_call_gets_a_row_in_order(asked: list[str]) -> None:
    """What is not installed is a row too, and is not probed."""
    events = list(survey.survey(CALLS, {}))
    ended = [event for event in events if isinstance(event, survey.Ended)]
    assert [event.row.name for event in ended] == ["crc", "loop", "gone"]
    assert ended[-1].row.failure == "not installed: no_such_module"
    assert asked == ["crc", "loop"]


def test_the_time_that_is_left_is_told_from_the_second_call_on(asked: list[str]) -> None:
    """It is the mean so far, times the calls that are left to measure."""
    begun = [event for event in survey.survey(CALLS, {}) if isinstance(event, survey.Begun)]
    assert [event.remaining_s for event in begun] == [None, 2.0]


def test_the_time_that_is_left_is_told_on_a_pipe_too(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A line stands for the end of a call, so it is the time for those after it; at the end there is none.

    Calls that are not installed have no line: the table names them once.
    """
    with Display() as display:
        for event in survey.survey(CALLS, {}):
            display.show(event)
    told = [line.partition(":")[0] for line in capsys.readouterr().err.splitlines()]
    assert told == ["1 of 3, 2 s left", "2 of 3"]


def test_rows_that_are_still_good_are_kept(asked: list[str]) -> None:
    """The same setup, statement and interpreter: nothing to measure; but the group is as the list has it now."""
    before = {"crc": row_of(CALLS[0], group="old"), "loop": row_of(CALLS[1])}
    ended = [event for event in survey.survey(CALLS, before) if isinstance(event, survey.Ended)]
    assert [event.is_kept for event in ended] == [True, True, False]
    assert ended[0].row.group == "sums"
    assert asked == []


@pytest.mark.parametrize(
    "change", [{"setup": "x"}, {"statement": "x"}, {"python": "CPython 2.7"}, {"failure": "failed: it hung"}]
)
def test_rows_of_something_else_are_measured_again(asked: list[str], change: dict[str, Any]) -> None:
    """Other code, another interpreter, or a failure, which may have been the machine's."""
    list(survey.survey(CALLS[:1], {"crc": row_of(CALLS[0], **change)}))
    assert asked == ["crc"]


def test_only_what_is_not_there_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one that raises, hangs or ends its process the call that needs it speaks; it hides none that is absent."""
    (tmp_path / "deadly.py").write_text("import os; print('half a line', end='', flush=True); os._exit(1)")
    (tmp_path / "slow.py").write_text("import time; time.sleep(100)")
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "a_part.py").write_text("print('loud', end=''); import _what_was_not_built")
    monkeypatch.chdir(tmp_path)
    assert survey.missing_modules(["zlib", "broken", "a_part", "os.path"]) == {"a_part"}
    assert survey.missing_modules(["deadly", "a_part", "no_such", "no.such"]) == {"a_part", "no_such", "no.such"}
    monkeypatch.setattr(survey, "_IMPORT_SECONDS", 3.0)
    assert survey.missing_modules(["slow", "zzz_no_such"]) == {"zzz_no_such"}


def test_calls_are_chosen_by_a_part_of_their_name_or_group() -> None:
    """Any of several parts will do, in whichever case; the number counts from the first."""
    assert [call.name for call in selection.select(ATLAS, ["REST"], None)] == ["loop", "gone"]
    assert [call.name for call in selection.select(ATLAS, ["cr", "lo"], 1)] == ["crc"]
    with pytest.raises(UsageError, match="no call has 'zip' .* groups are sums, rest"):
        selection.select(ATLAS, ["zip"], None)


def test_filters_of_one_kind_are_alternatives_and_kinds_add_up() -> None:
    """class=... twice means either; a class and a group mean both."""
    found = [row_of(CALLS[0]), row_of(CALLS[1], class_="waits"), row_of(CALLS[2], class_="mixed")]

    def names(*filters: str) -> list[str]:
        return [row.name for row in selection.filtered(found, filters)]

    assert names() == ["crc", "loop", "gone"]
    assert names("class=releases", "class=WAITS") == ["crc", "loop"]
    assert names("class=waits", "class=mixed", "group=rest", "go") == ["gone"]


@pytest.mark.parametrize("text", ["class=fast", "", "class=", "group= "])
def test_a_filter_that_nothing_can_pass_is_refused(text: str) -> None:
    """A class that does not exist, or nothing at all."""
    with pytest.raises(UsageError, match="filter"):
        selection.check_filters([text])


@pytest.mark.parametrize(
    ("key", "order"),
    [
        (None, "abcd"),
        ("name", "abcd"),
        ("class", "bcad"),
        ("released", "bcad"),
        ("longest-hold", "cabd"),
        ("releases", "bacd"),
        ("threads", "cbad"),
        ("processes", "acbd"),
    ],
)
def test_rows_are_sorted_by_any_column(key: str | None, order: str) -> None:
    """Figures come the largest first; without a second CPU the prediction counts; a row without figures is last."""

    def named(name: str, kind: str, share: float, hold: int, releases: float, gain: float, *, cpu: bool) -> Row:
        call = Call(name=name, group="g", statement="pass")
        figures = {"releases": releases, "longest_hold_ns": hold, "second_cpu": cpu, "class_": kind}
        released = Share(share, share, share)
        ways = {"threads": way(gain, 1.5), "processes": way(None, 2.0 - share)}
        return row_of(call, released=released, **figures, **ways)

    found = [
        named("a", "releases", 0.3, 2, 2.0, 1.2, cpu=True),
        named("b", "mixed", 0.9, 1, 9.0, 9.9, cpu=False),
        named("c", "mixed", 0.4, 3, 0.0, 1.9, cpu=True),
        replace(rows.absent_row(Call(name="d", group="g", statement="pass"), ["x"]), class_="zzz"),
    ]
    assert "".join(row.name for row in selection.in_order(found, key)) == order


def test_a_file_is_read_back(tmp_path: Path) -> None:
    """What was written is what is read, and it is as the schema says."""
    path, found = tmp_path / "a.json", [row_of(CALLS[0]), rows.absent_row(CALLS[2], ["no_such_module"])]
    document.ATLAS.write(result_of(*found), path)
    jsonschema.validate(json.loads(path.read_text()), SCHEMA)
    assert document.ATLAS.read(path) == result_of(*found)
    assert document.rows_to_go_on_from(path, ATLAS) == {row.name: row for row in found}


def test_a_file_of_the_first_version_is_read() -> None:
    """Which did not say when it was begun; written again it is the same but for that."""
    path = Path(__file__).parents[2] / "fixtures/files/atlas-1.json"
    result = document.ATLAS.read(path)
    after = json.loads(document.ATLAS.dumps(result))
    assert after == {**json.loads(path.read_text()), "started": ""}
    jsonschema.validate(after, SCHEMA)


def test_rows_that_the_list_no_longer_has_are_forgotten(tmp_path: Path) -> None:
    """A call that was renamed leaves no row behind; and another list's file is refused."""
    path = tmp_path / "a.json"
    document.ATLAS.write(result_of(row_of(Call(name="old", group="g", statement="pass"))), path)
    assert document.rows_to_go_on_from(path, ATLAS) == {}
    with pytest.raises(UsageError, match="holds 'Mine', not 'Yours'"):
        document.rows_to_go_on_from(path, Atlas(title="Yours", calls=CALLS))


def changed(**changes: Any) -> dict[str, Any]:
    """Return a row as a file has it, with changes."""
    return {**plain(row_of(CALLS[0])), **changes}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "gilscope"}, "holds no results of"),
        ({"schema_version": 2}, "of schema version 2"),
        ({"rows": None}, "result.rows must be a list; got NoneType"),
        ({"rows": [1]}, r"result.rows\[0\] must be an object; got int; --restart measures anew"),
        ({"rows": [changed(name=1)]}, r"result.rows\[0\].name must be of type str; got int"),
        ({"rows": [changed(wall_ns="long")]}, r"rows\[0\].wall_ns must be a number; got str"),
        ({"rows": [changed(released=1)]}, r"rows\[0\].released must be an object; got int"),
        ({"rows": [changed(threads={})]}, r"rows\[0\].threads lacks n_workers, speed_up, predicted, absent"),
        ({"rows": [changed(processes=None)]}, r"rows\[0\] has neither a failure nor all figures"),
        ({"rows": [changed(notes=None)]}, r"rows\[0\].notes must be a list; got NoneType"),
        ({"rows": [changed(blind_to=[1])]}, r"rows\[0\].blind_to\[0\] must be of type str; got int"),
        (
            {"rows": [changed(**{"class": "quick"})]},
            r"rows\[0\].class must be one of 'Python bytecode', .*; got 'quick'",
        ),
    ],
)
def test_a_file_that_is_not_whole_is_refused(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    """Nothing is drawn from half a row, and nothing else is replaced."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps({**json.loads(document.ATLAS.dumps(result_of())), **change}))
    with pytest.raises(UsageError, match=told):
        document.rows_to_go_on_from(path, ATLAS)


def test_what_is_not_json_is_refused(tmp_path: Path) -> None:
    """A file that an atlas did not write stays as it is."""
    (tmp_path / "notes.txt").write_text("milk")
    with pytest.raises(UsageError, match="is not JSON.* so it holds no results of an atlas"):
        document.check_replaceable(tmp_path / "notes.txt")


def test_the_exit_code_says_the_worst() -> None:
    """0 measured, 4 a call failed, 5 where nothing can be measured."""
    good, absent = row_of(CALLS[0]), rows.absent_row(CALLS[2], ["x"])
    failed = replace(absent, class_=FAILED, exit_code=2)
    no_ledger = replace(failed, exit_code=5)
    assert exit_code([good, absent]) == 0
    assert exit_code([good, failed]) == 4
    assert exit_code([failed, no_ledger]) == 4
    assert exit_code([absent, no_ledger]) == 5
