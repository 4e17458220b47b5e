"""A probe as text, Markdown and HTML: complete, narrow enough, and safe against what a target is called."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from probes import PROBES, gave, interval, probed, shares

from gilscope.report.probe import WIDTH, html, markdown, text
from gilscope.report.probe_rows import HEADER, ways


@pytest.mark.parametrize("name", PROBES)
def test_text_fits_one_screen(name: str) -> None:
    """At most 100 columns and 40 lines, without blanks at the ends, and nothing that is only Python's."""
    lines = text(PROBES[name].as_dict()).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert len(lines) <= 40
    assert [line for line in lines if line != line.rstrip()] == []
    assert not re.search(r"\b(None|nan|inf|True|False)\b", "\n".join(lines))


def test_text_has_the_answer_first() -> None:
    """Target, class and advice, then the figures, then how they came about."""
    labels = [line[:20].strip() for line in text(PROBES["releases"].as_dict()).splitlines()]
    assert labels[0].startswith("target")
    assert labels[1].startswith("class")
    assert labels[2].startswith("advice")


def test_text_says_how_it_was_measured() -> None:
    """The mechanism stands there with what it cannot see and what it costs."""
    shown = " ".join(text(PROBES["releases"].as_dict()).split())
    assert "measured by ledger; it does not see what nobody tells it; it costs about 50 ns for each release" in shown


def test_what_is_predicted_is_not_shown_as_measured() -> None:
    """The table has a column for each, and without a second CPU the advice says what can be told."""
    shown = text(PROBES["no CPU"].as_dict())
    assert HEADER[1:] == ("predicted", "measured here", "beside processes", "with sending", "handed out one by one")
    (threads,) = [row for row in ways(PROBES["no CPU"].as_dict()) if row[0] == "2 threads"]
    assert threads[2:5] == ("1.00 [0.98, 1.02]", "1.00 [0.98, 1.02]", "-")
    assert "gave no second CPU" in " ".join(shown.split())
    assert "2 processes of nothing but arithmetic were 1.00" in shown


def test_what_was_not_measured_is_a_dash_with_a_reason() -> None:
    """Every way has a cell, and reasons stand below the table, one line each."""
    shown = text(PROBES["releases"].as_dict())
    assert "not measured interpreters: needs CPython >= 3.12" in " ".join(shown.split())
    both = [gave("threads", 1.9), *(gave(way, None, absent="why") for way in ("processes", "interpreters"))]
    assert "processes, interpreters: why" in text(probed(shares(0, 1, 0), scaling=both).as_dict())


def test_an_interval_that_could_not_be_made_says_so() -> None:
    """Too few pairs say nothing: no figure stands there, and none decides."""
    open_ended = gave("threads", 1.1) | {"speed_up": interval(1.1) | {"low": 0.0, "high": None}}
    probe = probed(shares(0, 1, 0), scaling=[open_ended])
    (threads,) = [row for row in ways(probe.as_dict()) if row[0] == "2 threads"]
    assert threads[2] == "?"
    assert probe.pays == "threads"
    assert "1.10" not in text(probe.as_dict())


def test_a_failure_shows_its_reason_traceback_and_output() -> None:
    """And no figures."""
    assert text(PROBES["raised"].as_dict()) == (
        "target   module:function\n"
        "failure  ValueError: <no>|*\n"
        "\n"
        "Traceback: here\n"
        "\n"
        "The end of what it printed:\n"
        "printed"
    )
    assert "printed" not in text(PROBES["usage"].as_dict())


def test_bytecode_has_no_longest_hold() -> None:
    """It would drop the GIL when asked, so that its length is nobody's worry."""
    assert "longest" not in text(PROBES["bytecode"].as_dict())
    assert "80 ms at a time" in text(PROBES["native"].as_dict())


def test_a_long_statement_is_cut_and_has_no_line_breaks() -> None:
    """The JSON has all of it."""
    long = replace(PROBES["mixed"], target="for i in range(10):\n    f(i)\n" * 30)
    assert len(text(long.as_dict()).splitlines()) < 45
    assert "for i in range(10): f(i) for" in text(long.as_dict())


def test_markdown_escapes_what_would_end_a_cell_or_mean_something() -> None:
    """Bars, stars, underscores and tags stay what they are."""
    odd = replace(PROBES["mixed"], target="a|b*c_d<e>`f`\\", notes=["two\nlines"])
    table = markdown(odd.as_dict())
    assert r"| target | a\|b\*c\_d\<e>\`f\`\\ |" in table.splitlines()
    assert "| note | two lines |" in table.splitlines()
    assert r"up\_date of \_hash\|lib" in table
    rows = [re.sub(r"\\.", "", line).count("|") for line in table.splitlines() if line]
    assert set(rows) == {3, len(HEADER) + 1}


def test_html_is_well_formed_and_escaped() -> None:
    """Every tag is closed, and a target's own tags are text."""
    odd = replace(PROBES["mixed"], target="<script>alert('&')</script>")
    page = html(odd.as_dict())
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    open_tags: list[str] = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            open_tags.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert open_tags.pop() == tag

    for name in PROBES:
        Checker().feed(html(PROBES[name].as_dict()))
        assert open_tags == []
