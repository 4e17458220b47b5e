"""No text that is saved leads back to a person's folders."""

import os
import sys
import sysconfig
from pathlib import Path

import pytest

import gilscope
from gilscope.places import portable


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a person a home, with a folder to work in."""
    home = tmp_path / "annabel"
    (home / "desk").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home / "desk")
    return home


def test_each_folder_has_a_name(at_home: Path) -> None:
    """The innermost counts."""
    package = Path(gilscope.__file__).parent
    assert portable(f"{at_home}/data") == "<home>/data"
    assert portable(f"{at_home}/desk/a.py") == "<cwd>/a.py"
    assert portable(f"{package}/report/text.py") == "gilscope/report/text.py"
    assert portable(f"{sysconfig.get_path('platlib')}/numpy/x.so") == "site-packages/numpy/x.so"
    assert portable(sysconfig.get_path("stdlib")) == f"<prefix>/lib/python{sysconfig.get_python_version()}"
    assert portable(sys.executable).startswith("<prefix>/bin/")
    assert portable(os.path.realpath(sys.executable)).startswith("<prefix>/bin/")


def test_a_path_is_found_wherever_it_stands(at_home: Path) -> None:
    """In quotes, in a list, behind an option, as a repr has it, alone at the end of a sentence."""
    for form in ('File "{}/a"', "({}/a)", "x={}/a", "-I{}/a", "in {}.", "['{}']", "file://{}/a", "{0}:{0}"):
        shown = portable(form.format(at_home))
        assert shown == form.format("<home>")


@pytest.mark.parametrize("text", ["quad/python/held/2/threads", "a/b", "1/2", "https://example.org/home", "", "\\d+/"])
def test_what_is_no_place_here_stays(text: str) -> None:
    """Names with slashes are the result's own."""
    assert portable(text) == text


def test_part_of_another_path_stays(at_home: Path) -> None:
    """A folder beside, and one of the same name elsewhere, are not this one."""
    for other in (f"{at_home}-lee/a", f"{at_home}lee/a", f"/mnt{at_home}/a"):
        assert "<home>" not in portable(other)


def test_data_keeps_its_form(at_home: Path) -> None:
    """However deep a text lies, and whatever lies beside it."""
    data = {"a": [1, None, {"b": f"{at_home}/x"}], "c": (True, 0.5)}
    assert portable(data) == {"a": [1, None, {"b": "<home>/x"}], "c": (True, 0.5)}


def test_a_folder_that_was_removed_is_no_obstacle(at_home: Path) -> None:
    """What is to be saved is saved."""
    (at_home / "desk").rmdir()
    assert portable(f"{at_home}/x") == "<home>/x"


@pytest.mark.parametrize("home", ["/", ""])
def test_no_home_at_all(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The root of all folders, as in many containers, stands for nobody."""
    monkeypatch.setenv("HOME", home)
    assert portable("/opt/x") == "/opt/x"
