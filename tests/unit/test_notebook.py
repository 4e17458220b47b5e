"""The magics of IPython, with a shell that has nothing but what is used of it."""

import importlib
from collections.abc import Callable
from typing import Any

import pytest

import gilscope
from gilscope import notebook
from gilscope.errors import UsageError
from gilscope.probing.result import Probe
from gilscope.targets.target import Resolved


class Shell:
    """As much of IPython's shell as the magics use."""

    def __init__(self, **names: Any) -> None:
        self.user_ns: dict[str, Any] = {"__name__": "__main__", **names}
        self.execution_count = 1
        self.magics: dict[tuple[str, str], Callable[..., Probe]] = {}

    def transform_cell(self, raw_cell: str) -> str:
        return raw_cell.replace("!date", "get_ipython().system('date')") + "\n"

    def register_magic_function(self, func: Callable[..., Any], magic_kind: str, magic_name: str) -> None:
        self.magics[magic_kind, magic_name] = func

    @property
    def gil(self) -> Callable[..., Probe]:
        return self.magics["line_cell", "gil"]


@pytest.fixture
def shell() -> Shell:
    """Return a shell that has loaded the extension, with a list in its namespace."""
    shell = Shell(made=[])
    importlib.import_module("gilscope").load_ipython_extension(shell)
    return shell


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Resolved]:
    """Collect what would be probed, and call it once instead."""
    found: list[Resolved] = []

    def probe_here(resolved: Resolved, alone: str) -> Probe:
        found.append(resolved)
        return Probe(target=resolved.target.text, class_=repr(resolved.call()), advice=alone)

    monkeypatch.setattr(notebook, "probe_here", probe_here)
    monkeypatch.setattr(notebook, "_display", lambda probe: None)
    return found


def test_the_extension_is_a_name_of_the_package() -> None:
    """`%load_ext gilscope` calls gilscope.load_ipython_extension."""
    assert gilscope.load_ipython_extension is notebook.load_ipython_extension


def test_a_line_is_a_statement_in_the_namespace_of_the_session(shell: Shell, asked: list[Resolved]) -> None:
    """It sees the session's names, and its last expression is the result."""
    shell.user_ns["n"] = 20
    probe = shell.gil("sum(range(n))")
    assert (probe.target, probe.class_, probe.advice) == ("sum(range(n))", "190", notebook.ALONE)
    assert asked[0].target.kind == "statement"


def test_a_cell_has_a_setup_above_it(shell: Shell, asked: list[Resolved]) -> None:
    """The setup runs once and before, with the session's names too."""
    probe = shell.gil("k = len(made) + 3", "for i in range(k):\n    made.append(i)\nmade\n")
    assert probe.class_ == "[0, 1, 2]"
    assert asked[0].target.setup == "k = len(made) + 3"


def test_what_is_assigned_is_lost_and_what_is_changed_stays(shell: Shell, asked: list[Resolved]) -> None:
    """A probe calls thousands of times; the session's variables keep their values, and their contents."""
    shell.user_ns["n"] = 1
    before = set(shell.user_ns)
    assert shell.gil("", "n += 1\nm = n\nmade.append(m)\nn").class_ == "2"
    assert shell.user_ns["n"] == 1
    assert shell.user_ns["made"] == [2]
    assert set(shell.user_ns) == before


def test_a_cell_may_hold_what_only_ipython_understands(shell: Shell, asked: list[Resolved]) -> None:
    """Both lines go through the shell's transformation."""
    shell.user_ns["get_ipython"] = lambda: type("It", (), {"system": staticmethod(str.upper)})
    assert shell.gil("!date").class_ == "'DATE'"


def test_a_result_is_shown_once_and_can_be_kept(
    shell: Shell, asked: list[Resolved], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is shown when it is there, not again as its cell's last value, and in a later cell as any value."""
    shown: list[Probe] = []
    monkeypatch.setattr(notebook, "_display", shown.append)
    kept = shell.gil("1 + 1")
    assert [(type(one), one.class_) for one in shown] == [(Probe, "2")]
    kept._ipython_display_()
    assert len(shown) == 1
    shell.execution_count += 1
    kept._ipython_display_()
    assert shown[0] == shown[1]
    assert isinstance(kept, Probe)
    assert kept.as_dict() == shown[0].as_dict()


@pytest.mark.parametrize("arguments", [("",), ("  ",), ("n = 1", "\n")])
def test_nothing_to_probe_is_said(shell: Shell, arguments: tuple[str, ...]) -> None:
    """Neither a line nor a cell."""
    with pytest.raises(UsageError, match="needs a statement"):
        shell.gil(*arguments)


def test_what_cannot_be_compiled_or_set_up_is_said(shell: Shell) -> None:
    """With the text and the reason."""
    with pytest.raises(UsageError, match=r"The statement cannot be compiled: .* in 'sum\('"):
        shell.gil("sum(")
    with pytest.raises(UsageError, match="The setup raised ZeroDivisionError"):
        shell.gil("1 / 0", "pass")
