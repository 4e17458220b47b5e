"""What objects show of themselves: a line in a list, their report where a person looks at one, never every field."""

import copy
import dataclasses
import inspect
import io
import pickle
import subprocess
import sys
import typing
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fakes
import pytest
import traces
from probes import PROBES
from rich.console import Console

import gilscope
from gilscope.accounting.ledger import Ledger
from gilscope.accounting.sampler import Sampler
from gilscope.accounting.samples import SampledLog
from gilscope.accounting.witness import Witness, conclude
from gilscope.errors import Unavailable
from gilscope.report import terminal
from gilscope.running import view
from gilscope.running.plan import Request
from gilscope.running.result import Round
from gilscope.running.run import run

RESULT = fakes.hand_made()
LOG = traces.log(traces.TURNS, sites=(traces.site(),))
SAMPLES = SampledLog(
    mechanism="sampler of (locked, holder), 10 kHz",
    cost="little",
    blind_to=("what",),
    wall_ns=10**9,
    n_looks=9_999,
    n_slots=10_000,
    longest_gap_ns=10**6,
    threads=(),
    free=0.25,
)
SEEN = conclude([(10**6, 2 * 10**6 * i, 2 * 10**6 * i + 100) for i in range(100)])
assert not isinstance(SEEN, Unavailable)
DRAWN = {
    "result": (RESULT, "quad c"),
    "log": (LOG, "released by"),
    "samples": (SAMPLES, "GIL: free for 25 % of 1 s"),
    "witness": (SEEN, "GIL: free for"),
    "trace": (traces.trace(LOG), "longest hold"),
    "probe": (PROBES["native"], "longest with the GIL"),
}


class Printer:
    """As much of IPython's pretty printer as is used."""

    def __init__(self, *stack: int) -> None:
        self.shown = ""
        self.stack = stack

    def text(self, text: str) -> None:
        self.shown += text


@pytest.mark.parametrize("kind", DRAWN)
def test_printing_draws_the_report(kind: str) -> None:
    """And IPython shows the same."""
    made, part = DRAWN[kind]
    printer = Printer(id(made))
    made._repr_pretty_(printer, False)
    assert printer.shown == str(made)
    assert part in str(made)
    assert "\x1b" not in str(made)
    assert "None" not in str(made)


@pytest.mark.parametrize("kind", DRAWN)
def test_a_repr_is_a_line(kind: str) -> None:
    """Whatever it holds: a run has thousands of rounds, a log a million events."""
    line = repr(DRAWN[kind][0])
    assert line.startswith("<")
    assert line.endswith(">")
    assert "\n" not in line
    assert len(line) < 160


def test_a_long_run_is_as_short() -> None:
    """The rounds of a run are for its file; what a notebook shows does not grow with them."""
    rounds = tuple(Round(group="control", launch=0, at_ns=i, warm_up=False, samples=()) for i in range(10_000))
    long = dataclasses.replace(RESULT, rounds=rounds)
    assert "10 000 rounds" in repr(long)
    assert max(len(repr(long)), len(str(long)), len(long._repr_html_())) < 5000


def test_a_result_prints_what_the_command_prints() -> None:
    """But for blanks at the ends of lines."""
    stream = io.StringIO()
    terminal.render(view.blocks(RESULT), Console(file=stream, width=terminal.NO_WIDTH, highlight=False))
    assert str(RESULT).splitlines() == [line.rstrip() for line in stream.getvalue().splitlines()]


class Tags(HTMLParser):
    """Collects what is open and never closed, and counts rows."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)
        self.rows += tag == "tr"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_notebook_shows_a_result_as_a_table() -> None:
    """With a row for its headings, one for the kernel and one for each arm; nothing in a text adds to it."""
    hostile = dataclasses.replace(RESULT, findings=("<script>x</script> & more",))
    page = hostile._repr_html_()
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.rows == 1 + 1 + sum(row.unavailable is None for row in RESULT.rows)  # the kernel has a line too
    assert "<script>" not in page
    assert "8.1 ms" in page


@pytest.mark.parametrize("kind", DRAWN)
def test_they_stay_plain_data(kind: str) -> None:
    """Copied and sent as before, and with no room for more."""
    made = DRAWN[kind][0]
    assert str(pickle.loads(pickle.dumps(made))) == str(made)
    assert copy.copy(made) == made
    assert not hasattr(made, "__dict__")


def test_in_a_notebook_it_is_text_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """There rich shows what it draws by itself, unless it is told not to."""
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert "quad c" in str(RESULT)
    assert "released by" in str(LOG)


def test_one_of_a_list_is_a_line() -> None:
    """A list of results is read as a list."""
    printer = Printer(1, id(RESULT))
    RESULT._repr_pretty_(printer, False)
    assert printer.shown == repr(RESULT)


@pytest.mark.parametrize("make", [Ledger, Sampler, Witness])
def test_what_has_not_begun_says_so(make: Any) -> None:
    """Looking at it is no error, and its repr reads nothing."""
    assert make.__name__ in repr(make())
    # IPython takes the first class that has either.
    first = next(cls for cls in make.__mro__ if {"__repr__", "_repr_pretty_"} & cls.__dict__.keys())
    assert "_repr_pretty_" in first.__dict__
    assert str(make()) != ""


def test_run_takes_what_a_request_has() -> None:
    """Each by its name, with its type and default, so that a slip is found before it costs a minute."""
    parameters = inspect.signature(run).parameters
    hints = typing.get_type_hints(run)
    fields = {
        field.name: (field.default, typing.get_type_hints(Request)[field.name]) for field in dataclasses.fields(Request)
    }
    assert {name: (one.default, hints[name]) for name, one in parameters.items()} == fields
    assert all(one.kind is one.KEYWORD_ONLY for one in parameters.values())
    with pytest.raises(TypeError, match="kernel"):
        gilscope.run(kernel="quad")  # type: ignore[call-arg]


USES = """\
import gilscope

fine = gilscope.run(kernels=("quad",), effort="fast", seed=1)
fine.rows[0].verdict.upper()
gilscope.run(kernel="quad")
gilscope.run(kernels="quad")
gilscope.run(budget_s="20s")
gilscope.ledger(n_event=1)
gilscope.Request(kernel=("quad",))
gilscope.probe()
"""


@pytest.mark.skipif(find_spec("mypy") is None, reason="mypy, of the extra dev, is not installed")
def test_a_type_checker_finds_a_slip(tmp_path: Path) -> None:
    """On each line that is wrong, and on no other."""
    (tmp_path / "uses.py").write_text(USES)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(tmp_path), "uses.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    lines = {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line}
    assert lines == set(range(5, 11)), done.stdout + done.stderr
