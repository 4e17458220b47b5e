"""A probe in blocks: complete, narrow enough, and safe against what a target is called."""

import os
import re
from dataclasses import replace

import pytest
from probes import PROBES, gave, interval, probed, shares

from gilscope.probing import view
from gilscope.probing.result import Probe
from gilscope.report import html, markdown, text
from gilscope.report.terminal import NO_WIDTH


def drawn(probe: Probe, width: int = NO_WIDTH) -> str:
    return text.render(view.blocks(probe), width)


@pytest.mark.parametrize("name", PROBES)
def test_text_fits_one_screen(name: str) -> None:
    """At most 40 lines of 80, without blanks at the ends, and nothing that is only Python's."""
    lines = drawn(PROBES[name], 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 40
    assert [line for line in lines if line != line.rstrip()] == []
    assert not re.search(r"\b(None|nan|inf|True|False)\b", "\n".join(lines))


def test_the_advice_stands_last() -> None:
    """Target and class, then the figures, then how they came about, then what to do."""
    lines = drawn(PROBES["releases"]).splitlines()
    assert lines[0] == "module:function"
    assert lines[1].startswith("class ")
    assert lines[-1] == PROBES["releases"].advice
    assert lines[-2] == ""


def test_text_says_how_it_was_measured() -> None:
    """The mechanism stands there with what it cannot see and what it costs."""
    shown = " ".join(drawn(PROBES["releases"]).split())
    assert "measured by ledger; it does not see what nobody tells it; it costs about 50 ns for each release" in shown


def test_what_is_predicted_is_not_shown_as_measured() -> None:
    """The table has a column for each, and without a second CPU the advice says what can be told."""
    shown = drawn(PROBES["no CPU"])
    names = [column.name for column in view.COLUMNS]
    assert names[1:] == ["predicted", "measured here", "beside processes", "with sending", "handed out one by one"]
    (threads,) = [line.cells for line in view.ways(PROBES["no CPU"]) if line.cells[0] == "2 threads"]
    assert threads[2:5] == ("1.00 [0.98, 1.02]", "1.00 [0.98, 1.02]", "-")
    assert "gave no second CPU" in shown
    assert "2 processes of nothing but arithmetic were 1.00" in shown


def test_what_was_not_measured_is_a_dash_with_a_reason() -> None:
    """Every way has a cell, and reasons stand below the table, one line each."""
    assert "not measured  interpreters: needs CPython >= 3.12" in drawn(PROBES["releases"])
    both = [gave("threads", 1.9), *(gave(way, None, absent="why") for way in ("processes", "interpreters"))]
    assert "processes, interpreters: why" in drawn(probed(shares(0, 1, 0), scaling=both))


def test_an_interval_that_could_not_be_made_says_so() -> None:
    """Too few pairs say nothing: no figure stands there, and none decides."""
    open_ended = gave("threads", 1.1) | {"speed_up": interval(1.1) | {"low": 0.0, "high": None}}
    probe = probed(shares(0, 1, 0), scaling=[open_ended])
    (threads,) = [line.cells for line in view.ways(probe) if line.cells[0] == "2 threads"]
    assert threads[2] == "?"
    assert probe.pays == "threads"
    assert "1.10" not in drawn(probe)


def test_a_failure_shows_its_traceback_its_output_and_last_its_reason() -> None:
    """And no figures."""
    assert drawn(PROBES["raised"]) == (
        "module:function\nTraceback: here\n\nThe end of what it printed:\nprinted\n\nValueError: <no>|*"
    )
    assert "printed" not in drawn(PROBES["usage"])


def test_what_is_to_be_typed_instead_stands_as_it_is() -> None:
    """Below the reason; no line of it is broken, and in Markdown it is code."""
    typed = "-s 'import module' " + " ".join(f"'list(module.function_{i}())'" for i in range(9))
    probe = replace(PROBES["usage"], failure=f"It only makes a generator. Give what drains it instead:\n{typed}")
    assert drawn(probe, 80).endswith(f"Give what drains it instead:\n\n  {typed}")
    assert f"`{typed}`" in markdown.render(view.blocks(probe))


@pytest.mark.parametrize(
    ("width", "left_out"),
    [
        (120, ""),
        (80, "handed out one by one"),
        (60, "with sending, handed out one by one"),
        (40, "beside processes, with sending, handed out one by one"),
    ],
)
def test_a_narrow_terminal_leaves_columns_out_in_a_stated_order(width: int, left_out: str) -> None:
    """As docs/probe.md has it; what was measured always stands there."""
    shown = " ".join(drawn(PROBES["releases"], width).split())
    assert shown.partition(f"Not shown at {width} columns: ")[2].partition(".")[0] == left_out
    assert "1.90 [1.88, 1.92]" in shown


def test_bytecode_has_no_longest_hold() -> None:
    """It would drop the GIL when asked, so that no thread waits for the end of a hold."""
    assert "longest" not in drawn(PROBES["bytecode"])
    assert "80 ms at a time" in drawn(PROBES["native"])


def test_a_long_statement_is_cut_between_words_and_has_no_line_breaks() -> None:
    """The JSON has all of it."""
    long = replace(PROBES["mixed"], target="for i in range(10):\n    f(i)\n" * 30)
    assert re.match(r"(for i in range\(10\): f\(i\) )+(\S+ )*\.\.\.\n", drawn(long))
    assert len(drawn(long, 80).splitlines()) < 45


def test_notes_are_sentences_of_their_own() -> None:
    """They tell what the figures do not."""
    assert "\nnote: it leaves threads running\n" in drawn(replace(PROBES["mixed"], notes=["it leaves threads running"]))


def test_what_is_saved_names_no_home_folder() -> None:
    """A notebook neither; what is printed here has whole paths, which a person here can open."""
    home = os.path.expanduser("~")
    probe = replace(PROBES["mixed"], target=f"{home}/work.py:f", notes=[f"it is in {home}/work.py"])
    assert f"{home}/work.py:f" in str(probe)
    for saved in (probe.markdown(), probe._repr_html_() or ""):
        assert f"{home}/" not in saved
        assert "home" in saved


def test_a_page_shows_a_target_as_text() -> None:
    """Its own tags are none."""
    odd = replace(PROBES["mixed"], target="<script>alert('&')</script>")
    page = html.page(view.blocks(odd))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
