"""What an atlas looks like: whole tables compared as text, and what only a page has."""

from html.parser import HTMLParser

import pytest
from atlases import RESULT, ROWS, atlas, row

from gilscope.atlas import view
from gilscope.atlas.result import Row
from gilscope.report import html, markdown, text
from gilscope.report.terminal import NO_WIDTH

TABLE = """\
Mine - gilscope 0.1.0 - CPython 3.13.0 - 2 CPUs
call    class            released       longest hold  releases  each    2 threads         2 processes    pays

sums
crc     releases         96 %           106 µs        1         813 µs  1.83 (1.60-2.00)  1.90 (2.00)    threads
loop    Python bytecode  0 %            2.55 ms       0         -       ? (1.00)          ? (1.50-2.00)  processes

rest
unsure  undecided        50 % [10, 90]  1 ms          0.5       100 µs  1.10 (1.20-1.40)  ? (1.20-1.40)  neither
raises  failed

?: this machine gave no second CPU (loop), so that only predictions are left
?: not measured: it raises (unsure), so that only predictions are left
failed: ValueError: no (raises)
not installed: no_such (<b>|gone*)
2 measured by ledger; it does not see who; it costs little
1 measured by witness (no ledger: a test says so); it does not see what, where; it costs more
"""

MARKDOWN = """\
**Mine - gilscope 0.1.0 - CPython 3.13.0 - 2 CPUs**

| call | class | released | longest hold | releases | each | 2 threads | 2 processes | pays |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
| **sums** |  |  |  |  |  |  |  |  |
| crc | releases | 96 % | 106 µs | 1 | 813 µs | 1.83 (1.60-2.00) | 1.90 (2.00) | threads |
| loop | Python bytecode | 0 % | 2.55 ms | 0 | - | ? (1.00) | ? (1.50-2.00) | processes |
| **rest** |  |  |  |  |  |  |  |  |
| unsure | undecided | 50 % [10, 90] | 1 ms | 0.5 | 100 µs | 1.10 (1.20-1.40) | ? (1.20-1.40) | neither |
| raises | failed |  |  |  |  |  |  |  |
"""


def drawn(*rows: Row, width: int = NO_WIDTH) -> str:
    return text.render(view.blocks(atlas(*rows)), width)


def test_a_table_has_a_row_for_every_call() -> None:
    """Groups stand apart; a figure that nothing could measure is a question mark, with the prediction beside it."""
    assert drawn(*ROWS)[: len(TABLE)] == TABLE


def test_the_sum_stands_last() -> None:
    """Where a terminal's reader looks first."""
    last = "5 calls: 1 releases; 1 Python bytecode; 1 undecided; 1 failed; 1 not installed"
    assert drawn(*ROWS).splitlines()[-1] == last


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_calls_that_are_not_here_are_named_once(form: str) -> None:
    """With what they lack; many of them are counted."""
    lacking = [row(f"numpy.f{i}", "not installed", failure="not installed: numpy") for i in range(64)]
    blocks = view.blocks(atlas(*ROWS, *lacking))
    shown = text.render(blocks, NO_WIDTH) if form == "text" else markdown.render(blocks)
    assert shown.count("not installed: numpy") == 1
    assert "not installed: numpy (64 calls)" in shown
    assert "numpy.f1" not in shown
    assert "not installed: numpy (numpy.f0; numpy.f1)" in drawn(*lacking[:2])


def test_no_rows_make_no_table() -> None:
    """Where no row passes the filters, the sum says so."""
    assert drawn().splitlines()[-1] == "no calls"
    assert "class" not in drawn()


@pytest.mark.parametrize(
    ("width", "left_out"),
    [
        (120, ""),
        (100, "releases, each"),
        (80, "longest hold, releases, each, 2 processes"),
        (60, "longest hold, releases, each, 2 threads, 2 processes"),
        (40, "released, longest hold, releases, each, 2 threads, 2 processes"),
    ],
)
def test_a_narrow_terminal_leaves_figures_out_in_a_stated_order(width: int, left_out: str) -> None:
    """As docs/atlas.md has it; the call, its class and what pays always stand there."""
    shown = " ".join(drawn(*ROWS, width=width).split())
    assert shown.partition(f"Not shown at {width} columns: ")[2].partition(".")[0] == left_out
    assert "pays" in shown


def test_markdown_escapes_what_means_something_there() -> None:
    """A name is shown as it is, whatever it holds."""
    shown = markdown.render(view.blocks(RESULT))
    assert shown[: len(MARKDOWN)] == MARKDOWN
    assert r"(\<b\>\|gone\*)" in shown


class Page(HTMLParser):
    """What a page holds: its tags and its text by tag."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        tag = self.tags[-1] if self.tags else ""
        self.texts[tag] = self.texts.get(tag, "") + data


def test_a_page_unfolds_each_call() -> None:
    """Its advice, its notes, why it failed and its code; without a script, and nothing of it becomes markup."""
    page = Page()
    page.feed(html.page(view.blocks(RESULT)))
    n_shown = len(ROWS) - 1  # one is not here
    assert page.tags.count("details") == page.tags.count("summary") == n_shown
    assert {"script", "b"}.isdisjoint(page.tags)
    assert page.texts["pre"].count("x = '</script>'") == page.texts["pre"].count("f(x)") == n_shown
    for said in ("Threads pay: it works.", "it leaves threads running: two", "ValueError:\\nno"):
        assert said in page.texts["td"]


def test_code_of_several_lines_is_kept_as_it_is() -> None:
    """In one piece, with its indents."""
    many = row("f", "failed", failure="no", statement="for i in x:\n    f(i)\n")
    assert "<pre>for i in x:\n    f(i)</pre>" in html.page(view.blocks(atlas(many)))
