"""Methods of Python's own with something else in their place: put there and taken back, whatever others do."""

import threading
import traceback
from importlib.machinery import ExtensionFileLoader
from typing import Any

import pytest

from gilscope.accounting import patches
from gilscope.accounting.patches import Patch
from gilscope.kernels import _capi


class Owner:
    def method(self) -> str:
        return "original"


@pytest.fixture
def patch() -> Patch:
    """Give a patch that says that it was there."""

    class Fresh(Owner):
        method = Owner.method

    def make(original: Any) -> Any:
        return lambda self: f"patched {original(self)}"

    made = Patch(Fresh, "method", make)
    made.owner = Fresh  # type: ignore[attr-defined]
    return made


def said(patch: Patch) -> str:
    return patch.owner().method()  # type: ignore[attr-defined, no-any-return]


def test_put_and_taken_back_twice(patch: Patch) -> None:
    """Each is done once, however often it is asked for."""
    for _ in range(2):
        patch.put()
        patch.put()
        assert said(patch) == "patched original"
        patch.take_back()
        patch.take_back()
        assert said(patch) == "original"


def test_taken_back_before_it_was_put(patch: Patch) -> None:
    """There is nothing to take back."""
    patch.take_back()
    assert said(patch) == "original"


def test_another_tool_on_top(patch: Patch) -> None:
    """What somebody else has put in the same place stays theirs, and works."""
    patch.put()
    owner: Any = patch.owner  # type: ignore[attr-defined]
    ours = owner.method
    owner.method = lambda self: f"theirs {ours(self)}"
    patch.take_back()
    assert said(patch) == "theirs patched original"
    patch.put()
    assert said(patch) == "patched theirs patched original"
    patch.take_back()
    assert said(patch) == "theirs patched original"


def test_a_method_that_is_not_there() -> None:
    """A later Python may have none of that name; then nothing is noticed, and nothing breaks."""
    patch = Patch(Owner, "_no_such_method", lambda original: original)
    patch.put()
    assert not hasattr(Owner, "_no_such_method")
    patch.take_back()


def test_imports_are_watched_reversibly() -> None:
    """Every import of an extension refreshes, and afterwards the loader is what it was."""
    before, seen = ExtensionFileLoader.create_module, []
    watch = patches.imports(lambda: seen.append(1))
    watch.put()
    spec = _capi.__spec__
    assert spec is not None
    assert spec.loader is not None
    spec.loader.create_module(spec)
    watch.take_back()
    assert seen == [1]
    assert ExtensionFileLoader.create_module is before


def test_threads_are_watched_reversibly() -> None:
    """Each says on itself that it begins and that it ends, by the name it has then; afterwards none does."""
    before = threading.Thread._bootstrap_inner  # type: ignore[attr-defined]
    seen: list[tuple[str, str, bool]] = []

    def note(what: str) -> Any:
        return lambda thread: seen.append((what, thread.name, threading.current_thread() is not thread))

    def rename() -> None:
        threading.current_thread().name = "renamed"

    watch = patches.threads(note("begins"), note("ends"))
    watch.put()
    thread = threading.Thread(target=rename, name="named")
    thread.start()
    thread.join()
    watch.take_back()
    other = threading.Thread(target=rename)
    other.start()
    other.join()
    assert [(what, name) for what, name, _ in seen] == [("begins", "named"), ("ends", "renamed")]
    assert threading.Thread._bootstrap_inner is before  # type: ignore[attr-defined]


def test_no_traceback_shows_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a program's thread raises looks as it does without."""
    shown: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: shown.extend(traceback.format_exception(args.exc_value)))

    def fail() -> None:
        raise ValueError("of the program")

    watch = patches.threads(lambda thread: None, lambda thread: None)
    watch.put()
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    watch.take_back()
    assert "of the program" in shown[-1]
    assert patches.__file__ not in "".join(shown)
