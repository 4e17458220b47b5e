"""The call lists that come with gilscope: every call runs, again and again, and leaves nothing behind."""

import importlib
import sys
import tomllib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from leftovers import nothing_left

ATLASES = {
    name: tomllib.loads(resources.files("gilscope").joinpath(f"atlases/{name}.toml").read_text(encoding="utf-8"))
    for name in ("stdlib", "numpy")
}
CALLS = [(name, call) for name, atlas in ATLASES.items() for call in atlas["call"]]
EXPECTED = tomllib.loads((Path(__file__).parents[2] / "fixtures/expected_classes.toml").read_text(encoding="utf-8"))
CLASSES = {"Python bytecode", "native, GIL held", "releases", "waits", "mixed", "already parallel"}
ATLAS_KEYS = {"title", "requires", "call"}
CALL_KEYS = {"name", "group", "setup", "statement"}


def missing(modules: list[str]) -> list[str]:
    """Return what cannot be imported here; the rest is imported, and with it starts the threads that it keeps."""
    found = []
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError:
            found.append(module)
    return found


@pytest.fixture
def quiet_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make an empty folder the current one and the one for temporary files."""
    with nothing_left():
        pass  # CPython's helpers start here, and keep their own files in another folder
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "least"), [("stdlib", 60), ("numpy", 40)])
def test_an_atlas_is_long_and_has_a_title(name: str, least: int) -> None:
    """Each atlas has a title, modules that it needs, and many calls."""
    atlas = ATLASES[name]
    assert atlas.keys() == ATLAS_KEYS
    assert atlas["title"]
    assert len(atlas["call"]) >= least


@pytest.mark.parametrize("call", [call for _, call in CALLS], ids=lambda call: call["name"])
def test_a_call_is_described_by_texts(call: dict[str, Any]) -> None:
    """A call has a name, a group, a setup and a statement, perhaps modules that it needs, and nothing else."""
    assert call.keys() - {"requires"} == CALL_KEYS
    assert all(isinstance(call[key], str) and call[key].strip() for key in CALL_KEYS)
    assert all(isinstance(module, str) for module in call.get("requires", []))


def test_no_two_calls_share_a_name() -> None:
    """A name means one call, in both atlases together."""
    names = [call["name"] for _, call in CALLS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", list(ATLASES))
def test_the_calls_of_a_group_stand_together(name: str) -> None:
    """A group is one run of rows, so that a table can draw it as one block."""
    groups = [call["group"] for call in ATLASES[name]["call"]]
    changes = [group for before, group in zip([None, *groups], groups, strict=False) if before != group]
    assert len(set(changes)) == len(changes)


@pytest.mark.parametrize(("atlas", "call"), CALLS, ids=[call["name"] for _, call in CALLS])
def test_a_call_runs_twice_and_leaves_nothing(atlas: str, call: dict[str, Any], quiet_place: Path) -> None:
    """Setup and statement warn of nothing, can be repeated, and leave no file, descriptor, thread or child."""
    if absent := missing([*ATLASES[atlas]["requires"], *call.get("requires", [])]):
        pytest.skip(f"not installed: {', '.join(absent)}")
    setup = compile(call["setup"], f"<setup of {call['name']}>", "exec")
    statement = compile(call["statement"], f"<statement of {call['name']}>", "exec")
    if numpy := sys.modules.get("numpy"):
        # OpenBLAS ends its threads at a fork, as tests before this one may have made, and begins them at its next use.
        ones = numpy.ones((300, 300))
        ones @ ones
    with nothing_left():
        names: dict[str, Any] = {}
        exec(setup, names)
        exec(statement, names)
        exec(statement, names)
        names.clear()


def test_an_expected_class_is_of_a_call_that_exists() -> None:
    """The list of expected classes names calls of the atlases, each once, and says where the class follows from."""
    expected = EXPECTED["expected"]
    names = [entry["name"] for entry in expected]
    assert len(set(names)) == len(names)
    assert set(names) <= {call["name"] for _, call in CALLS}
    assert all(entry.keys() - {"needs"} == {"name", "class", "source"} and entry["source"] for entry in expected)


def test_every_expected_class_is_one_and_occurs() -> None:
    """The classes of the list are the six, and each of the six has a call that is expected to be of it."""
    assert {entry["class"] for entry in EXPECTED["expected"]} == CLASSES
