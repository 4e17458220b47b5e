"""Results as files: they are what the schema says, come back as they were, and are written whole or not at all."""

import dataclasses
import errno
import json
import math
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fakes
import jsonschema
import pytest
from schemas import schema_of

from gilscope.documents.typed import plain
from gilscope.errors import CannotRunError, UsageError
from gilscope.machine import description as machine
from gilscope.running.document import RUN
from gilscope.running.result import Result

SCHEMA = schema_of("run")
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def measured() -> Result:
    """Return the result of a whole fake run, with an absent arm in it."""
    runner = fakes.FakeMachine(absent={"interpreters": "needs CPython >= 3.12"}).runner(fakes.plan(effort="fast"))
    return fakes.finish(runner)[0]


def partial() -> Result:
    """Return the result of a run that was interrupted in its first round."""
    runner = fakes.FakeMachine().runner(fakes.plan(effort="fast"))
    events = runner.events()
    next(events)
    return fakes.result_of(runner)


RESULTS: list[Callable[[], Result]] = [fakes.hand_made, measured, partial]


def same(one: Any, other: Any) -> bool:
    """Compare plain data; not a number equals itself here."""
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other):
        return True
    if dataclasses.is_dataclass(one) and type(one) is type(other):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in dataclasses.fields(one))
    if isinstance(one, list | tuple) and type(one) is type(other) and len(one) == len(other):
        return all(same(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other) and type(one) is type(other)


def test_the_schema_names_every_fact_of_a_machine() -> None:
    """What `gilscope.machine.describe` gives of this very machine fits the schema, whatever it could read."""
    facts = plain(machine.describe(host_name=True, openmp=False))
    VALIDATOR.evolve(schema=SCHEMA["$defs"]["machine"] | {"$defs": SCHEMA["$defs"]}).validate(facts)
    assert set(facts) == set(SCHEMA["$defs"]["machine"]["properties"])


@pytest.mark.parametrize("result", RESULTS)
def test_results_fit_the_schema(result: Callable[[], Result]) -> None:
    """Hand-made, whole and interrupted results are what the schema says."""
    VALIDATOR.validate(json.loads(RUN.dumps(result())))


def test_the_schema_refuses_what_it_does_not_know() -> None:
    """A name too many, and a missing one, are both refused, at the top and deep inside."""
    for change in (
        lambda data: data.update(extra=1),
        lambda data: data.pop("rounds"),
        lambda data: data["rows"][0]["arm"].update(colour="red"),
        lambda data: data["rounds"][0]["samples"].pop("wall_ns"),
        lambda data: data["control"]["same"].update(estimate="one"),
    ):
        data = json.loads(RUN.dumps(fakes.hand_made()))
        change(data)
        with pytest.raises(jsonschema.ValidationError):
            VALIDATOR.validate(data)


@pytest.mark.parametrize("result", RESULTS)
def test_a_result_comes_back_as_it_was(result: Callable[[], Result]) -> None:
    """Reading what was written gives the same result, types, infinite ends and missing estimates included."""
    before = result()
    after = RUN.loads(RUN.dumps(before))
    assert same(before, after)
    assert RUN.dumps(after) == RUN.dumps(before)


def test_a_ratio_without_pairs_stays_not_a_number() -> None:
    """An estimate that could not be made is not a number again when read, and an infinite end is infinite."""
    after = RUN.loads(RUN.dumps(fakes.hand_made()))
    ratio = after.rows[2].versus_python
    assert ratio is not None
    assert math.isnan(ratio.estimate)
    assert math.isinf(ratio.high)


def broken(change: Callable[[Any], Any]) -> str:
    """Return the hand-made result's file with something wrong in it."""
    data = json.loads(RUN.dumps(fakes.hand_made()))
    change(data)
    return json.dumps(data)


WHOLE = RUN.dumps(fakes.hand_made())
BROKEN = {
    "empty": ("", ["FILE is not JSON", "line 1 column 1"]),
    "text": ("hello", ["FILE is not JSON", "line 1 column 1"]),
    "truncated": (WHOLE[: len(WHOLE) // 2], ["FILE is not JSON", "char"]),
    "followed by more": (WHOLE + "{}", ["FILE is not JSON", "Extra data"]),
    "too deep": ("[" * 100_000, ["FILE is not JSON", "too deep"]),
    "too long a number": ("1" * 10_000, ["FILE is not JSON"]),
    "not a number": (broken(lambda d: d.update(duration_s=math.nan)), ["FILE is not JSON", "NaN"]),
    "an endless number": (
        WHOLE.replace('"duration_s": 38.25', '"duration_s": 1e400'),
        ["result.duration_s is too large a number"],
    ),
    "a number of many digits": (
        broken(lambda d: d["rows"][0].update(wall_ns=10**400)),
        ["result.rows[0].wall_ns is too large a number"],
    ),
    "half a character": (broken(lambda d: d["machine"].update(x=["\ud800"])), ["result.machine.x[0] holds '\\ud800'"]),
    "half a character in a name": (broken(lambda d: d["machine"].update({"\udfff": 1})), ["'\\udfff'"]),
    "a group without arms": (
        broken(lambda d: d["plan"]["groups"][0].update(arms=[])),
        ["result.plan.groups[0].arms must name an arm or more"],
    ),
    "an interval the wrong way round": (
        broken(lambda d: d["control"]["same"].update(low=1.5)),
        ["result.control.same must have 0 <= low <= high; got 1.5 and 1.003"],
    ),
    "a list": ("[1, 2]", ["FILE is JSON, but not a gilscope result", "it is no object"]),
    "a number": ("3", ["FILE is JSON, but not a gilscope result"]),
    "other JSON": ('{"a": 1}', ["FILE is JSON, but not a gilscope result"]),
    "another version": (
        broken(lambda d: d.update(schema_version=2)),
        ["schema version 2: a newer gilscope wrote it", "reads version 1"],
    ),
    "version as text": (broken(lambda d: d.update(schema_version="1")), ["schema version '1'"]),
    "nothing else": ('{"schema_version": 1}', ["FILE is JSON, but not a gilscope result", "no kind"]),
    "a missing key": (broken(lambda d: d.pop("plan")), ["result lacks plan"]),
    "a missing key deep inside": (
        broken(lambda d: d["plan"]["groups"][0]["arms"][1].pop("gil")),
        ["result.plan.groups[0].arms[1] lacks gil"],
    ),
    "a wrong type": (broken(lambda d: d.update(argv="run")), ["result.argv must be a list; got str"]),
    "a truth for a number": (
        broken(lambda d: d["rounds"][1].update(at_ns=True)),
        ["result.rounds[1].at_ns must be of type int; got bool"],
    ),
    "a text for a number": (
        broken(lambda d: d["rows"][0].update(wall_ns="8 ms")),
        ["result.rows[0].wall_ns must be a number; got str"],
    ),
    "null for a number": (
        broken(lambda d: d.update(duration_s=None)),
        ["result.duration_s must be a number; got NoneType"],
    ),
    "a list for an object": (broken(lambda d: d.update(work=[])), ["result.work must be an object; got list"]),
    "a number for an object": (broken(lambda d: d.update(control=3)), ["result.control must be an object; got int"]),
    "a text in a list of objects": (
        broken(lambda d: d["workers"].append("w")),
        ["result.workers[1] must be an object; got str"],
    ),
    "no samples": (broken(lambda d: d["rounds"][2].pop("samples")), ["result.rounds[2] lacks samples"]),
    "samples by row": (
        broken(lambda d: d["rounds"][0].update(samples=[])),
        ["result.rounds[0].samples must be columns; got list"],
    ),
    "columns of unequal length": (
        broken(lambda d: d["rounds"][1]["samples"]["cpu_ns"].pop()),
        ["result.rounds[1].samples has columns of unequal length"],
    ),
    "a missing column": (
        broken(lambda d: d["rounds"][1]["samples"].pop("cpu_ns")),
        ["result.rounds[1].samples[0] lacks cpu_ns"],
    ),
    "a wrong cell": (
        broken(lambda d: d["rounds"][1]["samples"].update(cpu_ns=[1, None, 3])),
        ["result.rounds[1].samples[1].cpu_ns must be of type int; got NoneType"],
    ),
}


@pytest.mark.parametrize(("text", "words"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_refused_with_the_place(text: str, words: list[str]) -> None:
    """Whatever is wrong with a file, the message names it and where the fault is, and no traceback comes out."""
    with pytest.raises(UsageError) as caught:
        RUN.loads(text, "FILE")
    for word in words:
        assert word in str(caught.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """No file, a folder, and bytes that are no text each say so, with the path."""
    picture = tmp_path / "picture"
    picture.write_bytes(b"\x89PNG\xff")
    for path, reason in (
        (tmp_path / "none", "No such file or directory"),
        (tmp_path, "Is a directory"),
        (picture, "it is not text"),
    ):
        with pytest.raises(UsageError) as caught:
            RUN.read(path)
        assert str(path) in str(caught.value)
        assert reason in str(caught.value)


def test_a_result_is_written_and_read_back(tmp_path: Path) -> None:
    """The file holds the result and a final newline, and stands alone in its folder."""
    path = tmp_path / "run.json"
    RUN.write(fakes.hand_made(), path)
    assert path.read_text(encoding="utf-8") == WHOLE
    assert WHOLE.endswith("}\n")
    assert same(RUN.read(path), fakes.hand_made())
    assert os.listdir(tmp_path) == ["run.json"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_umask_is_honoured(tmp_path: Path, umask: int, mode: int) -> None:
    """Who may read the file is the user's to say."""
    before = os.umask(umask)
    try:
        RUN.write(fakes.hand_made(), tmp_path / "run.json")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "run.json").stat().st_mode) == mode


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("old", [None, "what was there"])
def test_a_full_disk_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, old: str | None
) -> None:
    """When writing fails, the message says why, the old file is as it was, and nothing else lies about."""

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, fail)
    monkeypatch.setattr(Path, "replace", fail if step == "replace" else Path.replace)
    path = tmp_path / "run.json"
    if old is not None:
        path.write_text(old)
    with pytest.raises(CannotRunError, match=r"cannot write .*run\.json: No space left on device"):
        RUN.write(fakes.hand_made(), path)
    assert os.listdir(tmp_path) == ([] if old is None else ["run.json"])
    assert old is None or path.read_text() == old


def test_an_interrupted_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of a write comes out as it is and leaves neither half a file nor a temporary one."""

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "run.json"
    path.write_text("what was there")
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        RUN.write(fakes.hand_made(), path)
    assert os.listdir(tmp_path) == ["run.json"]
    assert path.read_text() == "what was there"


def test_a_path_that_cannot_be_a_file_is_refused(tmp_path: Path) -> None:
    """A folder that is missing, a file in its place, and a name that is too long are errors with the path in them."""
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "none" / "run.json", tmp_path / "file" / "run.json", tmp_path / ("x" * 251 + ".json")):
        with pytest.raises(CannotRunError, match="cannot write"):
            RUN.write(fakes.hand_made(), path)
    assert os.listdir(tmp_path) == ["file"]


def test_the_longest_name_that_the_system_allows_can_be_written(tmp_path: Path) -> None:
    """The temporary file's name is not made from the target's, which may be as long as names can be."""
    path = tmp_path / ("x" * 250 + ".json")
    RUN.write(fakes.hand_made(), path)
    assert os.listdir(tmp_path) == [path.name]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 16 KiB, where this process may."""
    mount = shutil.which("mount")
    folder = tmp_path / "tiny"
    folder.mkdir()
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this process may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_really_full_leaves_what_was_there(tiny_disk: Path) -> None:
    """On a file system without room the old file stays whole and nothing is left of the new one."""
    path = tiny_disk / "run.json"
    path.write_text("old")
    with pytest.raises(CannotRunError, match="No space left on device"):
        RUN.write(measured(), path)
    assert os.listdir(tiny_disk) == ["run.json"]
    assert path.read_text() == "old"


def test_a_file_without_a_kind_is_read() -> None:
    """As the first version wrote it; written again, it has its kind, and is the same but for that."""
    path = Path(__file__).parents[2] / "fixtures/files/run-1-without-kind.json"
    result = RUN.read(path)
    before, after = json.loads(path.read_text()), json.loads(RUN.dumps(result))
    assert after == {**before, "kind": "gilscope run"}
    VALIDATOR.validate(after)


def test_any_seed_that_a_run_takes_is_read_back() -> None:
    """A random generator takes negative ones too."""
    made = fakes.hand_made()
    made = dataclasses.replace(made, plan=dataclasses.replace(made.plan, seed=-1))
    assert RUN.loads(RUN.dumps(made)).plan.seed == -1
